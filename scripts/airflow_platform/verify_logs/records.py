"""The records of a log, and the forms in which logs can be compared.

The source of the expected lines decides the form: a log file has the records as they were written,
Airflow's log view changes some of them, and a list has only the text that a task prints.
"""

import json
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache

from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON

# Time, place and level before the text of a record of Airflow 2.
_HEADER = re.compile(r"\A[^\n]*? - ")
# Gives the records of one log the form in which they are compared.
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
    """Return the patterns of Vector for the first line of a record and of the next record."""
    config = strict_yaml.load_file(ADDON / "files" / "task-logs" / "vector.yaml")
    multiline = config["sources"]["task_logs"]["multiline"]
    return re.compile(multiline["start_pattern"]), re.compile(multiline["condition_pattern"])


def as_written(written: list[str]) -> list[str]:
    """Return the records as they are in the log file."""
    return written


def as_printed(written: list[str]) -> list[str]:
    """Return the text that the task has printed or logged, without time and level."""
    first, _ = _patterns()
    return [
        line["event"]
        if (line := json_line(record))
        else _HEADER.sub("", record, count=1)
        if first.match(record)
        else record
        for record in written
    ]


def as_airflow_2_shows(written: list[str]) -> list[str]:
    """Return the lines as the log view of Airflow 2 shows them.

    Airflow 2 also breaks lines at characters such as U+2028 and form feed, leaves out empty lines,
    shows equal lines once, and moves a line that begins with a date out of its record.
    """
    lines = "\n".join(written).splitlines()
    return list(dict.fromkeys(filter(None, lines)))


def as_airflow_3_shows(written: list[str]) -> list[str]:
    """Return time and event of each line, which the API of Airflow 3 has in any case.

    Airflow 3 leaves out empty lines, and shows equal lines once.
    """
    shown: list[str] = []
    for record in written:
        if line := json_line(record):
            shown.append(timed_event(line["timestamp"], line["event"]))
        else:
            shown.extend(filter(None, record.split("\n")))
    return list(dict.fromkeys(shown))


def timed_event(timestamp: str, event: str) -> str:
    """Return an event of Airflow 3 with its time, which may be in any form of RFC 3339."""
    return f"{datetime.fromisoformat(timestamp).isoformat(timespec='microseconds')} {event}"


def json_line(record: str) -> dict[str, str] | None:
    """Return the JSON object of a line of Airflow 3; None for any other line."""
    if not record.startswith('{"timestamp":"'):
        return None
    try:
        line = json.loads(record)
        datetime.fromisoformat(line["timestamp"])
    except (ValueError, KeyError, TypeError):
        return None
    return line if isinstance(line.get("event"), str) else None
