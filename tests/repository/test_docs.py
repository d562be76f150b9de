"""Documents lead to what there is: files, headings, targets of make, tests and checks."""

import re
from pathlib import Path, PurePosixPath

import pytest

from airflow_platform.checks.judge import CHECKS
from airflow_platform.support.project import ROOT

from .documents import DOCUMENTS, SPAN, commands, prose, text_of

CONTRIBUTING = "CONTRIBUTING.md"

EACH = pytest.mark.parametrize("document", DOCUMENTS)

LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a document."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+ +(.+?) *$", prose(document), re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", LINK.sub("]", heading).lower()).replace(" ", "-")
        found[plain] = found.get(plain, 0) + 1
    return {
        f"{anchor}-{number}" if number else anchor
        for anchor, count in found.items()
        for number in range(count)
    }


@EACH
def test_every_link_leads_to_a_file_and_every_anchor_to_a_heading(document: str) -> None:
    for link in LINK.findall(SPAN.sub("", prose(document))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = ((ROOT / document).parent / path).resolve() if path else ROOT / document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@EACH
def test_every_target_of_make_exists(document: str) -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", text_of("Makefile"), re.MULTILINE))
    used = {
        target
        for command in commands(document)
        for target in re.findall(r"(?:^|[\s;&|])make ([a-z][\w-]*)", command.partition("#")[0])
    }
    assert used <= targets


def test_the_map_shows_what_there_is() -> None:
    (block,) = re.findall(r"^## Map\n\n```\n(.*?)^```$", text_of(CONTRIBUTING), re.M | re.S)
    below = PurePosixPath()
    for line in block.splitlines():
        names = re.split(r" {2,}", line.strip())[0].split(", ")
        if not line.startswith(" "):
            below = PurePosixPath(names[0])
        folder = below if line.startswith(" ") else PurePosixPath()
        for name in names:
            pattern = re.sub(r"<\w+>", "*", str(folder / name))
            assert list(ROOT.glob(pattern)), f"{folder / name}"


@EACH
def test_every_path_that_is_named_exists(document: str) -> None:
    """A path begins with a folder of this repository and is marked as code."""
    folders = "chart|docs|examples|scripts|templates|tests|tools|values|[.]ci|[.]github"
    for span in SPAN.findall(prose(document)):
        if re.fullmatch(rf"(?:{folders})/[\w./*<>-]*", span):
            assert list(ROOT.glob(re.sub(r"<\w+>", "*", span.rstrip("/")))), span


def test_every_test_that_is_named_exists() -> None:
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", text_of(path), re.MULTILINE)
    }
    named = set(re.findall(r"`(test_\w+)`", text_of(CONTRIBUTING)))
    assert named
    assert named <= defined


def test_each_guarantee_of_security_is_a_check() -> None:
    rows = re.findall(r"^\| .+ \| `(\w+)` \|$", text_of("SECURITY.md"), re.MULTILINE)
    assert rows
    assert set(rows) <= set(CHECKS)
