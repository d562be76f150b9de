"""Writes verdicts for people and for programs."""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from airflow_platform.support.table import table
from airflow_platform.verify_logs.verify import Verdict

_SHOWN_LOGS = 5
_SHOWN_LINES = 3
_SHOWN_CHARACTERS = 160
_RUNBOOK = "docs/runbooks/task-logs.md"


def as_json(verdicts: Sequence[Verdict]) -> str:
    """Return all verdicts, with all missing and extra lines, as JSON."""
    passed = all(verdict.result == "PASS" for verdict in verdicts)
    return json.dumps({"passed": passed, "logs": list(map(_log, verdicts))}, indent=2)


def _log(verdict: Verdict) -> dict[str, Any]:
    attempt, comparison = verdict.attempt, verdict.comparison
    return {
        "dag_id": attempt.run.dag_id,
        "run_id": attempt.run.run_id,
        "task_id": attempt.task_id,
        "map_index": attempt.map_index,
        "try_number": attempt.try_number,
        "result": verdict.result,
        "found": verdict.found,
        "expected": comparison and comparison.expected,
        "missing": comparison and comparison.missing,
        "extra": comparison and comparison.extra,
    }


def as_text(verdicts: Sequence[Verdict]) -> str:
    """Return a table for each run, the first missing and extra lines, and the result."""
    parts = []
    for run, of_run in groupby(verdicts, lambda verdict: verdict.attempt.run):
        parts += [f"{run.dag_id} {run.run_id}", table(_HEADINGS, map(_row, of_run)), ""]
    failed = [verdict for verdict in verdicts if verdict.result == "FAIL"]
    for verdict in failed[:_SHOWN_LOGS]:
        parts += [*_differences(verdict), ""]
    if len(failed) > _SHOWN_LOGS:
        parts += [f"... and {len(failed) - _SHOWN_LOGS} more logs: --output json has all", ""]
    parts.append(_result(verdicts))
    return "\n".join(parts)


_HEADINGS = ("TASK", "TRY", "EXPECTED", "FOUND", "MISSING", "EXTRA", "RESULT")


def _row(verdict: Verdict) -> tuple[object, ...]:
    attempt, comparison = verdict.attempt, verdict.comparison
    counts: tuple[object, ...] = ("?", verdict.found, "?", "?")
    if comparison:
        missing, extra = len(comparison.missing), len(comparison.extra)
        counts = (comparison.expected, comparison.found, missing, extra)
    return (attempt.task, attempt.try_number, *counts, verdict.result)


def _differences(verdict: Verdict) -> Iterator[str]:
    if verdict.comparison is None:
        return
    sides = {"missing": verdict.comparison.missing, "extra": verdict.comparison.extra}
    for side, lines in sides.items():
        if lines:
            yield f"{verdict.attempt.task} try {verdict.attempt.try_number}, {side}:"
        yield from (f"  {_short(line)}" for line in lines[:_SHOWN_LINES])
        if len(lines) > _SHOWN_LINES:
            yield f"  ... and {len(lines) - _SHOWN_LINES} more"


def _short(line: str) -> str:
    cut = line[:_SHOWN_CHARACTERS]
    shown = cut if cut.isprintable() else json.dumps(cut)[1:-1]
    return shown if cut == line else f"{shown} ..."


def _result(verdicts: Sequence[Verdict]) -> str:
    passed = sum(verdict.result == "PASS" for verdict in verdicts)
    if passed == len(verdicts):
        return f"PASS: {passed} logs are complete in Loki."
    said = [f"FAIL: {passed} of {len(verdicts)} logs are known to be complete in Loki."]
    if any(verdict.result == "UNKNOWN" for verdict in verdicts):
        said.append(
            "Airflow has no log of those that are UNKNOWN: their pods are gone, and remote logging"
            " is off. Compare with a list of what the tasks print: --expected FILE."
        )
    if not any(verdict.found for verdict in verdicts):
        said.append("Loki has no line at all: look at --tenant, --selector and --since.")
    return "\n".join([*said, f"What to do: {_RUNBOOK}"])
