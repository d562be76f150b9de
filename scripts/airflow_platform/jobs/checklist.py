"""The checklist of the contract: what can be proved of workflows and of the code beside them.

Its items are described in contracts/workflow-orchestration.md, section "Checklist".
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from airflow_jobs import images
from airflow_jobs.document import Document, Keys
from airflow_jobs.loading import Specification, is_workflow
from airflow_jobs.problems import Problem
from airflow_jobs.structure import Part
from airflow_platform.jobs import python_code, repository
from airflow_platform.jobs.python_code import SourceFile
from airflow_platform.jobs.specifications import Workflows

Result = Literal["PASS", "FAIL", "SKIP"]

_URL = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s{$]")
_ENVIRONMENTS = frozenset(
    ("dev", "development", "preprod", "prod", "production", "qa", "stage", "staging", "uat")
)
# Names of three and more parts, and files of settings.
_HOST_OR_FILE = re.compile(
    r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){2,}|[\w-]+\.(?:ya?ml|json|toml|ini|conf|env|properties)\b"
)
_ENVIRONMENT_VARIABLE = re.compile(r"(?i)(^|_)(ENV|ENVIRONMENT|STAGE)$")
# Output of a shell that goes to a file which the platform does not see.
_REDIRECTED = re.compile(r"(?<![<\w])(?:&|[12])?>{1,2}\s*[^\s;|&<>]+\.(?:log|out|err)\b")
_LOG_FOLDER = "/var/log"
_RETRY = "retry: {max_attempts: 3, delay: 5m}"


@dataclass(frozen=True)
class Item:
    """One item: what is asked for, the result, and why. A Problem is evidence with a place."""

    key: str
    asked: str
    result: Result
    evidence: Sequence[str | Problem]


@dataclass(frozen=True)
class _Subject:
    """What is looked at."""

    folder: Path
    code: Path
    workflows: Workflows

    def jobs(self) -> Iterator[tuple[Specification, str, Part]]:
        """Yield all jobs that can be used."""
        for specification in self.workflows.specifications:
            for name, part in specification.jobs.items():
                yield specification, name, part


@dataclass(frozen=True)
class _Finding:
    """What is wrong; and else what proves that nothing is, or why nothing could be looked at."""

    faults: Sequence[str | Problem]
    proof: str
    skipped: bool = False


def checklist(folder: Path, workflows: Workflows, code: Path | None = None) -> list[Item]:
    """Return the items for the workflows of a folder, in the order of the contract.

    ``code`` is the folder with the code of jobs: without it the git repository that ``folder`` is
    in, or what is beside it.
    """
    if not code:
        try:
            code = repository.root(folder)
        except repository.NoRepositoryError:
            code = folder.resolve().parent
    subject = _Subject(folder, code, workflows)
    return [_item(key, asked, check(subject)) for key, asked, check in _ITEMS]


def _item(key: str, asked: str, found: _Finding) -> Item:
    if found.faults:
        return Item(key, asked, "FAIL", found.faults)
    return Item(key, asked, "SKIP" if found.skipped else "PASS", [found.proof])


_NO_JOB = _Finding([], "there is no job that can be read", skipped=True)


def _specifications(subject: _Subject) -> _Finding:
    found = subject.workflows
    jobs = sum(len(each.jobs) for each in found.specifications)
    return _Finding(found.errors, f"workflows: {len(found.specifications)}, jobs: {jobs}")


def _containers(subject: _Subject) -> _Finding:
    references = [str(part.content.get("image", "")) for _, _, part in subject.jobs()]
    faults = [
        part.document.problem("containers", images.fault(image) or "there is no image", at)
        for _, _, part in subject.jobs()
        for image in [part.content.get("image", "")]
        for at in [("job", "image")]
        if not image or images.fault(image)
    ]
    digests = sum(1 for each in references if images.parts(each)[2])
    proof = f"images by tag: {len(references) - digests}, by digest: {digests}"
    return _Finding(faults, proof) if references else _NO_JOB


def _no_orchestrator(subject: _Subject) -> _Finding:
    faults: list[str | Problem] = []
    sources, unreadable = _sources(subject.code)
    sources = [each for each in sources if not _is_dag_file(each, subject)]
    for source in sources:
        for module, line in source.orchestrators().items():
            what = f"imports {module}: what a job does has to run without an orchestrator"
            faults.append(Problem(source.path, line, 1, "no-orchestrator", what))
    proof = f"Python files below {subject.code}: {len(sources)}"
    if not sources:
        proof = f"there is no Python file of a job below {subject.code}; name it with --code DIR"
    return _Finding([*unreadable, *faults], proof, skipped=not sources)


def _only_triggers(subject: _Subject) -> _Finding:
    sources, _ = _sources(subject.code)
    beside = {file.resolve() for folder in _dag_folders(subject) for file in folder.glob("*.py")}
    known = {source.path.resolve() for source in sources}
    more, unreadable = _read(sorted(beside - known))
    dag_files = [each for each in (*sources, *more) if _is_dag_file(each, subject)]
    faults = []
    for source in dag_files:
        if line := source.beyond_adapter():
            what = "is more than the three lines of the adapter; move what it does into a job"
            faults.append(Problem(source.path, line, 1, "only-triggers", what))
    names = ", ".join(sorted(each.path.name for each in dag_files))
    proof = f"files with nothing but the adapter: {names}"
    if not dag_files:
        proof = "there is no Python file with DAGs beside the workflows"
    return _Finding([*unreadable, *faults], proof, skipped=not dag_files)


def _in_git(subject: _Subject) -> _Finding:
    try:
        faults = [
            Problem(file, 1, 1, "in-git", what)
            for file, what in repository.differences(subject.folder)
        ]
        top = repository.root(subject.folder)
    except repository.NoRepositoryError as error:
        return _Finding([f"{subject.folder}: {error}"], "")
    return _Finding(faults, f"all files are committed in {top}")


def _configuration(subject: _Subject) -> _Finding:
    faults = [each for each in subject.workflows.problems if each.rule == "plain-secret"]
    places: list[tuple[Document, Keys, Mapping[str, Any]]] = [
        (part.document, ("job",), part.content) for _, _, part in subject.jobs()
    ]
    for specification in subject.workflows.specifications:
        if document := specification.document:
            settings = specification.settings
            places.append((document, ("workflow",), {"params": settings.get("params", {})}))
            defaults = settings.get("defaults", {})
            places.append((document, ("workflow", "defaults"), defaults))
    for document, at, content in places:
        for path, text in _values(content):
            if what := _baked(path, text):
                faults.append(document.problem("configuration", what, (*at, *path)))
    references = sum(
        isinstance(value, Mapping)
        for _, _, content in places
        for value in content.get("env", {}).values()
    )
    proof = f"variables from Secrets and ConfigMaps: {references}; no plain secret"
    return _Finding(sorted(faults), proof)


def _values(content: Mapping[str, Any]) -> Iterator[tuple[Keys, str]]:
    for key in ("command", "args"):
        for index, word in enumerate(content.get(key, ())):
            yield (key, index), str(word)
    for key in ("env", "params"):
        for name, value in content.get(key, {}).items():
            if isinstance(value, str):
                yield (key, name), value


def _baked(at: Keys, text: str) -> str:
    """Return what of a text is of one environment and cannot be replaced, "" for nothing."""
    advice = "is of one environment; take it from there: {config_map: {name: .., key: ..}}"
    names = [found[0] for found in _HOST_OR_FILE.finditer(text)]
    if at[0] == "env" and _ENVIRONMENT_VARIABLE.search(str(at[1])):
        names.append(text)
    for name in names:
        if not _ENVIRONMENTS.isdisjoint(re.split(r"[^a-z0-9]+", name.lower())):
            return f'"{name}" {advice}'
    if at[0] in ("command", "args") and _URL.search(text):
        return "a URL is of one environment; write $(URL), and env: URL: {config_map: ..}"
    return ""


def _retries(subject: _Subject) -> _Finding:
    faults = []
    attempts = []
    for specification, name, part in subject.jobs():
        attempts.append(specification.workflow.retry(name)["max_attempts"])
        if attempts[-1] < 2:
            what = f'"{name}" has one attempt; write {_RETRY}, here or below defaults:'
            at: Keys = ("job", "retry") if "retry" in part.content else ("job",)
            faults.append(part.document.problem("retries", what, at))
    if not attempts:
        return _NO_JOB
    return _Finding(faults, f"attempts: {min(attempts)} to {max(attempts)}")


def _metrics_and_logs(subject: _Subject) -> _Finding:
    faults: list[str | Problem] = []
    for specification in subject.workflows.specifications:
        if "owner" not in specification.settings:
            what = "there is no owner, whom metrics, logs and alerts go to; write owner: TEAM"
            faults.append(_of_settings(specification, what))
    jobs = [*subject.jobs()]
    for specification, name, part in jobs:
        if "timeout" not in specification.workflow.job(name):
            what = f'"{name}" has no timeout, so it can hang unseen; write timeout: 1h'
            faults.append(part.document.problem("metrics-and-logs", what, ("job",)))
        for path, text in _values(part.content):
            if path[0] in ("command", "args") and _REDIRECTED.search(text):
                what = "this writes logs to a file, which nobody sees; write them to stdout"
                faults.append(part.document.problem("metrics-and-logs", what, ("job", *path)))
        for index, volume in enumerate(part.content.get("volumes", ())):
            if f"{volume['mount_path']}/".startswith(f"{_LOG_FOLDER}/"):
                what = "logs in a volume are seen by nobody; write them to stdout"
                at = ("job", "volumes", index, "mount_path")
                faults.append(part.document.problem("metrics-and-logs", what, at))
    if not jobs:
        return _NO_JOB
    return _Finding(faults, "each job has a timeout; workflow, job and owner label each pod")


def _of_settings(specification: Specification, what: str) -> Problem:
    if specification.document:
        return specification.document.problem("metrics-and-logs", what, ("workflow",))
    return Problem(specification.place, 1, 1, "metrics-and-logs", f"{what} to workflow.yaml")


def _dag_folders(subject: _Subject) -> tuple[Path, ...]:
    """Return the folders that Airflow would read beside the specifications."""
    folder = subject.folder.resolve()
    folder = folder.parent if is_workflow(folder) else folder
    return (folder, folder.parent)


def _is_dag_file(source: SourceFile, subject: _Subject) -> bool:
    folder = source.path.resolve().parent
    code = subject.code.resolve()
    is_beside = folder in _dag_folders(subject) or (
        folder.is_relative_to(code) and "dags" in folder.relative_to(code).parts
    )
    return source.uses_adapter() or (is_beside and "airflow" in source.orchestrators())


def _sources(folder: Path) -> tuple[list[SourceFile], list[Problem]]:
    return _read(python_code.files(folder))


def _read(files: Sequence[Path]) -> tuple[list[SourceFile], list[Problem]]:
    """Return the files, and problems of those that cannot be read."""
    sources, unreadable = [], []
    for file in files:
        try:
            sources.append(SourceFile(file))
        except (OSError, SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 1
            what = f"cannot be read as Python: {error}"
            unreadable.append(Problem(file, line, 1, "python", what))
    return sources, unreadable


_ITEMS: Sequence[tuple[str, str, Callable[[_Subject], _Finding]]] = (
    ("specifications", "jobs and workflows are YAML files without errors", _specifications),
    ("containers", "every job is a container image of one version", _containers),
    ("no-orchestrator", "the code of jobs imports no orchestrator", _no_orchestrator),
    ("only-triggers", "files with DAGs hold nothing but the adapter", _only_triggers),
    ("in-git", "specifications are in git as they are", _in_git),
    ("configuration", "configuration comes from the environment", _configuration),
    ("retries", "every job has retries", _retries),
    (
        "metrics-and-logs",
        "metrics and logs have an owner, an end, and go to stdout",
        _metrics_and_logs,
    ),
)
