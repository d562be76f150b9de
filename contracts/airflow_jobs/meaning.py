"""What a schema cannot see: whether the parts of a specification fit together."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from croniter import CroniterBadDateError, croniter

from airflow_jobs import plain_secrets, templating
from airflow_jobs.amounts import duration, quantity
from airflow_jobs.document import Document, Keys
from airflow_jobs.images import fault as image_fault
from airflow_jobs.problems import Problem
from airflow_jobs.structure import NOT_FILLED_IN, Part

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

# Labels that the Pod of each job has.
_OWN_LABELS = ("app.kubernetes.io/component", "app.kubernetes.io/managed-by")
_OWN_LABEL_PREFIX = "workflow-orchestration/"

_TEMPLATED = ("command", "args", "env", "params")
_LEAST_MEMORY = quantity("1Mi")
_MANY_PROCESSORS = 200


def of_job(part: Part, parameters: Mapping[str, Any] | None, *, item: bool) -> Iterator[Problem]:
    """Yield what is wrong in a job.

    ``parameters`` are those of its workflow, None if they are not known. It runs once for each of a
    list with ``item``.
    """
    document, job = part.document, part.content
    if fault := image_fault(job.get("image", "")):
        yield document.problem("image", fault, ("job", "image"))
    yield from _resources(document, job.get("resources", {}), ("job", "resources"))
    yield from _secrets(document, job, ("job",))
    if "retry" not in part.left_out:
        yield from _retry(document, job.get("retry", {}), ("job", "retry"))
    yield from _some_time(document, job, ("job",), "timeout")
    yield from _labels(document, job.get("labels", {}), ("job", "labels"))
    yield from _volumes(document, job.get("volumes", []))
    if job.get("outputs") and "OUTPUT_FILE" in job.get("env", {}):
        what = "OUTPUT_FILE names the file of the outputs: remove it, or give it another name"
        yield document.problem("output", what, ("job", "env"), key="OUTPUT_FILE")
    own = job.get("params", {})
    known = None if parameters is None or "params" in part.left_out else {**parameters, **own}
    for at, text in templated(job):
        for fault in templating.faults(text, known, item=item):
            yield document.problem("template", fault, ("job", *at))
    for circle in _circles(_named_parameters(known or {})):
        if name := next((each for each in circle if each in own), None):
            yield document.problem("template", _around(circle), ("job", "params"), key=name)
    yield from _not_filled_in(document, job, ("job",), _TEMPLATED)


def templated(part: Mapping[str, Any]) -> Iterator[tuple[Keys, str]]:
    """Yield the texts in which template variables are filled in, and where they are."""
    for key in ("command", "args"):
        for index, word in enumerate(part.get(key, ())):
            yield (key, index), str(word)
    for key in ("env", "params"):
        for name, value in part.get(key, {}).items():
            if isinstance(value, str):
                yield (key, name), value


def _not_filled_in(
    document: Document, part: Mapping[str, Any], at: Keys, filled_in: Collection[str]
) -> Iterator[Problem]:
    """Yield template variables where they stay as they are."""
    for path, text in _texts(part):
        top, depth = path[0], len(path)
        is_filled_in = top in filled_in and depth <= 2
        if "{{" in text and top != "description" and not is_filled_in:
            yield document.problem("template", NOT_FILLED_IN, (*at, *path))


def _texts(value: Any, at: Keys = ()) -> Iterator[tuple[Keys, str]]:
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _texts(each, (*at, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _texts(each, (*at, index))


def _named_parameters(parameters: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return for each parameter those that its value names."""
    return {
        name: [found for each in templating.names(value) if (found := templating.parameter(each))]
        for name, value in parameters.items()
        if isinstance(value, str)
    }


def _around(circle: list[str]) -> str:
    return f"these parameters name each other: {' -> '.join(circle)}; write a value for one"


