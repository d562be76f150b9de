"""What a real Loki stores of a backlog, of which it may refuse lines for their time."""

from __future__ import annotations

import dataclasses
import json
import urllib.request
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from ..loki_server import LokiServer
from .marks import busybox, real_vector
from .sidecar import Outcome, Sidecar

pytestmark = [busybox, real_vector, pytest.mark.xdist_group("real Loki")]


def record(time: datetime, text: str) -> str:
    """A record as Airflow 2 writes it."""
    return (
        f"[{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}+0000] {{a.py:1}} INFO - {text}\n"
    )


def stored(loki: LokiServer) -> list[dict[str, str]]:
    """Labels and metadata of all lines, with the line itself and Loki's time in seconds."""
    now = datetime.now(UTC)
    query = {
        "query": '{job="airflow-task-logs"}',
        "start": (now - timedelta(days=29)).timestamp(),
        "end": (now + timedelta(hours=1)).timestamp(),
        "limit": 5000,
    }
    request = urllib.request.Request(
        f"{loki.url}/loki/api/v1/query_range?{urlencode(query)}",
        headers={"X-Scope-OrgID": loki.tenant},
    )
    with urllib.request.urlopen(request) as answer:
        streams = json.load(answer)["data"]["result"]
    return [
        {**stream["stream"], "line": line, "stored": str(int(at) / 10**9)}
        for stream in streams
        for at, line in stream["values"]
    ]


def ship_backlog(sidecar: Sidecar, loki: LokiServer) -> tuple[dict[str, datetime], Outcome]:
    """Days of logs at once: the times of all lines, and how the sidecar ends."""
    sidecar.config["sinks"]["loki"] |= {"endpoint": loki.url, "tenant_id": loki.tenant}
    now = datetime.now(UTC).replace(microsecond=0)
    # Files of one stream. Vector reads them one after the other, each from its oldest line.
    backlog = {
        1: [now - timedelta(hours=hours) for hours in range(72, -1, -3)],  # days, up to now
        2: [now - timedelta(minutes=minutes) for minutes in range(600, -1, -20)],
        3: [now - timedelta(days=20), now - timedelta(days=8), now],  # too old
        4: [now + timedelta(hours=hours) for hours in (0, 1, 30)],  # too far ahead
    }
    sidecar.start()
    sidecar.up()
    # Loki refuses lines that are much older than the newest one of their stream.
    newest = record(now, "newest")
    sidecar.task_log("backlog", 5).write_text(newest)
    sidecar.acknowledged(sidecar.task_log("backlog", 5))
    times = {newest.strip(): now}
    for attempt, moments in backlog.items():
        lines = []
        for number, moment in enumerate(moments):
            lines.append(record(moment, f"line {number} of {attempt}"))
            times[lines[-1].strip()] = moment
        sidecar.task_log("backlog", attempt).write_text("".join(lines))
    return times, sidecar.stop()


def test_a_backlog_arrives_whole_and_no_line_loses_its_time(
    sidecar: Sidecar, real_loki_server: LokiServer
) -> None:
    loki = real_loki_server.another_tenant()
    times, outcome = ship_backlog(sidecar, loki)
    assert outcome.code == 0, outcome.output
    assert " 0 missing, 0 lines refused by Loki, " in outcome.output
    found = {entry["line"]: entry for entry in stored(loki)}
    assert sorted(found) == sorted(times)
    moved = 0
    for line, moment in times.items():
        entry = found[line]
        own = moment.timestamp()
        if abs(float(entry["stored"]) - own) > 1:
            moved += 1
            own_time = datetime.fromisoformat(entry["time"])
            assert abs(own_time.timestamp() - own) < 1, line
        else:
            assert "time" not in entry, line
    assert 0 < moved < len(times), "some lines need another time, and not all"


@pytest.mark.parametrize(
    ("condition", "instead"),
    [
        ("age > 3300", "false"),
        ("age > 3300", "age > 604800"),  # Loki's limit for any line; that for a stream is lower
        ("age < -300", "false"),
    ],
    ids=["too old", "too old for the stream", "too far ahead"],
)
def test_loki_refuses_this_backlog_where_lines_keep_their_times(
    sidecar: Sidecar, real_loki_server: LokiServer, condition: str, instead: str
) -> None:
    loki = real_loki_server.another_tenant()
    program = sidecar.shipped.files["parse.vrl"]
    assert program.count(condition) == 1
    files = {**sidecar.shipped.files, "parse.vrl": program.replace(condition, instead)}
    sidecar.use(dataclasses.replace(sidecar.shipped, files=files))
    times, outcome = ship_backlog(sidecar, loki)
    assert outcome.code == 1
    assert " 0 lines refused by Loki, " not in outcome.message
    assert {entry["line"] for entry in stored(loki)} < set(times)
