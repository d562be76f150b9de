"""Specifications of workflows: finding their files and reading them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from airflow_jobs import meaning, structure, usage
from airflow_jobs.document import Document, read, reason
from airflow_jobs.problems import Problem, SpecificationError
from airflow_jobs.structure import Part
from airflow_jobs.workflows import Workflow

ENDINGS = (".yaml", ".yml")
SETTINGS = tuple(f"workflow{ending}" for ending in ENDINGS)
_HIDDEN = (".", "lost+found")  # the latter is at the top of each ext4 volume, for root alone
_SLASH = "--"  # what stands for "/" in the file names of a ConfigMap, which has no folders


@dataclass(frozen=True)
class Files:
    """The files of a workflow.

    ``place`` is what a problem of the whole is about: its folder, or one of its files. ``fault``
    says why it cannot be read.
    """

    place: Path
    name: str
    settings: Sequence[Path] = ()
    jobs: Sequence[Path] = ()
    fault: str = ""


def workflow_files(root: Path) -> list[Files]:
    """Return the files of each workflow in ``root``, which may be the folder of one itself.

    A folder is one when it has a workflow.yaml or a folder jobs. SpecificationError when there is
    none.
    """
    if own := _in_folder(root):
        return [own]
    found: list[Files] = []
    if root.is_dir():
        found = [files for each in entries(root) if (files := _in_folder(each))]
        found += _without_folders(root)
    if not found:
        what = "there is no workflow here: a folder with workflow.yaml, or with jobs/<job>.yaml"
        raise SpecificationError([Problem(root, 1, 1, "no-workflow", what)])
    return found


def is_workflow(folder: Path) -> bool:
    """Return whether a folder is that of a workflow, which may not be readable."""
    return bool(_in_folder(folder))


def entries(folder: Path) -> list[Path]:
    """Return what is in a folder but for hidden entries; OSError when it cannot be read."""
    return sorted(each for each in folder.iterdir() if not each.name.startswith(_HIDDEN))


def _in_folder(folder: Path) -> Files | None:
    """Return the files of a workflow, None when a path is not the folder of one."""
    jobs = folder / "jobs"
    try:
        inside = entries(folder)
    except OSError as error:
        is_other = isinstance(error, NotADirectoryError) or _is_missing(folder, error)
        return None if is_other else Files(folder, folder.name, fault=reason(folder, error))
    settings = [each for each in inside if each.name in SETTINGS]
    if not settings and jobs not in inside:
        return None
    try:
        files = [*filter(_is_yaml, entries(jobs))] if jobs in inside else []
    except OSError as error:
        is_other = isinstance(error, NotADirectoryError) and not settings
        return None if is_other else Files(jobs, folder.name, fault=reason(jobs, error))
    return Files(next(iter(settings), folder), folder.resolve().name, settings, files)


def _is_missing(folder: Path, error: OSError) -> bool:
    """Return whether there is no folder; a link to nothing is one, unless it is named as a file."""
    return isinstance(error, FileNotFoundError) and not (folder.is_symlink() and not folder.suffix)


def _without_folders(root: Path) -> list[Files]:
    """Return workflows whose files are named like sales--jobs--load.yaml."""
    found: dict[str, tuple[list[Path], list[Path]]] = {}
    for file in filter(_is_yaml, entries(root)):
        name, *path = file.stem.split(_SLASH, 2)
        if path == ["workflow"]:
            found.setdefault(name, ([], []))[0].append(file)
        elif path[:1] == ["jobs"] and len(path) > 1:
            found.setdefault(name, ([], []))[1].append(file)
    return [
        Files((settings + jobs)[0], name, settings, jobs)
        for name, (settings, jobs) in found.items()
    ]


def _is_yaml(file: Path) -> bool:
    return file.suffix in ENDINGS


@dataclass(frozen=True)
class Specification:
    """What is in the files of a workflow: its settings, and its jobs by name.

    ``problems`` are all that were found. With an error among them the rest is not complete.
    """

    place: Path
    name: str
    settings: Mapping[str, Any]
    jobs: Mapping[str, Part]
    problems: tuple[Problem, ...]
    document: Document | None = None  # of the settings

    @property
    def workflow(self) -> Workflow:
        """The workflow, which is whole where there are no errors."""
        jobs = {name: part.content for name, part in self.jobs.items()}
        return Workflow(self.name, self.settings, jobs)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that are no warnings."""
        return tuple(each for each in self.problems if each.level == "error")


def load_all(root: Path) -> list[Specification]:
    """Return all specifications in ``root``; SpecificationError when there is none."""
    return with_names_once([load(files) for files in workflow_files(root)])


