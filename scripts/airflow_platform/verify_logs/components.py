"""Says which components of a release have lines in Loki."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from airflow_platform.component_logs.fields import JOB
from airflow_platform.component_logs.release import PrintingContainer
from airflow_platform.loki.client import Loki, quoted
from airflow_platform.support.table import table

_DOCUMENT = "docs/component-logs.md"


@dataclass(frozen=True)
class Verdict:
    """Whether Loki has lines of a container: PASS, FAIL, or QUIET where it needs none."""

    container: PrintingContainer
    has_lines: bool

    @property
    def result(self) -> str:
        """PASS, FAIL or QUIET."""
        if self.has_lines:
            return "PASS"
        return "QUIET" if self.container.quiet else "FAIL"


def verify(
    containers: Sequence[PrintingContainer],
    loki: Loki,
    selector: str | None,
    namespace: str,
    start: datetime,
    end: datetime,
) -> list[Verdict]:
    """Look for a line of each container from ``start`` to before ``end``.

    ``selector`` replaces that of streams by job and namespace. PlatformError when Loki cannot be
    reached, or refuses.
    """
    streams = selector or f"{{job={quoted(JOB)},namespace={quoted(namespace)}}}"

    def has_lines(each: PrintingContainer) -> bool:
        query = f"{streams} | component={quoted(each.component)} | container={quoted(each.name)}"
        if each.release:
            query += f" | release={quoted(each.release)}"
        return next(loki.entries(query, start, end), None) is not None

    return [Verdict(each, has_lines(each)) for each in containers]


def as_json(verdicts: Sequence[Verdict]) -> str:
    """Return all verdicts as JSON."""
    containers = [
        {**asdict(each.container), "has_lines": each.has_lines, "result": each.result}
        for each in verdicts
    ]
    return json.dumps({"passed": _passed(verdicts), "containers": containers}, indent=2)


def as_text(verdicts: Sequence[Verdict]) -> str:
    """Return a table, and the result."""
    rows = (
        (
            each.container.component,
            each.container.name,
            each.result,
            "" if each.has_lines else each.container.quiet,
        )
        for each in verdicts
    )
    parts = [table(("COMPONENT", "CONTAINER", "RESULT", "IT PRINTS"), rows), ""]
    with_lines = {each.container.component for each in verdicts if each.has_lines}
    silent = sorted({each.container.component for each in verdicts if each.result == "FAIL"})
    if not silent:
        parts.append(f"PASS: Loki has lines of {', '.join(sorted(with_lines)) or 'none'}.")
    elif with_lines:
        parts.append(
            f"FAIL: Loki has no lines of {', '.join(silent)}, but of others. Where the level of its"
            f" log is above INFO, a component may have nothing to say. {_DOCUMENT} says more."
        )
    else:
        parts.append(
            "FAIL: Loki has no line of any component. Is an agent installed that reads them, and do"
            f" its labels agree? {_DOCUMENT} says how."
        )
    return "\n".join(parts)


def _passed(verdicts: Sequence[Verdict]) -> bool:
    return all(each.result != "FAIL" for each in verdicts)
