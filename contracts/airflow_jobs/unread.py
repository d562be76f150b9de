"""Specifications that are not read, since their file is not where it is looked for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from airflow_jobs.loading import ENDINGS, SETTINGS, entries, is_workflow
from airflow_jobs.problems import Problem

_SPECIFICATION = re.compile(rb"^(job|workflow)[ \t]*:", re.MULTILINE)
_LONGEST_FILE_BYTES = 1_000_000
_WITHOUT_FOLDERS = re.compile(r"((?!--).)*--(workflow|jobs--.+)\.ya?ml")  # as in a ConfigMap
_NEAR = 0.75  # how like a name must be to be taken for a slip
# What is for people, or of the tools that keep folders.
_PASSED_OVER = ("_", "README", "LICENSE", "OWNERS")


def unread(root: Path) -> Iterator[Problem]:
    """Yield what is not read of a folder of workflows, which may be one itself.

    Everything in jobs/ is meant to be read. Elsewhere there may be other files.
    """
    if is_workflow(root):
        yield from _in_workflow(root)
        return
    for entry in _entries(root):
        if is_workflow(entry):
            yield from _in_workflow(entry)
        elif _WITHOUT_FOLDERS.fullmatch(entry.name) or not _holds_specification(entry):
            continue
        elif misspelt := _misspelt(entry, "jobs") or _misspelt_in(entry):
            yield _unread(misspelt, 'not read; did you mean "jobs"?')
        else:
            what = "not read: a job is <workflow>/jobs/<job>.yaml"
            yield _unread(entry, what)


def _in_workflow(folder: Path) -> Iterator[Problem]:
    jobs = folder / "jobs"
    if _is_folder(jobs):
        yield from _in_jobs(jobs)
    for entry in _entries(folder):
        is_read = entry == jobs or entry.name in SETTINGS
        if is_read or not _holds_specification(entry):
            continue
        if _misspelt(entry, "jobs"):
            there = 'move what is in it to "jobs"' if _is_folder(jobs) else 'did you mean "jobs"?'
            yield _unread(entry, f"not read; {there}")
        elif _misspelt(entry, "workflow"):
            yield _unread(entry, 'not read; did you mean "workflow.yaml"?')
        else:
            yield _unread(entry, "not read: a job is jobs/<job>.yaml; move it there")


def _in_jobs(jobs: Path) -> Iterator[Problem]:
    for entry in _entries(jobs):
        if _is_folder(entry):
            what = "not read: jobs are in no folders below jobs/; move them up"
            yield _unread(entry, what, is_meant=_holds_specification(entry))
        elif entry.suffix not in ENDINGS:
            near = difflib.get_close_matches(entry.suffix.lower(), ENDINGS, cutoff=_NEAR)
            what = "not read: the names of jobs' files end in .yaml"
            yield _unread(entry, what, is_meant=bool(near))


def _holds_specification(path: Path) -> bool:
    """Return whether a file is a specification, or a folder has one."""
    try:
        if path.is_dir():
            return any(map(_holds_specification, _inside(path)))
        if path.suffix.lower() not in ENDINGS or not path.is_file():
            return False
        with path.open("rb") as stream:
            return bool(_SPECIFICATION.search(stream.read(_LONGEST_FILE_BYTES)))
    except OSError:  # somebody else's
        return False


def _inside(folder: Path) -> Iterator[Path]:
    """Yield the YAML files below a folder but for hidden ones, and those in hidden folders."""
    for file in folder.rglob("*.y*ml"):
        if not any(part.startswith(".") for part in file.relative_to(folder).parts):
            yield file


def _misspelt(path: Path, name: str) -> Path | None:
    is_near = difflib.get_close_matches(path.stem.lower(), [name], cutoff=_NEAR)
    return path if is_near and _is_folder(path) == (name == "jobs") else None


def _misspelt_in(folder: Path) -> Path | None:
    found = (each for each in _entries(folder) if _misspelt(each, "jobs"))
    return next(found, None)


def _entries(folder: Path) -> list[Path]:
    """Return what is in a folder, nothing where it cannot be read, which ``loading`` tells."""
    with suppress(OSError):
        return [each for each in entries(folder) if not each.name.startswith(_PASSED_OVER)]
    return []


def _is_folder(path: Path) -> bool:
    with suppress(OSError):
        return path.is_dir()
    return False


def _unread(file: Path, what: str, *, is_meant: bool = True) -> Problem:
    level = "error" if is_meant else "warning"
    return Problem(file, 1, 1, "not-read", f"{file.name} is {what}", level)
