"""The comments of values.yaml say what each value does, one by one."""

import re
from collections import Counter
from pathlib import Path

import pytest

from airflow_platform.generate.comments import comments
from airflow_platform.support.project import ADDON, ROOT

CHARTS = pytest.mark.parametrize("chart", [ROOT, ADDON], ids=["wrapper", "add-on"])

REFERENCE = re.compile(r"(as|both|ditto|like|same|see|th(at|e same|ese|is|ose))\b", re.IGNORECASE)
PRONOUNS = {"it", "its", "their", "them", "they"}


def stands_alone(comment: str) -> bool:
    """Whether a comment is a phrase whose beginning refers to nothing outside of it."""
    words = re.findall(r"[\w'-]+", comment)
    refers = REFERENCE.match(comment) or PRONOUNS & {word.lower() for word in words[:4]}
    return len(words) >= 3 and comment.endswith(".") and not refers


@CHARTS
def test_every_comment_is_understood_without_another_comment(chart: Path) -> None:
    """The reference of all values shows each comment alone."""
    for path, comment in comments(chart / "values.yaml").items():
        assert stands_alone(comment), f"{'.'.join(path)}: {comment}"


@pytest.mark.parametrize(
    "comment",
    ["Like the migration.", "The same for the Job.", "Create it.", "Annotations on it.", "CPU."],
)
def test_a_comment_that_needs_another_one_is_found(comment: str) -> None:
    assert not stands_alone(comment)


@CHARTS
def test_no_two_keys_of_a_map_have_the_same_comment(chart: Path) -> None:
    said = Counter((path[:-1], text) for path, text in comments(chart / "values.yaml").items())
    assert [text for (_, text), times in said.items() if times > 1] == []
