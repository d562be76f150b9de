"""bench capture: what is delivered is counted right, and the chart's method delivers all."""

import json
import re
import socket
import struct
import threading
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from airflow_platform import cli
from airflow_platform.bench import circumstances
from airflow_platform.bench.capture import command, container, runner, shapes
from airflow_platform.bench.capture.loki import BuiltInLoki, built_in_loki
from airflow_platform.bench.capture.methods import METHODS, Pod, baseline, drain, tuned
from airflow_platform.bench.capture.runner import Result, run
from airflow_platform.bench.capture.shapes import SHAPES, Shape, Step

from ..doubles import vector as vector_double


@pytest.fixture(scope="module")
def loki_url():
    with built_in_loki() as url:
        yield url


@pytest.fixture(scope="module")
def double(tmp_path_factory) -> Path:
    """The double of Vector as a program."""
    return vector_double.install(tmp_path_factory.mktemp("double"))


@pytest.fixture
def pod(tmp_path) -> Pod:
    return Pod(tmp_path, Path("/usr/bin/vector"), "http://loki:3100", "snappy")


@pytest.fixture
def measure(double, loki_url):
    """Run a shape with a method and the double."""

    def measure_one(shape, method, import_seconds=0.2) -> Result:
        return run(
            shape, method, double, loki_url, compression="none", import_seconds=import_seconds
        )

    return measure_one


def test_a_vector_that_does_not_wait_for_the_answer_leaves_no_traceback(capfd):
    asked, gone = threading.Event(), threading.Event()

    class SlowLoki(BuiltInLoki):
        def push(self, body: bytes) -> int:
            asked.set()
            assert gone.wait(10)
            return super().push(body)

    with built_in_loki(SlowLoki()) as url:
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port)) as client:
            # Closed at once, with a reset, as the connections of a killed process are.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 14\r\n\r\n" + b'{"streams":[]}')
            assert asked.wait(10)
        gone.set()
        for thread in threading.enumerate():
            if "process_request" in thread.name:
                thread.join(10)
    assert capfd.readouterr().err == ""


# --- Counting ---


def test_the_drain_delivers_all(measure):
    shape = Shape("two-files", "", (Step(0, 3), Step(0.1, 7)), files=2, final_newline=False)
    result = measure(shape, drain)
    assert (result.written, result.delivered, result.extra) == (20, 20, 0)
    assert result.drain_seconds > 0
    assert result.cpu_seconds > 0
    assert result.anonymous_bytes > 2**20


def test_what_is_lost_is_counted(measure):
    shape = Shape("no-newline", "", (Step(0, 3),), final_newline=False)
    result = measure(shape, lambda pod: replace(tuned(pod), pre_stop_seconds=0.4))
    assert (result.written, result.delivered) == (3, 2)


def test_a_killed_vector_is_started_again(measure, monkeypatch, tmp_path):
    monkeypatch.setattr(container, "_RESTART_SECONDS", 0.05)

    def note_starts(pod):
        script = f"echo started >>{tmp_path}/starts; exec {pod.vector}"
        return replace(tuned(pod), command=("sh", "-c", script), pre_stop_seconds=0.4)

    shape = Shape("killed", "", (Step(0, 3), Step(0, 0), Step(0.3, 3)), killed_after=2)
    result = measure(shape, note_starts)
    assert (result.written, result.delivered) == (6, 6)
    assert (tmp_path / "starts").read_text() == "started\nstarted\n"


def test_sigterm_comes_after_the_task_also_when_the_pod_is_deleted(measure, tmp_path):
    def keep_the_log(pod):
        trap = f'trap "cat {pod.logs}/*/*/*/*/*.log >{tmp_path}/seen; exit" TERM'
        command = ("sh", "-c", f"{trap}; while :; do sleep 0.02; done")
        return replace(tuned(pod), command=command, pre_stop_seconds=0.01)

    shape = Shape("deleted", "", (Step(0, 2), Step(0.2, 3)), line_bytes=500, deleted_after=1)
    measure(shape, keep_the_log)
    lines = (tmp_path / "seen").read_text().splitlines()
    assert len(lines) == 5
    assert all(500 <= len(line) < 520 for line in lines)


