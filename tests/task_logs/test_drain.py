"""drain.sh: every line that a task wrote is delivered before the sidecar ends, or is reported."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from .conftest import TASK_LOGS, Sidecar, needed, wait_for

DRAIN = TASK_LOGS / "drain.sh"
# The shell of Vector's image is enough for what takes long and does not depend on it.
busybox = pytest.mark.parametrize("shell", ["busybox"], indirect=True)


def lines(count: int, text: str = "line") -> str:
    return "".join(f"{text} {number}\n" for number in range(count))


def assert_all_delivered(sidecar: Sidecar) -> None:
    outcome = sidecar.stop()
    assert sidecar.delivered() == sidecar.written()
    assert outcome.code == 0, outcome.output
    assert outcome.message == ""


# --- Task shapes ---


def test_a_short_task(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    assert_all_delivered(sidecar)


def test_a_task_that_was_followed_to_its_end_needs_no_second_vector(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    checkpoints = sidecar.data / "task_logs" / "checkpoints.json"
    size = sidecar.task_log().stat().st_size
    wait_for(
        lambda: checkpoints.exists() and f'"position":{size},' in checkpoints.read_text(),
        "a checkpoint",
    )
    assert_all_delivered(sidecar)
    assert len(sidecar.journal("start")) == 1


@busybox
def test_a_task_that_is_silent_for_longer_than_vector_looks_at_its_file(sidecar: Sidecar) -> None:
    sidecar.plan(seconds=0.05)
    sidecar.start()
    sidecar.up()
    log = sidecar.task_log()
    log.write_text(lines(5))
    wait_for(lambda: len(sidecar.in_loki()) == 5, "first lines")
    time.sleep(0.6)
    with log.open("a") as file:
        file.write(lines(30, "last"))
    assert_all_delivered(sidecar)


@busybox
def test_an_upgrade_while_the_task_runs_does_not_change_its_configuration(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    (sidecar.config_map / "vector.yaml").write_text("what: [a pod of before could not run")
    sidecar.task_log().write_text(lines(20))
    assert_all_delivered(sidecar)


@busybox
def test_a_new_pod_on_the_same_data_directory_has_the_new_configuration(sidecar: Sidecar) -> None:
    for pod, read_bytes in (("first", 1000), ("second", 2000)):
        sidecar.environment["POD_UID"] = pod
        sidecar.config["sources"]["task_logs"]["max_read_bytes"] = read_bytes
        sidecar.start()
        sidecar.up()
        sidecar.task_log(pod).write_text(lines(20))
        assert_all_delivered(sidecar)
        copy = sidecar.data / "configuration" / pod / "vector.yaml"
        assert f"max_read_bytes: {read_bytes}\n" in copy.read_text()
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
    assert len(sidecar.journal("start")) <= 4


def test_a_task_that_ends_before_vector_is_up(sidecar: Sidecar) -> None:
    sidecar.plan(deaf=0.3, startup=0.3)
    sidecar.start()
    sidecar.task_log().write_text(lines(20))
    wait_for(lambda: sidecar.data.joinpath("drain", "restarts").exists(), "the program's start")
    assert_all_delivered(sidecar)


@pytest.mark.parametrize("milliseconds", [0, 10, 30, 60, 100])
def test_sigterm_at_any_moment_of_the_start(sidecar: Sidecar, milliseconds: int) -> None:
    sidecar.task_log().write_text(lines(20))
    sidecar.start()
    # A PID 1 without a handler ignores signals, any other process dies of them.
    wait_for(lambda: sidecar.data.joinpath("drain").exists(), "the handler of the program")
    time.sleep(milliseconds / 1000)
    assert_all_delivered(sidecar)


def test_a_last_line_without_a_newline(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log("killed").write_text("first\nlast words")
    sidecar.task_log("one").write_text("only words")
    sidecar.task_log("nul").write_bytes(b"first\nends in a NUL \0")
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
    for number in range(300):
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
    sidecar.plan(loki="down")
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "1"
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
    assert sidecar.in_loki() == []


@busybox
def test_captured_output_stands_in_for_a_log_file_that_never_came(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    (sidecar.logs / ".output").mkdir()
    (sidecar.logs / ".output" / "output.log").write_text("ImportError: no such thing\nlast words")
    outcome = sidecar.stop()
    assert outcome.code == 0, outcome.output
    [delivered] = sidecar.delivered().values()
    assert delivered == ["ImportError: no such thing", "last words"]


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
    sidecar.plan(loki=0.5)
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(3))
    sidecar.send()
    wait_for(lambda: sidecar.journal("signal"), "the drain's begin")
    sidecar.task_log("late").write_text(lines(3, "late"))
    outcome = sidecar.join()
    assert outcome.code == 0
    assert sidecar.delivered() == sidecar.written()


# --- Faults of Vector ---


@busybox
def test_a_crash_in_the_middle_of_the_task(sidecar: Sidecar) -> None:
    sidecar.plan(crash_after=10)
    sidecar.start()
    sidecar.up()
    log = sidecar.task_log()
    log.write_text(lines(20))
    wait_for(lambda: len(sidecar.journal("start")) == 2, "the restart")
    with log.open("a") as file:
        file.write(lines(20, "after"))
    assert_all_delivered(sidecar)
    assert "1 restarts" in sidecar.output()


@busybox
def test_sigterm_between_a_crash_and_the_restart(sidecar: Sidecar) -> None:
    sidecar.plan(crash_after=10)
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    wait_for(lambda: "ended by itself" in sidecar.output(), "the crash")
    assert_all_delivered(sidecar)


def test_a_restart_of_the_container_delivers_nothing_twice(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    log = sidecar.task_log()
    log.write_text(lines(20))
    checkpoints = sidecar.data / "task_logs" / "checkpoints.json"
    wait_for(
        lambda: checkpoints.exists() and '"position"' in checkpoints.read_text(), "a checkpoint"
    )
    sidecar.kill()
    with log.open("a") as file:
        file.write(lines(20, "after"))
    sidecar.start()
    wait_for(lambda: len(sidecar.journal("start")) == 2, "the second start")
    assert_all_delivered(sidecar)
    assert len(sidecar.in_loki()) == 40
    assert "1 restarts" in sidecar.output()


@busybox
def test_a_vector_that_never_starts_is_waited_for_and_reported(sidecar: Sidecar) -> None:
    sidecar.plan(never_starts=78)
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    size = sidecar.task_log().stat().st_size
    wait_for(lambda: len(sidecar.journal("start")) == 2, "a second attempt")
    assert sidecar.process is not None
    assert sidecar.process.poll() is None
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert f"{size} of {size} bytes missing" in outcome.message
    assert len(sidecar.journal("start")) <= 7, "a busy loop"


@busybox
def test_no_vector_at_all(sidecar: Sidecar) -> None:
    sidecar.vector = Path("/nonexistent/vector")
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
    sidecar.task_log().write_text(lines(20))
    wait_for(lambda: "ended by itself" in sidecar.output(), "the attempt")
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert "task_id=hello" in outcome.message


@busybox
def test_a_vector_that_ignores_sigterm_is_killed_within_the_deadline(sidecar: Sidecar) -> None:
    sidecar.plan(ignore_term=True)
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "4"
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    outcome = sidecar.stop()
    assert outcome.seconds < 4
    assert sidecar.delivered() == sidecar.written()


# --- Faults of Loki ---


@busybox
def test_loki_is_down(sidecar: Sidecar) -> None:
    sidecar.plan(loki="down")
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "3"
    sidecar.start()
    sidecar.up()
    log = sidecar.task_log()
    log.write_text(lines(20))
    outcome = sidecar.stop()
    assert outcome.seconds < 3
    assert outcome.code == 1
    size = log.stat().st_size
    assert f"1 files, {size} bytes written, 0 delivered, {size} missing" in outcome.message
    assert f"{size} of {size} bytes missing: {log.relative_to(sidecar.logs)}" in outcome.message


@busybox
def test_loki_comes_back_while_the_drain_runs(sidecar: Sidecar) -> None:
    sidecar.plan(loki="down", loki_from={"1.5": "up"})
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    assert_all_delivered(sidecar)


def test_loki_is_slow(sidecar: Sidecar) -> None:
    sidecar.plan(loki=0.4)
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    sidecar.task_log("other").write_text(lines(20))
    assert_all_delivered(sidecar)


@busybox
def test_loki_refuses_everything(sidecar: Sidecar) -> None:
    sidecar.plan(loki="refuse")
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "600"
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    outcome = sidecar.stop()  # long before the deadline
    assert outcome.code == 1
    assert "0 delivered" in outcome.message
    assert len(sidecar.journal("start")) <= 7, "the same lines sent again and again"


def test_lines_that_loki_refused_for_a_while_are_offered_again(sidecar: Sidecar) -> None:
    sidecar.plan(refuse_first=1)
    sidecar.config["sinks"]["loki"]["batch"]["timeout_secs"] = 0.05
    sidecar.start()
    sidecar.up()
    log = sidecar.task_log()
    log.write_text(lines(20))
    wait_for(lambda: "Events dropped" in sidecar.output(), "a refused request")
    with log.open("a") as file:
        file.write(lines(20, "after"))
    wait_for(
        lambda: len(sidecar.in_loki()) == 20,
        "a request that moves the checkpoint past the refused lines",
    )
    assert_all_delivered(sidecar)


@busybox
def test_a_line_that_loki_refuses_for_good_is_reported_and_the_rest_delivered(
    sidecar: Sidecar,
) -> None:
    sidecar.plan(refuse_line="poison")
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
    sidecar.task_log("other").write_text("x" * 9_000 + "\n" + "y" * 9_000 + "\n")
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert f"{sum(map(len, long)) + 3} missing" in outcome.message
    assert "3 lines above 10000 bytes" in outcome.message
    assert sorted(
        line for _, _, line in sidecar.in_loki() if "x" * 9 not in line and "y" * 9 not in line
    ) == sorted(fits)


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


# --- Signals, report ---


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_further_signals_change_nothing(sidecar: Sidecar, number: signal.Signals) -> None:
    sidecar.plan(loki=0.3)
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    sidecar.send()
    for _ in range(5):
        time.sleep(0.05)
        sidecar.send(number)
    outcome = sidecar.join()
    assert outcome.code == 0, outcome.output
    assert sidecar.delivered() == sidecar.written()


def test_sigint_drains_too(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    sidecar.send(signal.SIGINT)
    assert sidecar.join().code == 0
    assert sidecar.delivered() == sidecar.written()


@busybox
def test_the_termination_message_is_no_longer_than_kubernetes_keeps(sidecar: Sidecar) -> None:
    sidecar.plan(loki="down")
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "1"
    sidecar.start()
    sidecar.up()
    for number in range(100):
        sidecar.task_log(f"task{number}").write_text("text\n")
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert len(outcome.message.encode()) == 4096
    assert "100 files, 500 bytes written" in outcome.message


def statsd(sidecar: Sidecar) -> Path:
    """Puts an nc on the sidecar's PATH that keeps what it is given; returns the file with it."""
    tools = sidecar.directory / "tools"
    tools.mkdir()
    kept = sidecar.directory / "datagram"
    (tools / "nc").write_text(f'#!/bin/sh\necho "$@" >"{kept}.to"\nexec cat >"{kept}"\n')
    (tools / "nc").chmod(0o755)
    sidecar.path = f"{tools}:{sidecar.path}"
    sidecar.environment["STATSD_HOST"] = "airflow-statsd-exporter"
    return kept


