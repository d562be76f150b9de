"""Workflows as they were read last, so that a file that has not changed is not read as YAML again.

A DAG processor reads its DAGs in a new process each time: only a file outlives that.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from airflow_jobs.loading import Files, load, with_names_once, workflow_files
from airflow_jobs.problems import Problem
from airflow_jobs.workflows import Workflow


@dataclass(frozen=True)
class Read:
    """A workflow and all problems of its files. With an error among them it is not whole."""

    place: Path
    workflow: Workflow
    problems: tuple[Problem, ...]

    @property
    def name(self) -> str:
        """The name of the workflow."""
        return self.workflow.name

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that are no warnings."""
        return tuple(each for each in self.problems if each.level == "error")


def read_all(root: Path) -> list[Read]:
    """Return all workflows in ``root``; SpecificationError when there is none."""
    directory = _directory()
    return with_names_once([_read(files, directory) for files in workflow_files(root)])


def _read(files: Files, directory: Path | None) -> Read:
    try:
        return _kept(files, directory) if directory else _fresh(files)
    except Exception as error:  # whatever it is, the other workflows go on
        problem = Problem(files.place, 1, 1, "unreadable", f"cannot be read: {error!r}")
        return Read(files.place, Workflow(files.name, {}, {}), (problem,))


def _kept(files: Files, directory: Path) -> Read:
    kept = directory / f"{_digest([str(files.place.absolute()).encode()])}.json"
    key = _digest(_contents(files))
    with suppress(OSError, ValueError, KeyError, TypeError):  # not there, or broken
        found = json.loads(kept.read_text(encoding="utf-8"))
        if found["key"] == key:
            return _from_json(found["read"])
    read = _fresh(files)
    with suppress(OSError):  # no room: it is read again the next time
        _write(kept, json.dumps({"key": key, "read": _to_json(read)}))
    return read


def _fresh(files: Files) -> Read:
    found = load(files)
    return Read(found.place, found.workflow, found.problems)


def _contents(files: Files) -> Iterator[bytes]:
    """Yield everything that the result depends on."""
    yield _own_source().encode()
    yield files.name.encode()
    yield files.fault.encode()
    for file in (*files.settings, *files.jobs):
        yield str(file.absolute()).encode()
        with suppress(OSError):
            yield file.read_bytes()


@cache
def _own_source() -> str:
    here = Path(__file__).parent
    files = sorted((*here.glob("*.py"), *here.glob("*.json")))
    return _digest(file.read_bytes() for file in files)


def _digest(parts: Iterator[bytes] | list[bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()


def _directory() -> Path | None:
    """Return a folder that only this user can write to, None where there is none."""
    try:
        folder = Path(tempfile.gettempdir()) / f"airflow-jobs-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        about = folder.lstat()
    except OSError:
        return None
    is_own = about.st_uid == os.getuid() and not about.st_mode & 0o022 and folder.is_dir()
    return folder if is_own and not folder.is_symlink() else None


def _write(file: Path, text: str) -> None:
    """Write a file at once: another process may read it."""
    handle, name = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    Path(name).replace(file)


def _to_json(read: Read) -> dict[str, Any]:
    return {
        "place": str(read.place),
        "workflow": asdict(read.workflow),
        "problems": [{**asdict(each), "file": str(each.file)} for each in read.problems],
    }


def _from_json(found: dict[str, Any]) -> Read:
    problems = ({**each, "file": Path(each["file"])} for each in found["problems"])
    return Read(
        Path(found["place"]),
        Workflow(**found["workflow"]),
        tuple(Problem(**each) for each in problems),
    )