def _resources(document: Document, resources: Mapping[str, Any], at: Keys) -> Iterator[Problem]:
    limits = resources.get("limits", {})
    for path, given in (
        ((), resources),
        (("requests",), resources.get("requests", {})),
        (("limits",), limits),
    ):
        for name in ("cpu", "memory", "ephemeral_storage"):
            where = (*at, *path, name)
            if name not in given:
                continue
            amount = document.text(where)
            if name == "memory" and quantity(amount) < _LEAST_MEMORY:
                number = re.match(r"[1-9][0-9]*", amount)
                what = f"memory: {amount} is less than 1Mi; write {number[0] if number else 1}Mi"
                yield document.problem("resources", what, where)
            elif name == "cpu" and quantity(amount) >= _MANY_PROCESSORS:
                what = f"cpu: {amount} is {amount} processors; for thousandths write {amount}m"
                yield document.problem("resources", what, where, level="warning")
            elif name in limits and path != ("limits",):
                limit = document.text((*at, "limits", name))
                if quantity(amount) > quantity(limit):
                    what = (
                        f"{name}: {amount} requested, but the limit is {limit}: raise the limit,"
                        " or request less"
                    )
                    yield document.problem("resources", what, where)
    for name in ("cpu", "memory"):
        if name in resources and name in resources.get("requests", {}):
            what = f"{name} is here and below requests: remove one of them"
            yield document.problem("resources", what, at, key=name)


def _secrets(document: Document, part: Mapping[str, Any], at: Keys) -> Iterator[Problem]:
    """Yield what holds a secret as plain text."""
    for key in ("env", "params"):
        for name, value in part.get(key, {}).items():
            if isinstance(value, (dict, list)) or value is None:
                continue
            if plain_secrets.named(name, document.text((*at, key, name))):
                place = "env: " if key == "params" else ""
                what = (
                    f"{name} looks like a secret, which everybody could read here. Refer to it:"
                    f" {place}{name}: {{secret: {{name: NAME-OF-A-SECRET, key: KEY}}}}"
                )
                yield document.problem("plain-secret", what, (*at, key), key=name)
    for key in ("command", "args"):
        for index in plain_secrets.in_words([str(word) for word in part.get(key, ())]):
            what = (
                "this looks like a secret, which everybody could read here. Write $(NAME) in its"
                " place, and env: NAME: {secret: {name: NAME-OF-A-SECRET, key: KEY}}"
            )
            yield document.problem("plain-secret", what, (*at, key, index))


def _retry(document: Document, given: Mapping[str, Any], at: Keys) -> Iterator[Problem]:
    """Yield settings of retries that have no effect."""
    first = next(iter(given), "")
    if given and "max_attempts" not in given:
        what = "without max_attempts there is no second attempt; add max_attempts: 3"
        yield document.problem("retry", what, at, key=first)
    elif "backoff" in given and "delay" not in given:
        what = "backoff says how the delay grows, and there is none; add delay: 5m"
        yield document.problem("retry", what, at, key="backoff")
    elif "max_delay" in given and given.get("backoff") != "exponential":
        what = "max_delay has an effect only with backoff: exponential"
        yield document.problem("retry", what, at, key="max_delay")
    elif "max_delay" in given and duration(given["max_delay"]) < duration(given["delay"]):
        what = f"max_delay is less than the first delay, {given['delay']}"
        yield document.problem("retry", what, at, key="max_delay")


def _some_time(
    document: Document, part: Mapping[str, Any], at: Keys, key: str
) -> Iterator[Problem]:
    if key in part and duration(part[key]) < timedelta(seconds=1):
        what = f"{key} is {part[key]}, but must be at least 1s"
        yield document.problem("duration", what, (*at, key))


def _labels(document: Document, labels: Mapping[str, Any], at: Keys) -> Iterator[Problem]:
    for name in labels:
        if name in _OWN_LABELS or name.startswith(_OWN_LABEL_PREFIX):
            what = f"the platform writes the label {name} itself: remove it, or use another name"
            yield document.problem("label", what, at, key=name)


def _volumes(document: Document, volumes: list[Mapping[str, Any]]) -> Iterator[Problem]:
    for key in ("name", "mount_path"):
        first: dict[str, int] = {}
        for index, volume in enumerate(volumes):
            if first.setdefault(volume[key], index) != index:
                what = f'"{volume[key]}" is the {key} of another volume as well: write another one'
                yield document.problem("volume", what, ("job", "volumes", index, key))