def test_the_audit_goes_to_statsd(sidecar: Sidecar) -> None:
    kept = statsd(sidecar)
    sidecar.environment |= {"DAG_ID": "demo.dag-1", "TASK_ID": "group.žluť x"}
    sidecar.start()
    sidecar.up()
    log = sidecar.task_log()
    log.write_text(lines(20))
    (sidecar.data / "redacted").write_text(
        '{"redacted":"true"}\n' * 2
    )  # as the sink of Vector writes it
    assert_all_delivered(sidecar)
    wait_for(lambda: kept.exists() and kept.read_text().endswith("|ms\n"), "the datagram")
    assert Path(f"{kept}.to").read_text() == "-u -w 1 airflow-statsd-exporter 9125\n"
    values = {}
    for line in kept.read_text().splitlines():
        name, value = line.split(":")
        assert name.endswith(",dag_id=demo.dag-1,task_id=group.__lu___x")
        values[name.split(",")[0].removeprefix("airflow.task_log.")] = value
    size = log.stat().st_size
    assert values.pop("drain_duration").endswith("|ms")
    assert values == {
        "files": "1|c",
        "bytes_written": f"{size}|c",
        "bytes_delivered": f"{size}|c",
        "bytes_missing": "0|c",
        "refused": "0|c",
        "oversized": "0|c",
        "redacted": "2|c",
        "vector_restarts": "0|c",
    }


