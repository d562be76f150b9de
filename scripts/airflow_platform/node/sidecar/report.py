"""One row for each trial, as text and as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from airflow_platform.support.table import table

_HEADINGS = (
    *("TRIAL", "ENVIRONMENT", "AIRFLOW", "WRITTEN", "IN LOKI", "ADDED", "TASK", "SIDECAR"),
    *("EXPECTED", "VERDICT"),
)
_SHOWN_FAULTS = 5  # of a row


@dataclass(frozen=True)
class Row:
    """What came of a trial of a release.

    ``written`` and ``in_loki`` are numbers of lines, of all pods. ``added_ms`` is the longest time,
    in milliseconds, from the end of a task's container to the end of its pod. Exit codes and
    termination messages are those of all pods, each once. ``faults`` is what is not as expected.
    """

    trial: str
    environment: str
    airflow: str
    pods: int
    written: int
    in_loki: int
    added_ms: int | None
    task_codes: Sequence[int | None]
    sidecar_codes: Sequence[int | None]
    messages: Sequence[str]
    expected: str
    faults: Sequence[str]

    @property
    def verdict(self) -> Literal["PASS", "FAIL"]:
        """Whether all is as expected."""
        return "FAIL" if self.faults else "PASS"


def as_text(rows: Iterable[Row]) -> str:
    """Return a table, and below it the faults of each row and, for each trial, what sidecars say.

    Of the sidecars of a trial it is what one of them says.
    """
    listed = list(rows)
    lines = [table(_HEADINGS, map(_cells, listed))]
    for row in listed:
        of = f"{row.trial}, {row.environment}, Airflow {row.airflow}"
        lines += [f"FAIL  {of}: {fault}" for fault in row.faults[:_SHOWN_FAULTS]]
        if (more := len(row.faults) - _SHOWN_FAULTS) > 0:
            lines.append(f"FAIL  {of}: and {more} more")
    said = {row.trial: message for row in listed for message in row.messages if message.strip()}
    lines += [f"{trial}: {message.strip().splitlines()[0]}" for trial, message in said.items()]
    return "\n".join(lines)


def as_records(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return all rows, with their verdicts, for JSON."""
    return [{**asdict(row), "verdict": row.verdict} for row in rows]


def _cells(row: Row) -> tuple[object, ...]:
    added = "?" if row.added_ms is None else f"{row.added_ms} ms"
    return (
        *(row.trial, row.environment, row.airflow, row.written, row.in_loki, added),
        *(_codes(row.task_codes), _codes(row.sidecar_codes), row.expected, row.verdict),
    )


def _codes(codes: Iterable[int | None]) -> str:
    return ", ".join("-" if code is None else str(code) for code in codes)
