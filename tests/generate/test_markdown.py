import pytest

from airflow_platform.generate import markdown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("replaced by ***", r"replaced by \*\*\*"),
        ("a <release> of dag_id, ends in _total", r"a \<release> of dag_id, ends in \_total"),
        ("`*.<name>` stays", "`*.<name>` stays"),
        ("First.\n\nSecond.", "First.\n\nSecond."),
        ("For example\n\n  a:\n    b: 1", "For example\n\n```yaml\na:\n  b: 1\n```"),
    ],
)
def test_a_comment_reads_on_github_as_it_does_in_the_file(text, expected):
    assert markdown.prose(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "`plain`"),
        ("1", "`'1'`"),
        (None, "`null`"),
        ({"a": [1, "b"]}, "`{a: [1, b]}`"),
        ("two\nlines", r'`"two\nlines"`'),
        ("a `tick`", "`` a `tick` ``"),
    ],
)
def test_a_value_is_yaml_on_one_line(value, expected):
    assert markdown.value(value) == expected