def of_workflow(part: Part, jobs: Mapping[str, Part | None]) -> Iterator[Problem]:
    """Yield what is wrong in a workflow.

    ``jobs`` are its jobs by name, None for those that cannot be used.
    """
    document, workflow = part.document, part.content
    yield from _schedule(document, workflow.get("schedule"))
    yield from _runs(document, workflow)
    yield from _dates(document, workflow)
    yield from _some_time(document, workflow, ("workflow",), "deadline")
    defaults = workflow.get("defaults", {})
    at = ("workflow", "defaults")
    yield from _resources(document, defaults.get("resources", {}), (*at, "resources"))
    yield from _secrets(document, defaults, at)
    yield from _secrets(document, {"params": workflow.get("params", {})}, ("workflow",))
    if "defaults" not in part.left_out:
        yield from _retry(document, defaults.get("retry", {}), (*at, "retry"))
    yield from _some_time(document, defaults, at, "timeout")
    yield from _labels(document, defaults.get("labels", {}), (*at, "labels"))
    yield from _dependencies(document, workflow, jobs)
    yield from _fan_out(document, workflow, jobs)
    yield from _templates(part, jobs)


def _dependencies(
    document: Document, workflow: Mapping[str, Any], jobs: Mapping[str, Part | None]
) -> Iterator[Problem]:
    dependencies = workflow.get("dependencies", {})
    for key in ("dependencies", "for_each"):
        for name in workflow.get(key, {}):
            if name not in jobs:
                yield document.problem(
                    "unknown-job", no_job(name, jobs), ("workflow", key), key=name
                )
    for name, before in dependencies.items():
        for index, other in enumerate(before):
            if other not in jobs:
                where = ("workflow", "dependencies", name, index)
                yield document.problem("unknown-job", no_job(other, jobs), where)
    for circle in _circles(dependencies):
        what = f"these jobs wait for each other: {' -> '.join(reversed(circle))}"
        if len(circle) == 2:
            what = f'"{circle[0]}" waits for itself'
        what += "; remove one of the dependencies"
        yield document.problem("cycle", what, ("workflow", "dependencies"), key=circle[0])


def _fan_out(
    document: Document, workflow: Mapping[str, Any], jobs: Mapping[str, Part | None]
) -> Iterator[Problem]:
    """Yield jobs that would do the same for each item."""
    everywhere = [workflow, workflow.get("defaults", {})]
    for name in workflow.get("for_each", {}):
        if not (job := jobs.get(name)):
            continue
        if job.left_out.isdisjoint(_TEMPLATED) and not any(
            "item" in templating.names(text)
            for place in (*everywhere, job.content)
            for _, text in templated(place)
        ):
            what = (
                f'"{name}" does the same for each item; write "{{{{ item }}}}" into its args or env'
            )
            at = ("workflow", "for_each")
            yield document.problem("for-each", what, at, key=name, level="warning")


def _templates(part: Part, jobs: Mapping[str, Part | None]) -> Iterator[Problem]:
    """Yield wrong template variables in what is for all jobs."""
    document, workflow = part.document, part.content
    of_all: set[str] | None = None
    known: set[str] | None = set(workflow.get("params", {}))
    for job in jobs.values():
        if not job or "params" in job.left_out:
            known = None
            break
        own = set(job.content.get("params", {}))
        of_all = own if of_all is None else of_all & own
    if known is not None and "params" not in part.left_out:
        known |= of_all or set()
    else:
        known = None
    item = "for_each" in part.left_out or all(each in workflow.get("for_each", {}) for each in jobs)
    params = {"params": workflow.get("params", {})}
    for at, place in (
        (("workflow",), params),
        (("workflow", "defaults"), workflow.get("defaults", {})),
    ):
        for path, text in templated(place):
            for fault in templating.faults(text, known, item=item):
                yield document.problem("template", fault, (*at, *path))
    for circle in _circles(_named_parameters(workflow.get("params", {}))):
        yield document.problem("template", _around(circle), ("workflow", "params"), key=circle[0])
    rest = {
        key: value
        for key, value in workflow.items()
        if key not in ("dependencies", "defaults")
        and not (key == "for_each" and isinstance(value, str))
    }
    rest["for_each"] = {
        name: items for name, items in rest.get("for_each", {}).items() if isinstance(items, list)
    }
    yield from _not_filled_in(document, rest, ("workflow",), ("params",))
    defaults = workflow.get("defaults", {})
    yield from _not_filled_in(document, defaults, ("workflow", "defaults"), ("env",))