class _Named(Protocol):
    """A dataclass of a workflow."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def place(self) -> Path: ...

    @property
    def name(self) -> str: ...

    @property
    def problems(self) -> tuple[Problem, ...]: ...


_Each = TypeVar("_Each", bound=_Named)


def with_names_once(specifications: Iterable[_Each]) -> list[_Each]:
    """Return the specifications, each with a problem when one before it has its name."""
    found: list[_Each] = []
    for each in specifications:
        same = next((other for other in found if other.name == each.name), None)
        if same:
            what = f'{same.place} is the workflow "{same.name}" already: give one another name'
            problem = Problem(each.place, 1, 1, "duplicate-name", what)
            each = replace(each, problems=(problem, *each.problems))
        found.append(each)
    return found


def load(files: Files) -> Specification:
    """Return the specification of a workflow, with all of its problems."""
    if files.fault:
        problem = Problem(files.place, 1, 1, "unreadable", f"cannot be read: {files.fault}")
        return Specification(files.place, files.name, {}, {}, (problem,))
    problems: list[Problem] = []
    workflow = _workflow(files.settings, problems)
    settings = workflow.content if workflow else {}
    jobs = _jobs(files.jobs, problems)
    problems.extend(_renamed(jobs, settings))
    # What is not right says nothing about the rest, so that one mistake is one problem.
    unknown = set(workflow.left_out) if workflow else set()
    if (files.settings and not workflow) or settings.get("for_each", {}).keys() - jobs.keys():
        unknown.add("for_each")
    if files.settings and not workflow:
        unknown.add("params")
    for name, job in jobs.items():
        if job:
            item = "for_each" in unknown or name in settings.get("for_each", {})
            parameters = None if "params" in unknown else settings.get("params", {})
            problems.extend(meaning.of_job(job, parameters, item=item))
    if workflow:
        problems.extend(meaning.of_workflow(workflow, jobs))
    if workflow or not files.settings:
        problems.extend(usage.outputs(workflow, jobs))
        problems.extend(_name_of_files(files, workflow))
    if workflow and not problems:
        problems.extend(meaning.fan_out(workflow, jobs))
    if not jobs and not problems:
        what = "this workflow has no job; write one to jobs/<job>.yaml"
        problems.append(Problem(files.place, 1, 1, "no-job", what))
    usable = {name: job for name, job in jobs.items() if job}
    name = settings.get("name", files.name)
    document = workflow.document if workflow else None
    return Specification(files.place, name, settings, usable, tuple(sorted(problems)), document)


def _name_of_files(files: Files, workflow: Part | None) -> Iterator[Problem]:
    """Yield a problem when a workflow has no name of its own, and that of its files is none."""
    has_own = workflow and ("name" in workflow.content or "name" in workflow.left_out)
    if not has_own and (fault := structure.fault_of_name(files.name)):
        possible = re.sub(r"[^A-Za-z0-9]+", "-", files.name)[:63].strip("-") or "sales"
        what = (
            f'"{files.name}" is no name of a workflow: {fault}. Rename the folder or file, or write'
            f" to workflow.yaml: workflow: {{name: {possible}}}"
        )
        yield Problem(files.place, 1, 1, "bad-name", what)


def _workflow(files: Sequence[Path], problems: list[Problem]) -> Part | None:
    if len(files) > 1:
        what = f"{files[0].name} is there as well: remove one of the two"
        problems.append(Problem(files[1], 1, 1, "two-files", what))
    return _read(files[0], "workflow", problems) if files else None


def _jobs(files: Sequence[Path], problems: list[Problem]) -> dict[str, Part | None]:
    """Return the jobs by name; one that cannot be used is None, by the name of its file."""
    found: dict[str, Part | None] = {}
    for file in files:
        job = _read(file, "job", problems)
        name = job.content.get("name", _job_of(file)) if job else _job_of(file)
        first = found.get(name)
        if job and first:
            what = f'the job "{name}" is in {first.document.file.name} as well: rename one of them'
            problems.append(job.document.problem("duplicate-name", what, ("job", "name")))
        elif job or name not in found:
            found[name] = job
    return found


def _renamed(jobs: dict[str, Part | None], settings: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield jobs that the workflow names as their files are named, and give them that name."""
    dependencies = settings.get("dependencies", {})
    wanted = {*settings.get("for_each", {}), *dependencies}.union(*dependencies.values())
    for name, job in [*jobs.items()]:
        stem = _job_of(job.document.file) if job else name
        if job and stem in wanted - jobs.keys() and name not in wanted:
            what = f'this is "{name}", but workflow.yaml and the file have "{stem}": write one name'
            yield job.document.problem("unknown-job", what, ("job", "name"))
            jobs[stem] = jobs.pop(name)


def _job_of(file: Path) -> str:
    """Return the name of a job as its file is named."""
    return file.stem.rpartition(f"{_SLASH}jobs{_SLASH}")[2]


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
