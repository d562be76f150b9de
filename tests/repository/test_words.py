"""One word for one thing: the words that this project does not use, and what it says instead."""

import re

import pytest

from airflow_platform.support.project import ROOT

# Whole words, in text and inside of names.
STANDARD_WORDS = {
    "boards?": "dashboard",
    "tiles?": "stat (panel)",
    "listings?": "table (panel)",
    "rankings?": "bar gauge (panel)",
    "densit(y|ies)": "heatmap (panel)",
    "older[ _-]?(names|dashboards)": "legacy names",
    "seeds?": "baseline",
    "cures?": "mitigation",
    "(airflow-platform|make) validate": "check",
    "airflow-platform dashboards": "generate",
}
# The tests name what must not be; go.mod and go.sum name modules of others.
NOT_READ = ("tests/", "tools/")


def lines_with(words: str, text: str) -> list[int]:
    """The numbers of the lines with ``words``, also as a part of camelCase or snake_case."""
    pattern = re.compile(rf"(?<![a-z])({words})(?![a-z])", re.IGNORECASE)
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return [n for n, line in enumerate(apart.splitlines(), start=1) if pattern.search(line)]


@pytest.fixture(scope="module")
def texts(tracked_files: tuple[str, ...]) -> dict[str, str]:
    """Every file that is read, by its path."""
    read = (path for path in tracked_files if not path.startswith(NOT_READ))
    return {path: (ROOT / path).read_text(encoding="utf-8") for path in read}


@pytest.mark.parametrize("words", STANDARD_WORDS)
def test_the_standard_word_is_used(texts: dict[str, str], words: str) -> None:
    assert texts
    found = [f"{path}:{n}" for path, text in texts.items() for n in lines_with(words, text)]
    assert not found, f"say {STANDARD_WORDS[words]} instead"


@pytest.mark.parametrize("text", ["The board", "by_board = 1", "overviewBoard", "Boards:"])
def test_a_word_is_found_in_text_and_in_names(text: str) -> None:
    assert lines_with("boards?", text) == [1]


@pytest.mark.parametrize("text", ["a dashboard", "dashboards:", "GrafanaDashboard", "keyboard"])
def test_a_word_inside_of_another_one_is_not_found(text: str) -> None:
    assert lines_with("boards?", text) == []
