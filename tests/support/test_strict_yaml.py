import pytest

from airflow_platform.rendering import helm
from airflow_platform.rendering.request import RenderRequest
from airflow_platform.support import strict_yaml
from airflow_platform.support.errors import PlatformError


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: 2\na: 3\n", 3),
        ("outer:\n  a: 1\n  a: 1\n", 3),
        ("list:\n  - {a: 1, a: 2}\n", 2),
        ("---\nx: 1\n---\na: 1\na: 2\n", 5),
        ("base: &base {a: 1}\nuser:\n  <<: *base\n  b: 1\n  b: 2\n", 5),
    ],
    ids=["top", "nested", "flow", "second-document", "beside-a-merge"],
)
def test_a_duplicate_key_is_refused_with_file_and_line(text, line):
    with pytest.raises(PlatformError, match=rf'^prod\.yaml, line {line}: duplicate key "\w"'):
        strict_yaml.load_all(text, "prod.yaml")


def test_a_key_that_overrides_a_merged_one_is_no_duplicate():
    text = "base: &base {a: 1, b: 2}\nuser: {<<: *base, a: 3}"
    assert strict_yaml.load(text, "values.yaml")["user"] == {"a": 3, "b": 2}


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "\t- x", "key: 'open", "a: !unknown b"])
def test_what_is_not_yaml_is_one_message_with_the_file(text):
    with pytest.raises(PlatformError, match=r"^broken\.yaml") as error:
        strict_yaml.load(text, "broken.yaml")
    assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(PlatformError, match=r"missing\.yaml: .*No such file"):
        strict_yaml.load_file(tmp_path / "missing.yaml")
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(PlatformError, match=r"binary\.yaml: .*not UTF-8"):
        strict_yaml.load_file(binary)


def test_one_document_is_one():
    with pytest.raises(PlatformError, match="one YAML document expected, found 2"):
        strict_yaml.load("a: 1\n---\nb: 2\n", "values.yaml")
    assert strict_yaml.load("# nothing\n", "values.yaml") is None


SCALARS = """
  [y, N, yes, On, true, "y", ~, null, "", 12:30:45, 1:30, 2020-01-01, =, 1e3, 12e03, 0o17, 017, 08,
  0x1F, 0b11, 1_000, +5, -0x1f, .5, 1., 0.5, 1.36.3, 5m, 1e3Mi, "0123", .]
"""


@pytest.mark.parametrize("major", helm.MAJORS)
def test_scalars_mean_what_they_mean_to_helm(major, tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("{apiVersion: v2, name: scalars, version: 0.1.0}")
    (tmp_path / "values.yaml").write_text(f"scalars: {SCALARS}")
    (tmp_path / "templates" / "seen.yaml").write_text(
        "{kind: Seen, seen: {{ toJson .Values.scalars }}}"
    )
    rendered = helm.output(RenderRequest(chart=tmp_path, helm=major))
    seen = strict_yaml.load(rendered, "helm template")["seen"]
    ours = strict_yaml.load(SCALARS, "scalars")
    assert [(isinstance(value, str | bool), value) for value in ours] == [
        (isinstance(value, str | bool), value) for value in seen
    ]