# --- Shapes and methods ---


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_each_shape_is_sound(shape):
    assert shape.written > 0
    steps = range(1, len(shape.steps) + 1)
    for step in (shape.killed_after, shape.deleted_after):
        assert step is None or step in steps


def test_the_baseline_has_vectors_default_source(pod):
    sidecar = baseline(pod)
    source = sidecar.config["sources"]["task_logs"]
    assert not {"glob_minimum_cooldown_ms", "max_read_bytes", "fingerprint"} & source.keys()
    assert source["include"] == tuned(pod).config["sources"]["task_logs"]["include"]
    assert "acknowledgements" not in sidecar.config["sinks"]["loki"]
    assert sidecar.pre_stop_seconds == 1


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_method_stays_within_the_pods_directory(pod, method):
    text = json.dumps(method(pod).config)
    assert not re.search(r"/opt/airflow|/var/lib/vector", text)
    assert method(pod).config["sinks"]["loki"]["endpoint"] == "http://loki:3100"


# --- The command ---


@pytest.fixture
def bench(capsys, monkeypatch, double):
    """Run `bench capture` with short import times; return its exit code, stdout and stderr."""
    monkeypatch.setattr(circumstances, "_IMPORT_SECONDS", 0.2)
    monkeypatch.setattr(circumstances, "_LOOK_SECONDS", 0)
    monkeypatch.setenv("VECTOR", str(double))
    monkeypatch.setitem(shapes.SHAPES, "tiny", Shape("tiny", "", (Step(0, 2),)))

    def run_command(*arguments):
        try:
            code = cli.main(["bench", "capture", *map(str, arguments)])
        except SystemExit as stopped:
            code = stopped.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return run_command


def test_the_table_names_what_it_was_measured_with(bench):
    code, out, _ = bench("--shape", "tiny", "--method", "drain", "--repeat", 1)
    assert code == 0
    assert "Vector: vector 0.58.0 (double)" in out
    assert re.search(r"^machine: \d+ CPUs, .*load", out, re.MULTILINE)
    seconds = r"\d+\.\d\d s"
    row = rf"^tiny +drain +2 +100\.0 % +0 +{seconds} +{seconds} +{seconds} +\d+ MiB$"
    assert re.search(row, out, re.MULTILINE)


def test_json_has_each_run(bench, monkeypatch):
    monkeypatch.setattr(runner, "run", lambda *_, **__: Result(2, 1, 0, 0.5, 0.1, 2**20))
    arguments = ["--shape", "tiny", "--method", "baseline", "--repeat", 2, "--output", "json"]
    code, out, _ = bench(*arguments)
    assert code == 0
    assert json.loads(out)["results"] == 2 * [
        {
            "shape": "tiny",
            "method": "baseline",
            "written": 2,
            "delivered": 1,
            "extra": 0,
            "drain_seconds": 0.5,
            "cpu_seconds": 0.1,
            "anonymous_bytes": 2**20,
            "complaint": "",
        }
    ]


def test_almost_all_is_not_shown_as_all():
    results = [Result(100_000, 99_999, 0, 0.1, 0.1, 0), Result(100_000, 100_000, 0, 0.3, 0.1, 0)]
    row = command._row("burst", "baseline", results)
    assert row[2:7] == (200_000, "99.9 %", 0, "0.20 s", "0.30 s")


def test_without_vector_it_says_what_to_set(bench, monkeypatch):
    monkeypatch.delenv("VECTOR")
    monkeypatch.setenv("PATH", "/nonexistent")
    code, out, err = bench()
    assert (code, out) == (1, "")
    assert "set VECTOR" in err


