"""What drain.sh says of the delivery: exit code, termination message, metrics."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ..conftest import IN_CI
from .marks import busybox, double
from .shipped import OBSERVABLE, Shipped, shipped
from .sidecar import Sidecar, wait_for
from .test_drain import assert_all_delivered, lines

pytestmark = double


@pytest.fixture
def rendered() -> Shipped:
    return shipped(OBSERVABLE)


@pytest.fixture
def datagram(sidecar: Sidecar) -> Path:
    """The file with what the sidecar's nc is given; next to it, with .to, its arguments."""
    kept = sidecar.directory / "datagram"
    sidecar.tool("nc", f'echo "$@" >"{kept}.to"\nexec cat >"{kept}"')
    return kept


def metrics(datagram: Path, tags: str = "") -> dict[str, str]:
    """The metrics of a datagram by name, without their common prefix and these tags."""
    wait_for(lambda: datagram.exists() and datagram.read_text().endswith("|ms\n"), "a datagram")
    values = {}
    for line in datagram.read_text().splitlines():
        name, value = line.split(":")
        assert name.startswith("airflow.task_log.")
        assert name.endswith(tags)
        values[name.removeprefix("airflow.task_log.").removesuffix(tags)] = value
    return values


# --- Metrics ---


def test_the_metrics_of_a_log_that_is_delivered(sidecar: Sidecar, datagram: Path) -> None:
    sidecar.annotate(dag_id="demo.dag-1", task_id="group.žluť x")
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    size = sidecar.task_log().stat().st_size
    assert_all_delivered(sidecar)
    values = metrics(datagram, ",dag_id=demo.dag-1,task_id=group.__lu___x")
    assert values.pop("drain_duration").endswith("|ms")
    assert values == {
        "files": "1|c",
        "bytes_written": f"{size}|c",
        "bytes_delivered": f"{size}|c",
        "no_file": "0|c",
        "refused": "0|c",
        "oversized": "0|c",
        "redacted": "0|c",
        "unrecognised": "0|c",
        "vector_restarts": "0|c",
    }


def test_each_metric_is_what_happened(sidecar: Sidecar, datagram: Path) -> None:
    sidecar.without_power_over_files()
    sidecar.shorten_sleeps()
    sidecar.config["sources"]["task_logs"]["max_line_bytes"] = 1000
    sidecar.environment |= {"MAX_LINE_BYTES": "1000", "RESEND_MAX_BYTES": "0"}
    sidecar.loki.poison = "poison"
    sidecar.loki.seconds = 0.1
    sidecar.start()
    sidecar.up()
    [vector] = sidecar.vectors()
    os.kill(vector, signal.SIGKILL)
    wait_for(lambda: sidecar.starts() == 2, "the restart")
    # As the sink of Vector writes it.
    (sidecar.data / "redacted").write_text('"cookies"\n"aws-keys,cookies"\ncookies\n')
    (sidecar.data / "unrecognised").write_text("1\n1\n")

    fine, long, refused, secret = lines(7), "x" * 1500 + "\n", "poison\n", lines(3)
    sidecar.task_log("fine").write_text("a\n" + 2 * long + fine)
    wait_for(lambda: len(sidecar.loki.entries()) == 8, "the first file")
    sidecar.task_log("refused").write_text(refused)
    wait_for(lambda: "Events dropped" in sidecar.output(), "a refused request")
    sidecar.task_log("secret").write_text(secret)
    sidecar.deny(sidecar.task_log("secret"), 0o000)
    outcome = sidecar.stop()

    values = metrics(datagram)
    milliseconds = int(values.pop("drain_duration").removesuffix("|ms"))
    assert milliseconds >= 100, "of the drain, in which Loki answers at least once"
    assert f", drained in {milliseconds} ms\n" in outcome.message
    assert "task logs: 3 lines redacted by cookies\n" in outcome.output
    assert "task logs: 1 lines redacted by aws-keys\n" in outcome.output
    assert "task logs: 2 lines of a format that the sidecar does not know\n" in outcome.output
    requests = [int(count) for count in re.findall(r" count=(\d+) ", outcome.output)]
    assert requests
    missing = len(2 * long + refused + secret)
    assert values == {
        "files": "3|c",
        "bytes_written": f"{2 + len(fine) + missing}|c",
        "bytes_delivered": f"{2 + len(fine)}|c",
        "no_file": "0|c",
        "bytes_missing": f"{missing}|c",
        "refused": f"{sum(requests)}|c",
        "oversized": "2|c",
        "redacted": "3|c",
        "unrecognised": "2|c",
        "vector_restarts": "1|c",
    }


