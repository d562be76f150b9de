"""The records of a log, and the forms in which logs can be compared.

What a log is compared with decides the form: a log file has the records as they were written,
Airflow's log view changes some of them, and a list of what a task prints has no more than that.
"""

import json
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache

from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON

# Brings the records of one log into the form in which they are compared.
Form = Callable[[list[str]], list[str]]


def records(lines: Iterable[str]) -> list[str]:
    """Join the lines of an Airflow 2 record, such as those of a traceback, as Vector does."""
    first, next_ = _patterns()
    found: list[list[str]] = []
    within = False
    for line in lines:
        if within and not next_.match(line):
            found[-1].append(line)
        else:
            found.append([line])
            within = bool(first.match(line))
    return ["\n".join(record) for record in found]


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what begins a record of several lines, and what ends it by beginning the next."""
    config = strict_yaml.load_file(ADDON / "files" / "task-logs" / "vector.yaml")
    multiline = config["sources"]["task_logs"]["multiline"]
    return re.compile(multiline["start_pattern"]), re.compile(multiline["condition_pattern"])


def as_written(written: list[str]) -> list[str]:
    """Return the records as they are in the log file."""
    return written


def as_printed(written: list[str]) -> list[str]:
    """Return what the task has printed or logged, without time, level and the like."""
    first, _ = _patterns()
    return [
        line["event"] if (line := json_line(record)) else first.sub("", record, count=1)
        for record in written
    ]


def as_airflow_2_shows(written: list[str]) -> list[str]:
    """Return lines as Airflow 2 shows them, one of each.

    It takes other characters (U+2028, form feed) for line ends too, leaves out empty lines, shows
    one of equal lines, and puts a line that begins with a date elsewhere, out of its record.
    """
    lines = "\n".join(written).splitlines()
    return list(dict.fromkeys(filter(None, lines)))


def as_airflow_3_shows(written: list[str]) -> list[str]:
    """Return time and event, which is what Airflow 3's API surely has of a line.

    It leaves out empty lines, and shows one of equal lines.
    """
    shown: list[str] = []
    for record in written:
        if line := json_line(record):
            shown.append(timed_event(line["timestamp"], line["event"]))
        else:
            shown.extend(filter(None, record.split("\n")))
    return list(dict.fromkeys(shown))


def timed_event(timestamp: str, event: str) -> str:
    """Return an event of Airflow 3 with its time (RFC 3339), however that is spelled."""
    return f"{datetime.fromisoformat(timestamp).isoformat(timespec='microseconds')} {event}"


def json_line(record: str) -> dict[str, str] | None:
    """Return the object of an Airflow 3 line; None for anything else."""
    if not record.startswith('{"timestamp":"'):
        return None
    try:
        line = json.loads(record)
        datetime.fromisoformat(line["timestamp"])
    except (ValueError, KeyError, TypeError):
        return None
    return line if isinstance(line.get("event"), str) else None
