"""Judges what came of a trial."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from airflow_platform.node.sidecar.trials import Expected
from airflow_platform.verify_logs.attempts import Attempt
from airflow_platform.verify_logs.comparison import compare

# From the end of the task to SIGTERM for the sidecar: kubelet looks at containers each second.
KUBELET_SECONDS = 5.0


@dataclass(frozen=True)
class End:
    """How a pod has ended.

    ``added_ms`` is the time from the end of the task's container to the end of the pod's last one.
    Exit codes are None for containers that have not ended; ``expected_code`` is what the task's
    container ends with by itself.
    """

    task_code: int | None
    expected_code: int
    sidecar_code: int | None
    message: str
    added_ms: int | None


@dataclass
class Seen:
    """What came of a trial: its pods, and the lines of each attempt, written and in Loki."""

    drain_seconds: float
    ends: list[End] = field(default_factory=list)
    written: dict[Attempt, list[str]] = field(default_factory=dict)
    found: dict[Attempt, list[str]] = field(default_factory=dict)


def faults(seen: Seen, expected: Expected) -> list[str]:
    """Return what is not as expected."""
    return [*_faults_of_ends(seen, expected), *_faults_of_lines(seen, expected)]


def _faults_of_ends(seen: Seen, expected: Expected) -> Iterator[str]:
    most = (seen.drain_seconds + KUBELET_SECONDS) * 1000
    for end in seen.ends:
        if end.task_code != end.expected_code:
            yield f"the task ended with {end.task_code}, not {end.expected_code}"
        if expected.clean and end.sidecar_code != 0:
            yield f"the sidecar ended with {end.sidecar_code}, not 0"
        if not expected.clean and not end.sidecar_code:
            yield f"the sidecar ended with {end.sidecar_code}, as if all were well"
        if not re.fullmatch(expected.message, end.message, re.DOTALL):
            said = end.message.strip().partition("\n")[0]
            yield f'the sidecar says "{said}"' if said else "the sidecar says nothing"
        if end.added_ms is None:
            yield "containerd does not tell when the containers ended"
        elif end.added_ms > most:
            yield f"the pod ended {end.added_ms} ms after the task, later than {most:.0f} ms"


def _faults_of_lines(seen: Seen, expected: Expected) -> Iterator[str]:
    for attempt in sorted({*seen.written, *seen.found}):
        comparison = compare(seen.written.get(attempt, ()), seen.found.get(attempt, ()))
        of = f"of {attempt.task}, attempt {attempt.try_number},"
        if expected.delivered and comparison.missing:
            count, first = len(comparison.missing), comparison.missing[0]
            yield f"{of} {count} of {comparison.expected} lines are missing, first: {first}"
        if comparison.extra:
            count, first = len(comparison.extra), comparison.extra[0]
            yield f"{of} Loki has {count} lines that were not written so, first: {first}"
