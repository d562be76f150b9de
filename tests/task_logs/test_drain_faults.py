"""drain.sh with faults that only a double of Vector has, and what only a double can tell."""

from __future__ import annotations

import signal

import pytest

from .marks import busybox, double
from .sidecar import Sidecar, wait_for
from .test_drain import assert_all_delivered, lines

pytestmark = double


def test_a_task_that_ends_before_vector_is_up(sidecar: Sidecar) -> None:
    sidecar.plan(deaf=0.2, startup=0.2)
    sidecar.start()
    sidecar.task_log().write_text(lines(20))
    wait_for(lambda: sidecar.vectors(), "a Vector")
    assert_all_delivered(sidecar)


@busybox
def test_a_crash_with_lines_that_were_read_and_not_sent(sidecar: Sidecar) -> None:
    sidecar.shorten_sleeps()
    sidecar.plan(crash_after=10)
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    wait_for(lambda: sidecar.starts() == 2, "the restart")
    assert_all_delivered(sidecar)


@busybox
def test_a_vector_that_never_starts_is_tried_again_and_reported(sidecar: Sidecar) -> None:
    sidecar.shorten_sleeps()
    sidecar.plan(never_starts=78)
    sidecar.start()
    sidecar.task_log().write_text(lines(20))
    size = sidecar.task_log().stat().st_size
    wait_for(lambda: len(sidecar.journal("start")) == 2, "a second attempt")
    assert sidecar.process is not None
    assert sidecar.process.poll() is None
    before = len(sidecar.journal("start"))
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert f"{size} of {size} bytes missing" in outcome.message
    assert "Vector has ended by itself with code 78" in outcome.output
    assert len(sidecar.journal("start")) - before <= 6, "a busy loop"


@busybox
def test_no_vector_at_all(sidecar: Sidecar) -> None:
    sidecar.environment["VECTOR_BIN"] = "/nonexistent/vector"
    sidecar.start()
    sidecar.task_log().write_text(lines(20))
    wait_for(lambda: "ended by itself with code 127" in sidecar.output(), "the attempt")
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert "task_id=hello" in outcome.message


@busybox
def test_a_vector_that_ignores_sigterm_is_killed_within_the_deadline(sidecar: Sidecar) -> None:
    sidecar.plan(ignore_term=True)
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "3"
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    assert sidecar.stop().code == 0
    assert sidecar.delivered() == sidecar.written()


def test_no_vector_inherits_a_signal_as_ignored(sidecar: Sidecar) -> None:
    # A shell starts what runs in the background with SIGINT and SIGQUIT ignored (POSIX); Vector
    # installs a handler for each of its signals, and nobody sends these two.
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text("one\nof the drain")  # without a newline: needs another Vector
    assert_all_delivered(sidecar)
    starts = sidecar.journal("start")
    assert len(starts) >= 2
    for start in starts:
        assert {"SIGTERM", "SIGHUP"}.isdisjoint(start["ignored"])


# --- Restarts: the delays are arguments of `sleep`, and the clock is a file ---


def delays(sidecar: Sidecar, count: int) -> list[str]:
    """Seconds between the first starts of a Vector that ends by itself each time."""
    kept = sidecar.shorten_sleeps()
    sidecar.start()
    wait_for(lambda: kept.exists() and kept.read_text().count("\n") >= count, "restarts")
    return kept.read_text().split()[:count]


def test_the_delay_between_restarts_grows(sidecar: Sidecar) -> None:
    sidecar.tool("vector", "exit 78")
    assert delays(sidecar, 8) == ["1", "2", "4", "8", "16", "32", "32", "32"]


@busybox
@pytest.mark.parametrize(("ran_until", "delay"), [("1060.09", "1"), ("1060.08", "8")])
def test_the_delay_is_short_again_after_a_minute(
    sidecar: Sidecar, ran_until: str, delay: str
) -> None:
    clock, starts = sidecar.directory / "uptime", sidecar.directory / "starts"
    clock.write_text("1000.09 5000.00\n")
    sidecar.texts["/proc/uptime"] = str(clock)
    sidecar.tool(
        "vector",
        f'echo >>"{starts}"; [ "$(wc -l <"{starts}")" != 4 ] || echo {ran_until} 0 >"{clock}"',
    )
    assert delays(sidecar, 4) == ["1", "2", "4", delay]


def test_restarts_are_counted_across_containers(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    for _ in range(2):
        sidecar.kill()
        sidecar.run()
        sidecar.up()
    assert "2 restarts of Vector" in sidecar.stop().output


# --- The container ---


def test_without_its_config_map_the_sidecar_says_so_and_lives_until_sigterm(
    sidecar: Sidecar,
) -> None:
    message = sidecar.directory / "termination-log"
    sidecar.run()
    wait_for(lambda: message.exists() and message.read_text(), "a message")
    wait_for(lambda: sidecar.handles(signal.SIGTERM), "the handler")
    assert sidecar.process is not None
    assert sidecar.process.poll() is None
    outcome = sidecar.stop()
    assert outcome.code == 1
    said = "ConfigMap airflow-task-logs is missing: task logs are not shipped\n"
    assert outcome.message == outcome.output == said
