"""The VRL of a render on lines that a real Airflow wrote (2.11 and 3.1), in Vector's own VRL."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON

from ..loki_server import LokiServer
from . import formats
from .formats import FORMATS
from .shipped import POD, RUN_ID, Shipped, shipped

pyvrl = pytest.importorskip(
    "pyvrl", reason="needs pyVRL, Vector's VRL for Python: pip install pyVRL"
)

Event = dict[str, Any]
DATA = Path(__file__).with_name("data")
ROOT = "/opt/airflow/logs"
FILE = f"{ROOT}/dag_id=probe.dag-1/run_id={RUN_ID}/task_id=happy/attempt=1.log"
READ_AT = "2026-11-21T08:30:00.123456789Z"
# pyVRL takes no timestamps, and gives them without nanoseconds: they come as `ns`.
BEFORE = 'if exists(.timestamp) { .timestamp = parse_timestamp(.timestamp, "%+") ?? .timestamp }\n'
AFTER = """
with_ns = []
for_each(array(.) ?? [.]) -> |_index, event| {
  event = object(event) ?? {}
  if is_timestamp(event.timestamp) {
    event.ns = to_unix_timestamp(timestamp!(event.timestamp), unit: "nanoseconds")
  }
  with_ns = push(with_ns, event)
}
with_ns
"""


@cache
def defaults() -> Shipped:
    """The sidecar with the chart's defaults."""
    return shipped()


@cache
def compiled(source: str) -> Any:
    return pyvrl.Transform(BEFORE + source + AFTER)


def run(source: str, event: Event) -> list[Event]:
    """The events that a program makes of one."""
    made: list[Event] = compiled(source).remap(event)
    return made


@cache
def with_author_keys() -> Shipped:
    """A sidecar whose lines have the keys of the task's author, for a sink of the user's own."""
    return shipped({"extraSinks": {"mine": {"type": "blackhole"}}})


def parse(
    message: str,
    *,
    file: str = FILE,
    offset: int = 0,
    of: Shipped | None = None,
    read_at: str = READ_AT,
) -> Event:
    """One line after the step ``parse``; ``ns`` is its time, exact to the nanosecond."""
    event = {
        "message": message,
        "file": file,
        "offset": offset,
        "timestamp": read_at,
        "host": "h",
        "source_type": "file",
    }
    [parsed] = run((of or defaults()).program("parse"), event)
    return parsed


def redact(message: str, *, of: Shipped | None = None) -> Event:
    source = (of or defaults()).files["redact.vrl"]
    [redacted] = run(source, {"message": message})
    return redacted


def is_suspicious(message: str, *, of: Shipped | None = None) -> bool:
    """Whether a line takes the way through the step ``redact``."""
    condition = (of or defaults()).config["transforms"]["suspicious"]["route"]["secrets"]
    *before, last = condition.splitlines()
    [way] = run("\n".join([*before, f".way = {last}"]), {"message": message})
    return bool(way["way"])


def keeps(condition: str, event: Event) -> bool:
    """Whether a filter with this condition passes an event on."""
    [kept] = run(f".kept = ({condition})", event)
    return bool(kept["kept"])


def nanoseconds(time: str) -> int:
    """RFC 3339 with up to six digits of a second."""
    moment = datetime.fromisoformat(time.replace("Z", "+00:00"))
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000 + 0.5) * 1000


def events(name: str) -> list[tuple[int, str]]:
    """A file as the file source passes it on: (offset, text), Airflow 2's tracebacks together."""
    multiline = defaults().config["sources"]["task_logs"]["multiline"]
    assert multiline["mode"] == "halt_before"
    groups: list[tuple[int, str]] = []
    offset, is_open = 0, False
    for line in (DATA / name).read_text().removesuffix("\n").split("\n"):
        if is_open and not re.search(multiline["condition_pattern"], line):
            groups[-1] = (groups[-1][0], groups[-1][1] + "\n" + line)
        else:
            groups.append((offset, line))
            is_open = bool(re.search(multiline["start_pattern"], line))
        offset += len(line.encode()) + 1
    return groups


STANDARD = {"timestamp", "level", "logger", "event", "filename", "lineno"}
AIRFLOW_2 = [path.name for path in sorted(DATA.glob("airflow2-*"))]
AIRFLOW_3 = [path.name for path in sorted(DATA.glob("airflow3-*"))]


