"""Folders of specifications: finding and reading them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from airflow_jobs import meaning, structure
from airflow_jobs.document import read
from airflow_jobs.problems import Problem, SpecificationError
from airflow_jobs.structure import Part

_ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True)
class Specification:
    """What is in the folder of a workflow: its settings, and its jobs by name.

    ``problems`` are all that were found. With an error among them the rest is not complete.
    """

    folder: Path
    name: str
    settings: Mapping[str, Any]
    jobs: Mapping[str, Part]
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that are no warnings."""
        return tuple(each for each in self.problems if each.level == "error")


def workflow_folders(root: Path) -> list[Path]:
    """Return the folders of workflows in ``root``, which may be one itself.

    A folder is one when it has a workflow.yaml or a folder jobs. SpecificationError when there is
    none.
    """
    if _is_workflow(root):
        return [root]
    found = sorted(each for each in root.iterdir() if _is_workflow(each)) if root.is_dir() else []
    if not found:
        what = "there is no workflow here: a folder with workflow.yaml, or with jobs/<job>.yaml"
        raise SpecificationError([Problem(root, 1, 1, "no-workflow", what)])
    return found


def _is_workflow(folder: Path) -> bool:
    return (folder / "jobs").is_dir() or bool(_settings_files(folder))


def _settings_files(folder: Path) -> list[Path]:
    return [file for ending in _ENDINGS if (file := folder / f"workflow{ending}").is_file()]


def load_all(root: Path) -> list[Specification]:
    """Return all specifications in ``root``; SpecificationError when there is none."""
    found: list[Specification] = []
    for folder in workflow_folders(root):
        found.append(_named_anew(load(folder), found))
    return found


def _named_anew(specification: Specification, others: Sequence[Specification]) -> Specification:
    """Return the specification, with a problem when another one has its name."""
    same = next((each for each in others if each.name == specification.name), None)
    if not same:
        return specification
    what = f'{same.folder} is the workflow "{same.name}" already: give one another name'
    problem = Problem(specification.folder, 1, 1, "duplicate-name", what)
    return replace(specification, problems=(problem, *specification.problems))


def load(folder: Path) -> Specification:
    """Return the specification in the folder of a workflow, with all of its problems."""
    problems: list[Problem] = []
    workflow = _workflow(folder, problems)
    settings = workflow.content if workflow else {}
    jobs = _jobs(folder, problems)
    for name, job in jobs.items():
        if job:
            item = name in settings.get("for_each", {})
            problems.extend(meaning.of_job(job, settings.get("params", {}), item=item))
    if workflow:
        problems.extend(meaning.of_workflow(workflow, jobs))
    if not jobs and not problems:
        what = "this workflow has no job; write one to jobs/<job>.yaml"
        problems.append(Problem(folder, 1, 1, "no-job", what))
    usable = {name: job for name, job in jobs.items() if job}
    name = settings.get("name", folder.resolve().name)
    return Specification(folder, name, settings, usable, tuple(sorted(problems)))


def _workflow(folder: Path, problems: list[Problem]) -> Part | None:
    files = _settings_files(folder)
    if len(files) > 1:
        what = f"{files[0].name} is there as well: remove one of the two"
        problems.append(Problem(files[1], 1, 1, "two-files", what))
    return _read(files[0], "workflow", problems) if files else None


def _jobs(folder: Path, problems: list[Problem]) -> dict[str, Part | None]:
    """Return the jobs by name; one that cannot be used is None, by the name of its file."""
    found: dict[str, Part | None] = {}
    jobs = folder / "jobs"
    files = (
        sorted(each for each in jobs.iterdir() if each.suffix in _ENDINGS) if jobs.is_dir() else []
    )
    for file in files:
        job = _read(file, "job", problems)
        name = job.content.get("name", file.stem) if job else file.stem
        first = found.get(name)
        if job and first:
            what = f'the job "{name}" is in {first.document.file.name} as well: rename one of them'
            problems.append(job.document.problem("duplicate-name", what, ("job", "name")))
        elif job or name not in found:
            found[name] = job
    return found


def _read(file: Path, kind: str, problems: list[Problem]) -> Part | None:
    """Return what is in a file, None when nothing of it can be used; add to the problems."""
    try:
        document = read(file)
    except SpecificationError as error:
        problems.extend(error.problems)
        return None
    found, part = structure.examine(document, kind)
    problems.extend(found)
    return part
