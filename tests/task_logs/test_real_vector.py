"""The same with a real Vector, where there is one: on PATH, or named by the variable VECTOR."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import RUN_ID, TASK_LOGS, Sidecar, settings, wait_for
from .loki_double import Entry, Loki, loki

VECTOR = os.environ.get("VECTOR") or shutil.which("vector")
pytestmark = pytest.mark.skipif(VECTOR is None, reason="no Vector: none on PATH, VECTOR is not set")


class RealSidecar(Sidecar):
    """A sidecar with a real Vector and a Loki of its own."""

    loki: Loki

    def vectors(self) -> list[int]:
        """Process ids of the running Vectors of this sidecar."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [
            int(child)
            for child in children.split()
            if Path(f"/proc/{child}/cmdline").read_bytes().startswith(str(self.vector).encode())
        ]

    def up(self) -> None:
        wait_for(lambda: "Starting file server" in self.output(), "a start of Vector")

    def delivered(self) -> dict[str, list[str]]:
        files: dict[str, list[Entry]] = {}
        for entry in self.loki.entries:
            of = entry.fields
            mapped = f"map_index={of['map_index']}/" if "map_index" in of else ""
            task = f"dag_id={of['dag_id']}/run_id={of['run_id']}/task_id={of['task_id']}"
            name = f"{task}/{mapped}attempt={of['try_number']}.log"
            files.setdefault(name, []).append(entry)
        return {name: in_file_order(entries) for name, entries in files.items()}


def in_file_order(entries: list[Entry]) -> list[str]:
    """The lines as they are in the file: parts joined, and the lines of a traceback apart."""
    texts: dict[int, str] = {}
    for entry in sorted(
        entries, key=lambda e: (int(e.fields["offset"]), int(e.fields.get("part", 0)))
    ):
        offset = int(entry.fields["offset"])
        texts[offset] = texts.get(offset, "") + entry.line
    return [line for text in texts.values() for line in text.split("\n")]


@pytest.fixture
def sidecar(tmp_path: Path, shell: tuple[tuple[str, ...], str]) -> Iterator[RealSidecar]:
    """A sidecar that runs Vector, not started yet."""
    assert VECTOR is not None
    command, path = shell
    (tmp_path / "logs").mkdir()
    (tmp_path / "data").mkdir()
    with loki() as state:
        pod = RealSidecar(tmp_path, command, path, Path(VECTOR), settings(tmp_path))
        pod.config["sinks"]["loki"] |= {"endpoint": state.url, "compression": "gzip"}
        pod.environment = {
            "DRAIN_TIMEOUT_SECONDS": "30",
            "POD_NAME": "pod-1",
            "POD_NAMESPACE": "airflow",
            "VECTOR_LOG": "info",
        }
        pod.loki = state
        yield pod
        if pod.process is not None:
            pod.kill()


busybox = pytest.mark.parametrize("shell", ["busybox"], indirect=True)