@pytest.fixture(autouse=True)
def pod(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets the environment that a sidecar has in a pod with these annotations; at first none."""

    def enter(sidecar: Shipped | None = None, **annotations: str) -> None:
        fields = {f"metadata.annotations['{name}']": text for name, text in annotations.items()}
        for name, value in (sidecar or defaults()).environment({**POD, **fields}).items():
            monkeypatch.setenv(name, value)

    enter()
    return enter


# --- Real lines ---


@pytest.mark.parametrize("name", AIRFLOW_3)
def test_each_line_of_airflow_3(name: str) -> None:
    for offset, line in events(name):
        assert "\n" not in line, "no line of Airflow 3 waits for another one"
        record = json.loads(line)
        event = parse(line, offset=offset, of=with_author_keys())
        assert event["message"] == line
        assert event["ns"] // 1000 == nanoseconds(record["timestamp"]) // 1000
        assert event["level"] == record["level"]
        assert event["logger"] == record["logger"]
        own = {key: value for key, value in record.items() if key not in STANDARD}
        assert event.get("fields", {}) == own
        assert event["offset"] == str(offset)
        assert event["task_id"] == "happy"


@pytest.mark.parametrize("name", AIRFLOW_2)
def test_each_record_of_airflow_2(name: str) -> None:
    records = events(name)
    for offset, text in records:
        event = parse(text, offset=offset)
        match = re.match(r"\[(\S+)\+0000\] \{\S+\} (\w+) - ", text)
        assert match is not None, "every record of these files has a header"
        assert event["message"] == text
        assert (
            event["ns"] // 1_000_000 == nanoseconds(match[1] + "+00:00") // 1_000_000
            or "fake.py" in text
        )
        assert event["level"] == match[2].lower()
        assert "fields" not in event
    assert "\n".join(text for _, text in records) + "\n" == (DATA / name).read_text()


def test_a_traceback_of_airflow_2_is_one_event() -> None:
    [error] = [text for _, text in events("airflow2-exc-logged.log") if "caught it" in text]
    assert error.startswith(
        "[2026-11-21T08:11:23.164+0000] {probe.py:50} ERROR - caught it\n"
        "Traceback (most recent call last):\n"
    )
    assert error.endswith("ValueError: inner\nmultiline msg")
    assert error.count("Traceback (most recent call last):") == 2


def test_an_exception_of_airflow_3_is_one_event() -> None:
    [error] = [line for _, line in events("airflow3-fails.log") if "error_detail" in line]
    event = parse(error, of=with_author_keys())
    assert event["level"] == "error"
    assert [cause["exc_type"] for cause in event["fields"]["error_detail"]] == [
        "RuntimeError",
        "ZeroDivisionError",
    ]


# --- Identity ---


@pytest.mark.parametrize(
    ("path", "identity"),
    [
        (
            "dag_id=probe.dag-1/run_id=manual__2026-11-21T08:06:43+00:00/task_id=happy/attempt=1.log",
            ("probe.dag-1", "manual__2026-11-21T08:06:43+00:00", "happy", None, "1"),
        ),
        (
            "dag_id=d/run_id=manual__2026-11-21T08:07:40.988752+00:00/task_id=mapped/map_index=12/attempt=3.log",
            ("d", "manual__2026-11-21T08:07:40.988752+00:00", "mapped", "12", "3"),
        ),
        (
            "dag_id=d/run_id=custom~run:1+x/task_id=grp.inner.nested/attempt=2.log",
            ("d", "custom~run:1+x", "grp.inner.nested", None, "2"),
        ),
        ("dag_id=žluť/run_id=日本/task_id=ünï/attempt=1.log", ("žluť", "日本", "ünï", None, "1")),
        ("dag_id=d/run_id=r/task_id=t/attempt=1.log.trigger.5.log", ("d", "r", "t", None, "1")),
        ("dag_id=d/run_id=r/task_id=t/map_index=90/attempt=109.log", ("d", "r", "t", "90", "109")),
        ("../vector/tails/0/dag_id=d/run_id=r/task_id=t/attempt=1.log", ("d", "r", "t", None, "1")),
    ],
)
def test_the_path_of_a_file_is_its_identity(
    path: str, identity: tuple[str | None, ...], pod: Callable[..., None]
) -> None:
    pod(dag_id="another", task_id="another", run_id="another", try_number="98", map_index="99")
    event = parse("text", file=f"{ROOT}/{path}")
    assert (
        tuple(event.get(key) for key in ("dag_id", "run_id", "task_id", "map_index", "try_number"))
        == identity
    )
    assert None not in event.values()


@pytest.mark.parametrize(
    "path",
    [
        "dag_id=/run_id=r/task_id=t/attempt=1.log",
        "dag_id=d/run_id=/task_id=t/attempt=1.log",
        "dag_id=d/run_id=r/task_id=/attempt=1.log",
        "dag_id=d/run_id=r/task_id=t/map_index=/attempt=1.log",
        "dag_id=d/run_id=r/task_id=t/attempt=.log",
    ],
)
def test_a_path_that_names_no_attempt_is_no_identity(path: str) -> None:
    identity = {"dag_id", "run_id", "task_id", "map_index", "try_number"}
    assert identity.isdisjoint(parse("text", file=f"{ROOT}/{path}"))


def test_where_the_path_does_not_say_it_the_pod_does(pod: Callable[..., None]) -> None:
    identity = {"dag_id": "d", "task_id": "t", "run_id": "r", "try_number": "2"}
    pod(**identity)
    event = parse("text", file=f"{ROOT}/attempt=custom.log")
    assert {key: event.get(key) for key in identity} == identity
    assert "map_index" not in event, "an annotation that is not there is an empty variable"
    pod(**identity, map_index="7")
    assert parse("text", file=f"{ROOT}/attempt=custom.log")["map_index"] == "7"


def test_what_is_not_known_is_absent() -> None:
    assert set(parse("text", file=f"{ROOT}/scheduler/2026-11-21/probe.py.log")) == {
        "message",
        "file",
        "offset",
        "timestamp",
        "ns",
        "namespace",
        "pod",
        "unrecognised",
    }


def test_the_offset_of_a_copied_last_line_is_that_in_its_file() -> None:
    event = parse(
        "last words", file="/var/lib/vector/tails/1029/dag_id=d/run_id=r/task_id=t/attempt=1.log"
    )
    assert event["offset"] == "1029"


def test_the_log_of_a_trigger_names_the_job_of_the_triggerer() -> None:
    path = f"{ROOT}/dag_id=d/run_id=r/task_id=t/map_index=2/attempt=1.log"
    assert parse("text", file=f"{path}.trigger.5.log")["trigger_job_id"] == "5"
    assert "trigger_job_id" not in parse("text", file=path)


def test_the_name_of_a_logger_is_bounded() -> None:
    record = {"timestamp": READ_AT, "level": "info", "event": "x", "logger": "ž" * 300}
    assert parse(json.dumps(record))["logger"] == "ž" * 256


SPOOFED = (
    *("dag_id", "task_id", "run_id", "try_number", "map_index", "message", "host", "file"),
    *("source_type", "namespace", "pod", "offset", "labels", "structured_metadata", "redacted"),
)


def test_keys_of_the_task_author_overwrite_nothing() -> None:
    spoof = {
        "timestamp": "2026-11-21T08:07:48.440165Z",
        "level": "info",
        "event": "hello",
        "logger": "my.app",
        **dict.fromkeys(SPOOFED, "spoofed"),
        "big": 2**70,
        "none": None,
        "nested": {"a": [1, True, 1.5]},
    }
    line = json.dumps(spoof)
    assert "fields" not in parse(line), "nobody would read them"
    event = parse(line, offset=7, of=with_author_keys())
    assert event["fields"]["dag_id"] == "spoofed"
    assert (event["dag_id"], event["task_id"], event["pod"], event["offset"]) == (
        "probe.dag-1",
        "happy",
        "probe-happy-abc",
        "7",
    )
    assert event["message"] == line
    assert "spoofed" not in [value for key, value in event.items() if key != "fields"]


# --- Lines that are not Airflow's ---


@pytest.mark.parametrize(
    "line",
    [
        "",
        " ",
        "plain text",
        "Traceback (most recent call last):",
        '{"timestamp":"2026-11-21T08:07:48.440165Z","level":"in',
        '{"a": 1}',
        '{"timestamp": 5, "level": ["info"], "logger": {}}',
        '{"timestamp": 17952485825, "level": 20}',
        '{"time": "08:09:42", "when": "2026-11-21T08:09:42.550Z"}',
        '{"timestamp": null, "created": 95248582.55}',
        '{"record": {"timestamp": "2026-11-21T08:09:42.550Z", "level": "info"}}',
        "{}",
        "[1, 2]",
        "as in [2026-11-21T08:10:00.057+0000] {probe.py:19} INFO - quoted",
        "\x1b[31mred\x1b[0m \x07 \x00 \u2028 žluť",
    ],
)
def test_any_other_line_is_shipped_as_it_is(line: str) -> None:
    event = parse(line, offset=3)
    assert event["message"] == line
    assert "redacted" not in redact(event["message"])
    assert event["ns"] == nanoseconds("2026-11-21T08:30:00Z") + 3
    assert event["dag_id"] == "probe.dag-1"
    assert "level" not in event
    assert event.get("unrecognised") == ("1" if line else None)


@pytest.mark.parametrize(
    ("written", "level"),
    [
        ("debug", "debug"),
        ("info", "info"),
        ("warn", "warning"),
        ("WARNING", "warning"),
        ("Error", "error"),
        ("exception", "error"),
        ("critical", "critical"),
        ("fatal", "critical"),
        ("trace", "debug"),
        ("notset", None),
        ("shouting", "shouting"),
        ("Level 55", "critical"),
        ("Level 45", "error"),
        ("Level 30", "warning"),
        ("Level 25", "info"),
        ("Level 5", "debug"),
        ("a b", None),
    ],
)
def test_levels(written: str, level: str | None) -> None:
    airflow_3 = parse(
        json.dumps({"timestamp": "2026-11-21T08:07:48.440165Z", "level": written, "event": "x"})
    )
    airflow_2 = parse(f"[2026-11-21T08:07:48.440+0000] {{probe.py:19}} {written.upper()} - x")
    assert airflow_3.get("level") == airflow_2.get("level") == level


# --- Time ---


@pytest.mark.xdist_group("real Loki")
def test_a_real_loki_takes_lines_of_any_age(real_loki_server: LokiServer) -> None:
    loki = real_loki_server.another_tenant()
    now = datetime.now(UTC)
    line = f"[{now:%Y-%m-%dT%H:%M:%S}.000+0000] {{a.py:1}} INFO - new"
    store = {"job": "airflow-task-logs"}
    loki.push(store, [(parse(line, read_at=now.isoformat())["ns"], line, {})])
    for hours in (24 * 40, 24 * 8, 72, 3, 1.1, 0.9, 0.1, -0.05, -1, -30):
        moment = now - timedelta(hours=hours)
        own_ns = int(moment.timestamp()) * 10**9
        line = f"[{moment:%Y-%m-%dT%H:%M:%S}.000+0000] {{a.py:1}} INFO - {hours}"
        event = parse(line, offset=int(hours * 32), read_at=now.isoformat())
        loki.push(store, [(event["ns"], line, {})])  # an error if Loki refuses it
        assert ("time" in event) != (event["ns"] // 10**9 == own_ns // 10**9)
        if hours in (72, -30):
            with pytest.raises(HTTPError, match="400"):
                loki.push(store, [(own_ns, line, {})])


@pytest.mark.parametrize(
    ("time", "is_kept"),
    [
        ("2026-11-21T08:29:59.000Z", True),
        ("2026-11-21T07:35:00.000Z", True),
        ("2026-11-21T07:34:59.000Z", False),
        ("2026-11-15T08:30:00.000Z", False),
        ("1970-01-01T00:00:00.000Z", False),
        ("2026-11-21T08:33:00.000Z", True),
        ("2026-11-21T08:35:00.000Z", True),
        ("2026-11-21T08:35:01.000Z", False),
        ("2026-11-21T08:40:00.000Z", False),
        ("9999-01-01T00:00:00.000Z", False),
    ],
)
def test_a_time_that_loki_would_refuse_is_metadata(time: str, is_kept: bool) -> None:
    airflow_3 = parse(json.dumps({"timestamp": time, "level": "info", "event": "x"}))
    airflow_2 = parse(f"[{time[:-1]}+0000] {{fake.py:1}} INFO - looks like a header")
    for event in (airflow_3, airflow_2):
        assert event["level"] == "info"
        assert "unrecognised" not in event
        if is_kept:
            assert event["ns"] == nanoseconds(time)
            assert "time" not in event
        else:
            assert event["ns"] == nanoseconds("2026-11-21T08:30:00Z")
            assert datetime.fromisoformat(event["time"]) == datetime.fromisoformat(time)


def test_a_line_without_a_time_gets_the_same_one_when_it_is_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started = nanoseconds("2026-11-21T08:26:40Z") // 10**9
    monkeypatch.setenv("SIDECAR_STARTED_AT", str(started))
    times = {
        read_at: [parse(line, offset=offset, read_at=read_at)["ns"] for offset, line in LINES]
        for read_at in ("2026-11-21T08:26:41Z", "2026-11-21T08:31:39Z", "2026-11-21T08:31:40Z")
    }
    first, later, next_period = times.values()
    assert first == later == sorted(set(first)), "and the order of the file"
    assert first[0] == started * 10**9
    assert next_period[0] - first[0] == 300 * 10**9, "exact to five minutes"
    monkeypatch.setenv("READ_AT", str(started + 299))
    assert parse("a", read_at="2026-11-21T08:32:00Z")["ns"] == first[0], "the drain sends it again"


LINES = ((0, "a"), (2, "a"), (4, "b"))


DEEP = f'{{"timestamp":"2026-11-21T08:09:42.550Z","level":"error","x":{"[" * 200}{"]" * 200}}}'


@pytest.mark.parametrize(
    ("line", "time", "level"),
    [
        ("2026-11-21 08:09:42,550 task.py:1 INFO - x", "2026-11-21T08:09:42.550Z", "info"),
        ("2026-11-21 08:09:42 - airflow.task - WARNING - x", "2026-11-21T08:09:42Z", "warning"),
        ("[2026-11-21 08:09:42,550] {a.py:3} ERROR - x", "2026-11-21T08:09:42.550Z", "error"),
        ("[2026-11-21 10:09:42.550 +02:00] ERROR x", "2026-11-21T08:09:42.550Z", "error"),
        ("2026-11-21T08:09:42.550Z | Level 35 | x", "2026-11-21T08:09:42.550Z", "warning"),
        (
            "[2026-11-21T08:09:42.550+0000] {a.py:3} AUDIT_1 - x",
            "2026-11-21T08:09:42.550Z",
            "audit_1",
        ),
        (
            "\0\0[2026-11-21T08:09:42.550+0000] {a.py:3} INFO - x",
            "2026-11-21T08:09:42.550Z",
            "info",
        ),
        ("\x1b[34m2026-11-21 08:09:42,550\x1b[0m INFO x", "2026-11-21T08:09:42.550Z", "info"),
        ("[2026-11-21T08:09:42.550+0000] {:19} INFO - no file", "2026-11-21T08:09:42.550Z", "info"),
        ("[2026-11-21T08:09:42.550+0000] {a.py:19}  - no level", "2026-11-21T08:09:42.550Z", None),
        ("[2026-11-21 08:09:42,550] x", "2026-11-21T08:09:42.550Z", None),
        (
            '{"asctime": "2026-11-21T08:09:42.550+0000", "levelname": "INFO"}',
            "2026-11-21T08:09:42.550Z",
            "info",
        ),
        (
            '\0{"timestamp": "2026-11-21T08:09:42.550Z", "level": "info"}',
            "2026-11-21T08:09:42.550Z",
            "info",
        ),
        (DEEP, "2026-11-21T08:09:42.550Z", "error"),
        ("[2026-11-21, 08:09:42 UTC] {x.py:1} INFO - x", "2026-11-21T08:09:42Z", "info"),
        ("2026-11-21 08:09:42.550 UTC [12] ERROR:  x", "2026-11-21T08:09:42.550Z", "error"),
        ("2026-11-21 08:09:42Z INFO x", "2026-11-21T08:09:42Z", "info"),
        ("2026/11/21 08:09:42 WARN x", "2026-11-21T08:09:42Z", "warning"),
        ("2026-11-21 08:09:42 [WARNING] x", "2026-11-21T08:09:42Z", "warning"),
        ("2026-11-21 08:09:42,550 x without a level", "2026-11-21T08:09:42.550Z", None),
        ("2026-11-21 08:09:42,550 a.py:12 AUDIT_1 - x", "2026-11-21T08:09:42.550Z", "audit_1"),
        ("2026-11-21T08:09:42.550Z [warning  ] x", "2026-11-21T08:09:42.550Z", "warning"),
        (
            "\x1b[2m2026-11-21T08:09:42.550Z\x1b[0m [\x1b[32m\x1b[1minfo     \x1b[0m] \x1b[1mx",
            "2026-11-21T08:09:42.550Z",
            "info",
        ),
        ("2026-11-21 08:09:42.550 | error | x", "2026-11-21T08:09:42.550Z", "error"),
        ("INFO 2026-11-21 08:09:42,550 x", "2026-11-21T08:09:42.550Z", "info"),
        ("[INFO] 2026-11-21T08:09:42.550+00:00 x", "2026-11-21T08:09:42.550Z", "info"),
        ("WARNING  [2026-11-21 08:09:42,550] {a.py:3} x", "2026-11-21T08:09:42.550Z", "warning"),
        ("ERROR:root:2026-11-21 08:09:42,550 x", "2026-11-21T08:09:42.550Z", "error"),
        ("INFO - [airflow.task] - 2026-11-21 08:09:42 x", "2026-11-21T08:09:42Z", "info"),
        ("[critical] 2026-11-21 08:09:42 x", "2026-11-21T08:09:42Z", "critical"),
        ("Level 25: 2026-11-21 08:09:42 x", "2026-11-21T08:09:42Z", "info"),
        ("\0\0\x1b[31mERROR\x1b[0m 2026-11-21 08:09:42 x", "2026-11-21T08:09:42Z", "error"),
        (
            '{"@timestamp": "2026-11-21T08:09:42.550Z", "log.level": "ERROR", "message": "x"}',
            "2026-11-21T08:09:42.550Z",
            "error",
        ),
        (
            '{"@timestamp":"2026-11-21T08:09:42.550Z","log":{"level":"warn","logger":"a"}}',
            "2026-11-21T08:09:42.550Z",
            "warning",
        ),
        (
            '{"message": "x", "severity": "CRITICAL", "timestamp": "2026-11-21 08:09:42,550"}',
            "2026-11-21T08:09:42.550Z",
            "critical",
        ),
        (
            '{"levelname": "INFO", "level": 20, "time": 1795248582.55}',
            "2026-11-21T08:09:42.550Z",
            "info",
        ),
        ('{"level":"info","ts":1795248582.550123,"msg":"x"}', "2026-11-21T08:09:42.550Z", "info"),
        ('{"level":30,"time":1795248582550,"msg":"x"}', "2026-11-21T08:09:42.550Z", None),
        ('{"ts":"1795248582550123","level":"info"}', "2026-11-21T08:09:42.550Z", "info"),
        ('{"timestamp":1795248582550123456,"level":"info"}', "2026-11-21T08:09:42.550Z", "info"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_formats(line: str, time: str, level: str | None) -> None:
    event = parse(line)
    assert event["message"] == line
    assert event["ns"] // 1_000_000 == nanoseconds(time) // 1_000_000
    assert event.get("level") == level
    assert "unrecognised" not in event
    source = defaults().config["sources"]["task_logs"]["multiline"]
    assert re.search(source["condition_pattern"], line), "it is an event of its own"
    assert bool(re.search(source["start_pattern"], line)) == ("{" not in line.lstrip("\0")[:1])


@pytest.mark.parametrize(("line", "time", "level"), FORMATS, ids=lambda value: str(value)[:40])
def test_formats_of_other_writers(line: str, time: str, level: str | None) -> None:
    event = parse(line, read_at=formats.READ_AT)
    own = nanoseconds(event["time"]) if "time" in event else event["ns"]
    assert own // 1_000_000 == nanoseconds(time) // 1_000_000
    assert event.get("level") == level
    assert "unrecognised" not in event
    source = defaults().config["sources"]["task_logs"]["multiline"]
    assert re.search(source["condition_pattern"], line), "it is an event of its own"
    assert line.startswith("{") or re.search(source["start_pattern"], line)


@pytest.mark.parametrize(
    ("read_at", "time"),
    [
        ("2026-03-04T09:00:00Z", "2026-03-04T08:00:00Z"),
        ("2026-04-03T09:00:00Z", "2026-04-03T08:00:00Z"),
    ],
)
def test_of_two_readings_of_a_date_the_nearest_one_counts(read_at: str, time: str) -> None:
    assert parse("03/04/2026 08:00:00 INFO x", read_at=read_at)["time"] == time.replace(
        "Z", "+00:00"
    )


@pytest.mark.parametrize("line", formats.NO_RECORDS)
def test_lines_that_begin_no_record(line: str) -> None:
    source = defaults().config["sources"]["task_logs"]["multiline"]
    assert not re.search(source["start_pattern"], line)
    assert not re.search(source["condition_pattern"], line)


RECORD = {"timestamp": "2026-11-21T08:09:42.550123Z", "level": "info", "event": "x"}


@pytest.mark.parametrize(
    ("record", "level", "logger"),
    [
        ({**RECORD, "logger": "a"}, "info", "a"),
        ({**RECORD, "event": '","logger":"b","level":"error', "logger": "a"}, "info", "a"),
        ({**RECORD, "event": "\\", "logger": "a"}, "info", "a"),
        ({**RECORD, "extra": {"level": "error", "logger": "b"}, "logger": "a"}, "info", "a"),
        ({**RECORD, "logger": "a", "extra": {"level": "error", "logger": "b"}}, "info", "a"),
        ({**RECORD, "logger": 'a"b', "error_detail": []}, "info", 'a"b'),
        ({**RECORD, "logger": ""}, "info", None),
        ({**RECORD, "name": "of a user"}, "info", None),
        ({**RECORD, "level": "error"}, "error", None),
        ({"event": {"timestamp": "1970"}, **RECORD, "logger": "a"}, "info", "a"),
        (dict(reversed([*RECORD.items(), ("logger", "a")])), "info", "a"),
        ({"asctime": RECORD["timestamp"], "levelname": "INFO", "name": "a"}, "info", "a"),
        ({"@timestamp": RECORD["timestamp"], "log.logger": "a"}, None, "a"),
    ],
)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")], ids=["compact", "spaces"])
def test_only_keys_of_the_record_itself_count(
    record: Mapping[str, Any], level: str | None, logger: str | None, separators: tuple[str, str]
) -> None:
    event = parse(json.dumps(record, separators=separators))
    assert event["ns"] == nanoseconds("2026-11-21T08:09:42.550123Z")
    assert (event.get("level"), event.get("logger")) == (level, logger)


@pytest.mark.parametrize("airflow", [True, False], ids=["formatter of Airflow", "of Python"])
@pytest.mark.parametrize("level", [10, 20, 25, 40])
@pytest.mark.parametrize(
    "log_format",
    [
        "[%(asctime)s] {%(filename)s:%(lineno)d} %(levelname)s - %(message)s",
        "[%(asctime)s] %(message)s",
        "%(asctime)s %(filename)s:%(lineno)d %(levelname)s - %(message)s",
        "%(asctime)s - %(name)s - %(levelname)-8s - %(message)s",
        "%(asctime)s|%(levelname)s|%(message)s",
        "%(asctime)s %(message)s",
        "%(levelname)s %(asctime)s - %(message)s",
        "[%(levelname)8s] [%(asctime)s] %(message)s",
        "%(levelname)s:%(name)s:%(asctime)s %(message)s",
    ],
)
def test_the_log_formats_that_the_chart_accepts(log_format: str, level: int, airflow: bool) -> None:
    premises = strict_yaml.load_file(ADDON / "files" / "premises.yaml")
    [premise] = [each for each in premises if each.get("option") == "logging.log_format"]
    assert re.fullmatch(premise["accepted"], log_format)
    formatter = logging.Formatter(log_format, "%Y-%m-%dT%H:%M:%S" if airflow else None)
    formatter.converter = time.gmtime
    record = logging.LogRecord("airflow.task", level, "/a.py", 3, "done", None, None)
    record.created, record.msecs = nanoseconds("2026-11-21T08:09:42Z") / 10**9, 550
    if airflow:  # airflow.utils.log.timezone_aware.TimezoneAware
        text = formatter.formatTime(record, formatter.datefmt)
        line = formatter.format(record).replace(text, f"{text}.550+0000")
    else:
        line = formatter.format(record)
    source = defaults().config["sources"]["task_logs"]["multiline"]
    assert re.search(source["start_pattern"], line), line
    event = parse(line)
    assert event["ns"] // 1_000_000 == nanoseconds("2026-11-21T08:09:42.550Z") // 1_000_000
    known = {10: "debug", 20: "info", 25: "info", 40: "error"}[level]
    assert event.get("level") == (known if "levelname" in log_format else None)


@pytest.mark.parametrize(
    "date_format",
    [
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M:%S %Z",
        "%Y-%m-%dT%H:%M:%S%z",
        "%Y/%m/%d %H:%M:%S",
        "%d/%m/%Y %H:%M:%S",
        "%m/%d/%Y %I:%M:%S %p",
        "%d.%m.%Y %H:%M:%S",
        "%d-%b-%Y %H:%M:%S",
        "%d %B %Y %H:%M:%S",
        "%b %d, %Y %H:%M:%S",
        "%a, %d %b %Y %H:%M:%S %z",
        "%c",
    ],
)
@pytest.mark.parametrize("level", ["INFO", "CRITICAL", "NOTICE2", "AUDIT", "DATA_LOSS", "Level 25"])
def test_date_formats_with_levels_of_any_name(date_format: str, level: str) -> None:
    record = logging.LogRecord("airflow.task", 20, "/a.py", 3, "done", None, None)
    record.levelname = level
    record.created = nanoseconds("2026-11-21T08:09:42Z") / 10**9
    source = defaults().config["sources"]["task_logs"]["multiline"]
    for log_format in (
        "[%(asctime)s] {%(filename)s:%(lineno)d} %(levelname)s - %(message)s",
        "%(asctime)s %(filename)s:%(lineno)d %(levelname)s - %(message)s",
        "%(asctime)s - %(name)s - %(levelname)-8s - %(message)s",
        "%(asctime)s [%(levelname)s] %(name)s: %(message)s",
        "%(asctime)s|%(levelname)s|%(message)s",
        "%(asctime)s | %(levelname)-8s | %(message)s",
        "%(levelname)s %(asctime)s - %(message)s",
        "%(levelname)s:%(asctime)s %(message)s",
        "%(levelname)-8s [%(asctime)s] %(message)s",
        "[%(levelname)8s] [%(asctime)s] %(message)s",
        "%(levelname)s:%(name)s:%(asctime)s %(message)s",
        "%(levelname)s - %(name)s - %(asctime)s - %(message)s",
    ):
        formatter = logging.Formatter(log_format, date_format)
        formatter.converter = time.gmtime
        line = formatter.format(record)
        event = parse(line)
        found = (
            event["ns"] // 10**9,
            event.get("level"),
            bool(re.search(source["start_pattern"], line)),
        )
        expected = "info" if level == "Level 25" else level.lower()
        assert found == (nanoseconds("2026-11-21T08:09:42Z") // 10**9, expected, True), line


def test_a_format_of_the_user() -> None:
    own = shipped(
        {
            "recordFormat": {
                "header": r"(?P<timestamp>[0-9/ :]{19}) (?P<level>[A-Z]+) <(?P<logger>[a-z.]+)> ",
                "timestampFormat": "%d/%m/%Y %H:%M:%S",
            }
        }
    )
    line = "21/11/2026 08:09:42 ERROR <airflow.task> boom"
    event = parse(line, of=own)
    assert event["ns"] // 10**9 == nanoseconds("2026-11-21T08:09:42Z") // 10**9
    assert (event["level"], event["logger"], event["message"]) == ("error", "airflow.task", line)
    assert "declared" not in event
    source = own.config["sources"]["task_logs"]["multiline"]
    for pattern in (source["start_pattern"], source["condition_pattern"]):
        assert re.search(pattern, line)
        assert not re.search(pattern, "Traceback (most recent call last):")
    other = parse("2026-11-21 08:09:42,550 task.py:1 INFO - x", of=own)
    assert other["level"] == "info", "a library may log in another format"


def test_a_time_with_an_offset_from_utc() -> None:
    event = parse("[2026-11-21T10:10:00.057+0200] {probe.py:19} INFO - x")
    assert event["ns"] == nanoseconds("2026-11-21T08:10:00.057Z")


@pytest.mark.parametrize(
    "line",
    [
        "[2026-11-21T08:10:00.057+0000] {probe.py:19} INFO - x",
        '{"timestamp":"2026-11-21T08:10:00.057123Z","level":"info","event":"x"}',
    ],
)
def test_lines_of_the_same_time_keep_their_order(line: str) -> None:
    times = [parse(line, offset=number * (len(line) + 1))["ns"] for number in range(200)]
    assert times == sorted(set(times))
    assert parse(line, offset=77)["ns"] == parse(line, offset=77)["ns"], (
        "the same when it is sent again"
    )


@pytest.mark.parametrize(
    ("line", "precision"),
    [
        ("[2026-11-21T08:10:00.057+0000] {probe.py:19} INFO - x", 1_000_000),
        ('{"timestamp":"2026-11-21T08:10:00.057123Z","level":"info","event":"x"}', 1_000),
    ],
)
def test_the_position_in_the_file_stays_below_the_precision_of_the_log(
    line: str, precision: int
) -> None:
    start = parse(line, offset=0)["ns"]
    last = parse(line, offset=32 * (precision - 1))["ns"]
    assert start < last < start + precision, "that far apart, lines are still in order"
    for offset in (32 * precision, 10**12 + 7):
        assert start <= parse(line, offset=offset)["ns"] < start + precision


# --- Redaction ---

KEY = "-----BEGIN RSA PRIVATE KEY-----\n{0}\n{0}\nq1w2\n-----END RSA PRIVATE KEY-----".format(
    "MIIEowIBAAKCAQEA" * 4
)
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id AKIAIOSFODNN7EXAMPLE used", "id *** used"),
        ("ASIA0123456789ABCDEF", "***"),
        (
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "aws_secret_access_key = ***",
        ),
        (
            "AWS_SECRET_ACCESS_KEY='wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'",
            "AWS_SECRET_ACCESS_KEY='***'",
        ),
        ('{"aws_session_token": "FwoGZXIvYXdzEBYaDHqa0AP"}', '{"aws_session_token": "***"}'),
        ("{'aws_secret_access_key': 'abcdefghij/9+01234=='}", "{'aws_secret_access_key': '***'}"),
        ("awsSecretAccessKey: abcdefghij0123456789", "awsSecretAccessKey: ***"),
        ("aws_secret_key=abcdefghij0123456789 next", "aws_secret_key=*** next"),
        ("awsSecretKey=abcdefghij0123456789", "awsSecretKey=***"),
        ("awsSessionToken=abcdefghij0123456789", "awsSessionToken=***"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("{'Authorization': 'Basic dXNlcjpwYXNz'}", "{'Authorization': 'Basic ***'}"),
        ("authorization=token abc next", "authorization=token *** next"),
        ('{"Authorization": "token abc", "x": 1}', '{"Authorization": "token ***", "x": 1}'),
        ("Authorization:Basic abc, Host: x", "Authorization:Basic ***, Host: x"),
        ("Authorization: Basic abc\nHost: x", "Authorization: Basic ***\nHost: x"),
        ("sent bearer 0123456789abcdef0123", "sent bearer ***"),
        ("BEARER ABCDEFGHIJKLMNOP", "BEARER ***"),
        ("Bearer Ab.cd_ef~gh+ij/kl-9z==", "Bearer ***"),
        (f"token {JWT} was", "token *** was"),
        ("eyJ0_2-4567.ab_d-f09.", "***"),
        ("postgresql://airflow:s3cr3t@db:5432/airflow", "postgresql://airflow:***@db:5432/airflow"),
        (
            "postgresql+psycopg2://airflow:p@ss:w0rd@db/x?a=b",
            "postgresql+psycopg2://airflow:***@db/x?a=b",
        ),
        ("redis://:s3cr3t@redis:6379/0", "redis://:***@redis:6379/0"),
        ("amqp://user:one:two@host", "amqp://user:***@host"),
        ("x://u:p@h and S9://u:p@h", "x://u:***@h and S9://u:***@h"),
        ("AIRFLOW_CONN_MY_DB=mysql://u:p@h/d?x=y", "AIRFLOW_CONN_MY_DB=***"),
        (
            """export AIRFLOW_CONN_X='{"conn_type": "ssh", "password": "p"}'""",
            "export AIRFLOW_CONN_X='***'",
        ),
        ("AIRFLOW_CONN_S3=aws://, B=2", "AIRFLOW_CONN_S3=***, B=2"),
        ("AIRFLOW_CONN_X=aws://a b", "AIRFLOW_CONN_X=*** b"),
        ("AIRFLOW_CONN_X=aws://a\nb", "AIRFLOW_CONN_X=***\nb"),
        ('{"AIRFLOW_CONN_X": "aws://a"}', '{"AIRFLOW_CONN_X": "***"}'),
        ("{'AIRFLOW_CONN_X': 'aws://a'}", "{'AIRFLOW_CONN_X': '***'}"),
        ('AIRFLOW_CONN_X={"extra": {"a": "p"}} next', "AIRFLOW_CONN_X=*** next"),
        (f"before {KEY} after", "before -----BEGIN RSA PRIVATE KEY-----*** after"),
        (
            f"{KEY} and -----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY----- after",
            "-----BEGIN RSA PRIVATE KEY-----*** and -----BEGIN PRIVATE KEY-----*** after",
        ),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjE",
            "-----BEGIN OPENSSH PRIVATE KEY-----***",
        ),
        ("two: AKIAIOSFODNN7EXAMPLE redis://:x@h", "two: *** redis://:***@h"),
    ],
)
def test_secrets_are_redacted(text: str, expected: str) -> None:
    airflow_2 = redact(f"[2026-11-21T08:10:00.057+0000] {{probe.py:19}} INFO - {text}")
    assert airflow_2["message"].split(" - ", 1)[1] == expected
    assert airflow_2["redacted"]

    record = {
        "timestamp": "2026-11-21T08:10:00.057123Z",
        "level": "info",
        "event": text,
        "logger": "x",
    }
    line = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
    airflow_3 = redact(line)
    assert airflow_3["redacted"] == airflow_2["redacted"]
    assert json.loads(airflow_3["message"]) == {**record, "event": expected}


HEX = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def printed(text: str) -> tuple[str, str]:
    """What Airflow 2 and 3 make of a line that a task prints."""
    return (
        f"[2026-11-21T08:10:00.057+0000] {{subprocess.py:106}} INFO - {text}",
        f'{{"timestamp":"t","event":"{text}","logger":"task.stdout"}}',
    )


@pytest.mark.parametrize("body", ["MIIEowIBAAKCAQEA" * 4, "09+/azAZ" * 8, HEX + "Ab+/9Z"])
def test_a_key_that_is_printed_line_by_line(body: str) -> None:
    assert [redact(line)["message"] for line in printed(body)] == list(printed("***"))


@pytest.mark.parametrize(
    "text", ["A" * 63, "A" * 65, "A" * 69, "A" * 71, "A" * 64 + " more", "of " + "A" * 64, HEX]
)
def test_a_line_that_is_no_line_of_a_key_is_left_alone(text: str) -> None:
    assert [redact(line)["message"] for line in printed(text)] == list(printed(text))


@pytest.mark.parametrize(
    "text",
    [
        "https://airflow.apache.org/docs/apache-airflow/stable/troubleshooting.html#process-terminated-by-signal.",
        "http://host:8080/path?mail=a@b.c",
        "Basic authentication and bearer tokens are explained at the authorization page",
        "mail to user@example.com",
        "12:30:45 AKIA is a prefix, ASIA a continent",
        "scheme://path/without:password",
        "",
        "XAKIAIOSFODNN7EXAMPLE AKIAIOSFODNN7EXAMPLEX",
        "Authorization: Bearer ",
        "bearer 0123456789abcde",
        "forbearer 0123456789abcdef0123",
        "eyJ0123456.01234567.x eyJ01234567.0123456.x keyJ01234567.01234567.x",
        "'http://h:80','a@b'",
        '"http://h:80","a@b"',
        "http://h:80\na@b",
        "http://h:80 a@b",
        "https://host/a:b@c",
        "http://user@host:80,a@b",
        "http://x and y:z@w",
        "'http://x','y:z@w'",
        '"http://x","y:z@w"',
        "http://x\ny:z@w",
        "redis://user:@host",
        "AIRFLOW_CONN_: is the prefix",
        "AIRFLOW_CONN_X=",
    ],
)
def test_other_text_is_left_alone(text: str) -> None:
    assert redact(text) == {"message": text}
    airflow_3 = json.dumps({"event": text}, separators=(",", ":"))
    assert redact(airflow_3) == {"message": airflow_3}


@pytest.mark.parametrize("name", AIRFLOW_2 + AIRFLOW_3)
def test_real_lines_have_nothing_to_redact(name: str) -> None:
    for _, text in events(name):
        assert redact(text) == {"message": text}


PATTERNS = {
    "customer": r"CUSTOMER-\d+",
    "iban": r"\b[A-Z]{2}\d{2}[A-Z0-9]{11,30}\b",
    "quote": r"pin=\"?\d{4}",
}


@pytest.mark.parametrize(
    ("text", "expected", "names"),
    [
        ("for CUSTOMER-123.", "for ***.", "customer"),
        ("to DE89370400440532013000 and CUSTOMER-1", "to *** and ***", "customer,iban"),
        ('the pin="1234"', 'the ***"', "quote"),
        ("CUSTOMER-1 with AKIAIOSFODNN7EXAMPLE", "*** with ***", "aws-keys,customer"),
        ("redis://:CUSTOMER-1@h", "redis://:***@h", "url-passwords"),
    ],
)
def test_patterns_of_the_user_are_redacted_too(text: str, expected: str, names: str) -> None:
    own = shipped({"redaction": {"patterns": PATTERNS}})
    assert redact(text, of=own) == {"message": expected, "redacted": names}
    record = {"timestamp": READ_AT, "level": "info", "event": text}
    airflow_3 = redact(json.dumps(record), of=own)
    assert json.loads(airflow_3["message"]) == {**record, "event": expected}
    assert airflow_3["redacted"] == names


@pytest.mark.parametrize("name", ["string", "captures", "1st", "_private", "a-b", "key"])
def test_a_pattern_of_the_user_can_have_any_name(name: str) -> None:
    own = shipped({"redaction": {"patterns": {name: "[{key}]{9}|C-[0-9]{3}"}}})
    assert redact("C-123 of api_key", of=own) == {"message": "*** of api_key", "redacted": name}


@pytest.mark.parametrize(
    "pattern",
    [
        "BOOKMARKS-C[0-9]{2}",
        "TOKENS=C[0-9]{2}",
        "# PATTERNS C[0-9]{2}",
        "# OWN GATES C[0-9]{2}",
        r"\AC[0-9]{2}\z",
    ],
)
def test_a_pattern_of_the_user_can_look_like_a_place_of_the_program(pattern: str) -> None:
    own = shipped({"redaction": {"patterns": {"own": pattern}}})
    text = pattern.replace("[0-9]{2}", "12").replace(r"\A", "").replace(r"\z", "")
    record = {"timestamp": READ_AT, "level": "info", "event": text}
    for line in (text, json.dumps(record)):
        redacted = redact(line, of=own)
        assert "C12" not in redacted["message"], line
        assert redacted["redacted"] == "own"


@pytest.mark.parametrize("pattern", [r"K-\w{32,40}", r"[\w.-]{20,}x", "a.{1,1000}b", "[^,]{300}"])
def test_the_user_can_have_many_large_patterns(pattern: str) -> None:
    patterns = {f"own-{number}": f"{number}{pattern}" for number in range(40)}
    own = shipped({"redaction": {"patterns": patterns}})
    assert redact("text", of=own) == {"message": "text"}


def test_a_mark_of_redaction_in_a_line_stays() -> None:
    line = "icon \U0010f803 password=None"
    assert redact(line) == {"message": line}


def test_half_of_a_character_hides_no_secret() -> None:
    line = r'{"event": "x", "context": {"text": "\ud800 password=Xk7vQ2mw9"}}'
    redacted = redact(line)["message"]
    assert "Xk7vQ2mw9" not in redacted
    assert json.loads(redacted)["event"] == "x"


def test_nul_characters_before_json_hide_no_secret() -> None:
    record = {"timestamp": READ_AT, "level": "info", "event": "x", "password": 4711}
    redacted = redact("\0\0" + json.dumps(record))["message"]
    assert json.loads(redacted.lstrip("\0")) == {**record, "password": "***"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("DB_PASSWORD=" + "AKIA" + "IOSFODNN7EXAMPLE", "aws-keys"),
        ("AWS_SECRET_ACCESS_KEY=" + 4 * "wJalrXUtnF", "aws-keys"),
    ],
)
def test_a_secret_counts_for_the_kind_that_hid_it_first(text: str, names: str) -> None:
    assert redact(text)["redacted"] == names


def test_patterns_of_the_user_may_have_groups_of_the_same_name_flags_and_comments() -> None:
    patterns = {
        "one": r"no(?P<n>1)",
        "other": r"no(?<n>2)",
        "spaced": r"(?ix) CLIENT \d # its number",
        "start": "^first",
    }
    own = shipped({"redaction": {"patterns": patterns}})
    for text, expected in {
        "a no1 b": "a *** b",
        "a no2 b": "a *** b",
        "of client7": "of ***",
        "first no1": "*** ***",
        "at first": "at first",
        "client # its number": "client # its number",
    }.items():
        assert redact(text, of=own)["message"] == expected
        record = {"timestamp": READ_AT, "level": "info", "event": text}
        assert json.loads(redact(json.dumps(record), of=own)["message"])["event"] == expected


def test_patterns_of_the_user_leave_time_and_level_alone() -> None:
    own = shipped({"redaction": {"patterns": {"years": "20[0-9]{2}", "words": "^info$"}}})
    record = {"timestamp": READ_AT, "level": "info", "event": "in 2026"}
    redacted = redact(json.dumps(record), of=own)
    assert json.loads(redacted["message"]) == {**record, "event": "in ***"}


def test_patterns_of_the_user_leave_other_text_alone() -> None:
    own = shipped({"redaction": {"patterns": PATTERNS}})
    assert redact("CUSTOMER", of=own) == {"message": "CUSTOMER"}


# --- Level ---

LEVELS = ("debug", "info", "warning", "error", "critical")


@pytest.mark.parametrize("minimum", LEVELS[1:])
def test_lines_below_the_minimum_level_are_dropped(minimum: str) -> None:
    level = shipped({"minimumLevel": minimum}).config["transforms"]["level"]
    assert level["type"] == "filter"
    kept = [name for name in LEVELS if keeps(level["condition"], {"level": name})]
    assert kept == list(LEVELS[LEVELS.index(minimum) :])
    assert keeps(level["condition"], {"message": "a line without a level"})


# --- Split ---


@pytest.mark.parametrize(
    "text",
    ["a" * 9000, "ž" * 9000, "日" * 9000, "🚀" * 9000, "a🚀日ž " * 999, "x" * 1028, "é" * 514],
    ids=lambda text: text[:5],
)
@pytest.mark.parametrize("limit", [1024, 1025, 1027])
def test_a_long_line_becomes_parts(text: str, limit: int, pod: Callable[..., None]) -> None:
    pod(shipped({"loki": {"maxLineBytes": limit}}))
    event = {"message": text, "timestamp": READ_AT, "dag_id": "d", "fields": {"a": 1}}
    parts = run(defaults().program("split"), event)
    assert "".join(part["message"] for part in parts) == text
    assert all(limit - 4 <= len(part["message"].encode()) <= limit for part in parts[:-1])
    assert len(parts[-1]["message"].encode()) <= limit
    assert [part["part"] for part in parts] == [str(number + 1) for number in range(len(parts))]
    assert {part["parts"] for part in parts} == {str(len(parts))}
    assert [part["ns"] - parts[0]["ns"] for part in parts] == list(range(len(parts))), "their order"
    assert all(part["dag_id"] == "d" and part["fields"] == {"a": 1} for part in parts)


@pytest.mark.parametrize("limit", [1024, 1025, 250_000])
def test_only_a_line_that_does_not_fit_is_split(limit: int, pod: Callable[..., None]) -> None:
    pod(shipped({"loki": {"maxLineBytes": limit}}))
    program = defaults().program("split")
    [event] = run(program, {"message": "a" * limit, "timestamp": READ_AT})
    assert event["message"] == "a" * limit
    assert "part" not in event
    for size, sizes in ((limit + 1, [limit - 1, 2]), (2 * limit - 1, [limit - 1, limit])):
        parts = run(program, {"message": "a" * size, "timestamp": READ_AT})
        assert [len(part["message"]) for part in parts] == sizes


@pytest.mark.parametrize("value", ["", "many"])
def test_without_a_limit_parts_are_below_the_default_of_loki(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOKI_MAX_LINE_BYTES", value)
    program = defaults().program("split")
    parts = run(program, {"message": "a" * 300_000, "timestamp": READ_AT})
    assert [len(part["message"]) for part in parts] == [249_999, 50_001]


# --- What Loki gets ---


def test_labels_and_structured_metadata() -> None:
    record = {"timestamp": "2026-11-21T08:10:00.057123Z", "level": "info", "logger": "task.stdout"}
    line = json.dumps(record)
    file = FILE.replace("happy/", "happy/map_index=2/")
    event = {**parse(line, file=file, offset=5), "timestamp": READ_AT}
    [event] = run(defaults().program("fields"), event)
    assert event["labels"] == {
        "job": "airflow-task-logs",
        "namespace": "airflow",
        "dag_id": "probe.dag-1",
        "task_id": "happy",
    }
    assert event["structured_metadata"] == {
        "run_id": "manual__2026-11-21T08:06:43+00:00",
        "try_number": "1",
        "map_index": "2",
        "pod": "probe-happy-abc",
        "level": "info",
        "logger": "task.stdout",
        "offset": "5",
    }


def test_there_is_always_a_label_and_never_a_null() -> None:
    [event] = run(defaults().program("fields"), {"message": "x", "timestamp": READ_AT})
    assert event["labels"] == {"job": "airflow-task-logs"}
    assert event["structured_metadata"] == {}


def test_labels_and_metadata_of_the_user() -> None:
    settings = {
        "labels": {"job": "mine", "cluster": "eu-1"},
        "labelFields": ["dag_id"],
        "metadata": {"owner": "it's žluť, $HOME"},
        "metadataFields": ["offset"],
    }
    event = {**parse("text", offset=5), "timestamp": READ_AT}
    [event] = run(shipped(settings).program("fields"), event)
    assert event["labels"] == {"job": "mine", "cluster": "eu-1", "dag_id": "probe.dag-1"}
    assert event["structured_metadata"] == {
        "owner": "it's žluť, $HOME",
        "offset": "5",
        "task_id": "happy",  # the dashboards look for it
    }


def test_every_field_that_values_may_name_is_there() -> None:
    schema = strict_yaml.load_file(ADDON / "values.schema.json")
    names = schema["$defs"]["eventFields"]["items"]["enum"]
    sidecar = shipped(
        {"labelFields": ["node"], "metadataFields": [n for n in names if n != "node"]}
    )
    path = f"{ROOT}/dag_id=d/run_id=r/task_id=t/map_index=2/attempt=1.log.trigger.5.log"
    line = json.dumps({**RECORD, "timestamp": "1970-01-01T00:00:00Z", "logger": "a"})
    event = {**parse(line, file=path), "timestamp": READ_AT}
    of_other_steps = {"part": "1", "parts": "2", "redacted": "password"}
    [event] = run(sidecar.program("fields"), {**event, **of_other_steps})
    assert event["labels"] == {"job": "airflow-task-logs", "node": "node-1"}
    assert set(event["structured_metadata"]) == set(names) - {"node"}


# --- vector.yaml ---

# Both of what the chart adds to the chain.
LONGEST: Mapping[str, Any] = {"redaction": {"patterns": PATTERNS}, "minimumLevel": "info"}


def chain(config: Mapping[str, Any]) -> list[str]:
    """The components from the file source to Loki, by the way of a line with a secret."""
    names, name = ["loki"], config["sinks"]["loki"]["inputs"][-1]
    while name in config["transforms"]:
        names.insert(0, name)
        name = config["transforms"][name]["inputs"][-1].partition(".")[0]
    return [name, *names]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["suspicious", "redact", "parse", "split", "fields"]),
        (LONGEST, ["suspicious", "redact", "parse", "level", "split", "fields"]),
        ({"redaction": {"enabled": False}}, ["parse", "split", "fields"]),
    ],
)
def test_the_chain_of_transforms(settings: Mapping[str, Any], expected: list[str]) -> None:
    assert chain(shipped(settings).config) == ["task_logs", *expected, "loki"]


def test_no_transform_on_the_way_to_loki_drops_a_line() -> None:
    sidecar = shipped(LONGEST)
    for name in chain(sidecar.config)[1:-1]:
        transform = sidecar.config["transforms"][name]
        if name in ("level", "suspicious"):
            continue
        assert transform["type"] == "remap"
        assert transform.get("drop_on_error", False) is False
        assert transform["drop_on_abort"] is False
        code = re.sub(r"(?m)#.*$", "", sidecar.program(name))
        assert not re.search(r"\babort\b", code)


def test_a_line_on_its_way_from_the_file_to_loki() -> None:
    sidecar = shipped(LONGEST)
    record = {"timestamp": "2026-11-21T08:10:00.057123Z", "level": "info"}
    line = json.dumps({**record, "event": "for CUSTOMER-123", "key": "CUSTOMER-123"})
    event: Event = {"message": line, "file": FILE, "offset": 9}
    for name in chain(sidecar.config)[1:-1]:
        transform = sidecar.config["transforms"][name]
        event["timestamp"] = READ_AT
        if transform["type"] == "route":
            assert is_suspicious(line, of=sidecar)
        elif transform["type"] == "filter":
            assert keeps(transform["condition"], event)
        else:
            [event] = run(sidecar.program(name), event)
    assert event["message"] == line.replace("CUSTOMER-123", "***")
    assert event["labels"]["dag_id"] == "probe.dag-1"
    assert event["structured_metadata"]["redacted"] == "customer"
    assert event["structured_metadata"]["level"] == "info"


def test_redacted_lines_alone_are_counted() -> None:
    redacted = defaults().config["transforms"]["redacted"]
    assert redacted["inputs"] == ["redact"]
    assert keeps(redacted["condition"], redact("AKIAIOSFODNN7EXAMPLE"))
    assert not keeps(redacted["condition"], redact("text"))


@pytest.mark.parametrize("settings", [{}, LONGEST], ids=["defaults", "all"])
def test_every_program_in_the_config_map_is_used_and_every_one_used_is_there(
    settings: Mapping[str, Any],
) -> None:
    sidecar = shipped(settings)
    named: list[str] = []
    for transform in sidecar.config["transforms"].values():
        named += transform.get("files", [])
        named += [transform["file"]] if "file" in transform else []
    assert sorted(named) == sorted(name for name in sidecar.files if name.endswith(".vrl"))


@pytest.mark.parametrize(
    "fact",
    [
        lambda config: config["sinks"]["loki"]["acknowledgements"]["enabled"] is True,
        lambda config: (
            config["sinks"]["loki"]["buffer"]
            == {"type": "memory", "max_events": 500, "when_full": "block"}
        ),
        lambda config: (
            config["sources"]["task_logs"]["fingerprint"]["strategy"] == "device_and_inode"
        ),
        lambda config: config["sources"]["task_logs"]["read_from"] == "beginning",
        lambda config: "retry_attempts" not in config["sinks"]["loki"]["request"],
    ],
    ids=[
        "checkpoints are what Loki has",
        "the file is the buffer",
        "files by inode",
        "whole files",
        "no line given up",
    ],
)
def test_what_the_drain_relies_on(fact: Callable[[Mapping[str, Any]], bool]) -> None:
    assert fact(defaults().config)
