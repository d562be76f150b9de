"""The command e2e: what it says of a good release and of broken ones, and what it leaves."""

import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_platform import cli
from airflow_platform.cluster import control_plane
from airflow_platform.cluster.cluster import Cluster
from airflow_platform.cluster.release import Release
from airflow_platform.e2e import command, hello_world
from airflow_platform.e2e.report import SkippedError
from airflow_platform.e2e.steps import STEPS, _upgrade
from airflow_platform.e2e.trial import Addresses, Trial
from airflow_platform.manifests import Render
from airflow_platform.rendering import upstream
from airflow_platform.rendering.render import render
from airflow_platform.rendering.staging import stage_addon
from airflow_platform.support.errors import PlatformError
from airflow_platform.verify_logs.attempts import Run

from ..loki_server import LokiServer
from ..verify_logs.airflow_double import DAG_ID, RUN_ID, USER, Airflow, serving
from .direct import direct
from .prometheus_double import prometheus_double
from .released import ONE_REPLICA

_EXPECTED = ("hello", "world")
NOTHING_RUNS = {"hello_world runs", "task logs are in Loki", "metrics are in Prometheus"}


@dataclass(frozen=True)
class Said:
    """What the command has printed: results by the name of the step, and all of it."""

    code: int
    text: str

    @property
    def results(self) -> dict[str, str]:
        lines = (line.split("  ", 1) for line in self.text.splitlines() if line[:4].isupper())
        return {rest.split(":")[0].split(" (")[0]: result for result, rest in lines}


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The stand-in instead of the official chart: less to install, and nobody is without it."""
    monkeypatch.setenv("AIRFLOW_CHART", str(upstream.STAND_IN))
    upstream.find_upstream.cache_clear()
    yield
    upstream.find_upstream.cache_clear()


@pytest.fixture
def e2e(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Run the command on the control plane of the other tests."""

    @contextmanager
    def running(*_: object) -> Iterator[Cluster]:
        yield cluster

    monkeypatch.setattr(control_plane, "local_control_plane", running)
    for name in ("AIRFLOW_USERNAME", "AIRFLOW_TOKEN", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object) -> Said:
        code = cli.main(["e2e", *map(str, arguments)])
        return Said(code, capsys.readouterr().out)

    return run


def _assert_all_but_what_needs_containers_passes(said: Said) -> None:
    assert said.code == 0, said.text
    names = {step.name for step in STEPS} | {"uninstall", "namespace is removed"}
    skipped = {name for name, result in said.results.items() if result == "SKIP"}
    assert said.results.keys() == names
    assert skipped == NOTHING_RUNS
    assert set(said.results.values()) == {"PASS", "SKIP"}


@pytest.mark.official_chart
def test_a_good_release_passes(e2e: Callable[..., Said]) -> None:
    said = e2e("staging", "--namespace", "e2e-staging")
    _assert_all_but_what_needs_containers_passes(said)


@pytest.mark.usefixtures("stand_in")
def test_with_helm_3_and_dashboards_in_another_namespace_it_passes_too(
    e2e: Callable[..., Said], make_namespace: Callable[[str], str]
) -> None:
    elsewhere = make_namespace("dashboards")
    dashboards = ("--set", f"observability.dashboards.namespace={elsewhere}")
    said = e2e("prod", "--helm", 3, *dashboards)
    _assert_all_but_what_needs_containers_passes(said)


@pytest.mark.official_chart
def test_pods_that_do_not_start_are_named_and_everything_is_removed(
    e2e: Callable[..., Said], cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(command._PATIENCE_SECONDS, True, 4)
    name = "e2e-image-missing"
    said = e2e("dev", "--namespace", name, "--set", "airflow.images.airflow.tag=missing")
    assert said.code == 1
    assert said.results["install"] == "FAIL"
    assert ", wait-for-airflow-migrations: ErrImagePull no such image" in said.text
    assert "PodInitializing" not in said.text
    assert said.results["helm test"] == "SKIP"
    assert said.results["uninstall"] == "PASS"
    namespace = direct(cluster).get("namespace", name)
    assert namespace is None or namespace["status"]["phase"] == "Terminating"


@pytest.mark.usefixtures("stand_in")
def test_a_namespace_that_is_there_is_left_alone(
    e2e: Callable[..., Said], cluster: Cluster, make_namespace: Callable[[str], str]
) -> None:
    name = make_namespace("mine")
    said = e2e("dev", "--namespace", name)
    assert said.code == 1
    assert said.results["namespace"] == "FAIL"
    assert said.results["namespace is removed"] == "SKIP"
    namespace = direct(cluster).get("namespace", name)
    assert namespace
    assert namespace["status"]["phase"] == "Active"


@pytest.mark.official_chart
def test_a_host_that_is_in_use_is_refused_before_anything_is_made(
    e2e: Callable[..., Said], cluster: Cluster, make_namespace: Callable[[str], str]
) -> None:
    host = "airflow.example.com"
    backend = {"service": {"name": "airflow", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    ingress = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "in-use", "namespace": make_namespace("in-use")},
        "spec": {"rules": [{"host": host, "http": {"paths": [path]}}]},
    }
    direct(cluster).apply([ingress])
    key = "airflow.ingress.apiServer"
    sets = ("--set", f"{key}.enabled=true", "--set", f"{key}.hosts[0].name={host}")
    said = e2e("dev", "--namespace", "e2e-host", *sets)
    assert said.results["namespace"] == "FAIL"
    assert f"has the host {host} already" in said.text
    assert not direct(cluster).get("namespace", "e2e-host")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--loki", "http://loki"], "--loki goes with --kubeconfig"),
        (["--namespace", "mine"], "--namespace goes with one environment"),
        (["--kubeconfig", __file__, "dev", "--kubernetes", "oldest"], "is for the local control"),
        (["--kubeconfig", __file__], "name the environment to install: dev"),
    ],
)
def test_options_that_would_be_ignored_are_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["e2e", *arguments])
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("stand_in")
def test_objects_that_the_server_refuses_are_named(
    e2e: Callable[..., Said], tmp_path: Path
) -> None:
    typo = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "dta": {}}
    said = e2e("dev", "-f", _extra_object(tmp_path, typo))
    assert said.results["objects are accepted"] == "FAIL"
    assert 'unknown field "dta"' in said.text


