"""Logs in the forms in which they can be compared."""

import json

import pytest

from airflow_platform.verify_logs.records import (
    as_airflow_2_shows,
    as_airflow_3_shows,
    as_printed,
    records,
)

HEADER = "[2026-11-21T08:11:30.277+0000] {taskinstance.py:3336} ERROR - "
TRACEBACK = [f"{HEADER}Task failed", "Traceback (most recent call last):", "", "ValueError: no"]


def airflow_3(event: object, time: str = "2026-11-21T08:07:48.726991Z", **more: object) -> str:
    return json.dumps(
        {"timestamp": time, "level": "info", "event": event, **more}, separators=(",", ":")
    )


def test_a_traceback_belongs_to_its_record():
    next_record = f"{HEADER}next"
    assert records([*TRACEBACK, next_record]) == ["\n".join(TRACEBACK), next_record]


def test_lines_that_are_no_records_are_by_themselves():
    lines = ["before", "any record", airflow_3("one"), "", "raw", airflow_3("two")]
    assert records(lines) == lines


def test_a_line_of_airflow_3_ends_a_record_of_airflow_2():
    assert records([*TRACEBACK, airflow_3("one")]) == ["\n".join(TRACEBACK), airflow_3("one")]


def test_what_is_printed_has_neither_time_nor_level():
    assert as_printed([airflow_3("hello"), f"{HEADER}two\nlines", "raw"]) == [
        "hello",
        "two\nlines",
        "raw",
    ]


def test_airflow_3_shows_events():
    written = [airflow_3("a", logger="x"), airflow_3("a", logger="x"), "", "raw", '{"a": 1}']
    assert as_airflow_3_shows(written) == ["2026-11-21T08:07:48.726991+00:00 a", "raw", '{"a": 1}']


@pytest.mark.parametrize("time", ["2026-11-21T08:07:48Z", "2026-11-21T08:07:48.000000+00:00"])
def test_times_are_the_same_however_they_are_spelled(time):
    assert as_airflow_3_shows([airflow_3("a", time)]) == ["2026-11-21T08:07:48.000000+00:00 a"]


@pytest.mark.parametrize(
    "line", ['{"timestamp":"no time","event":"a"}', '{"timestamp":"2026', airflow_3(7)]
)
def test_what_only_looks_like_airflow_3_is_text(line):
    assert as_airflow_3_shows([line]) == [line]


def test_airflow_2_shows_lines():
    assert as_airflow_2_shows([f"{HEADER}a\u2028b\n\nc", f"{HEADER}a"]) == [f"{HEADER}a", "b", "c"]
