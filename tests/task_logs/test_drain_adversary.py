"""drain.sh with log folders that trouble it: no loss is silent, and the deadline holds."""

from __future__ import annotations

import logging
import os
import signal
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest

from .marks import busybox, double
from .sidecar import Outcome, Sidecar, wait_for
from .test_drain import lines
from .test_drain_deadline import stop_within
from .test_drain_proof import assert_nothing_is_lost_in_silence, in_loki


def assert_told(sidecar: Sidecar, outcome: Outcome, *texts: str) -> None:
    """All these lines are in Loki, or the drain fails."""
    if {line for text in texts for line in text.splitlines()} - in_loki(sidecar):
        assert outcome.code == 1, outcome.output


# --- Names ---


def deep(folder: Path, size: int) -> int:
    """Makes folders in a folder, until their path has so many bytes; returns the innermost one."""
    here = os.open(folder, os.O_PATH)
    length = len(bytes(folder))
    while length < size:
        name = "d" * max(1, min(200, size - length - 1))
        os.mkdir(name, dir_fd=here)
        here, before = os.open(name, os.O_PATH, dir_fd=here), here
        os.close(before)
        length += len(name) + 1
    return here


def write_at(folder: int, text: str) -> None:
    file = os.open("attempt=1.log", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=folder)
    os.write(file, text.encode())
    os.close(file)


@pytest.mark.parametrize("size", [3900, 4081, 5000])
def test_a_long_path(sidecar: Sidecar, size: int) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    write_at(deep(sidecar.task_log("deep").parent, size), lines(3, "deep") + "end")
    outcome = stop_within(sidecar, 25)
    assert in_loki(sidecar) >= set(lines(20).splitlines())
    assert_told(sidecar, outcome, lines(3, "deep"), "end")


@pytest.mark.parametrize("where", ["folder", "file"])
def test_a_name_that_is_not_unicode(sidecar: Sidecar, where: str) -> None:
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "8"
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    sidecar.acknowledged(sidecar.task_log())
    folder = bytes(sidecar.task_log("other").parent)
    if where == "folder":
        path = Path(os.fsdecode(folder + b"/\xff/attempt=1.log"))
        path.parent.mkdir()
    else:
        path = Path(os.fsdecode(folder + b"/attempt=\xff.log"))
    path.write_text(lines(3, "other"))
    sidecar.task_log("late").write_text(lines(3, "late"))
    outcome = stop_within(sidecar, 8)
    assert_told(sidecar, outcome, lines(3, "other"))
    assert in_loki(sidecar) >= set(lines(3, "late").splitlines())


# --- Symbolic links to folders ---


@busybox
@pytest.mark.parametrize("targets", [["."], [".", "."], ["/"]], ids=" ".join)
def test_links_in_a_circle(sidecar: Sidecar, targets: list[str]) -> None:
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "12"
    log = sidecar.deliver(lines(20))
    for number, target in enumerate(targets):
        (log.parent / f"link{number}").symlink_to(target)
    sidecar.task_log("other").write_text(lines(3, "other"))
    outcome = stop_within(sidecar, 12)
    assert in_loki(sidecar) == set((lines(20) + lines(3, "other")).splitlines())
    assert outcome.code == 1


# --- Times ---


@pytest.mark.parametrize("seconds", [86400, -86400])
def test_a_clock_that_was_set_between_the_line_and_its_acknowledgement(
    sidecar: Sidecar, seconds: int
) -> None:
    sidecar.start()
    sidecar.up()
    log = sidecar.task_log()
    log.write_text(lines(20))
    os.utime(log, (time.time() + seconds,) * 2)
    sidecar.acknowledged(log)
    with log.open("a") as file:
        file.write(lines(3, "more"))
    os.utime(log, (time.time() + seconds,) * 2)
    outcome = sidecar.stop()
    assert outcome.code == 0, outcome.output
    assert in_loki(sidecar) == set((lines(20) + lines(3, "more")).splitlines())


# --- Rotation and rewriting at any moment ---


@busybox
@pytest.mark.parametrize("backups", [1, 3])
def test_a_rotating_handler(sidecar: Sidecar, backups: int) -> None:
    sidecar.start()
    sidecar.up()
    handler = RotatingFileHandler(sidecar.task_log(), maxBytes=1000, backupCount=backups)
    written = []
    for number in range(250):
        written.append(f"record {number} {'x' * 40}")
        handler.emit(logging.makeLogRecord({"msg": written[-1]}))
        time.sleep(0.02)
    handler.close()
    outcome = sidecar.stop()
    assert_told(sidecar, outcome, *written)


@pytest.mark.parametrize("more", [5, 20, 60])
def test_a_file_that_is_written_again_before_anybody_looks(sidecar: Sidecar, more: int) -> None:
    log = sidecar.deliver(lines(20, "before"))
    log.write_text(lines(more, "after"))
    outcome = sidecar.stop()
    assert_nothing_is_lost_in_silence(sidecar, outcome, lines(more, "after"))


# --- Many folders ---


@double
@busybox
@pytest.mark.parametrize("loki", ["up", "down", "slow"])
def test_many_folders(sidecar: Sidecar, loki: str) -> None:
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "8"
    sidecar.loki.status = 503 if loki == "down" else None
    sidecar.loki.seconds = 3 if loki == "slow" else 0
    written = []
    for number in range(5000):
        written.append(f"line of {number}\n")
        sidecar.task_log(f"task{number}").write_text(written[-1])
    sidecar.start()
    wait_for(lambda: sidecar.handles(signal.SIGTERM), "the handler of the program")
    outcome = stop_within(sidecar, 8)
    assert_told(sidecar, outcome, *written)
