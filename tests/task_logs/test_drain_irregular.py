"""drain.sh with what is named like a log file and is none: the other files are delivered."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from .marks import busybox
from .sidecar import Sidecar, wait_for
from .test_drain import lines
from .test_drain_deadline import stop_within
from .test_drain_proof import in_loki


def pipe(path: Path) -> None:
    os.mkfifo(path)


def pipe_with_a_writer(path: Path) -> None:
    os.mkfifo(path)
    os.open(path, os.O_RDWR)  # until the test process ends


def link_to_a_pipe_with_text(path: Path) -> None:
    end, start = os.pipe()
    os.write(start, b"text\n")
    path.symlink_to(f"/proc/{os.getpid()}/fd/{end}")


def link_to_a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def link_to_a_file_without_an_end(path: Path) -> None:
    path.symlink_to("/proc/self/pagemap")


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        here = os.open(path.parent, os.O_PATH)  # a socket's path has at most 107 bytes
        one.bind(f"/proc/self/fd/{here}/{path.name}")


def link_to_a_file_shorter_than_its_size(path: Path) -> None:
    path.symlink_to("/sys/devices/system/cpu/possible")


KINDS = [
    pipe,
    pipe_with_a_writer,
    link_to_a_pipe_with_text,
    link_to_a_device,
    link_to_a_file_without_an_end,
    link_to_a_file_shorter_than_its_size,
    unix_socket,
]


# A byte that never occurs; the first byte of two alone; too many bytes for a "/"; a surrogate.
NOT_UTF_8 = [b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80"]


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_the_others_are_delivered(sidecar: Sidecar, make: Callable[[Path], None]) -> None:
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "8"
    sidecar.deliver(lines(3, "before"))
    make(sidecar.task_log("other", attempt=9))
    sidecar.task_log("later").write_text(lines(20, "later"))
    outcome = stop_within(sidecar, 8)
    assert in_loki(sidecar) == set((lines(3, "before") + lines(20, "later")).splitlines())
    assert outcome.code == 1
    assert " 0 missing" in outcome.message
    assert "1 files are pipes, devices or the like and were not read" in outcome.message
    assert "no regular file: dag_id=demo/" in outcome.message
    assert "/task_id=other/attempt=9.log\n" in outcome.message


@pytest.mark.parametrize("make", [pipe, link_to_a_pipe_with_text], ids=lambda make: make.__name__)
def test_logs_are_shipped_while_it_is_there(sidecar: Sidecar, make: Callable[[Path], None]) -> None:
    sidecar.start()
    sidecar.up()
    make(sidecar.task_log("other", attempt=9))
    wait_for(lambda: sidecar.starts() == 2, "another Vector", 30)
    sidecar.task_log().write_text(lines(20))
    sidecar.acknowledged(sidecar.task_log())
    assert in_loki(sidecar) == set(lines(20).splitlines())


def test_it_is_named_exactly(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    folder = sidecar.task_log().parent
    names = ["*", "[a-z]", "?", "]", "{a,b}", 'q"q', "b\\b", "n\nl", "ž日", " a & b|c ", "'", "!"]
    names += [
        "é",
        "t\tt",
        "\x7f",
        "\x85\u2028\ufeff",
        "👍🏽",
        "$HOME",
        *map(os.fsdecode, NOT_UTF_8),
    ]
    for name in names:
        pipe(folder / f"attempt={name}.log")
    pipe(sidecar.task_log("тест"))
    sidecar.task_log(attempt=2).write_text(lines(20))
    others = ["q", "nxl", "txt", "e", "abc", "ž月", "�"]
    for name in others:
        (folder / f"attempt={name}.log").write_text(lines(5, name))
    sidecar.task_log("load").write_text(lines(5, "load"))
    outcome = stop_within(sidecar, 8)
    written = lines(20) + "".join(lines(5, name) for name in [*others, "load"])
    assert in_loki(sidecar) == set(written.splitlines())
    assert f"{len(names) + 1} files are pipes" in outcome.message
    assert outcome.code == 1


@busybox
def test_an_irregular_file_that_becomes_a_log_file_is_read(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    log = sidecar.task_log()
    pipe(log)
    wait_for(lambda: sidecar.starts() == 2, "another Vector", 30)
    log.unlink()
    log.write_text(lines(20))
    outcome = stop_within(sidecar, 8)
    assert in_loki(sidecar) == set(lines(20).splitlines())
    assert outcome.code == 0, outcome.output


def another_vector(sidecar: Sidecar) -> None:
    before = sidecar.starts()
    wait_for(lambda: sidecar.starts() > before, "another Vector", 30)


@busybox
def test_a_vector_that_was_ended_for_it_is_not_counted(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    for attempt in 2, 3:
        other = sidecar.task_log("other", attempt)
        pipe(other)
        another_vector(sidecar)
        other.unlink()
        another_vector(sidecar)
    sidecar.task_log().write_text(lines(20))
    outcome = stop_within(sidecar, 8)
    assert in_loki(sidecar) == set(lines(20).splitlines())
    assert outcome.code == 0, outcome.output
    assert " 0 restarts of Vector" in outcome.output
    assert "ended by itself" not in outcome.output
    why = "The pipes, devices and the like that are named like log files have changed"
    assert outcome.output.count(why) == 4
