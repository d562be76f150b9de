"""drain.sh where a checkpoint proves nothing: lines are delivered, or reported as missing.

Checkpoints belong to inodes, and files are emptied, removed, replaced and rotated.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .marks import busybox
from .sidecar import Outcome, Sidecar, wait_for
from .test_drain import assert_all_delivered, lines


def seen(sidecar: Sidecar, *logs: Path) -> None:
    """Waits until the program has looked at these files as they are."""
    path = sidecar.data / "drain" / "seen"
    sizes = [f"{log.stat().st_ino}\t{log.stat().st_size}\t" for log in logs]
    wait_for(
        lambda: path.exists() and all(size in path.read_text() for size in sizes), "a look at it"
    )


def in_loki(sidecar: Sidecar) -> set[str]:
    return {line for entry in sidecar.loki.entries() for line in entry.line.split("\n")}


def assert_nothing_is_lost_in_silence(sidecar: Sidecar, outcome: Outcome, *texts: str) -> None:
    """All these lines are in Loki, or the drain says that something is missing."""
    missing = {line for text in texts for line in text.splitlines()} - in_loki(sidecar)
    if missing:
        assert outcome.code == 1, outcome.output
        assert "bytes missing" in outcome.message
        assert " 0 missing" not in outcome.message
    else:
        assert outcome.code == 0, outcome.output


# --- Files that are emptied, removed or replaced ---


@pytest.mark.parametrize("more", [5, 60], ids=["shorter than before", "longer than before"])
def test_a_file_that_is_emptied_and_written_again(sidecar: Sidecar, more: int) -> None:
    log = sidecar.deliver(lines(20, "before"))
    seen(sidecar, log)
    log.write_text(lines(more, "after"))  # the same inode
    outcome = sidecar.stop()
    assert outcome.code == 0, outcome.output
    # What Vector reads from its old position may begin in the middle of a line.
    assert set((lines(20, "before") + lines(more, "after")).splitlines()) <= in_loki(sidecar)


@busybox
def test_a_file_that_is_emptied_and_written_again_while_vector_follows(sidecar: Sidecar) -> None:
    log = sidecar.deliver(lines(20, "before"))
    seen(sidecar, log)
    log.write_text(lines(60, "after"))
    sidecar.acknowledged(log)  # of the end, which Vector has read
    outcome = sidecar.stop()
    assert outcome.code == 0, outcome.output
    assert set(lines(60, "after").splitlines()) <= in_loki(sidecar)


@busybox
def test_a_file_that_is_written_again_with_the_same_size(sidecar: Sidecar) -> None:
    log = sidecar.deliver(lines(20, "one"))
    log.write_text(lines(20, "two"))
    outcome = sidecar.stop()
    assert outcome.code == 0, outcome.output
    assert set(lines(20, "two").splitlines()) <= in_loki(sidecar)


@busybox
@pytest.mark.parametrize("more", [5, 20, 60])
def test_the_inode_of_a_deleted_file_is_taken_by_a_new_one(sidecar: Sidecar, more: int) -> None:
    sidecar.start()
    sidecar.up()
    log = sidecar.task_log("old")
    log.write_text(lines(20, "old"))
    sidecar.acknowledged(log)
    seen(sidecar, log)
    inode = log.stat().st_ino
    [vector] = sidecar.vectors()
    log.unlink()
    # Vector keeps the file open until it has tried to read it once more.
    wait_for(lambda: not holds(vector, inode), "the end of the file", seconds=30)
    with_inode(sidecar.task_log("old", attempt=2), inode, lines(more, "new"))
    outcome = sidecar.stop()
    assert outcome.code == 0, outcome.output
    assert set(lines(more, "new").splitlines()) <= in_loki(sidecar)


def holds(pid: int, inode: int) -> bool:
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if descriptor.stat().st_ino == inode:
                return True
    return False


def with_inode(log: Path, inode: int, text: str) -> None:
    """Makes a log file with this inode, where the file system gives it."""
    spare = [log.with_name(str(number)) for number in range(2000)]
    for path in spare:
        path.write_text(text)
        if path.stat().st_ino == inode:
            path.rename(log)
            break
    for path in spare:
        path.unlink(missing_ok=True)
    if not log.exists():
        pytest.skip("the file system does not give an inode again")


@pytest.mark.parametrize("lines_before", [0, 20])
def test_a_file_that_is_removed_right_after_its_last_line(
    sidecar: Sidecar, lines_before: int
) -> None:
    sidecar.loki.status = 503 if not lines_before else None
    sidecar.start()
    sidecar.up()
    log, other = sidecar.task_log(), sidecar.task_log("other")
    log.write_text(lines(max(lines_before, 1), "first"))
    if lines_before:
        sidecar.acknowledged(log)
    else:
        wait_for(lambda: sidecar.loki.requests, "a request")
    with log.open("a") as file:
        file.write(lines(20, "last") + "no newline")
    log.unlink()
    other.write_text(lines(3, "other"))
    sidecar.send()
    time.sleep(0.3)
    sidecar.loki.status = None
    outcome = sidecar.join()
    assert_nothing_is_lost_in_silence(
        sidecar, outcome, lines(20, "last"), "no newline\n", lines(3, "other")
    )


@busybox
def test_a_file_that_is_removed_before_loki_has_it_is_missing(sidecar: Sidecar) -> None:
    sidecar.loki.status = 503
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "4"
    sidecar.start()
    sidecar.up()
    log = sidecar.task_log()
    log.write_text(lines(20))
    size = log.stat().st_size
    wait_for(lambda: sidecar.loki.requests, "a request")
    seen(sidecar, log)
    log.unlink()
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert f"{size} missing" in outcome.message
    assert "task_id=hello/attempt=1.log (removed" in outcome.message


@busybox
def test_a_file_that_is_removed_when_loki_has_it_is_no_loss(sidecar: Sidecar) -> None:
    log = sidecar.deliver(lines(20))
    seen(sidecar, log)
    log.unlink()
    sidecar.task_log("other").write_text(lines(3))
    outcome = sidecar.stop()
    assert outcome.code == 0, outcome.output
    assert ", 0 missing" in outcome.output


@busybox
@pytest.mark.parametrize(("limit", "starts"), [("1000", 2), ("10", 1)])
def test_a_file_with_an_early_checkpoint_is_sent_again_when_it_is_small(
    sidecar: Sidecar, limit: str, starts: int
) -> None:
    sidecar.environment["RESEND_MAX_BYTES"] = limit
    no_look = """case $* in *'look=1 RS='*) exit 1 ;; esac"""
    sidecar.tool("awk", f'{no_look}\nexec "{sidecar.find("awk")}" "$@"')
    sidecar.deliver(lines(20))
    assert_all_delivered(sidecar)
    assert sidecar.starts() == starts


# --- Rotation ---


@pytest.mark.parametrize("how", ["rename", "copy"])
def test_rotation_while_the_task_writes(sidecar: Sidecar, how: str) -> None:
    sidecar.start()
    sidecar.up()
    log = sidecar.task_log()
    written = []
    for number in range(4):
        text = lines(20 + 20 * number, f"generation {number} of")
        written.append(text)
        log.write_text(text)
        if number % 2:
            time.sleep(0.3)
        if number == 3:
            break
        for generation in (2, 1):  # backup_count is 3
            older = log.with_name(f"attempt=1.log.{generation}")
            if older.exists():
                older.rename(log.with_name(f"attempt=1.log.{generation + 1}"))
        if how == "rename":
            log.rename(log.with_name("attempt=1.log.1"))
        else:
            shutil.copyfile(log, log.with_name("attempt=1.log.1"))
            os.truncate(log, 0)
    outcome = sidecar.stop()
    assert outcome.code == 0, outcome.output
    assert {line for text in written for line in text.splitlines()} == in_loki(sidecar)


@busybox
@pytest.mark.parametrize("how", ["rename", "copy"])
def test_one_rotation_between_two_looks(sidecar: Sidecar, how: str) -> None:
    log = sidecar.deliver(lines(20, "older"))
    seen(sidecar, log)
    older = log.with_name("attempt=1.log.1")
    if how == "rename":
        log.rename(older)
    else:
        shutil.copyfile(log, older)
    log.write_text(lines(20, "newer"))
    outcome = sidecar.stop()
    assert outcome.code == 0, outcome.output
    assert set((lines(20, "older") + lines(20, "newer")).splitlines()) <= in_loki(sidecar)


@busybox
def test_a_generation_that_is_deleted_before_loki_has_it(sidecar: Sidecar) -> None:
    sidecar.loki.status = 503
    sidecar.start()
    sidecar.up()
    log = sidecar.task_log()
    log.write_text(lines(20, "oldest"))
    wait_for(lambda: sidecar.loki.requests, "a request")
    seen(sidecar, log)
    log.unlink()  # backup_count is 0
    log.write_text(lines(20, "newest"))
    sidecar.send()
    sidecar.loki.status = None
    outcome = sidecar.join()
    assert_nothing_is_lost_in_silence(sidecar, outcome, lines(20, "oldest"), lines(20, "newest"))


# --- Checkpoints that are none ---


# What a file of checkpoints becomes.
DAMAGED: dict[str, Callable[[str], str]] = {
    "cut off": lambda text: text[:-3],
    "cut off in the middle": lambda text: text[: len(text) // 2],
    "garbage": lambda text: "\0\xff}}{{" + text.replace("[", "{"),
    "empty": lambda text: "",
    "twice": lambda text: f"{text}{text}",
    "another version": lambda text: text.replace('"version":"1"', '"version":"2"'),
    "no file's": lambda text: re.sub(r"\[[0-9]+,", "[1,", text),
    "beyond the end": lambda text: re.sub(r'"position":[0-9]+', '"position":99999', text),
    "negative": lambda text: re.sub(r'"position":[0-9]+', '"position":-5', text),
}


@busybox
@pytest.mark.parametrize("what", DAMAGED)
def test_checkpoints_that_cannot_be_read_prove_nothing(sidecar: Sidecar, what: str) -> None:
    sidecar.start()
    sidecar.up()
    log, other = sidecar.task_log(), sidecar.task_log("other")
    log.write_text(lines(20))
    sidecar.acknowledged(log)
    other.write_text(lines(20))
    sidecar.acknowledged(other)
    sidecar.kill()
    checkpoints = sidecar.data / "task_logs" / "checkpoints.json"
    checkpoints.write_text(DAMAGED[what](checkpoints.read_text()))
    sidecar.environment["VECTOR_BIN"] = "/nonexistent/vector"
    sidecar.run()
    wait_for(lambda: "ended by itself with code 127" in sidecar.output(), "the attempt")
    outcome = sidecar.stop()
    size = log.stat().st_size + other.stat().st_size
    assert outcome.code == 1
    assert f"2 files, {size} bytes written, 0 delivered, {size} missing" in outcome.message


@busybox
@pytest.mark.parametrize("what", DAMAGED)
def test_checkpoints_that_cannot_be_read_are_made_anew(sidecar: Sidecar, what: str) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    sidecar.acknowledged(sidecar.task_log())
    sidecar.kill()
    checkpoints = sidecar.data / "task_logs" / "checkpoints.json"
    checkpoints.write_text(DAMAGED[what](checkpoints.read_text()))
    sidecar.run()
    sidecar.up()
    assert_all_delivered(sidecar)