def no_job(name: str, jobs: Mapping[str, Any]) -> str:
    """Return what to say about a name that no job has."""
    near = difflib.get_close_matches(name, jobs, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"there are: {', '.join(jobs) or 'none'}"
    return f'there is no job "{name}" in this workflow; {hint}'


def _circles(dependencies: Mapping[str, list[str]]) -> Iterator[list[str]]:
    """Yield each circle once: names, and the first one again."""
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


def outputs(part: Part | None, jobs: Mapping[str, Part | None]) -> Iterator[Problem]:
    """Yield outputs that are used, but are not there by then.

    ``part`` is the workflow of the ``jobs``, None if there is no file of it.
    """
    workflow = part.content if part else {}
    left_out = part.left_out if part else frozenset()
    dependencies = workflow.get("dependencies", {})
    named = {*dependencies, *workflow.get("for_each", {})}.union(*dependencies.values())
    used: list[tuple[str, Document, Keys, str]] = [
        (name, job.document, ("job", *at), variable)
        for name, job in jobs.items()
        if job
        for at, text in templated(job.content)
        for variable in templating.names(text)
    ]
    for name, items in workflow.get("for_each", {}).items():
        for variable in templating.names(items) if part and isinstance(items, str) else ():
            assert part
            used.append((name, part.document, ("workflow", "for_each", name), variable))
    for name, where, at, variable in used:
        wanted = templating.output(variable)
        if not wanted or name not in jobs:
            continue
        job, result = wanted
        known = jobs.get(job)
        if job not in jobs:
            if job not in named:  # else it is said there
                yield where.problem("unknown-job", no_job(job, jobs), at)
        elif job == name:
            what = f'"{name}" uses an output of its own: remove it'
            yield where.problem("output", what, at)
        elif (
            known
            and "outputs" not in known.left_out
            and result not in known.content.get("outputs", ())
        ):
            has = [str(each) for each in known.content.get("outputs", ())]
            near = difflib.get_close_matches(result, has, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"add to that job: outputs: [{result}]"
            what = f'the job "{job}" has no output "{result}"; {hint}'
            yield where.problem("output", what, at)
        elif "dependencies" not in left_out and job not in _before(name, dependencies):
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
    if isinstance(schedule, Mapping):
        yield from _some_time(document, schedule, at, "every")
    elif schedule is not None and schedule not in PRESETS and (fault := _cron_fault(schedule)):
        yield document.problem("schedule", fault, at)


def _cron_fault(text: str) -> str:
    """Return what is wrong with a schedule that is no known preset, "" when it is right."""
    named = text.strip().lower()
    preset = f"@{named.lstrip('@')}"
    if named in ("", "none", "never", "manual", "~"):
        return f'"{text}" is no schedule; write null: then it runs when it is triggered'
    if near := difflib.get_close_matches(preset, PRESETS, n=1, cutoff=0.8):
        return f'there is no preset "{text}"; did you mean "{near[0]}"?'
    if named.startswith("@"):
        return f'there is no preset "{text}"; known are: {", ".join(PRESETS)}'
    if re.fullmatch(r"([0-9]+(ms|[smhd]))+", named):
        return f"an interval is written schedule: {{every: {named}}}"
    if len(text.split()) != 5:
        return (
            f'"{text}" is no cron expression: minute, hour, day of the month, month and day of'
            ' the week, such as "0 3 * * *"'
        )
    try:
        croniter(text, datetime(2026, 1, 1)).get_next()
    except CroniterBadDateError:
        return f'"{text}" never comes: there is no such day'
    except (ValueError, KeyError, TypeError) as error:
        return f'"{text}" is no cron expression: {error}'
    return ""


def _runs(document: Document, workflow: Mapping[str, Any]) -> Iterator[Problem]:
    runs = workflow.get("concurrency", {}).get("runs", 1)
    if workflow.get("schedule") == "@continuous" and runs > 1:
        what = "with @continuous one run follows the other: write runs: 1"
        yield document.problem("schedule", what, ("workflow", "concurrency", "runs"))


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
        what = "end_date is before start_date: write a later day"
        yield document.problem("date", what, ("workflow", "end_date"))
    if workflow.get("catchup") and "start_date" not in workflow:
        what = "catchup needs a start_date, the first day to run for; add start_date: 2026-01-01"
        yield document.problem("date", what, ("workflow",), key="catchup")
    if (zone := workflow.get("time_zone")) is not None:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            near = difflib.get_close_matches(zone, available_timezones(), n=1)
            hint = f'did you mean "{near[0]}"?' if near else "such as Europe/Berlin"
            what = f'there is no time zone "{zone}"; write an IANA name; {hint}'
            yield document.problem("time-zone", what, ("workflow", "time_zone"))
