"""bench node: what it makes of containerd's events and of cgroups, and what it puts into pods."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_platform import cli
from airflow_platform.bench.figures import share
from airflow_platform.bench.node import command
from airflow_platform.bench.node.methods import CONFIGURATIONS, METHODS, SIDECAR, configurations
from airflow_platform.bench.node.report import pods_table, shapes_table
from airflow_platform.bench.node.runner import Result
from airflow_platform.bench.node.shapes import SHAPES
from airflow_platform.bench.node.times import Times, times
from airflow_platform.bench.node.usage import Sample, Usage, usage
from airflow_platform.node.containerd import Event
from airflow_platform.node.sidecar.release import container, release
from airflow_platform.support import processes, strict_yaml

MS = 10**6
SECOND = 10**9
MIB = 2**20
LOKI = "http://127.0.0.1:3100"


# --- Times ---


def created(at: int, container: str) -> Event:
    return Event(at * MS, "/containers/create", {"id": container, "image": "i"})


def started(at: int, container: str) -> Event:
    return Event(at * MS, "/tasks/start", {"container_id": container, "pid": 1})


def ended(at: int, container: str, id_: str = "") -> Event:
    about = {"container_id": container, "id": id_ or container, "exit_status": 0}
    return Event(at * MS, "/tasks/exit", about)


OTHER_POD = [created(1, "s0"), created(2, "v0"), created(3, "b0"), ended(5, "b0"), ended(9, "v0")]
POD = [
    *(created(100, "sandbox"), started(130, "sandbox")),
    *(created(150, "vector"), started(180, "vector")),
    *(created(250, "base"), started(290, "base")),
    *(ended(5000, "base"), ended(5120, "vector"), ended(6000, "sandbox")),
]


def test_times_are_those_between_sandbox_task_and_sidecar() -> None:
    assert times([*OTHER_POD, *POD], "base", "vector") == Times(
        start=190, added=120, whole=5020, task_started_at=290 * MS
    )


def test_a_pod_without_a_sidecar_has_no_added_time() -> None:
    events = [event for event in POD if event.container != "vector"]
    assert times([*OTHER_POD, *events], "base", None) == Times(
        start=190, added=None, whole=4900, task_started_at=290 * MS
    )


def test_the_end_of_a_hook_in_the_sidecar_is_not_its_end() -> None:
    events = [*POD, ended(5130, "vector", "hook")]
    found = times(events, "base", "vector")
    assert found
    assert found.added == 120


@pytest.mark.parametrize("missing", [0, 2, 5, 6, 7])
def test_without_all_events_there_are_no_times(missing: int) -> None:
    events = POD[:missing] + POD[missing + 1 :]
    assert times(events, "base", "vector") is None


# --- Usage ---


def sample(seconds: float, cpu: float, mib: int) -> Sample:
    return Sample(int(seconds * SECOND), cpu, mib * MIB)


def test_the_sidecar_idles_from_its_second_second_until_the_task_writes() -> None:
    samples = [
        *(sample(10, 0.3, 90), sample(11.9, 0.5, 80)),  # it starts
        *(sample(12, 0.5, 20), sample(14, 0.6, 30), sample(16, 0.75, 21)),
        *(sample(17, 2.0, 100), sample(18, 2.5, 10)),  # it sends lines
    ]
    assert usage(samples, 10 * SECOND, 16 * SECOND) == Usage(
        cpu_seconds=2.5,
        idle_cpu=(0.75 - 0.5) / 4,
        idle_bytes=21 * MIB,
        peak_bytes=100 * MIB,
    )


def test_without_samples_of_idle_time_there_is_no_usage() -> None:
    with pytest.raises(ValueError, match="idles"):
        usage([sample(10, 0, 1), sample(11, 0, 1)], 10 * SECOND, 16 * SECOND)


# --- Report ---


def result(delivered: int, added: float | None, **others: Any) -> Result:
    found: dict[str, Any] = {
        "usage": Usage(0.25, 0.002, 20 * MIB, 48 * MIB),
        "exit_code": 0,
        "message": "",
        "error": "",
    }
    return Result(20, delivered, 0, Times(400, added, 2000, 0), **(found | others))


def row(text: str, start: str) -> str:
    (line,) = (line for line in text.splitlines() if line.startswith(start))
    return " ".join(line.split())


def test_times_are_medians_and_counts_are_sums() -> None:
    runs = [result(20, 100), result(20, 130), result(20, 900)]
    found = row(shapes_table({("instant", "drain"): runs}), "instant")
    assert found == "instant drain 60 100.0 % 0 130 ms 900 ms 0.25 s 0.2 % 20 MiB 48 MiB 0"


def test_what_is_said_of_lost_lines_is_below_the_table() -> None:
    silent = [result(20, 1000), result(0, 1000)]
    loud = [
        result(0, 25000, exit_code=1, message="20 lines missing\nof a file\n", error="error: x")
    ]
    complains = [
        result(0, 1000),
        result(0, 61000, error="error: Failed to gracefully shut down"),
        result(0, 61000, error="error: Failed again"),
    ]
    text = shapes_table(
        {
            ("loki-away", "drain"): loud,
            ("loki-away", "baseline"): complains,
            ("instant", "otelcol"): silent,
            ("instant", "drain"): [result(20, 100, message="unused")],
        }
    )
    assert text.splitlines()[-3:] == [
        "loki-away, drain: 20 lines missing",
        "loki-away, baseline: error: Failed to gracefully shut down",
        "instant, otelcol: nothing",
    ]


def test_pods_in_a_row_have_medians_of_start_and_whole() -> None:
    text = pods_table({"none": 2 * [result(0, None)], "drain": [result(20, 90), result(19, 110)]})
    assert row(text, "none") == "none 2 40 0.0 % 0 400 ms - 2000 ms"
    assert row(text, "drain") == "drain 2 40 97.5 % 0 400 ms 100 ms 2000 ms"


def test_almost_all_is_not_all() -> None:
    assert (share(99_999, 100_000), share(5, 5)) == ("99.9 %", "100.0 %")


# --- Pods ---


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return release("dev", "3").template_in("bench")


@pytest.fixture
def changed(template: dict[str, Any]) -> Callable[[str], dict[str, Any]]:
    """A pod as a method makes it."""

    def make(method: str) -> dict[str, Any]:
        pod = copy.deepcopy(template)
        METHODS[method].change(pod, LOKI)
        return pod

    return make


def test_the_charts_sidecar_is_measured_as_it_is_rendered(changed, template) -> None:
    assert changed("drain") == template


def test_without_a_sidecar_the_rest_of_the_pod_stays(changed, template) -> None:
    pod = changed("none")
    assert pod["spec"]["initContainers"] == []
    assert pod["spec"]["containers"] == template["spec"]["containers"]
    assert not METHODS["none"].has_sidecar


@pytest.mark.parametrize("method", ["baseline", "otelcol"])
def test_another_sidecar_has_the_place_and_the_rights_of_the_charts(
    changed, template, method
) -> None:
    pod = changed(method)
    ours, other = container(template, SIDECAR), container(pod, SIDECAR)
    for same in ("securityContext", "restartPolicy", "terminationMessagePolicy"):
        assert other[same] == ours[same]
    assert other["lifecycle"] == {"preStop": {"sleep": {"seconds": 1}}}
    assert "limits" not in other["resources"]
    assert {"name": "LOKI_URL", "value": LOKI} in other["env"]
    assert pod["spec"]["containers"] == template["spec"]["containers"]


@pytest.mark.parametrize("method", ["baseline", "otelcol"])
def test_the_configuration_is_in_the_pod(changed, method) -> None:
    pod = changed(method)
    sidecar = container(pod, SIDECAR)
    path = Path(sidecar["command"][-1].rpartition("=")[2])
    (mount,) = (each for each in sidecar["volumeMounts"] if each["mountPath"] == str(path.parent))
    (volume,) = (each for each in pod["spec"]["volumes"] if each["name"] == mount["name"])
    config = configurations("bench")
    assert volume["configMap"]["name"] == config["metadata"]["name"]
    assert path.name in config["data"]
    mounted = {each["name"] for each in sidecar["volumeMounts"]}
    assert mounted <= {each["name"] for each in pod["spec"]["volumes"]}


# --- Configurations ---


def test_a_configuration_reads_where_airflow_writes(template) -> None:
    (logs,) = (
        each["mountPath"]
        for each in container(template, "base")["volumeMounts"]
        if each["name"] == "logs"
    )
    vector = strict_yaml.load_file(CONFIGURATIONS / "baseline.yaml")
    collector = strict_yaml.load_file(CONFIGURATIONS / "otelcol.yaml")
    for source in (vector["sources"]["task_logs"], collector["receivers"]["file_log"]):
        assert source["include"] == [f"{logs}/**/*.log"]


def test_the_baseline_has_vectors_default_source() -> None:
    vector = strict_yaml.load_file(CONFIGURATIONS / "baseline.yaml")
    assert vector["sources"]["task_logs"].keys() == {"type", "include"}
    assert "acknowledgements" not in vector["sinks"]["loki"]


def test_the_baseline_knows_the_task_and_the_time_of_a_line() -> None:
    pyvrl = pytest.importorskip("pyvrl", reason="needs pyVRL, Vector's VRL for Python")
    vector = strict_yaml.load_file(CONFIGURATIONS / "baseline.yaml")
    program = pyvrl.Transform(f"{vector['transforms']['identified']['source']}\n.")
    path = "/opt/airflow/logs/dag_id=d/run_id=r/task_id=t/map_index=3/attempt=2.log"
    now = "2026-01-31T00:00:00Z"
    line = '{"timestamp":"2026-01-30T01:02:03.004000Z","event":"e"}'
    event = program.remap({"message": line, "file": path, "timestamp": now})
    assert event["message"] == line
    assert event["labels"] == {"job": "airflow-task-logs", "dag_id": "d", "task_id": "t"}
    assert event["structured_metadata"] == {"run_id": "r", "try_number": "2"}
    assert event["timestamp"] == datetime(2026, 1, 30, 1, 2, 3, 4000, tzinfo=UTC)
    text = program.remap({"message": "{text", "file": path, "timestamp": now})
    assert (text["message"], text["timestamp"]) == ("{text", now)


def said(program: Path, *arguments: str | Path, **environment: str) -> tuple[int, str]:
    done = processes.run([program, *arguments], env={**os.environ, **environment})
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("mistake", ["", "poll_intervall: 1s"])
def test_the_collector_takes_its_configuration(program, tmp_path, mistake) -> None:
    config = (CONFIGURATIONS / "otelcol.yaml").read_text(encoding="utf-8")
    file = tmp_path / "otelcol.yaml"
    file.write_text(config.replace("start_at: beginning", f"start_at: beginning\n    {mistake}"))
    code, output = said(program("otelcol"), "validate", f"--config={file}", LOKI_URL=LOKI)
    assert (code == 0) == (not mistake), output


@pytest.mark.parametrize("mistake", ["", "glob: 1"])
def test_vector_takes_its_configuration(vector, tmp_path, mistake) -> None:
    config = (CONFIGURATIONS / "baseline.yaml").read_text(encoding="utf-8")
    config = config.replace("data_dir: /var/lib/vector", f"data_dir: {tmp_path}")
    file = tmp_path / "baseline.yaml"
    file.write_text(config.replace("type: file\n", f"type: file\n    {mistake}\n"))
    interpolate = {"VECTOR_DANGEROUSLY_ALLOW_ENV_VAR_INTERPOLATION": "true"}
    arguments = ("validate", "--skip-healthchecks", file)
    code, output = said(vector, *arguments, LOKI_URL=LOKI, **interpolate)
    assert (code == 0) == (not mistake), output


# --- The command ---


class FakeBench:
    """Remembers what it is asked to run."""

    def __init__(self) -> None:
        self.ran: list[object] = []

    def run(self, shape: object, method: object, import_seconds: float) -> Result:
        self.ran.append((shape, method, import_seconds))
        return result(20, 100)

    def run_in_a_row(self, shape: object, method: object, pods: int) -> list[Result]:
        self.ran.append((shape, method, pods))
        return pods * [result(20, 100)]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run `bench node` on no node; return its exit code, output and what was run."""
    fake = FakeBench()
    monkeypatch.setattr(command, "_bench", lambda: nullcontext(fake))
    monkeypatch.setattr(command, "_about", lambda _: {"machine": "1 CPU"})

    def run(*arguments: str) -> tuple[int, str, list[object]]:
        try:
            code = cli.main(["bench", "node", *arguments])
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        return code, capsys.readouterr().out, fake.ran

    return run


