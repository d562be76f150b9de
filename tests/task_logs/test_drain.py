"""drain.sh: every line that a task wrote is delivered before the sidecar ends, or is reported.

Each scenario runs with a double of Vector and, where there is one, with Vector itself.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from .marks import busybox
from .sidecar import Sidecar, wait_for


def lines(count: int, text: str = "line") -> str:
    return "".join(f"{text} {number}\n" for number in range(count))


def airflow3(count: int) -> str:
    """Lines as Airflow 3 writes them, of this moment."""
    now = datetime.now(UTC)
    return "".join(
        json.dumps(
            {
                "timestamp": f"{now + timedelta(microseconds=number):%Y-%m-%dT%H:%M:%S.%fZ}",
                "level": "info",
                "event": f"line {number}",
                "logger": "task.stdout",
            },
            separators=(",", ":"),
        )
        + "\n"
        for number in range(count)
    )


def airflow2(count: int) -> str:
    """Records as Airflow 2 writes them, of this moment."""
    time_ = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3]
    return "".join(
        f"[{time_}+0000] {{probe.py:19}} INFO - line {number}\n" for number in range(count)
    )


def plain(count: int) -> str:
    return count * "plain\n\n"


def assert_all_delivered(sidecar: Sidecar) -> None:
    outcome = sidecar.stop()
    assert sidecar.delivered() == sidecar.written()
    assert outcome.code == 0, outcome.output
    assert outcome.message == ""


# --- Task shapes ---


@pytest.mark.parametrize("write", [airflow3, airflow2, plain])
def test_a_short_task(sidecar: Sidecar, write: Callable[[int], str]) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(write(20))
    assert_all_delivered(sidecar)


@busybox
def test_a_task_that_was_followed_to_its_end_needs_no_second_vector(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    sidecar.acknowledged(sidecar.task_log())
    assert_all_delivered(sidecar)
    assert sidecar.starts() == 1


@busybox
def test_a_task_that_is_silent_and_then_writes_its_last_lines(
    sidecar: Sidecar, double: Path
) -> None:
    sidecar.plan(seconds=0.05)
    sidecar.start()
    sidecar.up()
    log = sidecar.task_log()
    log.write_text(lines(5))
    wait_for(lambda: len(sidecar.loki.entries()) == 5, "first lines")
    # To the double that is more than the 10 s after which Vector rarely looks at a file.
    time.sleep(0.6 if sidecar.vector == double else 3)
    with log.open("a") as file:
        file.write(lines(30, "last"))
    assert_all_delivered(sidecar)


@busybox
def test_an_upgrade_while_the_task_runs_does_not_change_its_configuration(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.config.clear()  # a pod of before could not run it
    sidecar.mount_config_map()
    sidecar.task_log().write_text(lines(20))
    assert_all_delivered(sidecar)


@busybox
def test_a_new_pod_on_the_same_data_directory_has_the_new_configuration(sidecar: Sidecar) -> None:
    for pod, read_bytes in (("first", 1000), ("second", 2000)):
        sidecar.pod["metadata.uid"] = pod
        sidecar.config["sources"]["task_logs"]["max_read_bytes"] = read_bytes
        sidecar.start()
        sidecar.up()
        sidecar.task_log(pod).write_text(lines(20))
        assert_all_delivered(sidecar)
        copy = sidecar.data / "configuration" / pod / "vector.yaml"
        source = yaml.safe_load(copy.read_text())["sources"]["task_logs"]
        assert source["max_read_bytes"] == read_bytes
    assert [path.name for path in (sidecar.data / "configuration").iterdir()] == ["second"]


def test_a_burst_at_the_end_of_several_reads(sidecar: Sidecar) -> None:
    sidecar.config["sources"]["task_logs"]["max_read_bytes"] = 20_000
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(5000))
    assert_all_delivered(sidecar)


@busybox
def test_a_large_backlog_is_read_without_a_restart_for_each_read(sidecar: Sidecar) -> None:
    sidecar.config["sources"]["task_logs"]["max_read_bytes"] = 20_000
    sidecar.environment["MAX_READ_BYTES"] = "20000"
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20_000))  # a dozen reads
    assert_all_delivered(sidecar)
    assert sidecar.starts() <= 4


@pytest.mark.parametrize("milliseconds", [0, 10, 30, 60, 100])
def test_sigterm_at_any_moment_of_the_start(sidecar: Sidecar, milliseconds: int) -> None:
    sidecar.task_log().write_text(lines(20))
    sidecar.start()
    wait_for(lambda: sidecar.handles(signal.SIGTERM), "the handler of the program")
    time.sleep(milliseconds / 1000)
    assert_all_delivered(sidecar)


def test_a_last_line_without_a_newline(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log("killed").write_text("first\nlast words")
    sidecar.task_log("one").write_text("only words")
    sidecar.task_log("nul").write_bytes(b"first\nends in a NUL \0")
    for last in "01\t ":
        sidecar.task_log(f"ends in {ord(last)}").write_text(f"first\nlast words {last}")
    assert_all_delivered(sidecar)


def test_a_last_line_without_a_newline_in_a_file_that_cannot_be_written(sidecar: Sidecar) -> None:
    sidecar.without_power_over_files()
    sidecar.start()
    sidecar.up()
    text = {"killed": "first\nlast words", "one": "only words", "whole": "all\nof it\n"}
    for task, content in text.items():
        log = sidecar.task_log(task)
        log.write_text(content)
        sidecar.deny(log, 0o444)
    assert_all_delivered(sidecar)
    assert {task: sidecar.task_log(task).read_text() for task in text} == text


@busybox
def test_a_file_that_cannot_be_read_is_reported(sidecar: Sidecar) -> None:
    sidecar.without_power_over_files()
    sidecar.start()
    sidecar.up()
    sidecar.task_log("fine").write_text(lines(3))
    sidecar.task_log("secret").write_text(lines(3))
    sidecar.deny(sidecar.task_log("secret"), 0o000)
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert "secret" in outcome.message
    assert "fine" not in outcome.message


@busybox
def test_a_directory_that_cannot_be_read_is_reported(sidecar: Sidecar) -> None:
    sidecar.without_power_over_files()
    sidecar.start()
    sidecar.up()
    sidecar.task_log("secret").write_text(lines(3))
    sidecar.deny(sidecar.task_log("secret").parent, 0o000)
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert "not all directories can be read" in outcome.message


@busybox
def test_a_directory_of_the_file_system_is_no_log_directory(sidecar: Sidecar) -> None:
    sidecar.without_power_over_files()
    (sidecar.logs / "lost+found").mkdir()
    sidecar.deny(sidecar.logs / "lost+found", 0o000)
    sidecar.start()
    sidecar.up()
    assert_all_delivered(sidecar)


@busybox
def test_empty_files_and_no_files(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log().touch()
    assert_all_delivered(sidecar)


def test_no_log_directory(sidecar: Sidecar) -> None:
    sidecar.logs.rmdir()
    sidecar.start()
    sidecar.up()
    outcome = sidecar.stop()
    assert outcome.code == 0
    assert "0 files" in outcome.output


def test_hundreds_of_files(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    for number in range(200):
        sidecar.task_log(f"task{number}").write_text(
            f"one\nfrom task {number}" + "\n" * (number % 2)
        )
    assert_all_delivered(sidecar)


def test_any_name(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    for name in [
        "two words",
        "it's",
        'a "quote"',
        "back\\slash",
        "dollar $HOME `id`",
        "-n",
        "ž日本",
        "*",
    ]:
        sidecar.task_log(name).write_text("one\ntwo")
    assert_all_delivered(sidecar)


@busybox
def test_a_newline_in_a_name(sidecar: Sidecar) -> None:
    sidecar.loki.status = 503
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "2"
    sidecar.start()
    sidecar.up()
    sidecar.task_log("new\nline\n1 2 3").write_text("one\ntwo")
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert "1 files" in outcome.message
    assert "task_id=new?line?1 2 3" in outcome.message


def test_files_of_other_components_and_links_to_them(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    day = sidecar.logs / "scheduler" / "2026-11-21"
    day.mkdir(parents=True)
    (day.parent / "latest").symlink_to(day)
    (day / "probe.py.log").write_text(lines(3, "scheduler"))
    bundle = sidecar.logs / "dag_processor" / "2026-11-21" / "dags-folder"
    bundle.mkdir(parents=True)
    (bundle / "probe.py.log").write_text(lines(3, "dag processor"))
    (sidecar.logs / "dag_processor_manager").mkdir()
    (sidecar.logs / "dag_processor_manager" / "dag_processor_manager.log").write_text(
        lines(3, "manager")
    )
    sidecar.task_log().with_name("attempt=1.log.trigger.5.log").write_text(lines(3, "trigger"))
    assert_all_delivered(sidecar)


@busybox
def test_files_that_the_source_does_not_include_are_not_missing(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    (sidecar.logs / "lost+found").mkdir()
    (sidecar.logs / "lost+found" / "other.log").write_text(lines(3))
    (sidecar.logs / "notes.txt").write_text(lines(3))
    outcome = sidecar.stop()
    assert outcome.code == 0
    assert "0 files" in outcome.output
    assert sidecar.loki.entries() == []


@busybox
def test_captured_output_stands_in_for_a_log_file_that_never_came(sidecar: Sidecar) -> None:
    sidecar.annotate(dag_id="demo", task_id="hello")
    sidecar.start()
    sidecar.up()
    (sidecar.logs / ".output").mkdir()
    (sidecar.logs / ".output" / "output.log").write_text("ImportError: no such thing\nlast words")
    assert_all_delivered(sidecar)
    assert sidecar.delivered() == {
        ".output/attempt=output.log": ["ImportError: no such thing", "last words"]
    }


@busybox
@pytest.mark.parametrize(("size", "code"), [(2**20 - 512, 0), (2**20, 1)])
def test_captured_output_that_was_cut_is_reported(sidecar: Sidecar, size: int, code: int) -> None:
    sidecar.start()
    sidecar.up()
    (sidecar.logs / ".output").mkdir()
    (sidecar.logs / ".output" / "output.log").write_text(("x" * 511 + "\n") * (size // 512))
    outcome = sidecar.stop()
    assert outcome.code == code
    assert ("the output of the task beyond 1 MiB was not kept" in outcome.message) == bool(code)
    [delivered] = sidecar.delivered().values()
    assert len(delivered) == size // 512


@busybox
def test_captured_output_is_ignored_where_there_is_a_log_file(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    (sidecar.logs / ".output").mkdir()
    (sidecar.logs / ".output" / "output.log").write_text(lines(3, "copy"))
    sidecar.task_log().write_text(lines(3))
    assert sidecar.stop().code == 0
    [delivered] = sidecar.delivered().values()
    assert delivered == lines(3).splitlines()


@busybox
def test_a_file_that_appears_while_the_drain_runs(sidecar: Sidecar) -> None:
    sidecar.loki.status = 503
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(3))
    wait_for(lambda: sidecar.loki.requests, "a request")
    sidecar.send()
    wait_for(lambda: sidecar.loki.requests > 2, "a request of the drain")
    sidecar.task_log("late").write_text(lines(3, "late"))
    sidecar.loki.status = None
    assert sidecar.join().code == 0
    assert sidecar.delivered() == sidecar.written()


# --- Faults of Vector ---


@busybox
def test_a_crash_in_the_middle_of_the_task(sidecar: Sidecar) -> None:
    sidecar.shorten_sleeps()
    sidecar.start()
    sidecar.up()
    log = sidecar.task_log()
    log.write_text(lines(20))
    [vector] = sidecar.vectors()
    os.kill(vector, signal.SIGKILL)
    wait_for(lambda: sidecar.starts() == 2, "the restart")
    with log.open("a") as file:
        file.write(lines(20, "after"))
    assert_all_delivered(sidecar)
    assert "1 restarts" in sidecar.output()


@busybox
def test_sigterm_between_a_crash_and_the_restart(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    [vector] = sidecar.vectors()
    os.kill(vector, signal.SIGKILL)
    wait_for(lambda: "ended by itself" in sidecar.output(), "the crash")
    assert_all_delivered(sidecar)


@busybox
def test_a_restart_of_the_container_delivers_nothing_twice(sidecar: Sidecar) -> None:
    log = sidecar.deliver(lines(20))
    sidecar.kill()
    with log.open("a") as file:
        file.write(lines(20, "after"))
    sidecar.start()
    sidecar.up()
    assert_all_delivered(sidecar)
    assert len(sidecar.loki.entries()) == 40
    assert "1 restarts" in sidecar.output()


@busybox
def test_a_configuration_that_vector_refuses_is_reported(sidecar: Sidecar) -> None:
    sidecar.config["sinks"]["loki"]["type"] = "no-such-sink"
    sidecar.start()
    sidecar.task_log().write_text(lines(20))
    wait_for(lambda: "ended by itself" in sidecar.output(), "the attempt")
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert "task_id=hello" in outcome.message


@busybox
def test_a_data_directory_that_cannot_be_written(sidecar: Sidecar) -> None:
    sidecar.data.rmdir()
    sidecar.data.write_text("a file in its place")
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    assert_all_delivered(sidecar)


@busybox
def test_no_directory_can_be_written(sidecar: Sidecar) -> None:
    for directory in (sidecar.data, sidecar.memory):
        directory.rmdir()
        directory.write_text("a file in its place")
    sidecar.start()
    sidecar.task_log().write_text(lines(20))
    wait_for(lambda: "ended by itself" in sidecar.output(), "the attempt")
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert "task_id=hello" in outcome.message


# --- Faults of Loki ---


@busybox
def test_loki_is_down(sidecar: Sidecar) -> None:
    sidecar.loki.status = 503
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "2"
    sidecar.start()
    sidecar.up()
    log = sidecar.task_log()
    log.write_text(lines(20))
    outcome = sidecar.stop()
    assert outcome.code == 1
    size = log.stat().st_size
    assert f"1 files, {size} bytes written, 0 delivered, {size} missing" in outcome.message
    assert ", 0 lines refused" in outcome.message
    assert f"\n{size} of {size} bytes missing: {log.relative_to(sidecar.logs)}\n" in outcome.message


@busybox
@pytest.mark.parametrize("status", [429, 503])
def test_loki_comes_back_while_the_drain_runs(sidecar: Sidecar, status: int) -> None:
    sidecar.loki.status = status
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    wait_for(lambda: sidecar.loki.requests, "a request")
    sidecar.send()
    wait_for(lambda: sidecar.loki.requests > 2, "a request of the drain")
    sidecar.loki.status = None
    assert sidecar.join().code == 0
    assert sidecar.delivered() == sidecar.written()


@busybox
def test_loki_is_slow(sidecar: Sidecar) -> None:
    sidecar.loki.seconds = 0.3
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    sidecar.task_log("other").write_text(lines(20))
    assert_all_delivered(sidecar)


def test_waiting_for_vector_starts_fewer_programs_the_longer_it_takes(sidecar: Sidecar) -> None:
    kept, sleep = sidecar.directory / "sleeps", sidecar.find("sleep")
    sidecar.tool("sleep", f'echo "$1" >>"{kept}"; exec "{sleep}" "$1"')
    sidecar.start()
    sidecar.up()
    sidecar.loki.seconds = 2
    sidecar.task_log().write_text(lines(20))

    assert sidecar.stop().code == 0

    pauses = [each for each in kept.read_text().split() if each.startswith("0.0")]
    assert "0.01" in pauses
    assert "0.09" in pauses, "when Loki has taken more than 0.7 s"
    assert not {*pauses} - {f"0.0{centiseconds}" for centiseconds in range(1, 10)}


@busybox
def test_loki_refuses_everything(sidecar: Sidecar) -> None:
    sidecar.loki.status = 400
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "600"
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    outcome = sidecar.stop()  # long before the deadline
    assert outcome.code == 1
    assert " 0 delivered" in outcome.message
    assert ", 0 lines refused" not in outcome.message
    assert sidecar.starts() <= 7, "the same lines sent again and again"


def test_lines_that_loki_refused_for_a_while_are_offered_again(sidecar: Sidecar) -> None:
    sidecar.loki.status, sidecar.loki.failures = 404, 1
    sidecar.config["sinks"]["loki"]["batch"]["timeout_secs"] = 0.05
    sidecar.start()
    sidecar.up()
    log = sidecar.task_log()
    log.write_text(lines(20))
    wait_for(lambda: "Events dropped" in sidecar.output(), "a refused request")
    with log.open("a") as file:
        file.write(lines(20, "after"))
    wait_for(
        lambda: len(sidecar.loki.entries()) == 20,
        "a request that moves the checkpoint past the refused lines",
    )
    assert_all_delivered(sidecar)


@busybox
def test_a_line_that_loki_refuses_for_good_is_reported_and_the_rest_delivered(
    sidecar: Sidecar,
) -> None:
    sidecar.loki.poison = "poison"
    sidecar.config["sinks"]["loki"]["batch"]["timeout_secs"] = 0.05
    sidecar.start()
    sidecar.up()
    log = sidecar.task_log()
    log.write_text(lines(3) + "poison\n")
    wait_for(lambda: "Events dropped" in sidecar.output(), "a refused request")
    with log.open("a") as file:
        file.write(lines(3, "after"))
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert ", 0 lines refused" not in outcome.message
    [delivered] = sidecar.delivered().values()
    assert delivered == (lines(3) + lines(3, "after")).splitlines()


# --- Lines that Vector skips ---


def test_lines_above_max_line_bytes_are_counted_and_missing(sidecar: Sidecar) -> None:
    sidecar.config["sources"]["task_logs"]["max_line_bytes"] = 10_000
    sidecar.environment["MAX_LINE_BYTES"] = "10000"
    sidecar.start()
    sidecar.up()
    long = ["x" * 10_001, "\0\1" * 10_000, "y" * 20_000]
    fits = ["a", "z" * 10_000, "b", "c"]
    text = "\n".join([fits[0], long[0], fits[1], long[1], fits[2], long[2], fits[3], ""])
    sidecar.task_log().write_text(text)
    other = "x" * 9_000 + "\n" + "y" * 9_000 + "\n"
    sidecar.task_log("other").write_text(other)
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert f"{sum(map(len, long)) + 3} missing" in outcome.message
    assert "3 lines above 10000 bytes" in outcome.message
    assert sorted(sidecar.delivered().values()) == [fits, other.splitlines()]


@busybox
def test_a_last_line_above_max_line_bytes_is_missing(sidecar: Sidecar) -> None:
    sidecar.config["sources"]["task_logs"]["max_line_bytes"] = 1000
    sidecar.environment["MAX_LINE_BYTES"] = "1000"
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text("fits\n" + "x" * 2000)
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert "2001 of 2006 bytes missing" in outcome.message


# --- Signals ---


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_further_signals_change_nothing(sidecar: Sidecar, number: signal.Signals) -> None:
    sidecar.loki.seconds = 0.3
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    sidecar.send()
    for _ in range(5):
        time.sleep(0.05)
        sidecar.send(number)
    assert sidecar.join().code == 0
    assert sidecar.delivered() == sidecar.written()


def test_sigint_drains_too(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    sidecar.send(signal.SIGINT)
    assert sidecar.join().code == 0
    assert sidecar.delivered() == sidecar.written()
