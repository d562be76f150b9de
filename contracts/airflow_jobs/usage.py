"""Whether template variables and outputs are there where they are used."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from airflow_jobs import templating
from airflow_jobs.document import Document, Keys
from airflow_jobs.graphs import before, circles
from airflow_jobs.problems import Problem
from airflow_jobs.structure import NOT_FILLED_IN, Part

# Where template variables are filled in.
TEMPLATED = ("command", "args", "env", "params")


def of_job(part: Part, parameters: Mapping[str, Any] | None, *, item: bool) -> Iterator[Problem]:
    """Yield wrong template variables of a job; its outputs are left to ``outputs``.

    ``parameters`` are those of its workflow, None if they are not known. It runs once for each of a
    list with ``item``.
    """
    document, job = part.document, part.content
    own = job.get("params", {})
    known = None if parameters is None or "params" in part.left_out else {**parameters, **own}
    for at, text in templated(job):
        for fault in templating.faults(text, known, item=item):
            yield document.problem("template", fault, ("job", *at))
    for circle in circles(_named_parameters(known or {})):
        if name := next((each for each in circle if each in own), None):
            yield document.problem("template", _around(circle), ("job", "params"), key=name)
    yield from _not_filled_in(document, job, ("job",), TEMPLATED)


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


def of_workflow(part: Part, jobs: Mapping[str, Part | None]) -> Iterator[Problem]:
    """Yield wrong template variables in what is for all jobs."""
    document, workflow = part.document, part.content
    at: Keys = ("workflow",)
    params = {"params": workflow.get("params", {})}
    defaults = workflow.get("defaults", {})
    known = _known_to_all(part, jobs)
    item = "for_each" in part.left_out or workflow.get("for_each", {}).keys() >= jobs.keys()
    for top, place in ((at, params), ((*at, "defaults"), defaults)):
        for path, text in templated(place):
            for fault in templating.faults(text, known, item=item):
                yield document.problem("template", fault, (*top, *path))
            if any(map(templating.output, templating.names(text))):
                what = "an output is for jobs that wait for it: write it there, not for all jobs"
                yield document.problem("template", what, (*top, *path))
    for circle in circles(_named_parameters(params["params"])):
        yield document.problem("template", _around(circle), (*at, "params"), key=circle[0])
    # The names of jobs, and the items that are an output, have rules of their own.
    lists = {
        name: each for name, each in workflow.get("for_each", {}).items() if isinstance(each, list)
    }
    rest = {**workflow, "for_each": lists, "dependencies": {}, "defaults": {}}
    yield from _not_filled_in(document, rest, at, ("params",))
    yield from _not_filled_in(document, defaults, (*at, "defaults"), ("env",))


def _known_to_all(part: Part, jobs: Mapping[str, Part | None]) -> set[str] | None:
    """Return the parameters that each job knows, None where something about them is wrong."""
    if "params" in part.left_out:
        return None
    own: list[set[str]] = []
    for job in jobs.values():
        if not job or "params" in job.left_out:
            return None
        own.append(set(job.content.get("params", {})))
    common = set.intersection(*own) if own else set()
    return common | set(part.content.get("params", {}))


def outputs(part: Part | None, jobs: Mapping[str, Part | None]) -> Iterator[Problem]:
    """Yield outputs that are used, but are not there by then.

    ``part`` is the workflow of the ``jobs``, None if there is no file of it.
    """
    for name, document, at, variable in _used(part, jobs):
        if (wanted := templating.output(variable)) and name in jobs:
            rule, fault = _fault_of_output(part, jobs, name, *wanted)
            if fault:
                yield document.problem(rule, fault, at)


def lists(part: Part, jobs: Mapping[str, Part | None]) -> Iterator[Problem]:
    """Yield outputs that no job can run for each of."""
    document, for_each = part.document, part.content.get("for_each", {})
    passed_on: dict[str, str] = {}
    for name, items in for_each.items():
        variables = templating.names(items) if isinstance(items, str) else ()
        for job, output in filter(None, map(templating.output, variables)):
            known = jobs.get(job)
            if job == name or not known or output not in known.content.get("outputs", ()):
                continue  # which ``outputs`` tells
            if job in for_each:
                what = (
                    f'"{job}" runs for each of a list, so it has many outputs: let "{name}" run for'
                    " each of an output of a job that runs once"
                )
                yield document.problem("output", what, ("workflow", "for_each", name))
            elif passed_on.setdefault(job, output) != output:
                what = (
                    f'another job runs for each of "{passed_on[job]}", and of a job that can be'
                    f' said of one output only: let "{job}" write one list for both'
                )
                yield document.problem("output", what, ("workflow", "for_each", name))


def _used(
    part: Part | None, jobs: Mapping[str, Part | None]
) -> Iterator[tuple[str, Document, Keys, str]]:
    """Yield the jobs that use a template variable, where they do, and its name."""
    for name, job in jobs.items():
        if job:
            for at, text in templated(job.content):
                for variable in templating.names(text):
                    yield name, job.document, ("job", *at), variable
    if part:
        for name, items in part.content.get("for_each", {}).items():
            for variable in templating.names(items) if isinstance(items, str) else ():
                yield name, part.document, ("workflow", "for_each", name), variable


def _fault_of_output(
    part: Part | None, jobs: Mapping[str, Part | None], name: str, other: str, output: str
) -> tuple[str, str]:
    """Return the rule and what is wrong when the job ``name`` uses an output of another one."""
    workflow = part.content if part else {}
    dependencies = workflow.get("dependencies", {})
    if other not in jobs:
        named = {*dependencies, *workflow.get("for_each", {})}.union(*dependencies.values())
        return "unknown-job", "" if other in named else no_job(other, jobs)  # or it is said there
    if other == name:
        return "output", f'"{name}" uses an output of its own: remove it'
    job = jobs[other]
    has: list[str] = list(job.content.get("outputs", ())) if job else []
    if job and "outputs" not in job.left_out and output not in has:
        near = difflib.get_close_matches(output, has, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"add to that job: outputs: [{output}]"
        return "output", f'the job "{other}" has no output "{output}"; {hint}'
    waits_for = before(name, dependencies)
    is_wrong = bool(part and "dependencies" in part.left_out)
    if is_wrong or not waits_for | dependencies.keys() <= jobs.keys():
        return "output", ""  # what was meant is not known
    if other not in waits_for:
        return "output", (
            f'"{name}" uses an output of "{other}", but does not wait for it; add to workflow.yaml'
            f" below dependencies: {name}: [{other}]"
        )
    return "output", ""


def no_job(name: str, jobs: Mapping[str, Any]) -> str:
    """Return what to say about a name that no job has."""
    near = difflib.get_close_matches(name, jobs, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"there are: {', '.join(jobs) or 'none'}"
    return f'there is no job "{name}" in this workflow; {hint}'