def airflow3(count: int, text: str = "line") -> str:
    """Lines as Airflow 3 writes them, of this moment."""
    now = datetime.now(UTC)
    return "".join(
        json.dumps(
            {
                "timestamp": f"{now + timedelta(microseconds=number):%Y-%m-%dT%H:%M:%S.%fZ}",
                "level": "info",
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


def assert_all_delivered(sidecar: RealSidecar) -> None:
    outcome = sidecar.stop()
    assert outcome.code == 0, outcome.output
    assert sidecar.delivered() == sidecar.written()


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


# --- Task shapes ---


@pytest.mark.parametrize(
    "text",
    [airflow3(20), "".join(airflow2(f"line {n}") for n in range(20)), "plain\n\nplain\n"],
    ids=["airflow3", "airflow2", "plain"],  # the texts hold the time: no two workers have the same
)
def test_a_short_task(sidecar: RealSidecar, text: str) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(text)
    assert_all_delivered(sidecar)


@busybox
def test_silent_then_last_lines(sidecar: RealSidecar) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(airflow3(5))
    time.sleep(3)
    append(sidecar.task_log(), airflow3(30, "last"))
    assert_all_delivered(sidecar)


@busybox
def test_a_burst_at_the_end(sidecar: RealSidecar) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(airflow3(10_000))
    assert_all_delivered(sidecar)


@pytest.mark.parametrize("seconds", [0, 0.05, 0.1])
def test_sigterm_at_any_moment_of_the_start(sidecar: RealSidecar, seconds: float) -> None:
    sidecar.task_log().write_text(airflow3(20))
    sidecar.start()
    wait_for(lambda: sidecar.data.joinpath("drain").exists(), "the handler of the program")
    time.sleep(seconds)
    assert_all_delivered(sidecar)


def test_no_final_newline(sidecar: RealSidecar) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log("killed").write_text(airflow3(3) + "last words")
    sidecar.task_log("one").write_text("only words")
    assert_all_delivered(sidecar)


@busybox
def test_no_final_newline_in_a_file_that_cannot_be_written(sidecar: RealSidecar) -> None:
    sidecar.without_power_over_files()
    sidecar.start()
    sidecar.up()
    for task, text in {"killed": airflow3(3) + "last words", "one": "only words"}.items():
        sidecar.task_log(task).write_text(text)
        sidecar.deny(sidecar.task_log(task), 0o444)
    assert_all_delivered(sidecar)


@busybox
def test_many_files_of_any_name(sidecar: RealSidecar) -> None:
    sidecar.start()
    sidecar.up()
    for number in range(150):
        sidecar.task_log(f"task '{number}'").write_text(airflow3(2) + f"from {number}")
    assert_all_delivered(sidecar)


@busybox
def test_captured_output_has_the_identity_of_the_pod(sidecar: RealSidecar) -> None:
    sidecar.environment |= {"DAG_ID": "demo", "TASK_ID": "t", "RUN_ID": RUN_ID, "TRY_NUMBER": "2"}
    sidecar.start()
    sidecar.up()
    (sidecar.logs / ".output").mkdir()
    (sidecar.logs / ".output" / "output.log").write_text("ImportError\nlast words")
    assert sidecar.stop().code == 0
    [delivered] = sidecar.delivered().items()
    assert delivered == (
        f"dag_id=demo/run_id={RUN_ID}/task_id=t/attempt=2.log",
        ["ImportError", "last words"],
    )


# --- Faults ---


@busybox
def test_a_killed_vector_is_started_again(sidecar: RealSidecar) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(airflow3(20))
    [pid] = sidecar.vectors()
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: sidecar.output().count("Starting file server") == 2, "the restart")
    append(sidecar.task_log(), airflow3(20, "after"))
    assert_all_delivered(sidecar)


@busybox
def test_a_killed_container_is_started_again(sidecar: RealSidecar) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(airflow3(20))
    wait_for(lambda: len(sidecar.loki.entries) == 20, "first lines")
    sidecar.kill()
    append(sidecar.task_log(), airflow3(20, "after"))
    sidecar.start()
    wait_for(lambda: sidecar.output().count("Starting file server") == 2, "the restart")
    assert_all_delivered(sidecar)
    assert len(sidecar.loki.entries) == 40


@busybox
def test_a_configuration_that_vector_refuses(sidecar: RealSidecar) -> None:
    sidecar.config["sinks"]["loki"]["no_such_option"] = 1
    sidecar.start()
    sidecar.task_log().write_text(airflow3(20))
    wait_for(lambda: "ended by itself" in sidecar.output(), "the attempt")
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert "task_id=hello" in outcome.message


@busybox
def test_loki_is_down(sidecar: RealSidecar) -> None:
    sidecar.loki.status = 503
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "3"
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(airflow3(20))
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert " 0 delivered" in outcome.message
    assert "0 lines refused" in outcome.message


@busybox
@pytest.mark.parametrize("status", [429, 503])
def test_loki_comes_back(sidecar: RealSidecar, status: int) -> None:
    sidecar.loki.status, sidecar.loki.failures = status, 2
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(airflow3(20))
    assert_all_delivered(sidecar)


@busybox
def test_loki_refuses_everything(sidecar: RealSidecar) -> None:
    sidecar.loki.status = 400
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "600"
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(airflow3(20))
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert " 0 delivered" in outcome.message
    assert ", 0 lines refused" not in outcome.message


@busybox
def test_lines_that_were_refused_for_a_while_are_offered_again(sidecar: RealSidecar) -> None:
    sidecar.loki.status, sidecar.loki.failures = 404, 1
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(airflow3(20))
    wait_for(lambda: "Events dropped" in sidecar.output(), "a refused request")
    append(sidecar.task_log(), airflow3(20, "after"))
    wait_for(lambda: sidecar.loki.entries, "an accepted request")
    assert_all_delivered(sidecar)


@busybox
def test_one_line_is_refused_for_good(sidecar: RealSidecar) -> None:
    sidecar.loki.poison = "poison"
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(airflow3(3) + "poison\n" + airflow3(3, "after"))
    outcome = sidecar.stop()
    assert outcome.code == 1
    [delivered] = sidecar.delivered().values()
    assert delivered == [
        line for line in sidecar.task_log().read_text().splitlines() if line != "poison"
    ]


# --- Lines ---


@busybox
def test_what_loki_gets_with_a_line(sidecar: RealSidecar) -> None:
    sidecar.start()
    sidecar.up()
    mapped = sidecar.task_log("group.mapped").parent / "map_index=3" / "attempt=2.log"
    mapped.parent.mkdir()
    text = airflow3(1)
    mapped.write_text(text)
    assert sidecar.stop().code == 0
    [entry] = sidecar.loki.entries
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
        "pod": "pod-1",
        "level": "info",
        "logger": "task.stdout",
        "offset": "0",
    }
    logged = datetime.fromisoformat(json.loads(text)["timestamp"])
    assert datetime.fromtimestamp(entry.nanoseconds / 10**9, UTC).timestamp() == pytest.approx(
        logged.timestamp(), abs=1e-3
    )


@busybox
def test_a_file_without_an_identity_has_no_empty_labels(sidecar: RealSidecar) -> None:
    sidecar.start()
    sidecar.up()
    day = sidecar.logs / "scheduler" / "2026-11-21"
    day.mkdir(parents=True)
    (day / "probe.py.log").write_text("plain\n")
    (day.parent / "latest").symlink_to(day)
    assert sidecar.stop().code == 0
    [entry] = sidecar.loki.entries
    assert entry.fields == {
        "job": "airflow-task-logs",
        "namespace": "airflow",
        "pod": "pod-1",
        "offset": "0",
    }


@busybox
def test_equal_lines_of_the_same_microsecond_are_both_kept_and_order_is_that_of_the_file(
    sidecar: RealSidecar,
) -> None:
    sidecar.start()
    sidecar.up()
    line = airflow3(1)
    sidecar.task_log("equal").write_text(line * 3)
    sidecar.task_log("airflow2").write_text(
        "".join(airflow2(f"line {number}") for number in range(500))
    )
    assert_all_delivered(sidecar)
    times = [e for e in sorted(sidecar.loki.entries) if e.fields["task_id"] == "airflow2"]
    assert [e.line for e in times] == sidecar.task_log("airflow2").read_text().splitlines()
    assert len({e.nanoseconds for e in times}) == 500


@busybox
def test_a_traceback_of_airflow_2_is_one_event(sidecar: RealSidecar) -> None:
    sidecar.start()
    sidecar.up()
    traceback = airflow2(
        "Task failed with exception\nTraceback (most recent call last):\n\nValueError: 1", "ERROR"
    )
    sidecar.task_log().write_text(airflow2("before") + traceback + airflow2("after"))
    assert_all_delivered(sidecar)
    [event] = [e for e in sidecar.loki.entries if "Traceback" in e.line]
    assert event.line == traceback.removesuffix("\n")
    assert event.fields["level"] == "error"


@busybox
def test_a_line_above_the_size_that_loki_takes_is_split(sidecar: RealSidecar) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(airflow3(2) + airflow3(1, "ž日🚀" * 100_000) + airflow3(2))
    assert_all_delivered(sidecar)
    assert {e.fields["parts"] for e in sidecar.loki.entries if "parts" in e.fields} == {"4"}


@busybox
def test_lines_above_max_line_bytes_are_missing(sidecar: RealSidecar) -> None:
    sidecar.start()
    sidecar.up()
    long = "x" * 1_048_577 + "\n"
    sidecar.task_log().write_text("a\n" + long + "b\n" + long + long + "c\n")
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert f"{3 * len(long)} missing" in outcome.message
    assert "3 lines above 1048576 bytes" in outcome.message


@busybox
def test_redacted_lines_are_counted(sidecar: RealSidecar) -> None:
    sidecar.environment["STATSD_HOST"] = "statsd"
    tools = sidecar.directory / "tools"
    tools.mkdir()
    kept = sidecar.directory / "datagram"
    (tools / "nc").write_text(f'#!/bin/sh\nexec cat >"{kept}"\n')
    (tools / "nc").chmod(0o755)
    sidecar.path = f"{tools}:{sidecar.path}"
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(airflow3(3) + airflow3(2, "postgresql://user:secret@host/db"))
    assert sidecar.stop().code == 0
    wait_for(lambda: kept.exists() and kept.read_text().endswith("|ms\n"), "the datagram")
    assert "airflow.task_log.redacted:2|c\n" in kept.read_text()
    assert not [e for e in sidecar.loki.entries if "secret" in e.line]


# --- vector.yaml as the chart's template may change it ---


def without_redaction(config: dict[str, Any]) -> None:
    del (
        config["transforms"]["redact"],
        config["transforms"]["redacted"],
        config["sinks"]["redaction_count"],
    )
    config["transforms"]["split"]["inputs"] = ["parse"]


def with_a_level_filter(config: dict[str, Any]) -> None:
    config["transforms"]["level"] = {
        "type": "filter",
        "inputs": ["redact"],
        "condition": '!includes(["debug", "info"], .level)',
    }
    config["transforms"]["split"]["inputs"] = ["level"]


def unchanged(config: dict[str, Any]) -> None:
    pass


@pytest.mark.parametrize("change", [unchanged, without_redaction, with_a_level_filter])
def test_vector_accepts_the_configuration(
    tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    (tmp_path / "data").mkdir()
    config = settings(tmp_path)
    change(config)
    (tmp_path / "vector.yaml").write_text(yaml.safe_dump(config))
    check = subprocess.run(
        [
            str(VECTOR),
            "validate",
            "--skip-healthchecks",
            "--deny-warnings",
            str(tmp_path / "vector.yaml"),
        ],
        cwd=TASK_LOGS,
        capture_output=True,
        text=True,
    )
    assert check.returncode == 0, check.stdout + check.stderr