@busybox
def test_what_cannot_be_looked_at_is_counted(sidecar: Sidecar, datagram: Path) -> None:
    sidecar.start()
    sidecar.up()
    os.mkfifo(sidecar.task_log())
    assert sidecar.stop().code == 1
    assert metrics(datagram)["unverified"] == "1|c"


@busybox
def test_the_datagram_goes_to_the_exporter_of_the_release(sidecar: Sidecar, datagram: Path) -> None:
    sidecar.start()
    sidecar.up()
    assert_all_delivered(sidecar)
    metrics(datagram)
    to = Path(f"{datagram}.to").read_text()
    assert to == "-u -w 1 airflow-statsd-exporter.lakehouse-platform 9125\n"


@busybox
def test_the_metrics_of_a_pod_without_a_task_have_no_tags(sidecar: Sidecar, datagram: Path) -> None:
    sidecar.start()
    sidecar.up()
    assert_all_delivered(sidecar)
    assert metrics(datagram)["files"] == "0|c"


@busybox
def test_what_is_reported_is_not_reported_again(sidecar: Sidecar, datagram: Path) -> None:
    # The data directory of a long-lived pod outlives it.
    sidecar.loki.poison = "poison"
    (sidecar.data / "redacted").write_text('"cookies"\n')
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text("poison\n")
    assert sidecar.stop().code == 1
    assert metrics(datagram)["redacted"] == "1|c"
    datagram.unlink()
    sidecar.task_log().unlink()
    sidecar.start()
    sidecar.up()
    assert sidecar.stop().code == 0
    values = metrics(datagram)
    assert (values["redacted"], values["refused"], values["vector_restarts"]) == 3 * ("0|c",)


@busybox
@pytest.mark.parametrize("nc", ["exit 1", "sleep 60", "exec sleep 60 <&-"])
def test_an_nc_that_fails_or_hangs_changes_nothing(sidecar: Sidecar, nc: str) -> None:
    sidecar.tool("nc", nc)
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    assert_all_delivered(sidecar)


@busybox
def test_a_missing_nc_changes_nothing(sidecar: Sidecar) -> None:
    sidecar.start()
    sidecar.up()
    sidecar.task_log().write_text(lines(20))
    assert_all_delivered(sidecar)


@pytest.fixture
def nc(program: Callable[[str], Path]) -> Path:
    """An nc that sends datagrams."""
    found = program("nc")
    usage = subprocess.run([found, "-h"], capture_output=True, text=True)
    if not re.search(r"-\w*u", usage.stdout + usage.stderr):
        lacking = pytest.fail if IN_CI else pytest.skip
        lacking(f"{found} has no -u (Debian: apt-get install netcat-openbsd)")
    return found


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_the_datagram_arrives(
    sidecar: Sidecar, nc: Path, family: socket.AddressFamily, address: str
) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as server:
        server.bind((address, 0))
        server.settimeout(20)
        sidecar.tool("nc", f'exec "{nc}" "$@"')
        port = str(server.getsockname()[1])
        sidecar.environment |= {"STATSD_HOST": address, "STATSD_PORT": port}
        sidecar.start()
        sidecar.up()
        sidecar.task_log().write_text(lines(20))
        assert_all_delivered(sidecar)
        received = server.recv(65536).decode()
    assert received.startswith("airflow.task_log.files:1|c\n")
    assert received.count("\n") == 10


# --- A task that has left no log file ---


@busybox
def test_a_task_that_has_run_and_left_no_log_file_is_a_loss(
    sidecar: Sidecar, datagram: Path
) -> None:
    sidecar.annotate(dag_id="demo", task_id="hello")
    (sidecar.data / "base-started").mkdir(parents=True)
    (sidecar.logs / "elsewhere.log").write_text(lines(3))
    sidecar.start()
    sidecar.up()
    outcome = sidecar.stop()
    assert outcome.code == 1
    summary, hint = outcome.message.splitlines()
    assert summary.startswith("task logs: 0 files, 0 bytes written, ")
    assert hint.startswith("the task has left no log file below ")
    assert "logging.base_log_folder" in hint
    assert "logging.log_filename_template" in hint
    assert metrics(datagram, ",dag_id=demo,task_id=hello")["no_file"] == "1|c"


