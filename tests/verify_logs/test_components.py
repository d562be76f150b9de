"""verify-logs --components: which components of a release have lines in Loki."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import yaml

from airflow_platform import cli
from airflow_platform.component_logs import release
from airflow_platform.component_logs.fields import JOB
from airflow_platform.manifests import Render
from airflow_platform.rendering.render import render
from airflow_platform.support import strict_yaml
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.frozen import thaw
from airflow_platform.support.project import ROOT
from airflow_platform.verify_logs import command

from ..loki_server import LokiServer

CANNOT_LOOK = 3
Verify = Callable[..., tuple[object, str, str]]

AIRFLOW_3 = {"scheduler", "api-server", "dag-processor", "triggerer"}


def put(loki: LokiServer, *components: str, namespace: str = "airflow", **fields: str) -> None:
    """Store a line of each container, which is named as its component or "component/container"."""
    for name in components:
        component, _, container = name.partition("/")
        labels = {"job": JOB, "namespace": namespace, "component": component}
        labels["container"] = container or component
        at = int(fields.get("time_ns", time.time_ns()))
        loki.push(labels, [(at, "a line", {"release": fields.get("release", "airflow")})])


@pytest.fixture
def verify(
    any_loki: LokiServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Verify:
    """Run verify-logs on the test's Loki; return its exit code, stdout and stderr."""
    for name in ("LOKI_ADDR", "LOKI_ORG_ID", "LOKI_USERNAME", "LOKI_BEARER_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(command, "_POLL_SECONDS", 0.01)

    def run(*arguments: object, wait: str = "0s") -> tuple[object, str, str]:
        options = ["--loki", any_loki.url, "--tenant", any_loki.tenant, "--wait", wait]
        code: object
        try:
            code = cli.main(["verify-logs", *options, *map(str, arguments)])
        except SystemExit as stopped:
            code = stopped.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def written(manifests: Iterable[object], directory: Path) -> Path:
    file = directory / "manifest.yaml"
    file.write_text(yaml.safe_dump_all(list(manifests)), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `helm get manifest` prints of prod."""
    documents = [thaw(each.document) for each in render("prod").manifests]
    return written(documents, tmp_path_factory.mktemp("prod"))


@pytest.mark.official_chart
def test_lines_of_all_that_never_are_silent_pass(
    verify: Verify, any_loki: LokiServer, manifest: Path
) -> None:
    put(any_loki, *AIRFLOW_3, "dag-processor/git-sync")
    code, out, _ = verify("--components", manifest, "--namespace", "airflow")
    assert code == 0
    rows = {tuple(line.split()[:2]): line for line in out.splitlines()}
    assert "PASS" in rows["dag-processor", "git-sync"]
    assert "QUIET" in rows["run-airflow-migrations", "run-airflow-migrations"]
    assert "only while the Job runs" in rows["run-airflow-migrations", "run-airflow-migrations"]
    assert "only while tasks run" in rows["worker", "vector"]
    assert ("worker", "base") not in rows
    last = "PASS: Loki has lines of api-server, dag-processor, scheduler, triggerer."
    assert out.splitlines()[-1] == last


@pytest.mark.official_chart
@pytest.mark.parametrize("missing", sorted(AIRFLOW_3))
def test_a_component_without_lines_fails_by_name(
    verify: Verify, any_loki: LokiServer, manifest: Path, missing: str
) -> None:
    put(any_loki, *AIRFLOW_3 - {missing})
    code, out, _ = verify("--components", manifest, "--namespace", "airflow")
    assert code == 1
    assert f"FAIL: Loki has no lines of {missing}, but of others." in out


@pytest.mark.official_chart
def test_lines_of_others_do_not_count(verify: Verify, any_loki: LokiServer, manifest: Path) -> None:
    put(any_loki, *AIRFLOW_3, namespace="other")
    put(any_loki, *AIRFLOW_3, release="second")
    put(any_loki, *(f"{each}/git-sync" for each in AIRFLOW_3))
    hours_ago = str(time.time_ns() - 50 * 60 * 10**9)
    put(any_loki, *AIRFLOW_3, time_ns=hours_ago)
    asked = ("--components", manifest, "--namespace", "airflow", "--output", "json")
    code, out, _ = verify(*asked)
    assert code == 1
    failed = {
        each["component"] for each in json.loads(out)["containers"] if each["result"] == "FAIL"
    }
    assert failed == AIRFLOW_3
    assert not json.loads(out)["passed"]
    assert verify(*asked, "--since", "1h")[0] == 0


@pytest.mark.official_chart
def test_without_any_line_it_asks_for_the_agent(verify: Verify, manifest: Path) -> None:
    code, out, err = verify("--components", manifest, "--namespace", "airflow", wait="1s")
    assert code == 1
    assert "Is an agent installed" in out
    assert "looking again for 1 s" in err


@pytest.mark.official_chart
def test_a_selector_of_the_user_s_own_is_taken(
    verify: Verify, any_loki: LokiServer, manifest: Path
) -> None:
    put(any_loki, *AIRFLOW_3, namespace="elsewhere")
    selected = ("--selector", f'{{job="{JOB}"}}')
    assert verify("--components", manifest, "--namespace", "airflow", *selected)[0] == 0


def test_the_manifest_can_come_by_stdin_and_name_the_namespace(
    verify: Verify, any_loki: LokiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "s", "namespace": "airflow"},
        "spec": {
            "template": {
                "metadata": {"labels": {"tier": "airflow", "component": "scheduler"}},
                "spec": {"containers": [{"name": "scheduler"}]},
            }
        },
    }
    put(any_loki, "scheduler", release="any")
    monkeypatch.setattr("sys.stdin", io.StringIO(yaml.safe_dump(deployment)))
    assert verify("--components", "-")[0] == 0
    deployment["spec"]["replicas"] = 0  # type: ignore[index]
    file = written([deployment], tmp_path)
    code, out, _ = verify("--components", file, "--namespace", "empty")
    assert code == 0
    assert "the Deployment has no replicas" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--components", "none.yaml"), "none.yaml cannot be read"),
        (("--components", "empty.yaml"), "have no pods of Airflow"),
        (("--components", "two.yaml"), "set --namespace"),
    ],
)
def test_what_cannot_be_looked_at_is_said(
    verify: Verify,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.yaml").write_text("", encoding="utf-8")
    labels = {"component": "scheduler"}
    pod = {"containers": [{"name": "scheduler"}]}
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "a", "namespace": namespace, "labels": labels},
            "spec": pod,
        }
        for namespace in ("one", "two")
    ]
    Path("two.yaml").write_text(yaml.safe_dump_all(pods), encoding="utf-8")
    code, _, err = verify(*arguments)
    assert code == CANNOT_LOOK
    assert said in err


@pytest.mark.parametrize(
    "others", [("--dag", "x"), ("--airflow", "http://x"), ("--trigger",), ("--run", "x")]
)
def test_components_go_with_no_dag(verify: Verify, others: tuple[str, ...]) -> None:
    assert verify("--components", "-", *others)[0] == 2


def test_a_namespace_without_components_is_refused(verify: Verify) -> None:
    assert verify("--namespace", "x", "--log-files", ".")[0] == 2


CELERY = strict_yaml.load_file(ROOT / "examples" / "celery" / "values.yaml")


@pytest.mark.official_chart
@pytest.mark.parametrize("values", [{}, CELERY], ids=["KubernetesExecutor", "CeleryExecutor"])
def test_every_component_of_a_release_is_known(values: dict[str, object]) -> None:
    """Of Airflow 2 it is the webserver, which the chart has in place of the API server."""
    airflow_2 = {
        "airflow": {"airflowVersion": "2.11.0", "defaultAirflowTag": "2.11.0"},
        "global": {"metrics": {"airflowVersion": "2.11.0"}},
    }
    extra = [values] if values else []
    for rendered, served in (
        (render("dev", values=extra), "api-server"),
        (render("dev", values=[airflow_2, *extra]), "webserver"),
    ):
        found = {(each.component, each.name): each.quiet for each in release.containers(rendered)}
        silent_never = {component for (component, _), quiet in found.items() if not quiet}
        assert silent_never >= {"scheduler", "triggerer", served}
        assert silent_never <= {"scheduler", "triggerer", served, "dag-processor"}
        assert {component for component, _ in found} >= {"worker", "create-user-job"}


def test_pods_without_a_component_are_left_out() -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "a"},
        "spec": {"containers": [{"name": "a"}]},
    }
    with pytest.raises(PlatformError, match="no pods of Airflow"):
        release.containers(Render.from_text(yaml.safe_dump(pod)))
