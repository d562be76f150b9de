"""What a check of a render is: a function that reports violations and is known by its name."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from airflow_platform.manifests import Container, Manifest, Pod, Render

P = ParamSpec("P")
Finding = tuple[object, str]

_OUR_TEMPLATES = re.compile(
    r"(airflow-platform|(airflow-platform/charts/)?observability)/templates/"
)

TASK_LOGS_SIDECAR = "vector"


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong: the rule it breaks, the object it is in, and what to change."""

    rule: str
    subject: str
    message: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.message} [{self.rule}]"


class Checks(dict[str, Callable[..., list[Violation]]]):
    """Checks by name, so that tests can run over all of them."""

    def add(
        self, rule: Callable[Concatenate[Render, P], Iterable[Finding]]
    ) -> Callable[Concatenate[Render, P], list[Violation]]:
        """Register ``rule``, which yields (what is wrong, why), under its function's name."""

        @wraps(rule)
        def check(render: Render, /, *args: P.args, **kwargs: P.kwargs) -> list[Violation]:
            findings = rule(render, *args, **kwargs)
            violations = (
                Violation(rule.__name__, f"{subject} in {render}", message)
                for subject, message in findings
            )
            return list(dict.fromkeys(violations))  # each once

        self[rule.__name__] = check
        return check


def is_ours(subject: Manifest | Pod | Container) -> bool:
    """Say whether this repository's templates made it, and not a chart we depend on.

    The task logs sidecar is ours in any pod; the rest of an embedded pod template is Airflow's.
    """
    if isinstance(subject, Container):
        return subject.name == TASK_LOGS_SIDECAR or is_ours(subject.pod)
    if isinstance(subject, Pod):
        return not subject.key and is_ours(subject.owner)
    return bool(_OUR_TEMPLATES.match(subject.template))


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