def test_where_nothing_marks_the_start_a_task_is_taken_to_have_run(sidecar: Sidecar) -> None:
    sidecar.annotate(dag_id="demo", task_id="hello")
    sidecar.environment["START_MARKED"] = ""
    sidecar.start()
    sidecar.up()
    assert sidecar.stop().code == 1


def test_a_pod_that_is_deleted_before_the_task_starts_has_lost_nothing(
    sidecar: Sidecar, datagram: Path
) -> None:
    sidecar.annotate(dag_id="demo", task_id="hello")
    sidecar.start()
    sidecar.up()
    outcome = sidecar.stop()
    assert (outcome.code, outcome.message) == (0, "")
    assert metrics(datagram, ",dag_id=demo,task_id=hello")["no_file"] == "0|c"


def test_a_task_that_logs_nothing_has_lost_nothing(sidecar: Sidecar) -> None:
    sidecar.annotate(dag_id="demo", task_id="hello")
    (sidecar.data / "base-started").mkdir(parents=True)
    sidecar.start()
    sidecar.up()
    sidecar.task_log().touch()
    assert sidecar.stop().code == 0


def test_captured_output_is_a_log_file(sidecar: Sidecar) -> None:
    sidecar.annotate(dag_id="demo", task_id="hello")
    (sidecar.data / "base-started").mkdir(parents=True)
    sidecar.start()
    sidecar.up()
    (sidecar.logs / ".output").mkdir()
    (sidecar.logs / ".output" / "output.log").write_text("ImportError\n")
    assert sidecar.stop().code == 0


def test_a_pod_without_a_task_of_its_own_may_be_idle(sidecar: Sidecar) -> None:
    (sidecar.data / "base-started").mkdir(parents=True)
    sidecar.start()
    sidecar.up()
    assert sidecar.stop().code == 0


# --- The termination message ---


@busybox
def test_each_file_that_is_not_delivered_is_named_with_its_bytes(sidecar: Sidecar) -> None:
    sidecar.environment["RESEND_MAX_BYTES"] = "0"  # or the first line of `part` may be sent again
    sidecar.loki.poison = "poison"
    sidecar.start()
    sidecar.up()
    sidecar.task_log("fine").write_text(lines(3))
    wait_for(lambda: len(sidecar.loki.entries()) == 3, "the first file")
    part, whole = sidecar.task_log("part"), sidecar.task_log("whole", attempt=2)
    part.write_text("first\n")
    wait_for(lambda: len(sidecar.loki.entries()) == 4, "its first line")
    with part.open("a") as file:
        file.write("poison\n")
    whole.write_text("poison\n" * 2)
    outcome = sidecar.stop()
    assert outcome.code == 1
    summary, *files = outcome.message.splitlines()
    size = 6 + 7 + 14 + len(lines(3))
    assert summary.startswith(
        f"task logs: 3 files, {size} bytes written, {size - 21} delivered, 21 missing, "
    )
    assert sorted(files) == [
        f"14 of 14 bytes missing: {whole.relative_to(sidecar.logs)}",
        f"7 of 13 bytes missing: {part.relative_to(sidecar.logs)}",
    ]
    assert summary in outcome.output, "the log of the container says it too"


@busybox
def test_lines_that_are_lost_in_the_middle_of_a_file_are_a_failure(sidecar: Sidecar) -> None:
    sidecar.environment["RESEND_MAX_BYTES"] = "0"
    sidecar.loki.poison = "poison"
    sidecar.config["sinks"]["loki"]["batch"]["timeout_secs"] = 0.05
    sidecar.start()
    sidecar.up()
    log = sidecar.task_log()
    log.write_text("poison\n")
    wait_for(lambda: "Events dropped" in sidecar.output(), "a refused request")
    with log.open("a") as file:
        file.write(lines(3, "after"))
    wait_for(lambda: len(sidecar.loki.entries()) == 3, "a request that moves the checkpoint past")
    outcome = sidecar.stop()
    assert outcome.code == 1
    [summary] = outcome.message.splitlines()
    assert ", 0 missing, 1 lines refused by Loki, " in summary


@busybox
def test_the_termination_message_is_no_longer_than_kubernetes_keeps(sidecar: Sidecar) -> None:
    sidecar.loki.status = 503
    sidecar.environment["DRAIN_TIMEOUT_SECONDS"] = "2"
    sidecar.start()
    sidecar.up()
    for number in range(100):
        sidecar.task_log(f"task{number}").write_text("text\n")
    outcome = sidecar.stop()
    assert outcome.code == 1
    assert len(outcome.message.encode()) == 4096
    assert "100 files, 500 bytes written" in outcome.message
