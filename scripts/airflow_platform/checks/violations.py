"""What a check of a render is: a function that reports violations and is known by its name.

A check that needs a program raises NotCheckedError where that program cannot be had.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

from airflow_platform.manifests import NO_TEMPLATE, Container, Manifest, Pod, Render
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.tools import tool

Fault = tuple[object, str]  # what is wrong, and why

# All but the extra objects of the values, and the Jobs, which are the official chart's but for
# their names.
_OUR_TEMPLATES = re.compile(
    r"(airflow-platform|(airflow-platform/charts/)?observability)/templates/"
    r"(?!extra-objects\.yaml|jobs/)"
)

TASK_LOGS_SIDECAR = "vector"
# Others in pods of ours are the user's.
_OUR_CONTAINERS = frozenset({"check-config", "statsd-exporter", "vector-image"})
LONG_LIVED_KINDS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong: the rule it breaks, the object it is in, and what to change."""

    rule: str
    subject: str
    message: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.message} [{self.rule}]"


class NotCheckedError(PlatformError):
    """A check could not be made, for a reason that is no fault of the manifests.

    ``everywhere``: it could be had wherever the package registries are, so CI must have it.
    """

    def __init__(self, reason: str, *, everywhere: bool = True) -> None:
        super().__init__(reason)
        self.everywhere = everywhere


def needed(name: str) -> Path:
    """Return the pinned tool ``name``; NotCheckedError when it cannot be had."""
    try:
        return tool(name)
    except PlatformError as error:
        raise NotCheckedError(str(error)) from None


class Checks(dict[str, Callable[[Render], list[Violation]]]):
    """Checks by name, so that the command and the tests can run over all of them."""

    def add(self, rule: Callable[[Render], Iterable[Fault]]) -> Callable[[Render], list[Violation]]:
        """Register ``rule``, which yields (what is wrong, why), under its function's name."""

        @wraps(rule)
        def check(render: Render) -> list[Violation]:
            violations = (
                Violation(rule.__name__, str(subject), message) for subject, message in rule(render)
            )
            return list(dict.fromkeys(violations))  # each once

        self[rule.__name__] = check
        return check


CHECKS = Checks()


def is_ours(subject: Manifest | Pod | Container) -> bool:
    """Say whether this repository's templates made it, and not a chart we depend on.

    The task logs sidecar is ours in any pod; the rest of an embedded pod template is Airflow's, and
    the extra objects and containers in the values are the user's.
    """
    if isinstance(subject, Container):
        ours = subject.name in _OUR_CONTAINERS and is_ours(subject.pod)
        return ours or subject.name == TASK_LOGS_SIDECAR
    if isinstance(subject, Pod):
        return not subject.key and is_ours(subject.owner)
    if subject.template == NO_TEMPLATE:  # not as Helm prints it: only the labels can tell
        return subject.labels.get("app.kubernetes.io/part-of") == "airflow-platform"
    return bool(_OUR_TEMPLATES.match(subject.template))


def is_of_our_release(manifest: Manifest) -> bool:
    """Say whether the wrapper rendered it, the official chart's objects included, or it is ours."""
    return is_ours(manifest) or manifest.template.startswith("airflow-platform/")


def containers(render: Render) -> list[Container]:
    """Return every container of every pod, whatever its role."""
    return [container for pod in render.pods() for container in pod.containers().values()]


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Say whether a LabelSelector (matchLabels, matchExpressions) selects ``labels``.

    As in Kubernetes, an empty selector selects everything.
    """
    equal = (selector.get("matchLabels") or {}).items() <= labels.items()
    return equal and all(
        _satisfies(expression, labels) for expression in selector.get("matchExpressions") or ()
    )


def _satisfies(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    present = expression["key"] in labels
    among = present and labels[expression["key"]] in (expression.get("values") or ())
    by_operator = {
        "In": among,
        "NotIn": not among,
        "Exists": present,
        "DoesNotExist": not present,
    }
    return by_operator[expression["operator"]]
