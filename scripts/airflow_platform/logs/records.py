"""What one line of a task log says: a line of JSON of Airflow 3, or a text of Airflow 2."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_platform.logs.tracebacks import traceback_text
from airflow_platform.loki.client import Entry
from airflow_platform.verify_logs.attempts import Attempt, attempt_of

# Keys that Airflow 3 writes itself. What else it writes, such as ids, is among the fields of a
# line in Loki as well.
_AIRFLOW_KEYS = frozenset(
    ("timestamp", "level", "event", "logger", "filename", "lineno", "ti_id", "error_detail")
)
# [2026-11-21T08:11:08.057+0000] {probe.py:19} INFO - hello
_AIRFLOW_2 = re.compile(
    r"\[(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,]\d{3}[+-]\d\d:?\d\d)\] "
    r"\{[^}\n]+:\d+\} (?P<level>[A-Za-z][\w ]*) - "
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Record:
    """What a line says; ``level`` is "" if it has none, ``keys`` are those of the task's author."""

    attempt: Attempt
    time: datetime
    level: str
    text: str
    keys: Mapping[str, Any] = field(default_factory=dict)
    traceback: str | None = None

    @property
    def is_group_marker(self) -> bool:
        """Whether this begins or ends a section, which Airflow's log view can fold."""
        return self.text.startswith(("::group::", "::endgroup::"))


def record(entry: Entry) -> Record:
    """Return what the line of ``entry`` says. A line of an unknown form is a text as it is."""
    fields = dict(entry.fields)
    attempt = attempt_of(fields)
    # Where Loki does not take a line's own time, the line has it as the field `time`.
    time = _time(fields.get("time"), _EPOCH + timedelta(microseconds=entry.time // 1000))
    level = fields.get("level", "")
    if event := _event(entry.line):
        traceback = traceback_text(event.get("error_detail"))
        keys = {
            key: value
            for key, value in event.items()
            if key not in _AIRFLOW_KEYS and not _known(value, fields.get(key))
        }
        if traceback is None and event.get("error_detail"):  # a key of the author
            keys["error_detail"] = event["error_detail"]
        logged = _time(event.get("timestamp"), time)
        level = level or str(event.get("level") or "")
        return Record(attempt, logged, level, event["event"], keys, traceback)
    if header := _AIRFLOW_2.match(entry.line):
        logged, level = _time(header["time"], time), level or header["level"].lower()
        return Record(attempt, logged, level, entry.line[header.end() :])
    return Record(attempt, time, level, entry.line)


def _event(line: str) -> dict[str, Any] | None:
    """Return the JSON object of a line of Airflow 3."""
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("event"), str) else None


def _known(value: object, field: str | None) -> bool:
    """Say whether the line's field of the same name says the same, as run_id does."""
    return field is not None and str(value) == field


def _time(written: object, otherwise: datetime) -> datetime:
    try:
        time = datetime.fromisoformat(str(written).replace(",", "."))
        return time.astimezone(UTC) if time.tzinfo else otherwise
    except (ValueError, OverflowError):
        return otherwise
