"""What tests of documents share: their list, and the text and the commands in them."""

import re
from collections.abc import Iterator
from pathlib import Path

from airflow_platform.support.project import ROOT

DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "chart/*.md", "docs/**/*.md", "examples/**/*.md")
    for path in ROOT.glob(pattern)
)
FENCE = re.compile(r"^ *(`{3,})[^\n]*\n(.*?)^ *\1 *$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")


def text_of(document: str | Path) -> str:
    """The text of a document, named by its path in the repository."""
    return (ROOT / document).read_text(encoding="utf-8")


def prose(document: str | Path) -> str:
    """The text without blocks of code."""
    return FENCE.sub("", text_of(document))


def commands(document: str) -> Iterator[str]:
    """The lines in blocks of code, and what is marked as code in a sentence.

    A line that goes on in the next one, after a backslash, is one with it.
    """
    for _, block in FENCE.findall(text_of(document)):
        yield from re.sub(r"\\\n\s*", "", block).splitlines()
    yield from SPAN.findall(prose(document))