@pytest.fixture
def broken_vector(tmp_path, double, monkeypatch):
    """Make the Vector one whose program is this shell script; $double is one that works."""

    def install(script):
        program = tmp_path / "broken-vector"
        program.write_text(f"#!/bin/sh\ndouble={double}\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("VECTOR", str(program))

    return install


VERSION = 'if [ "$1" = --version ]; then exec "$double" --version; fi\n'
# What Vector prints, the code with which it ends, and the method that runs it.
REFUSED = 'ERROR vector::cli: Configuration error. error="unknown"'
BROKEN = {
    "refuses its configuration": (REFUSED, 78, "baseline"),
    "refuses its configuration, with the drain": (REFUSED, 78, "drain"),
    "cannot bind": ('ERROR vector: Failed to bind. error="Address in use"', 1, "tuned"),
    "ends at once": ("Illegal instruction", 132, "drain"),
}


@pytest.mark.parametrize(("said", "ends", "method"), BROKEN.values(), ids=BROKEN)
def test_a_vector_that_cannot_run_is_named_with_its_own_error(
    bench, broken_vector, monkeypatch, said, ends, method
):
    monkeypatch.setattr(container, "_RESTART_SECONDS", 0.05)
    broken_vector(f"{VERSION}echo '{said}' >&2; exit {ends}")
    code, out, err = bench("--shape", "tiny", "--method", method, "--repeat", 3)
    assert code == 1
    assert re.search(rf"^tiny +{method} +2 +0\.0 %", out, re.MULTILINE), "the run is in the table"
    assert err.startswith(f"tiny, {method}: nothing was delivered. The sidecar ended with")
    assert f"with code {ends}" in err
    assert said in err


def test_what_a_vector_that_runs_says_is_shown_as_well(bench, broken_vector):
    broken_vector(f"{VERSION}echo 'ERROR sink: Service call failed. 404' >&2; exec sleep 60")
    code, _, err = bench("--shape", "tiny", "--method", "baseline", "--repeat", 1)
    assert code == 1
    assert "nothing was delivered. The sidecar said:\nERROR sink: Service call failed. 404" in err


def test_lines_that_are_lost_without_an_error_are_a_result(bench, broken_vector):
    broken_vector(f"{VERSION}exec sleep 60")
    code, out, _ = bench("--shape", "tiny", "--method", "baseline", "--repeat", 1)
    assert code == 0
    assert "0.0 %" in out


def test_a_vector_that_tells_no_version_is_not_measured(bench, broken_vector):
    broken_vector("echo 'no such library' >&2; exit 127")
    code, out, err = bench("--shape", "tiny")
    assert (code, out) == (1, "")
    assert "no such library" in err


def test_a_file_that_is_no_program_is_one_message(bench, tmp_path, monkeypatch):
    program = tmp_path / "vector"
    program.write_bytes(b"\0\0")
    program.chmod(0o755)
    monkeypatch.setenv("VECTOR", str(program))
    code, _, err = bench("--shape", "tiny")
    assert code == 1
    assert f"{program} cannot be run" in err


def test_a_loki_out_of_reach_is_one_message(bench):
    code, _, err = bench("--loki", "http://127.0.0.1:1")
    assert code == 1
    assert "cannot be reached" in err


@pytest.mark.parametrize("arguments", [["--shape", "no"], ["--method", "no"], ["--repeat", "0"]])
def test_wrong_usage_shows_the_usage(bench, arguments):
    code, out, err = bench(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("usage: airflow-platform bench capture")


# --- With a real Vector ---


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_drain_delivers_every_shape(shape, vector, loki_url):
    def drain_without_haste(pod):
        sidecar = drain(pod)
        patience = {"DRAIN_TIMEOUT_SECONDS": "300"}  # on a busy machine the deadline proves nothing
        return replace(sidecar, environment={**sidecar.environment, **patience})

    result = run(shape, drain_without_haste, vector, loki_url, compression="none", import_seconds=1)
    assert (result.delivered, result.extra) == (result.written, 0)
