import pytest

from airflow_platform.generate.comments import comments

VALUES = """\
# What the file is for.

# Above,
# on two lines.
above: 1
behind: [1, 2]  # Behind.
# Above
both:  # and behind.
  # Of the inner key.
  inner: "# not a comment"  # But this is.
  silent: 1
  # Of a text.
  text: |
    # not a comment
  after: 1
# Of a list.
list:
  # Of an item, which is no key.
  - key: 1
# A paragraph.
#
# For example
#   a:
#     b: 1
# is an example.
example: {}
# Of a map in braces.
map: {key: 1}
"""


@pytest.fixture
def found(tmp_path):
    file = tmp_path / "values.yaml"
    file.write_text(VALUES)
    return comments(file)


def test_a_comment_belongs_to_the_key_below_or_before_it(found):
    example = found.pop(("example",))
    assert found == {
        ("above",): "Above, on two lines.",
        ("behind",): "Behind.",
        ("both",): "Above and behind.",
        ("both", "inner"): "Of the inner key. But this is.",
        ("both", "text"): "Of a text.",
        ("list",): "Of a list.",
        ("map",): "Of a map in braces.",
    }
    assert example == "A paragraph.\n\nFor example\n\n  a:\n    b: 1\n\nis an example."


def test_a_file_without_keys_has_no_comments(tmp_path):
    (tmp_path / "values.yaml").write_text("# Nothing.\n")
    assert comments(tmp_path / "values.yaml") == {}
