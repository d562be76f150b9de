"""What a schema cannot see: whether the parts of a specification fit together."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterBadCronError, CroniterBadDateError, croniter

from airflow_jobs import templating
from airflow_jobs.amounts import duration, quantity
from airflow_jobs.document import Document, Keys
from airflow_jobs.problems import Problem
from airflow_jobs.structure import Part

PRESETS = (
    "@hourly",
    "@daily",
    "@weekly",
    "@monthly",
    "@quarterly",
    "@yearly",
    "@once",
    "@continuous",
)

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# Names of variables that hold secrets, unless they say where one is (a file, a URL, a name).
_SECRET_NAME = re.compile(
    r"(?i)(^|_)(PASSWORD|PASSWD|PWD|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIALS?)$"
)
_SECRET_VALUE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\b(AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{36,}"
    r"|\bglpat-[A-Za-z0-9_-]{20,}"
    r"|\bxox[abprs]-[A-Za-z0-9-]{10,}"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\."
    r"|://[^/\s:@{}]+:[^/\s@{}]+@"
)


def of_job(part: Part, parameters: Mapping[str, Any], *, item: bool) -> Iterator[Problem]:
    """Yield what is wrong in a job.

    ``parameters`` are those of its workflow, which runs it once for each of a list with ``item``.
    """
    document, job = part.document, part.content
    if "image" in job:
        yield from _image(document, job["image"])
    yield from _resources(document, job.get("resources", {}), ("job", "resources"))
    yield from environment(document, job.get("env", {}), ("job", "env"))
    yield from retry(document, job.get("retry", {}), ("job", "retry"))
    yield from _volumes(document, job.get("volumes", []))
    known = {**parameters, **job.get("params", {})}
    for at, text in templated(job):
        for fault in templating.faults(text, known, item=item):
            yield document.problem("template", fault, ("job", *at))


def templated(job: Mapping[str, Any]) -> Iterator[tuple[Keys, str]]:
    """Yield the texts of a job in which template variables are filled in, and where they are."""
    for key in ("command", "args"):
        for index, word in enumerate(job.get(key, ())):
            yield (key, index), str(word)
    for key in ("env", "params"):
        for name, value in (job.get(key) or {}).items():
            if isinstance(value, str):
                yield (key, name), value


def _image(document: Document, image: str) -> Iterator[Problem]:
    at = ("job", "image")
    name, _, digest = image.partition("@")
    path, _, tag = name.rpartition("/")[2].partition(":")
    if digest and not _DIGEST.fullmatch(digest):
        yield document.problem("image", f'"{digest}" is no digest: sha256: and 64 digits', at)
    elif not digest and not tag:
        yield document.problem("image", f"{image} has no tag; write {image}:1.0.0, or a digest", at)
    elif not digest and tag == "latest":
        what = f"{image} is another image tomorrow; write the tag of a version, or a digest"
        yield document.problem("image", what, at)
    elif tag and not _TAG.fullmatch(tag):
        yield document.problem("image", f'"{tag}" is no tag', at)
    if not path or re.search(r"\s", image):
        yield document.problem("image", f'"{image}" is no name of an image', at)


def _resources(document: Document, resources: Mapping[str, Any], at: Keys) -> Iterator[Problem]:
    limits = resources.get("limits", {})
    for where, given in (((), resources), (("requests",), resources.get("requests", {}))):
        for name in ("cpu", "memory", "ephemeral_storage"):
            if name not in given or name not in limits:
                continue
            requested, limit = (document.text((*at, *path, name)) for path in (where, ("limits",)))
            if quantity(requested) > quantity(limit):
                what = f"{name}: {requested} requested, but the limit is {limit}"
                yield document.problem("resources", what, (*at, *where, name))
    for name in ("cpu", "memory"):
        if name in resources and name in resources.get("requests", {}):
            what = f"{name} is here and below requests: remove one of them"
            yield document.problem("resources", what, at, key=name)


def environment(document: Document, env: Mapping[str, Any], at: Keys) -> Iterator[Problem]:
    """Yield variables that hold a secret as plain text."""
    for name, value in env.items():
        if isinstance(value, dict):
            continue
        text = document.text((*at, name))
        named = _SECRET_NAME.search(name) and text and not templating.names(text)
        if named or _SECRET_VALUE.search(text):
            what = (
                f"{name} looks like a secret, which everybody could read here. Refer to it:"
                f" {name}: {{secret: {{name: NAME-OF-A-SECRET, key: KEY}}}}"
            )
            yield document.problem("plain-secret", what, at, key=name)


def retry(document: Document, given: Mapping[str, Any], at: Keys) -> Iterator[Problem]:
    """Yield settings of retries that have no effect."""
    if "max_delay" in given and given.get("backoff") != "exponential":
        what = "max_delay has an effect only with backoff: exponential"
        yield document.problem("retry", what, at, key="max_delay")


def _volumes(document: Document, volumes: list[Mapping[str, Any]]) -> Iterator[Problem]:
    for key in ("name", "mount_path"):
        first: dict[str, int] = {}
        for index, volume in enumerate(volumes):
            if first.setdefault(volume[key], index) != index:
                what = f'"{volume[key]}" is the {key} of another volume as well'
                yield document.problem("volume", what, ("job", "volumes", index, key))


def of_workflow(part: Part, jobs: Mapping[str, Part | None]) -> Iterator[Problem]:
    """Yield what is wrong in a workflow.

    ``jobs`` are its jobs by name, None for those that cannot be used.
    """
    document, workflow = part.document, part.content
    yield from _schedule(document, workflow.get("schedule"))
    yield from _dates(document, workflow)
    defaults = workflow.get("defaults", {})
    at = ("workflow", "defaults")
    yield from _resources(document, defaults.get("resources", {}), (*at, "resources"))
    yield from environment(document, defaults.get("env", {}), (*at, "env"))
    yield from retry(document, defaults.get("retry", {}), (*at, "retry"))
    for key in ("dependencies", "for_each"):
        for name in workflow.get(key, {}):
            if name not in jobs:
                yield document.problem(
                    "unknown-job", _no_job(name, jobs), ("workflow", key), key=name
                )
    dependencies = workflow.get("dependencies", {})
    for name, before in dependencies.items():
        for index, other in enumerate(before):
            if other not in jobs:
                where = ("workflow", "dependencies", name, index)
                yield document.problem("unknown-job", _no_job(other, jobs), where)
    for circle in _circles(dependencies):
        way = " -> ".join(reversed(circle))
        what = f"these jobs wait for each other: {way}; remove one of the dependencies"
        yield document.problem("cycle", what, ("workflow", "dependencies"), key=circle[0])
    yield from _outputs(document, workflow, jobs)


def _no_job(name: str, jobs: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, jobs, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"there are: {', '.join(jobs) or 'none'}"
    return f'there is no job "{name}" in this workflow; {hint}'


def _circles(dependencies: Mapping[str, list[str]]) -> Iterator[list[str]]:
    """Yield each circle once: jobs, and the first one again."""
    done: set[str] = set()
    for start in dependencies:
        way: list[str] = []

        def visit(name: str, way: list[str] = way) -> Iterator[list[str]]:
            if name in way:
                yield [*way[way.index(name) :], name]
            elif name not in done:
                way.append(name)
                for before in dependencies.get(name, ()):
                    yield from visit(before)
                way.pop()
                done.add(name)

        yield from visit(start)


def _outputs(
    document: Document, workflow: Mapping[str, Any], jobs: Mapping[str, Part | None]
) -> Iterator[Problem]:
    """Yield outputs that are used, but are not there by then."""
    dependencies = workflow.get("dependencies", {})
    used: list[tuple[str, Document, Keys, str]] = [
        (name, job.document, ("job", *at), variable)
        for name, job in jobs.items()
        if job
        for at, text in templated(job.content)
        for variable in templating.names(text)
    ]
    for name, items in workflow.get("for_each", {}).items():
        for variable in templating.names(items) if isinstance(items, str) else ():
            used.append((name, document, ("workflow", "for_each", name), variable))
    for name, where, at, variable in used:
        wanted = templating.output(variable)
        if not wanted:
            continue
        job, result = wanted
        if job not in jobs:
            yield where.problem("unknown-job", _no_job(job, jobs), at)
        elif (known := jobs[job]) and result not in known.content.get("outputs", ()):
            what = f'the job "{job}" has no output "{result}"; add it to its outputs:'
            yield where.problem("output", what, at)
        elif job not in _before(name, dependencies):
            what = (
                f'"{name}" uses an output of "{job}", but does not wait for it; add to'
                f" workflow.yaml below dependencies: {name}: [{job}]"
            )
            yield where.problem("output", what, at)


def _before(name: str, dependencies: Mapping[str, list[str]]) -> set[str]:
    found: set[str] = set()
    todo = [*dependencies.get(name, ())]
    while todo:
        if (job := todo.pop()) not in found:
            found.add(job)
            todo.extend(dependencies.get(job, ()))
    return found


def _schedule(document: Document, schedule: Any) -> Iterator[Problem]:
    at = ("workflow", "schedule")
    if isinstance(schedule, dict):
        if duration(schedule["every"]) < timedelta(seconds=1):
            yield document.problem("schedule", "an interval is at least a second", at)
        return
    if schedule is None or schedule in PRESETS:
        return
    if schedule.startswith("@"):
        near = difflib.get_close_matches(schedule, PRESETS, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"known are: {', '.join(PRESETS)}"
        yield document.problem("schedule", f'there is no preset "{schedule}"; {hint}', at)
        return
    if len(schedule.split()) != 5:
        what = (
            f'"{schedule}" is no cron expression: minute, hour, day of the month, month and day of'
            ' the week, such as "0 3 * * *"'
        )
        yield document.problem("schedule", what, at)
        return
    try:
        croniter(schedule, datetime(2026, 1, 1)).get_next()
    except CroniterBadDateError:
        yield document.problem("schedule", f'"{schedule}" never comes: there is no such day', at)
    except (CroniterBadCronError, ValueError) as error:
        yield document.problem("schedule", f'"{schedule}" is no cron expression: {error}', at)


def _dates(document: Document, workflow: Mapping[str, Any]) -> Iterator[Problem]:
    days: dict[str, date] = {}
    for key in ("start_date", "end_date"):
        if key in workflow:
            try:
                days[key] = date.fromisoformat(workflow[key])
            except ValueError:
                what = f"there is no day {workflow[key]}"
                yield document.problem("date", what, ("workflow", key))
    if len(days) == 2 and days["end_date"] < days["start_date"]:
        yield document.problem("date", "end_date is before start_date", ("workflow", "end_date"))
    if workflow.get("catchup") and "start_date" not in workflow:
        what = "catchup needs a start_date: the first day to run for"
        yield document.problem("date", what, ("workflow",), key="catchup")
    if zone := workflow.get("time_zone"):
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            what = f'there is no time zone "{zone}"; write its IANA name, such as Europe/Berlin'
            yield document.problem("time-zone", what, ("workflow", "time_zone"))
