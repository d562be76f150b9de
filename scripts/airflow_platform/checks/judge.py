"""All checks, and the verdict of all of them on a render."""

from collections.abc import Mapping
from dataclasses import dataclass

from airflow_platform.checks import (
    access,
    conventions,
    dashboards,
    database,
    injection,
    jobs,
    kubeconform,
    leftovers,
    lifecycle,
    monitoring,
    names,
    network,
    premises,
    programs,
    references,
    remote_logging,
    secrets,
    security,
    statsd_exporter,
    task_logs,
    vector_config,
)
from airflow_platform.checks.violations import CHECKS, NotCheckedError, Violation
from airflow_platform.manifests import Render
from airflow_platform.support.errors import PlatformError

__all__ = ["CHECKS", "MALFORMED", "MODULES", "NotCheckedError", "Verdict", "Violation", "judge"]

# To import a module is to add its checks to CHECKS.
MODULES = (
    access,
    conventions,
    dashboards,
    database,
    injection,
    jobs,
    kubeconform,
    leftovers,
    lifecycle,
    monitoring,
    names,
    network,
    premises,
    programs,
    references,
    remote_logging,
    secrets,
    security,
    statsd_exporter,
    task_logs,
    vector_config,
)


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a render, and which checks could not be made, with the reason."""

    violations: tuple[Violation, ...]
    not_checked: Mapping[str, str]


# What reading raises where an object is not of the form that its schema demands.
MALFORMED = (AttributeError, LookupError, TypeError, ValueError)


def judge(render: Render) -> Verdict:
    """Make all checks. Manifests that a check cannot even read are a violation, too."""
    violations: dict[Violation, None] = {}
    unreadable: dict[Violation, None] = {}
    not_checked: dict[str, str] = {}
    for name, check in CHECKS.items():
        try:
            violations |= dict.fromkeys(check(render))
        except NotCheckedError as reason:
            not_checked[name] = str(reason)
        except PlatformError as error:
            subject, _, message = str(error).partition(": ")
            violations[Violation("manifests_can_be_read", subject, message)] = None
        except MALFORMED as error:
            message = f"an object is not of the form that its kind demands ({error!r})"
            unreadable[Violation("manifests_can_be_read", name, message)] = None
    if not any(violation.rule == "objects_fit_their_schema" for violation in violations):
        violations |= unreadable  # otherwise the schema has said more plainly what is wrong
    return Verdict(tuple(violations), not_checked)
