"""Reads the lines of tasks from Loki: which ones, whole again if they were split, as they come."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from airflow_platform.logs.levels import LEVELS
from airflow_platform.loki.client import Entry, Loki, quoted

_CLOCK_DIFFERENCE = timedelta(minutes=10)
_STREAMS = '{job="airflow-task-logs"}'  # where dag_id is no label
_POLL_SECONDS = 2.0
# What tells lines of tasks apart.
_LINE_IDS = ("dag_id", "run_id", "task_id", "map_index", "try_number", "pod", "offset")
_LABELS_WITHIN = timedelta(days=30)  # Loki limits that time, too
# A line reaches Loki within 13 s, so lines with a time before the last ones may still come.
_LATE = timedelta(seconds=60)


@dataclass(frozen=True)
class Wanted:
    """The lines to read: of a DAG, and of one run, task, map index, try, if these are given.

    ``level`` is the lowest one; lines without a level are left out then. ``selector`` replaces the
    selector of streams by dag_id.
    """

    dag_id: str
    run_id: str | None = None
    task_id: str | None = None
    map_index: int | None = None
    try_number: int | None = None
    level: str | None = None
    selector: str | None = None


def entries(loki: Loki, wanted: Wanted, since: datetime) -> Iterator[Entry]:
    """Yield what Loki has, in the order of time; parts of a long line are one line."""
    until = datetime.now(UTC) + _CLOCK_DIFFERENCE
    query = _query(loki, wanted, since, until)
    return whole_lines(loki.entries(query, since, until))


def follow(loki: Loki, wanted: Wanted, since: datetime) -> Iterator[Entry]:
    """Yield what Loki has, and then without end what it gets.

    Lines that reach Loki more than a minute after their time are left out.
    """
    return whole_lines(_polled(loki, wanted, since))


def _polled(loki: Loki, wanted: Wanted, since: datetime) -> Iterator[Entry]:
    query = _query(loki, wanted, since, datetime.now(UTC))
    seen: set[Entry] = set()
    while True:
        now = datetime.now(UTC)
        late = int((now - _LATE).timestamp()) * 10**9
        for entry in loki.entries(query, since, now + _CLOCK_DIFFERENCE):
            if entry in seen:
                continue
            if entry.time >= late:
                seen.add(entry)
            yield entry
        since = max(since, now - _LATE)
        seen = {entry for entry in seen if entry.time >= late}
        time.sleep(_POLL_SECONDS)


def whole_lines(found: Iterable[Entry]) -> Iterator[Entry]:
    """Join the parts of long lines, which carry `part` and `parts`; nothing else changes.

    A line of which parts are missing is yielded as it is after a minute of later lines, or at the
    end.
    """
    waiting: dict[tuple[str | None, ...], dict[int, Entry]] = {}
    for entry in found:
        fields = dict(entry.fields)
        part, parts = fields.get("part", ""), fields.get("parts", "")
        if part.isdecimal() and parts.isdecimal():
            line = tuple(map(fields.get, _LINE_IDS))
            there = waiting.setdefault(line, {})
            there[int(part)] = entry
            if len(there) == int(parts):
                yield _joined(waiting.pop(line))
        else:
            yield entry
        too_late = entry.time - _LATE // timedelta(microseconds=1) * 1000
        for line in [line for line, there in waiting.items() if _first(there).time < too_late]:
            yield _joined(waiting.pop(line))
    yield from map(_joined, waiting.values())


def _first(parts: dict[int, Entry]) -> Entry:
    return parts[min(parts)]


def _joined(parts: dict[int, Entry]) -> Entry:
    line = "".join(parts[number].line for number in sorted(parts))
    return replace(_first(parts), line=line)


def _query(loki: Loki, wanted: Wanted, since: datetime, until: datetime) -> str:
    dag = f"dag_id={quoted(wanted.dag_id)}"
    selector = wanted.selector
    if not selector:
        is_label = "dag_id" in loki.labels(max(since, until - _LABELS_WITHIN), until)
        selector = f"{{{dag}}}" if is_label else _STREAMS
    stages = [selector, dag]
    for name in ("run_id", "task_id", "map_index", "try_number"):
        if (value := getattr(wanted, name)) is not None:
            stages.append(f"{name}={quoted(str(value))}")
    if wanted.level:
        levels = LEVELS[LEVELS.index(wanted.level) :]
        stages.append(f"level=~{quoted('|'.join(levels))}")
    return " | ".join(stages)
