"""Whether the times of a workflow can be: schedule, days, time zone, durations."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from airflow_jobs import cron
from airflow_jobs.amounts import duration
from airflow_jobs.document import Document, Keys
from airflow_jobs.problems import Problem

_LONGEST = "3650d"  # a pod's activeDeadlineSeconds are a number of 31 bits

PRESETS = (
    "@hourly",
    "@daily",
    "@weekly",
    "@monthly",
    "@quarterly",
    "@yearly",
    "@once",
    "@continuous",
)


def of_workflow(document: Document, workflow: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with the times of a workflow.

    Template variables have a rule of their own.
    """
    workflow = {key: value for key, value in workflow.items() if "{{" not in str(value)}
    yield from _schedule(document, workflow.get("schedule"))
    yield from _runs(document, workflow)
    yield from _dates(document, workflow)
    yield from possible(document, workflow, ("workflow",), "deadline")


def possible(
    document: Document, part: Mapping[str, Any], at: Keys, key: str, least: str = "1s"
) -> Iterator[Problem]:
    """Yield a problem when the duration at a key is less than ``least``, or too long."""
    if key in part and not duration(least) <= duration(part[key]) <= duration(_LONGEST):
        what = f"{key} is {part[key]}, but must be at least {least} and at most {_LONGEST}"
        yield document.problem("duration", what, (*at, key))


def _schedule(document: Document, schedule: Any) -> Iterator[Problem]:
    at = ("workflow", "schedule")
    if isinstance(schedule, Mapping):
        yield from possible(document, schedule, at, "every")
    elif schedule is not None and schedule not in PRESETS and (fault := _fault(schedule)):
        yield document.problem("schedule", fault, at)


def _fault(text: str) -> str:
    """Return what is wrong with a schedule that is no known preset, "" when it is right."""
    named = text.strip().lower()
    preset = f"@{named.lstrip('@')}"
    if named in ("", "none", "never", "manual", "~"):
        return f'"{text}" is no schedule; write null: then it runs when it is triggered'
    if near := difflib.get_close_matches(preset, PRESETS, n=1, cutoff=0.8):
        return f'there is no preset "{text}"; did you mean "{near[0]}"?'
    if named.startswith("@"):
        return f'there is no preset "{text}"; known are: {", ".join(PRESETS)}'
    if re.fullmatch(r"([0-9]+(ms|[smhd]))+", named):
        return f"an interval is written schedule: {{every: {named}}}"
    return cron.fault(text)


@cache
def _time_zones() -> set[str]:
    """Return the names of time zones, without those of files that are there beside them."""
    return available_timezones() - {"localtime", "Factory", "posixrules"}


def _runs(document: Document, workflow: Mapping[str, Any]) -> Iterator[Problem]:
    runs = workflow.get("concurrency", {}).get("runs", 1)
    if workflow.get("schedule") == "@continuous" and runs > 1:
        what = "with @continuous one run follows the other: write runs: 1"
        yield document.problem("schedule", what, ("workflow", "concurrency", "runs"))


def _dates(document: Document, workflow: Mapping[str, Any]) -> Iterator[Problem]:
    days: dict[str, date] = {}
    for key in ("start_date", "end_date"):
        if key in workflow:
            try:
                days[key] = date.fromisoformat(workflow[key])
            except ValueError:
                what = f"there is no day {workflow[key]}"
                yield document.problem("date", what, ("workflow", key))
    if len(days) == 2 and days["end_date"] < days["start_date"]:
        what = "end_date is before start_date: write a later day"
        yield document.problem("date", what, ("workflow", "end_date"))
    if workflow.get("catchup") and "start_date" not in workflow:
        what = "catchup needs a start_date, the first day to run for; add start_date: 2026-01-01"
        yield document.problem("date", what, ("workflow",), key="catchup")
    if (zone := workflow.get("time_zone")) is not None and zone not in _time_zones():
        near = difflib.get_close_matches(zone, _time_zones(), n=1)
        hint = f'did you mean "{near[0]}"?' if near else "such as Europe/Berlin"
        what = f'there is no time zone "{zone}"; write an IANA name; {hint}'
        yield document.problem("time-zone", what, ("workflow", "time_zone"))
