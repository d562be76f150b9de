"""drain.sh with logs and data in places that make trouble."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .marks import busybox, double
from .shipped import shipped
from .sidecar import Sidecar, wait_for
from .test_drain import assert_all_delivered, lines
from .test_drain_proof import in_loki

# --- Captured output ---


def output_of_another_user(sidecar: Sidecar, mode: int) -> None:
    """The container of the task has another user, who lets nobody change its folder."""
    sidecar.without_power_over_files()
    sidecar.start()
    sidecar.up()
    output = sidecar.logs / ".output" / "output.log"
    output.parent.mkdir()
    output.write_text("ImportError: no such thing\nlast words")
    sidecar.deny(output, mode)
    sidecar.deny(output.parent, 0o555)


def test_captured_output_that_cannot_be_moved(sidecar: Sidecar) -> None:
    output_of_another_user(sidecar, 0o444)
    outcome = sidecar.stop()
    assert outcome.code == 0, outcome.output
    assert in_loki(sidecar) == {"ImportError: no such thing", "last words"}


@busybox
def test_captured_output_that_cannot_be_read_is_reported(sidecar: Sidecar) -> None:
    output_of_another_user(sidecar, 0o000)
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert "the output of the task could not be read" in outcome.message


# --- Symbolic links ---


def test_links_that_leave_the_log_folder_are_counted_as_vector_follows_them(
    sidecar: Sidecar,
) -> None:
    sidecar.start()
    sidecar.up()
    elsewhere = sidecar.directory / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "text").write_text(lines(5, "linked file"))
    (elsewhere / "attempt=3.log").write_text(lines(5, "linked folder"))
    log = sidecar.task_log()
    log.write_text(lines(5))
    log.with_name("attempt=2.log").symlink_to(elsewhere / "text")
    log.with_name("attempt=1.log.1").symlink_to(log)
    log.with_name("attempt=9.log").symlink_to("nothing")
    (sidecar.logs / "folder").symlink_to(elsewhere)
    outcome = sidecar.stop()
    assert outcome.code == 0, outcome.output
    assert "task logs: 3 files, " in outcome.output
    assert len(sidecar.loki.entries()) == len(in_loki(sidecar)) == 15


@busybox
def test_a_link_is_missing_when_its_file_is(sidecar: Sidecar) -> None:
    sidecar.loki.poison = "linked"
    sidecar.start()
    sidecar.up()
    elsewhere = sidecar.directory / "elsewhere"
    elsewhere.write_text(lines(5, "linked file"))
    sidecar.task_log().symlink_to(elsewhere)
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert f"{elsewhere.stat().st_size} missing" in outcome.message


# --- A full data directory ---


@pytest.fixture
def full(sidecar: Sidecar) -> Iterator[Path]:
    """Makes the data directory a file system without room."""
    options = ["-t", "tmpfs", "-o", "size=512k,nr_inodes=100", "tmpfs", str(sidecar.data)]
    if os.getuid() or subprocess.run(["mount", *options], capture_output=True).returncode:
        pytest.skip("only root can mount a file system")
    try:
        yield sidecar.data
    finally:
        sidecar.kill() if sidecar.process else None
        subprocess.run(["umount", "-l", str(sidecar.data)], check=True)


def fill(directory: Path) -> None:
    with (directory / "ballast").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 512)
        except OSError:
            pass


def test_a_data_directory_that_is_full_from_the_start(sidecar: Sidecar, full: Path) -> None:
    fill(full)
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    assert_all_delivered(sidecar)
    assert len(sidecar.loki.entries()) == 20


def test_a_data_directory_that_fills_while_the_task_runs(sidecar: Sidecar, full: Path) -> None:
    log = sidecar.deliver(lines(20))
    fill(full)
    with log.open("a") as file:
        file.write(lines(20, "after"))
    wait_for(lambda: len(in_loki(sidecar)) == 40, "lines that have no checkpoint", 30)
    assert_all_delivered(sidecar)
    assert len(sidecar.loki.entries()) <= 80, "the same lines sent again and again"


@busybox
def test_lines_that_loki_refuses_with_a_full_data_directory(sidecar: Sidecar, full: Path) -> None:
    sidecar.config["sinks"]["loki"]["batch"]["timeout_secs"] = 0.05
    sidecar.loki.poison = "poison"
    sidecar.start()
    sidecar.up()
    fill(full)
    log = sidecar.task_log()
    log.write_text("poison\n")
    wait_for(lambda: "Events dropped" in sidecar.output(), "a refused request")
    with log.open("a") as file:
        file.write(lines(3))
    wait_for(lambda: len(in_loki(sidecar)) == 3, "a request that Loki takes", 30)
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert "refused" in outcome.message


# --- Layouts ---


def test_the_data_directory_may_be_a_folder_of_the_log_directory(sidecar: Sidecar) -> None:
    sidecar.without_power_over_files()
    data = sidecar.logs / ".task-logs"
    data.mkdir()
    sidecar.data.rmdir()
    sidecar.data.symlink_to(data)  # as the same volume is mounted at two paths
    sidecar.start()
    sidecar.up()
    log = sidecar.task_log()
    log.write_text("first\nlast words")
    sidecar.deny(log, 0o444)
    outcome = sidecar.stop()
    assert outcome.code == 0, outcome.output
    assert "task logs: 1 files, 16 bytes written, 16 delivered, 0 missing" in outcome.output
    assert sorted(entry.line for entry in sidecar.loki.entries()) == ["first", "last words"]


def test_folders_of_the_dag_processor_manager_are_shipped(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    folder = sidecar.logs / "dag_processor_manager" / "2026-11-21"
    folder.mkdir(parents=True)
    (folder / "manager.log").write_text(lines(3))
    assert_all_delivered(sidecar)
    assert len(sidecar.loki.entries()) == 3


# --- Times of lines without a time ---


@busybox
@double
def test_the_times_that_vector_gets_stay_the_same(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    [first] = [start["times"] for start in sidecar.journal("start")]
    assert abs(int(first["SIDECAR_STARTED_AT"]) - time.time()) < 60
    assert first["READ_AT"] is None
    time.sleep(1.1)
    sidecar.kill()
    sidecar.run()
    sidecar.up()
    sidecar.loki.status = 400
    sidecar.task_log().write_text(lines(3))
    before = time.time()
    assert sidecar.stop().code == 1
    _, second, *passes = [start["times"] for start in sidecar.journal("start")]
    assert second == first
    assert len(passes) >= 2
    assert {times["SIDECAR_STARTED_AT"] for times in passes} == {first["SIDECAR_STARTED_AT"]}
    [read_at] = {times["READ_AT"] for times in passes}
    assert abs(int(read_at) - before) <= 2


@busybox
@double
def test_another_pod_on_the_same_data_directory_starts_at_another_time(sidecar: Sidecar) -> None:
    for pod in ("first", "second"):
        sidecar.pod["metadata.uid"] = pod
        sidecar.start()
        sidecar.up()
        sidecar.stop()
        time.sleep(1.1)
    one, other = [start["times"]["SIDECAR_STARTED_AT"] for start in sidecar.journal("start")]
    assert int(other) > int(one)


# --- A task that has left no file ---


@busybox
@double
def test_a_folder_or_a_link_is_no_log_file(sidecar: Sidecar) -> None:
    sidecar.use(shipped({"logLevel": "info"}, metrics=False))
    sidecar.config["sinks"]["loki"]["endpoint"] = sidecar.loki.url
    sidecar.annotate(dag_id="demo", task_id="hello")
    (sidecar.data / "base-started").mkdir(parents=True)
    sidecar.start()
    sidecar.up()
    sidecar.task_log().mkdir()
    sidecar.task_log("other").symlink_to("nothing")
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert "the task has left no log file" in outcome.message
