"""Values are written as they were read, with comments in their places."""

from typing import Any

import pytest

from airflow_platform.adopt.layout import as_yaml
from airflow_platform.support import strict_yaml

VALUES: dict[Any, Any] = {
    "texts that are no text for YAML": ["yes", "1e3", "0123", "null", "y", "~", "", "12:30", "0o7"],
    "lines": "one\n  two\n\n# three\n",
    "ends in spaces": "one \n two",
    "template": '{{ include "a" . }}',
    "nothing": None,
    "empty": {},
    "none": [],
    "deep": {"er": {"list": [{"a": [1, {"b": "c\nd\n"}]}], "key: with": "x # y"}},
    "numbers": {"int": 1, "float": 1.5, "big": 10**12},
    8080: {"on": True},
    "non-ASCII": "schön ☃",
}


def test_what_is_written_is_read_as_the_same() -> None:
    text = as_yaml(VALUES, {("deep", "er"): "a comment\nof two lines", ("nothing",): "why"})
    assert strict_yaml.load(text, "test") == VALUES


@pytest.mark.parametrize(
    ("path", "line"), [(("a",), "a:"), (("a", "b"), "  b: 1"), (("c",), "c: []")], ids=str
)
def test_a_comment_stands_above_its_key(path: tuple[str, ...], line: str) -> None:
    lines = as_yaml({"a": {"b": 1}, "c": []}, {path: "because"}).splitlines()
    assert lines[lines.index(line) - 1].strip() == "# because"