def test_methods_take_turns(bench) -> None:
    arguments = "--shape instant --method none --method drain --method otelcol --repeat 2 --pods 3"
    code, out, ran = bench(*arguments.split())
    assert code == 0
    shape, methods = SHAPES["instant"], [METHODS[name] for name in ("none", "drain", "otelcol")]
    in_turn = [(shape, methods[n], seconds) for seconds in (5.0, 6.0) for n in (1, 2)]
    assert ran == [*in_turn, *((shape, method, 3) for method in methods)]
    assert out.startswith("machine: 1 CPU\n")
    rows = [line.split()[0] for line in out.splitlines()[2:] if line]
    assert rows == ["SHAPE", "instant", "instant", "METHOD", "none", "drain", "otelcol"]


def test_json_has_each_pod(bench) -> None:
    arguments = "--shape silent --method drain --repeat 2 --pods 3 --output json"
    code, out, _ = bench(*arguments.split())
    assert code == 0
    found = json.loads(out)
    assert [(each["shape"], each["method"]) for each in found["shapes"]] == 2 * [
        ("silent", "drain")
    ]
    assert [each["times"]["start"] for each in found["pods"]] == 3 * [400]
    assert found["shapes"][0]["usage"]["peak_bytes"] == 48 * MIB


@pytest.mark.parametrize("wrong", ["--shape no", "--method tuned", "--repeat 0", "--pods 0"])
def test_wrong_usage_is_refused(bench, wrong) -> None:
    code, out, ran = bench(*wrong.split())
    assert (code, out, ran) == (2, "", [])
