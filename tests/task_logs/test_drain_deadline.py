"""drain.sh keeps its deadline, and says so when it could not look at everything."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from .marks import busybox, double
from .sidecar import Outcome, Sidecar, wait_for
from .test_drain import assert_all_delivered, lines

MANY = 20_000


def write_many(sidecar: Sidecar, text: str = "one line\n") -> None:
    """Files of as many tries."""
    for task in range(MANY // 1000):
        first = sidecar.task_log(f"task{task}")
        for attempt in range(1000):
            first.with_name(f"attempt={attempt}.log").write_text(text)


def stop_within(sidecar: Sidecar, seconds: float) -> Outcome:
    """SIGTERM; it ends in this time."""
    sidecar.environment.setdefault("DRAIN_TIMEOUT_SECONDS", str(int(seconds)))
    started = time.monotonic()
    outcome = sidecar.stop()
    assert time.monotonic() - started <= seconds + 0.5  # of this machine
    assert len(outcome.message.encode()) <= 4096
    return outcome


def assert_partly_missing(outcome: Outcome) -> None:
    assert outcome.code == 1
    assert " 0 missing" not in outcome.message or "were looked at" in outcome.message


# --- Many files ---


@double
@pytest.mark.parametrize("text", ["one line\n", "without a newline"], ids=["lines", "no newline"])
def test_many_files_and_no_loki(sidecar: Sidecar, text: str) -> None:
    sidecar.loki.status = 503
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "8"
    write_many(sidecar, text)
    sidecar.start()
    wait_for(lambda: sidecar.handles(signal.SIGTERM), "the handler of the program")
    outcome = stop_within(sidecar, 8)
    assert_partly_missing(outcome)
    assert f"{MANY} files, " in outcome.message


@busybox
def test_many_files_that_are_delivered(sidecar: Sidecar) -> None:
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "25"
    write_many(sidecar)
    sidecar.start()
    wait_for(lambda: sidecar.handles(signal.SIGTERM), "the handler of the program")
    outcome = stop_within(sidecar, 25)
    delivered = sum(len(texts) for texts in sidecar.delivered().values())
    if outcome.code == 0:
        assert delivered == MANY
    else:
        assert_partly_missing(outcome)


@double
@busybox
def test_files_that_there_is_no_time_to_look_at_are_not_delivered(sidecar: Sidecar) -> None:
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "3"
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(3))
    sidecar.acknowledged(sidecar.task_log())
    sidecar.tool("find", "exec sleep 60")
    outcome = stop_within(sidecar, 3.5)
    assert outcome.code == 1
    assert "not all files were looked at before the deadline" in outcome.message


# --- Large files of another user ---


def large(log: Path, size: int, end: bytes) -> None:
    with log.open("wb") as file:
        file.write(b"first line\n")
        file.seek(size - len(end))
        file.write(end)


@pytest.mark.parametrize("mode", [0o000, 0o444], ids=["unreadable", "not writable"])
@pytest.mark.parametrize("end", [b"\n", b"x"], ids=["newline", "no newline"])
@double
def test_a_large_file_of_another_user(sidecar: Sidecar, mode: int, end: bytes) -> None:
    sidecar.without_power_over_files()
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "3"
    sidecar.start()
    sidecar.up()
    sidecar.task_log("fine").write_text(lines(3))
    log = sidecar.task_log("large")
    large(log, 2 * 1024**3, end)
    sidecar.deny(log, mode)
    outcome = stop_within(sidecar, 3)
    assert outcome.code == 1
    assert "task_id=large" in outcome.message
    assert {entry.line for entry in sidecar.loki.entries()} >= set(lines(3).splitlines())


def test_the_last_line_of_a_large_file_that_cannot_be_written(sidecar: Sidecar) -> None:
    sidecar.without_power_over_files()
    sidecar.config["sources"]["task_logs"]["max_line_bytes"] = 400_000
    sidecar.environment["MAX_LINE_BYTES"] = "400000"
    sidecar.start()
    sidecar.up()
    log = sidecar.task_log()
    log.write_text(100_000 * "short\n" + 200_000 * "y")
    sidecar.deny(log, 0o444)
    assert_all_delivered(sidecar)


# --- A slow Loki ---


@busybox
def test_a_loki_that_answers_after_five_seconds(sidecar: Sidecar) -> None:
    sidecar.loki.seconds = 5
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "8"
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    outcome = stop_within(sidecar, 8)
    assert outcome.code == 0, outcome.output
    assert sidecar.delivered() == sidecar.written()
    assert sidecar.loki.requests == 1


@busybox
def test_a_loki_that_answers_after_five_seconds_when_vector_is_sending(sidecar: Sidecar) -> None:
    sidecar.loki.seconds = 5
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "8"
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    wait_for(lambda: sidecar.loki.connections, "a request")
    outcome = stop_within(sidecar, 8)
    assert outcome.code == 0, outcome.output
    assert sidecar.loki.requests == 1


@busybox
def test_a_connection_that_hangs_does_not_use_up_the_deadline(sidecar: Sidecar) -> None:
    sidecar.loki.hanging = 1
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "8"
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    outcome = stop_within(sidecar, 8)
    assert outcome.code == 0, outcome.output
    assert sidecar.delivered() == sidecar.written()


@double
@busybox
def test_an_ordinary_drain_starts_few_programs(sidecar: Sidecar) -> None:
    log = sidecar.directory / "started"
    for name in ("find", "stat", "awk", "tail", "tr", "grep", "sed", "ls", "date", "head", "xargs"):
        sidecar.tool(name, f'echo {name} >>"{log}"\nexec "{sidecar.find(name)}" "$@"')
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    before = len(log.read_text().split()) if log.exists() else 0
    assert_all_delivered(sidecar)
    assert len(log.read_text().split()) - before <= 30, log.read_text()