@busybox
def test_the_audit_of_a_pod_without_a_task_has_no_tags(sidecar: Sidecar) -> None:
    kept = statsd(sidecar)
    sidecar.start()
    sidecar.up()
    assert_all_delivered(sidecar)
    wait_for(lambda: kept.exists() and kept.read_text().endswith("|ms\n"), "the datagram")
    assert "airflow.task_log.files:0|c\n" in kept.read_text()


@busybox
def test_an_nc_that_is_missing_or_fails_changes_nothing(sidecar: Sidecar) -> None:
    kept = statsd(sidecar)
    kept.with_name("tools").joinpath("nc").write_text("#!/bin/sh\nexit 1\n")
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    assert_all_delivered(sidecar)


# --- The program ---


def test_shellcheck() -> None:
    program = needed("shellcheck", "shellcheck")
    check = subprocess.run(
        [program, "--shell=sh", "--severity=style", DRAIN], capture_output=True, text=True
    )
    assert check.returncode == 0, check.stdout


def test_every_setting_is_documented_at_the_top() -> None:
    text = DRAIN.read_text()
    top = text[: text.index("\nset -u")]
    assigned = set(re.findall(r'[" ]\$\{([A-Z_]+):=', text))
    assert assigned
    assert {name for name in assigned if name not in top} <= {
        "VECTOR_THREADS",
        "VECTOR_CHUNK_SIZE_EVENTS",
        "VECTOR_LOG",
    }
