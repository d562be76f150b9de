"""When workflows run: in words, and the next times."""

import calendar
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from croniter import croniter

from airflow_jobs.amounts import duration
from airflow_jobs.workflows import Workflow

# As Airflow reads them.
_PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
}
_WITHOUT_TIMES = {"@once": "once", "@continuous": "each run after the one before"}
_DAYS = (*calendar.day_name[6:], *calendar.day_name)  # 0 and 7 are Sunday
_NUMBERS = re.compile(r"[0-9]+(,[0-9]+)*")


@dataclass(frozen=True)
class Run:
    """A run at a moment, for the data since the one before; ``ds`` is the day of that one."""

    at: datetime
    ds: date


def in_words(workflow: Workflow) -> str:
    """Return when a workflow runs, for people."""
    schedule: Any = workflow.settings.get("schedule")
    if schedule is None:
        return "when it is triggered"
    if isinstance(schedule, Mapping):
        return f"every {schedule['every']}"
    if schedule in _WITHOUT_TIMES:
        return _WITHOUT_TIMES[schedule]
    return _cron_in_words(_PRESETS.get(schedule, schedule))


def _cron_in_words(expression: str) -> str:
    minute, hour, day, month, weekday = expression.split()
    times = _times(minute, hour)
    if not times:
        return "by its cron expression"
    match day, month, weekday:
        case "*", "*", "*":
            return times if times.startswith("every") else f"every day at {times}"
        case "*", "*", _ if days := _weekdays(weekday):
            return f"{times} on {days}" if times.startswith("every") else f"{days} at {times}"
        case _, "*", "*" if _NUMBERS.fullmatch(day) and not times.startswith("every"):
            return f"on day {_listed(day.split(','))} of each month at {times}"
        case _, _, "*" if day.isdigit() and month.isdigit() and not times.startswith("every"):
            return f"on {day} {calendar.month_name[int(month)]} at {times}"
    return "by its cron expression"


def _times(minute: str, hour: str) -> str:
    """Return times of a day, "" for those that would need many words."""
    if minute.isdigit() and _NUMBERS.fullmatch(hour):
        return _listed([f"{int(each):02}:{int(minute):02}" for each in hour.split(",")])
    if hour == "*" and minute.isdigit():
        return f"every hour at minute {int(minute)}"
    if hour == "*" and minute == "*":
        return "every minute"
    every = re.fullmatch(r"\*/([0-9]+)", minute)
    if hour == "*" and every and 60 % int(every[1]) == 0:
        return f"every {every[1]} minutes"
    every = re.fullmatch(r"\*/([0-9]+)", hour)
    if minute.isdigit() and every and 24 % int(every[1]) == 0:
        return f"every {every[1]} hours at minute {int(minute)}"
    return ""


def _weekdays(field: str) -> str:
    if _NUMBERS.fullmatch(field):
        return _listed([f"{_DAYS[int(each)]}s" for each in field.split(",")])
    if ends := re.fullmatch(r"([0-7])-([0-7])", field):
        return f"{_DAYS[int(ends[1])]} to {_DAYS[int(ends[2])]}"
    return ""


def _listed(parts: list[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def next_runs(workflow: Workflow, now: datetime, count: int = 5) -> list[Run]:
    """Return the next runs after ``now`` by the schedule, none where no cron expression says them.

    The times are in the time zone of the workflow, also where its clocks change.
    """
    schedule = workflow.settings.get("schedule")
    if not isinstance(schedule, str) or schedule in _WITHOUT_TIMES:
        return []
    expression = _PRESETS.get(schedule, schedule)
    return [*islice(_runs(workflow, expression, now), count)]


def data_interval_end(workflow: Workflow, start: datetime) -> datetime:
    """Return the end of the data interval from ``start`` on: the next time of the schedule.

    Without times it is ``start`` itself.
    """
    schedule: Any = workflow.settings.get("schedule")
    if isinstance(schedule, Mapping):
        return start + duration(schedule["every"])
    if schedule is None or schedule in _WITHOUT_TIMES:
        return start
    expression = _PRESETS.get(schedule, schedule)
    return _after(expression, start.astimezone(ZoneInfo(workflow.time_zone)))


def _runs(workflow: Workflow, expression: str, now: datetime) -> Iterator[Run]:
    zone = ZoneInfo(workflow.time_zone)
    first, last = (
        date.fromisoformat(workflow.settings[key]) if key in workflow.settings else None
        for key in ("start_date", "end_date")
    )
    since = _before(expression, now.astimezone(zone))
    if since.timestamp() > now.timestamp():  # now is in the first of two equal hours
        since = _before(expression, since)
    if first:
        # A run is for the data since the moment before it, which is not before the first day.
        start = datetime(first.year, first.month, first.day, tzinfo=zone)
        earliest = _after(expression, start - timedelta(seconds=1))
        since = max(since, earliest, key=datetime.timestamp)
    while not last or since.date() <= last:
        at = _after(expression, since)
        if at.timestamp() > now.timestamp():
            yield Run(at, since.date())
        since = at


def _after(expression: str, moment: datetime) -> datetime:
    return _step(expression, moment, 1)


def _before(expression: str, moment: datetime) -> datetime:
    return _step(expression, moment, -1)


def _step(expression: str, moment: datetime, direction: int) -> datetime:
    """Return the next or the last time of a cron expression, as Airflow counts them.

    Hourly ones go on through a change of the clocks; others are at their time on the clock.
    https://github.com/apache/airflow/blob/main/airflow-core/src/airflow/timetables/_cron.py
    """
    naive = moment.replace(tzinfo=None)
    cron = croniter(expression, naive)
    found = cron.get_next(datetime) if direction > 0 else cron.get_prev(datetime)
    if cron.expanded[1] == ["*"]:
        return (moment.astimezone(UTC) + (found - naive)).astimezone(moment.tzinfo)
    # What is there twice is the second one, and what the clocks leave out is as much later.
    readings = (found.replace(tzinfo=moment.tzinfo, fold=fold).astimezone(UTC) for fold in (0, 1))
    return max(readings).astimezone(moment.tzinfo)
