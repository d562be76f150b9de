"""When workflows run: in words, and the next times, as Airflow counts them."""

from datetime import datetime
from typing import Any

import pytest

from airflow_jobs.workflows import Workflow
from airflow_platform.jobs.schedules import in_words, next_runs


def _workflow(schedule: Any, **settings: Any) -> Workflow:
    return Workflow("sales", {"schedule": schedule, **settings}, {})


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (None, "when it is triggered"),
        ({"every": "15m"}, "every 15m"),
        ("@once", "once"),
        ("@continuous", "each run after the one before"),
        ("@hourly", "every hour at minute 0"),
        ("@daily", "every day at 00:00"),
        ("@weekly", "Sundays at 00:00"),
        ("@monthly", "on day 1 of each month at 00:00"),
        ("@yearly", "on 1 January at 00:00"),
        ("@quarterly", "by its cron expression"),
        ("5 3 * * *", "every day at 03:05"),
        ("0 3,15 * * *", "every day at 03:00 and 15:00"),
        ("0 3 * * 1-5", "Monday to Friday at 03:00"),
        ("0 3 * * 0,3", "Sundays and Wednesdays at 03:00"),
        ("0 3 1,15 * *", "on day 1 and 15 of each month at 03:00"),
        ("*/15 * * * *", "every 15 minutes"),
        ("*/7 * * * *", "by its cron expression"),
        ("30 */6 * * *", "every 6 hours at minute 30"),
        ("0 * * * 1", "every hour at minute 0 on Mondays"),
        ("* * * * *", "every minute"),
        ("0 3 * JAN *", "by its cron expression"),
        ("0 3 1 * 1", "by its cron expression"),
    ],
)
def test_a_schedule_in_words(schedule: Any, words: str) -> None:
    assert in_words(_workflow(schedule)) == words


# The times are those that the CronDataIntervalTimetable of Airflow 2.11 and 3.3 gives.
@pytest.mark.parametrize(
    ("schedule", "zone", "now", "settings", "runs"),
    [
        # In winter, and at the moment of a run.
        ("0 3 * * *", "Europe/Berlin", "2026-01-01T02:00", {}, ["01-02T03:00+01:00 01-01"]),
        # The night that has no 02:30, and the one that has it twice.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T20:00",
            {},
            ["03-29T03:30+02:00 03-28", "03-30T02:30+02:00 03-29"],
        ),
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T20:00",
            {},
            ["10-25T02:30+01:00 10-24", "10-26T02:30+01:00 10-25"],
        ),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30", {}, ["10-25T02:30+01:00 10-24"]),
        # Hourly ones take each hour.
        (
            "0 * * * *",
            "America/New_York",
            "2026-11-01T04:10",
            {},
            ["11-01T01:00-04:00 11-01", "11-01T01:00-05:00 11-01", "11-01T02:00-05:00 11-01"],
        ),
        # The first run is for the first day, so it is a day later.
        (
            "@daily",
            "UTC",
            "2026-01-01T00:00",
            {"start_date": "2026-06-01"},
            ["06-02T00:00+00:00 06-01"],
        ),
        # And the last one is for the last day.
        (
            "@daily",
            "UTC",
            "2026-01-01T00:00",
            {"end_date": "2026-01-02"},
            ["01-02T00:00+00:00 01-01", "01-03T00:00+00:00 01-02"],
        ),
        ("@daily", "UTC", "2026-03-01T00:00", {"end_date": "2026-01-02"}, []),
        ("@quarterly", "UTC", "2026-02-01T00:00", {}, ["04-01T00:00+00:00 01-01"]),
        # No cron expression says when these run.
        (None, "UTC", "2026-01-01T00:00", {}, []),
        ({"every": "1h"}, "UTC", "2026-01-01T00:00", {}, []),
        ("@continuous", "UTC", "2026-01-01T00:00", {}, []),
    ],
)
def test_the_next_runs(
    schedule: Any, zone: str, now: str, settings: dict[str, str], runs: list[str]
) -> None:
    workflow = _workflow(schedule, time_zone=zone, **settings)
    found = next_runs(workflow, datetime.fromisoformat(f"{now}+00:00"))
    written = [f"{run.at.isoformat('T', 'minutes')[5:]} {run.ds:%m-%d}" for run in found]
    assert written[: len(runs)] == runs
    assert bool(written) == bool(runs)
    if "end_date" in settings:
        assert written == runs
