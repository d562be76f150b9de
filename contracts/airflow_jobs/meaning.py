"""What a schema cannot see: whether the parts of a specification fit together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_jobs import images, plain_secrets, templating, timing, usage
from airflow_jobs.amounts import duration, quantity
from airflow_jobs.document import Document, Keys
from airflow_jobs.graphs import circles
from airflow_jobs.problems import Problem
from airflow_jobs.structure import Part

# Labels that the Pod of each job has.
_OWN_LABELS = ("app.kubernetes.io/component", "app.kubernetes.io/managed-by")
_OWN_LABEL_PREFIX = "workflow-orchestration/"

_LEAST_MEMORY = quantity("1Mi")
_MANY_PROCESSORS = 200


def of_job(part: Part, parameters: Mapping[str, Any] | None, *, item: bool) -> Iterator[Problem]:
    """Yield what is wrong in a job.

    ``parameters`` are those of its workflow, None if they are not known. It runs once for each of a
    list with ``item``.
    """
    document, job = part.document, part.content
    if fault := images.fault(job.get("image", "")):
        yield document.problem("image", fault, ("job", "image"))
    yield from _resources(document, job.get("resources", {}), ("job", "resources"))
    yield from _secrets(document, job, ("job",))
    yield from _rewritten(document, job.get("params", {}), ("job", "params"))
    if "retry" not in part.left_out:
        yield from _retry(document, job.get("retry", {}), ("job", "retry"))
    yield from timing.possible(document, job, ("job",), "timeout")
    yield from _tolerations(document, job.get("placement", {}), ("job", "placement"))
    yield from _labels(document, job.get("labels", {}), ("job", "labels"))
    yield from _volumes(document, job.get("volumes", []))
    if job.get("outputs"):
        yield from _output_file(document, job, ("job",))
    yield from usage.of_job(part, parameters, item=item)


def _output_file(document: Document, part: Mapping[str, Any], at: Keys) -> Iterator[Problem]:
    if "OUTPUT_FILE" in part.get("env", {}):
        what = "OUTPUT_FILE names the file of the outputs: remove it, or give it another name"
        yield document.problem("output", what, (*at, "env"), key="OUTPUT_FILE")


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
    values = {name: each for name, each in part.get("env", {}).items() if isinstance(each, str)}
    for key, given in (("env", values), ("params", part.get("params", {}))):
        for path, _ in _scalars(given):
            name = next(step for step in reversed(path) if isinstance(step, str))
            if plain_secrets.named(name, document.text((*at, key, *path))):
                place = "env: " if key == "params" else ""
                what = (
                    f"{name} looks like a secret, which everybody could read here. Refer to it:"
                    f" {place}{name}: {{secret: {{name: NAME-OF-A-SECRET, key: KEY}}}}"
                )
                is_item = isinstance(path[-1], int)
                where = (*at, key, *(path if is_item else path[:-1]))
                yield document.problem("plain-secret", what, where, key="" if is_item else name)
    for key in ("command", "args"):
        for index in plain_secrets.in_words([str(word) for word in part.get(key, ())]):
            what = (
                "this looks like a secret, which everybody could read here. Write $(NAME) in its"
                " place, and env: NAME: {secret: {name: NAME-OF-A-SECRET, key: KEY}}"
            )
            yield document.problem("plain-secret", what, (*at, key, index))


def _secret_items(document: Document, workflow: Mapping[str, Any]) -> Iterator[Problem]:
    for name, items in workflow.get("for_each", {}).items():
        for index, item in enumerate(items if isinstance(items, list) else ()):
            if plain_secrets.within(item):
                what = (
                    "this looks like a secret, which everybody could read here. Refer to it in the"
                    " job: env: NAME: {secret: {name: NAME-OF-A-SECRET, key: KEY}}"
                )
                yield document.problem("plain-secret", what, ("workflow", "for_each", name, index))


def _rewritten(document: Document, params: Mapping[str, Any], at: Keys) -> Iterator[Problem]:
    """Yield numbers that jobs get in another way than they are written, such as 1.10 as 1.1."""
    for path, value in _scalars(params):
        text = document.text((*at, *path))
        if isinstance(value, float) and str(value) != text:
            what = f'jobs get this as {value}; put it in quotes if it is a text: "{text}"'
            yield document.problem("number", what, (*at, *path), level="warning")


def _scalars(value: Any, at: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Yield the texts, numbers and switches of a value, and where they are."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _scalars(each, (*at, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _scalars(each, (*at, index))
    elif value is not None:
        yield at, value


def _retry(document: Document, given: Mapping[str, Any], at: Keys) -> Iterator[Problem]:
    """Yield settings of retries that have no effect, and times that cannot be."""
    first = next(iter(given), "")
    impossible = [
        problem
        for key in ("delay", "max_delay")
        for problem in timing.possible(document, given, at, key, least="0s")
    ]
    if impossible:
        yield from impossible
    elif given and "max_attempts" not in given:
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


def _tolerations(document: Document, placement: Mapping[str, Any], at: Keys) -> Iterator[Problem]:
    """Yield tolerations that Kubernetes refuses."""
    for index, given in enumerate(placement.get("tolerations", ())):
        is_of_all = given.get("operator") == "Exists"
        what = ""
        if is_of_all and given.get("value"):
            what = "Exists is for any value: remove the value, or write operator: Equal"
        elif not is_of_all and "key" not in given:
            what = "which taint? Add its key, or write operator: Exists for all taints"
        if what:
            yield document.problem("toleration", what, (*at, "tolerations", index))


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
    yield from timing.of_workflow(document, workflow)
    defaults = workflow.get("defaults", {})
    at = ("workflow", "defaults")
    yield from _resources(document, defaults.get("resources", {}), (*at, "resources"))
    yield from _secrets(document, defaults, at)
    yield from _secrets(document, workflow, ("workflow",))
    yield from _secret_items(document, workflow)
    yield from _rewritten(document, workflow.get("params", {}), ("workflow", "params"))
    if "defaults" not in part.left_out:
        yield from _retry(document, defaults.get("retry", {}), (*at, "retry"))
    yield from timing.possible(document, defaults, at, "timeout")
    yield from _tolerations(document, defaults.get("placement", {}), (*at, "placement"))
    yield from _labels(document, defaults.get("labels", {}), (*at, "labels"))
    if any(job and job.content.get("outputs") for job in jobs.values()):
        yield from _output_file(document, defaults, at)
    yield from _dependencies(document, workflow, jobs)
    yield from usage.of_workflow(part, jobs)
    yield from usage.lists(part, jobs)


def _dependencies(
    document: Document, workflow: Mapping[str, Any], jobs: Mapping[str, Part | None]
) -> Iterator[Problem]:
    dependencies = workflow.get("dependencies", {})
    for key in ("dependencies", "for_each"):
        for name in workflow.get(key, {}):
            if name not in jobs:
                yield document.problem(
                    "unknown-job", usage.no_job(name, jobs), ("workflow", key), key=name
                )
    for name, before in dependencies.items():
        for index, other in enumerate(before):
            if other not in jobs:
                where = ("workflow", "dependencies", name, index)
                yield document.problem("unknown-job", usage.no_job(other, jobs), where)
    for circle in circles(dependencies):
        what = f"these jobs wait for each other: {' -> '.join(reversed(circle))}"
        if len(circle) == 2:
            what = f'"{circle[0]}" waits for itself'
        what += "; remove one of the dependencies"
        yield document.problem("cycle", what, ("workflow", "dependencies"), key=circle[0])


def fan_out(part: Part, jobs: Mapping[str, Part | None]) -> Iterator[Problem]:
    """Yield jobs of a workflow without errors that would do the same for each item."""
    document, workflow = part.document, part.content
    everywhere = [workflow, workflow.get("defaults", {})]
    for name in workflow.get("for_each", {}):
        job = jobs.get(name)
        places = [*everywhere, job.content] if job else []
        texts = [text for place in places for _, text in usage.templated(place)]
        if job and not any("item" in templating.names(text) for text in texts):
            what = (
                f'"{name}" does the same for each item; write "{{{{ item }}}}" into its args or env'
            )
            at = ("workflow", "for_each")
            yield document.problem("for-each", what, at, key=name, level="warning")