@pytest.mark.usefixtures("stand_in")
def test_pods_that_the_server_refuses_are_named(
    e2e: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(command._PATIENCE_SECONDS, True, 4)
    labels = {"app": "unrestricted"}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "unrestricted"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "a", "image": "a"}]},
            },
        },
    }
    said = e2e("dev", "-f", _extra_object(tmp_path, deployment))
    assert said.results["install"] == "FAIL"
    assert re.search(r"ReplicaSet unrestricted-\w+: .* violates PodSecurity", said.text)


@pytest.mark.usefixtures("stand_in")
def test_what_helm_refuses_was_not_installed(e2e: Callable[..., Said], tmp_path: Path) -> None:
    unknown = {"apiVersion": "example.com/v1", "kind": "Unknown", "metadata": {"name": "u"}}
    said = e2e("dev", "-f", _extra_object(tmp_path, unknown))
    assert said.results["install"] == "FAIL"
    assert said.results["uninstall"] == "SKIP"
    assert said.results["namespace is removed"] == "PASS"


def _extra_object(directory: Path, extra: Mapping[str, Any]) -> Path:
    """Return a file of values that add an object to the release."""
    file = directory / "values.yaml"
    values = {"observability": {"extraObjects": [extra]}}
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    return file


@pytest.mark.official_chart
def test_a_command_that_is_ended_says_how_to_remove_what_is_in_the_cluster(
    cluster: Cluster, tmp_path: Path
) -> None:
    name = "e2e-ended"
    arguments = [sys.executable, "-m", "airflow_platform", "e2e", "dev", "--namespace", name]
    arguments += ["--kubeconfig", str(cluster.kubeconfig)]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        assert running.stdout
        for line in running.stdout:
            if line.startswith("PASS  namespace"):
                break
        running.send_signal(signal.SIGINT)
        said = running.stdout.read()
        assert running.wait(timeout=60) == 130
    assert f"--namespace {name} uninstall airflow" in said
    assert f"delete namespace {name}" in said
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.mark.usefixtures("stand_in")
def test_the_stand_in_is_not_installed_into_a_cluster(
    e2e: Callable[..., Said], cluster: Cluster
) -> None:
    said = e2e("dev", "--kubeconfig", cluster.kubeconfig)
    assert said.code == 1
    assert not said.results


def test_a_cluster_that_does_not_answer_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "kubeconfig"
    broken.write_text("no kubeconfig", encoding="utf-8")
    assert cli.main(["e2e", "dev", "--kubeconfig", str(broken)]) == 1
    assert f"The cluster of {broken} does not answer" in capsys.readouterr().err


