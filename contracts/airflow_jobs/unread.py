"""Files and folders beside specifications that are not read, though somebody may think so."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

from airflow_jobs.loading import ENDINGS, is_workflow
from airflow_jobs.problems import Problem

_WITHOUT_FOLDERS = re.compile(r"--(workflow|jobs--.+)\.ya?ml$")  # as in a ConfigMap
_NEAR = 0.75  # how like a name must be to be taken for a slip
# What is for people, or of the tools that keep folders.
_PASSED_OVER = (".", "_", "README", "LICENSE", "OWNERS")


def unread(root: Path) -> Iterator[Problem]:
    """Yield what is not read of a folder of workflows, which may be one itself."""
    if is_workflow(root):
        yield from _in_workflow(root)
        return
    for entry in _entries(root):
        if entry.is_dir() and is_workflow(entry):
            yield from _in_workflow(entry)
        elif entry.is_dir() and any(map(_is_yaml, entry.rglob("*"))):
            misspelt = _misspelt_jobs(entry) or (entry == _misspelt_jobs(root) and entry)
            if misspelt:
                yield _unread(misspelt, 'not read; did you mean "jobs"?')
            else:
                what = "not read, for it has no jobs/: a job is <workflow>/jobs/<job>.yaml"
                yield _unread(entry, what)
        elif _is_yaml(entry) and not _WITHOUT_FOLDERS.search(entry.name):
            what = "not read, for it is in no workflow: a job is <workflow>/jobs/<job>.yaml"
            yield _unread(entry, what)


def _in_workflow(folder: Path) -> Iterator[Problem]:
    """Yield what is in the folder of a workflow, but neither its settings nor its jobs."""
    jobs = folder / "jobs"
    if not jobs.is_dir() and (jobs.is_symlink() or jobs.exists()):
        what = "a link to nothing" if jobs.is_symlink() and not jobs.exists() else "no folder"
        yield _unread(jobs, f"not read, for it is {what}: jobs are jobs/<job>.yaml")
    if jobs.is_dir() and (misspelt := _misspelt_jobs(folder)):
        yield _unread(misspelt, 'not read: move what is in it to the folder "jobs"')
    elif not jobs.exists() and (misspelt := _misspelt_jobs(folder)):
        yield _unread(misspelt, 'not read; did you mean "jobs"?')
    for entry in _entries(folder):
        if entry.is_dir() or not _is_yaml(entry) or entry.name in _names("workflow"):
            continue
        if difflib.get_close_matches(entry.stem.lower(), ["workflow"], cutoff=_NEAR):
            yield _unread(entry, 'not read; did you mean "workflow.yaml"?')
        else:
            what = "not read: move a job to jobs/, and what is none out of this folder"
            yield _unread(entry, what, level="warning")
    if jobs.is_dir():
        yield from _in_jobs(jobs)


def _in_jobs(jobs: Path) -> Iterator[Problem]:
    for entry in _entries(jobs):
        if entry.is_dir():
            is_meant = any(map(_is_yaml, entry.rglob("*")))
            what = "not read: jobs are in no folders below jobs/; move them up"
            yield _unread(entry, what, level="error" if is_meant else "warning")
        elif entry.suffix not in ENDINGS:
            is_meant = _is_yaml(entry) or bool(
                difflib.get_close_matches(entry.suffix.lower(), ENDINGS, cutoff=_NEAR)
            )
            what = "not read: the names of jobs' files end in .yaml"
            yield _unread(entry, what, level="error" if is_meant else "warning")


def _misspelt_jobs(folder: Path) -> Path | None:
    near = (
        entry
        for entry in _entries(folder)
        if entry.is_dir()
        and entry.name != "jobs"
        and difflib.get_close_matches(entry.name.lower(), ["jobs"], cutoff=_NEAR)
    )
    return next(near, None)


def _names(stem: str) -> tuple[str, ...]:
    return tuple(f"{stem}{ending}" for ending in ENDINGS)


def _is_yaml(file: Path) -> bool:
    return file.suffix.lower() in ENDINGS


def _entries(folder: Path) -> list[Path]:
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [each for each in found if not each.name.startswith(_PASSED_OVER)]


def _unread(file: Path, what: str, level: str = "error") -> Problem:
    return Problem(file, 1, 1, "not-read", f"{file.name} is {what}", level)
