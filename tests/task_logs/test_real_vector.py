"""What only a real Vector shows: the programs at work, and what Loki gets of a line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from .marks import busybox, real_vector
from .shipped import OBSERVABLE, RUN_ID, shipped
from .sidecar import Sidecar, wait_for
from .test_drain import assert_all_delivered

pytestmark = [busybox, real_vector]


def airflow3(count: int, text: str = "line", level: str = "info") -> str:
    """Lines as Airflow 3 writes them, of this moment."""
    now = datetime.now(UTC)
    return "".join(
        json.dumps(
            {
                "timestamp": f"{now + timedelta(microseconds=number):%Y-%m-%dT%H:%M:%S.%fZ}",
                "level": level,
                "event": f"{text} {number}",
                "logger": "task.stdout",
            },
            separators=(",", ":"),
            ensure_ascii=False,
        )
        + "\n"
        for number in range(count)
    )


def airflow2(text: str, level: str = "INFO") -> str:
    """A record as Airflow 2 writes it, of this moment."""
    time = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3]
    return f"[{time}+0000] {{probe.py:19}} {level} - {text}\n"


def test_what_loki_gets_with_a_line(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    mapped = sidecar.task_log("group.mapped").parent / "map_index=3" / "attempt=2.log"
    mapped.parent.mkdir()
    text = airflow3(1)
    mapped.write_text(text)
    assert sidecar.stop().code == 0
    [entry] = sidecar.loki.entries()
    assert dict(entry.labels) == {
        "job": "airflow-task-logs",
        "namespace": "airflow",
        "dag_id": "demo",
        "task_id": "group.mapped",
    }
    assert dict(entry.metadata) == {
        "run_id": RUN_ID,
        "try_number": "2",
        "map_index": "3",
        "pod": "probe-happy-abc",
        "level": "info",
        "logger": "task.stdout",
        "offset": "0",
        "file": str(mapped),
    }
    logged = datetime.fromisoformat(json.loads(text)["timestamp"])
    assert entry.nanoseconds / 10**9 == pytest.approx(logged.timestamp(), abs=1e-3)


def test_a_file_without_an_identity_has_no_empty_labels(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    day = sidecar.logs / "scheduler" / "2026-11-21"
    day.mkdir(parents=True)
    (day / "probe.py.log").write_text("plain\n")
    (day.parent / "latest").symlink_to(day)
    assert sidecar.stop().code == 0
    [entry] = sidecar.loki.entries()
    fields = entry.fields
    assert fields.pop("file").endswith("/probe.py.log")
    assert fields == {
        "job": "airflow-task-logs",
        "namespace": "airflow",
        "pod": "probe-happy-abc",
        "offset": "0",
    }


def test_captured_output_has_the_identity_of_the_pod(sidecar: Sidecar) -> None:
    sidecar.annotate(dag_id="demo", task_id="t", run_id=RUN_ID, try_number="2")
    sidecar.start()
    sidecar.up()
    (sidecar.logs / ".output").mkdir()
    (sidecar.logs / ".output" / "output.log").write_text("ImportError\n")
    assert_all_delivered(sidecar)
    [entry] = sidecar.loki.entries()
    fields = entry.fields
    assert (fields["dag_id"], fields["task_id"]) == ("demo", "t")
    assert (fields["run_id"], fields["try_number"]) == (RUN_ID, "2")
    assert "map_index" not in fields


def test_equal_lines_of_the_same_microsecond_are_both_kept_and_order_is_that_of_the_file(
    sidecar: Sidecar,
) -> None:
    sidecar.start()
    sidecar.up()
    line = airflow3(1)
    sidecar.task_log("equal").write_text(line * 3)
    sidecar.task_log("airflow2").write_text(
        "".join(airflow2(f"line {number}") for number in range(500))
    )
    assert_all_delivered(sidecar)
    entries = [e for e in sidecar.loki.entries() if e.fields["task_id"] == "airflow2"]
    assert [e.line for e in entries] == sidecar.task_log("airflow2").read_text().splitlines()
    assert len({e.nanoseconds for e in entries}) == 500


def test_a_traceback_of_airflow_2_is_one_event(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    traceback = airflow2(
        "Task failed with exception\nTraceback (most recent call last):\n\nValueError: 1", "ERROR"
    )
    sidecar.task_log().write_text(airflow2("before") + traceback + airflow2("after"))
    assert_all_delivered(sidecar)
    [event] = [e for e in sidecar.loki.entries() if "Traceback" in e.line]
    assert event.line == traceback.removesuffix("\n")
    assert event.fields["level"] == "error"


def test_records_of_other_formats_are_events_of_their_own(sidecar: Sidecar) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    traceback = "Traceback (most recent call last):\n  1 / 0\nZeroDivisionError"
    records = [
        f"[{now:%Y-%m-%d, %H:%M:%S} UTC] {{x.py:1}} ERROR - a\n{traceback}",
        f"ERROR {now:%Y-%m-%d %H:%M:%S},000 b\n{traceback}",
        f"ERROR:root:{now:%Y-%m-%d %H:%M:%S} c\n{traceback}",
        f"{now:%Y-%m-%d %H:%M:%S} [ERROR] d\n{traceback}",
        f"\x1b[2m{now:%Y-%m-%dT%H:%M:%S}.000Z\x1b[0m [\x1b[31merror    \x1b[0m] e\n{traceback}",
        json.dumps({"@timestamp": f"{now:%Y-%m-%dT%H:%M:%S}.000Z", "log.level": "ERROR"}),
        f"{now:%Y/%m/%d %H:%M:%S} ERROR f\n{traceback}",
        json.dumps({"level": "error", "ts": now.timestamp()}),
        f"{now:%Y-%m-%d %H:%M:%S},000 GMT ERROR g\n{traceback}",
        f"ERROR {now:%d/%m/%Y %H:%M:%S} h\n{traceback}",
        f"[{now:%d/%b/%Y:%H:%M:%S} +0000] ERROR i\n{traceback}",
        f"{now.timestamp():.3f} ERROR j\n{traceback}",
        f"ts={now:%Y-%m-%dT%H:%M:%S}Z level=error msg=k\n{traceback}",
    ]
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text("".join(f"{record}\n" for record in records))
    assert sidecar.stop().code == 0
    entries = sidecar.loki.entries()
    assert sorted(entry.line for entry in entries) == sorted(records)
    for entry in entries:
        assert entry.fields["level"] == "error", entry.line
        assert entry.nanoseconds // 10**9 == int(now.timestamp()), entry.line


def test_a_line_above_the_size_that_loki_takes_is_split(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(airflow3(2) + airflow3(1, "ž日🚀" * 100_000) + airflow3(2))
    assert_all_delivered(sidecar)
    assert {e.fields["parts"] for e in sidecar.loki.entries() if "parts" in e.fields} == {"4"}


def test_lines_above_max_line_bytes_are_missing(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    long = "x" * 1_048_577 + "\n"
    sidecar.task_log().write_text("a\n" + long + "b\n" + long + long + "c\n")
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert f"{3 * len(long)} missing" in outcome.message
    assert "3 lines above 1048576 bytes" in outcome.message


# --- Settings of the chart ---


def test_secrets_are_replaced_and_the_lines_counted(sidecar: Sidecar) -> None:
    patterns = {"customer": "CUSTOMER-[0-9]+"}
    sidecar.use(shipped({**OBSERVABLE, "redaction": {"patterns": patterns}}))
    kept = sidecar.directory / "datagram"
    sidecar.tool("nc", f'exec cat >"{kept}"')
    sidecar.start()
    sidecar.up()
    secrets = airflow3(2, "postgresql://user:secret@host/db") + airflow3(1, "CUSTOMER-12345")
    sidecar.task_log().write_text(airflow3(3) + secrets)
    assert sidecar.stop().code == 0
    wait_for(lambda: kept.exists() and kept.read_text().endswith("|ms\n"), "the datagram")
    assert "airflow.task_log.redacted:3|c\n" in kept.read_text()
    text = "".join(entry.line for entry in sidecar.loki.entries())
    assert text.count("***") == 3
    assert "secret" not in text
    assert "12345" not in text


def test_what_is_below_the_minimum_level_is_dropped_and_not_missing(sidecar: Sidecar) -> None:
    sidecar.use(shipped({**OBSERVABLE, "minimumLevel": "warning"}, metrics=False))
    sidecar.start()
    sidecar.up()
    levels = ("debug", "info", "warning", "error")
    written = "".join(airflow3(1, level, level) for level in levels)
    sidecar.task_log().write_text(written + "plain\n")
    outcome = sidecar.stop()
    assert outcome.code == 0, outcome.output
    [delivered] = sidecar.delivered().values()
    assert delivered == [*written.splitlines()[2:], "plain"]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"minimumLevel": "error", "redaction": {"patterns": {"a": r"\d+", "b": "x"}}},
        {"redaction": {"enabled": False}},
    ],
    ids=["defaults", "level and patterns", "no redaction"],
)
def test_vector_accepts_the_configuration(sidecar: Sidecar, settings: Mapping[str, Any]) -> None:
    sidecar.use(shipped(settings))
    sidecar.mount_config_map()
    check = subprocess.run(
        [sidecar.vector, "validate", "--skip-healthchecks", "--deny-warnings", "vector.yaml"],
        cwd=sidecar.config_map,
        env=sidecar.shipped.environment(),
        capture_output=True,
        text=True,
    )
    assert check.returncode == 0, check.stdout + check.stderr