@pytest.fixture
def expected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command look for other lines than those of hello_world."""
    file = tmp_path / "expected.yaml"
    lines = [{"task_id": "greet", "lines": [*_EXPECTED]}]
    file.write_text(yaml.safe_dump(lines), encoding="utf-8")
    monkeypatch.setattr(hello_world, "EXPECTED", file)


@pytest.mark.official_chart
@pytest.mark.usefixtures("expected")
def test_in_a_cluster_the_user_is_asked_for_what_only_they_know(
    e2e: Callable[..., Said],
    cluster: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    built_in_loki_server: LokiServer,
) -> None:
    asked = e2e("prod", "--kubeconfig", cluster.kubeconfig)
    assert asked.code == 1
    assert asked.results["namespace"] == "FAIL"
    lines = [line for line in asked.text.splitlines() if line.startswith("      ")]
    secret = yaml.safe_load(textwrap.dedent("\n".join(lines)))
    assert secret["metadata"]["name"] == "airflow-git-credentials"
    assert set(secret["stringData"].values()) == {"..."}

    objects = tmp_path / "secrets.yaml"
    objects.write_text(yaml.safe_dump(secret), encoding="utf-8")
    monkeypatch.setattr(hello_world, "DAG_ID", DAG_ID)
    monkeypatch.setattr(hello_world, "_POLL_SECONDS", 0.01)
    for name, value in USER.items():
        monkeypatch.setenv(f"AIRFLOW_{name.upper()}", value)
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(ONE_REPLICA), encoding="utf-8")
    arguments = ["prod", "--kubeconfig", cluster.kubeconfig, "-f", values, "--objects", objects]
    arguments += ["--namespace", "e2e-in-a-cluster"]
    arguments += ["--loki", built_in_loki_server.url]
    with serving(Airflow(3, states=["running", "success"])) as airflow, prometheus_double() as url:
        arguments += ["--airflow", airflow.url, "--prometheus", url]
        for line in _EXPECTED:
            built_in_loki_server.put(line, dag_id=DAG_ID, task_id="greet", run_id=RUN_ID)
        said = e2e(*arguments)
    assert said.code == 0, said.text
    assert set(said.results.values()) == {"PASS"}


def _after_its_run(cluster: Cluster, rendered: Render, addresses: Addresses) -> Trial:
    """Return the trial of a release whose run of hello_world has ended."""
    release = Release(cluster, "after-its-run")
    runs = [Run(DAG_ID, RUN_ID)]
    return Trial(
        release, Path(), (), (), rendered, addresses, simulated=False, patience=1, runs=runs
    )


@pytest.mark.usefixtures("expected")
def test_a_line_that_is_not_in_loki_is_named(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, built_in_loki_server: LokiServer
) -> None:
    monkeypatch.setattr(hello_world, "_LOG_SECONDS", 0)
    monkeypatch.setattr(hello_world, "_POLL_SECONDS", 0.01)
    there, missing = _EXPECTED
    built_in_loki_server.put(there, dag_id=DAG_ID, task_id="greet", run_id=RUN_ID)
    trial = _after_its_run(cluster, render("staging"), Addresses(loki=built_in_loki_server.url))
    with pytest.raises(PlatformError, match=rf"missing:\n  {missing}\n"):
        hello_world.logs_are_complete(trial)


def test_an_upgrade_that_restarts_pods_is_noticed(
    cluster: Cluster, make_namespace: Callable[[str], str], tmp_path: Path
) -> None:
    chart = tmp_path / "restless"
    shutil.copytree(stage_addon(), chart)
    template = chart / "templates" / "metrics" / "deployment.yaml"
    text = template.read_text(encoding="utf-8")
    assert "(sha256sum $mapping)" in text
    restless = text.replace("(sha256sum $mapping)", "(randAlphaNum 9)")
    template.write_text(restless, encoding="utf-8")
    values = {"global": {"metrics": {"enabled": True}}}
    release = Release(cluster, make_namespace("restless"))
    rendered = render(chart="add-on", values=[values])
    trial = Trial(release, chart, (values,), (), rendered, Addresses(), simulated=True, patience=30)
    release.install(chart, values, options=["--wait"])
    with pytest.raises(PlatformError, match="replaced pods by these: airflow-statsd-exporter"):
        _upgrade(trial)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_command_that_is_ended_leaves_no_program_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    arguments = [sys.executable, "-m", "airflow_platform", "e2e", "dev"]
    devnull = subprocess.DEVNULL
    with subprocess.Popen(arguments, env=environment, stdout=devnull, stderr=devnull) as running:
        # The last of the programs, which starts when the API is there.
        _until(lambda: any(map(_says_something, tmp_path.glob("*/kwok.log"))), 60, tmp_path)
        assert running.poll() is None
        running.send_signal(number)
        assert running.wait(timeout=60) == {signal.SIGINT: 130}.get(number, -number)
    # Less than the half minute after which an API server without etcd ends anyway.
    _until(lambda: not _programs(tmp_path), 5, tmp_path)


def _until(reached: Callable[[], bool], seconds: float, directory: Path) -> None:
    give_up = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < give_up, f"these programs run: {_programs(directory)}"
        time.sleep(0.1)


def _says_something(log: Path) -> bool:
    return log.stat().st_size > 0


def _programs(directory: Path) -> list[str]:
    """Command lines that name the directory, of other processes than the command's own."""
    lines = (path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if _is_there(path))
    return [line.replace(b"\0", b" ").decode() for line in lines if str(directory).encode() in line]


def _is_there(path: Path) -> bool:
    try:
        return bool(path.read_bytes())
    except OSError:
        return False


def test_task_logs_are_not_looked_for_where_they_are_switched_off(cluster: Cluster) -> None:
    values = {"global": {"taskLogs": {"enabled": False}, "metrics": {"enabled": True}}}
    with prometheus_double() as url:
        rendered = render("staging", values=[values])
        trial = _after_its_run(cluster, rendered, Addresses(prometheus=url))
        with pytest.raises(SkippedError, match=r"taskLogs\.enabled"):
            hello_world.logs_are_complete(trial)
        assert "sidecars" not in hello_world.metrics_arrive(trial)
