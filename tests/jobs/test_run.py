"""The Pod of one job, as `jobs run` prints it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_platform import cli
from airflow_platform.cluster.cluster import Cluster
from airflow_platform.support.project import NAMESPACE

from .conftest import change
from .mistakes import CUSTOMERS, LOAD, ORDERS, REPORT, TRANSFORM, WORKFLOW

_SHA = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"


@pytest.fixture
def printed(workflows: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Print the Pod of a job, and read it."""

    def run(name: str, *options: str) -> Any:
        assert cli.main(["jobs", "run", str(workflows / "sales" / name), *options]) == 0
        return yaml.safe_load(capsys.readouterr().out)

    return run


def _container(pod: Any) -> Any:
    (container,) = pod["spec"]["containers"]
    return container


def test_a_job_with_much_of_it(printed: Callable[..., Any]) -> None:
    pod = printed(ORDERS, "--logical-date", "2026-01-31", "--namespace", "jobs")

    assert pod["metadata"]["generateName"] == "sales-extract-orders-"
    assert pod["metadata"]["namespace"] == "jobs"
    assert pod["spec"]["activeDeadlineSeconds"] == 3600
    container = _container(pod)
    assert container["image"] == "registry.example.com/sales/extract:1.4.2"
    assert container["command"] == ["python", "-m", "sales.extract"]
    assert container["args"] == ["--table", "orders", "--date", "2026-01-31"]
    assert container["resources"] == {
        "requests": {"cpu": "1000m", "memory": "2Gi"},
        "limits": {"memory": "2Gi"},
    }
    key = {"name": "shop-database", "key": "password"}
    env = {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}
    assert env == {
        "LOG_FORMAT": "json",
        "DB_HOST": {"configMapKeyRef": {"name": "shop-database", "key": "host"}},
        "DB_PASSWORD": {"secretKeyRef": key},
        "OUTPUT_FILE": "/dev/termination-log",
    }


def test_volumes_placement_and_an_item(printed: Callable[..., Any]) -> None:
    pod = printed(TRANSFORM, "--item", "north.csv", "--run-id", "by hand")

    assert _container(pod)["args"] == ["north.csv", "--run", "by hand"]
    assert pod["spec"]["volumes"] == [{"name": "work", "emptyDir": {"sizeLimit": "10Gi"}}]
    assert _container(pod)["volumeMounts"] == [{"name": "work", "mountPath": "/work"}]
    assert pod["spec"]["nodeSelector"] == {"pool": "batch"}
    assert pod["spec"]["tolerations"] == [
        {"key": "batch", "operator": "Exists", "effect": "NoSchedule"}
    ]
    requests = _container(pod)["resources"]["requests"]
    assert requests == {"cpu": "2", "memory": "4Gi", "ephemeral-storage": "10Gi"}


@pytest.mark.parametrize(
    ("volume", "source"),
    [
        ("claim: reports", {"persistentVolumeClaim": {"claimName": "reports"}}),
        ("secret: keys", {"secret": {"secretName": "keys"}}),
        ("config_map: settings", {"configMap": {"name": "settings"}}),
    ],
)
def test_a_volume_by_reference(
    workflows: Path, printed: Callable[..., Any], volume: str, source: Any
) -> None:
    change(workflows / "sales" / TRANSFORM, "scratch: 10Gi", f"{volume}, read_only: true")
    pod = printed(TRANSFORM, "--item", "x")
    assert pod["spec"]["volumes"] == [{"name": "work", **source}]
    assert _container(pod)["volumeMounts"][0]["readOnly"] is True


def test_what_a_job_does_not_say_is_the_workflows(printed: Callable[..., Any]) -> None:
    pod = printed(LOAD, "--output", "extract-customers.rows=[1, {a: ü}]")

    assert pod["spec"]["serviceAccountName"] == "sales-load"
    assert pod["metadata"]["labels"]["workflow-orchestration/owner"] == "team-sales"
    assert _container(pod)["args"][-1] == '[1, {"a": "ü"}]'
    assert {"name": "LOG_FORMAT", "value": "json"} in _container(pod)["env"]
    assert _container(pod)["image"].endswith(f"@sha256:{_SHA}")


def test_values_stay_as_they_are_written(workflows: Path, printed: Callable[..., Any]) -> None:
    change(
        workflows / "sales" / CUSTOMERS,
        "{LOG_LEVEL: info}",
        '{VERSION: 1.10, ON: yes, DAY: 2026-01-01, LINES: "a\\r\\nb\\n", YES: true}',
    )
    change(workflows / "sales" / CUSTOMERS, '"customers"', "0x1F")
    container = _container(printed(CUSTOMERS))
    values = {each["name"]: each["value"] for each in container["env"]}
    own = {"VERSION": "1.10", "ON": "yes", "DAY": "2026-01-01", "LINES": "a\r\nb\n", "YES": "true"}
    assert own.items() <= values.items()
    assert "0x1F" in container["args"]


def test_dates_are_those_of_the_workflows_time_zone(
    workflows: Path, printed: Callable[..., Any]
) -> None:
    change(workflows / "sales" / REPORT, '"{{ ds }}"', '"{{ ds_nodash }} {{ logical_date }}"')
    pod = printed(REPORT, "--item", "de", "--logical-date", "2026-06-30T22:30:00+00:00")
    assert _container(pod)["args"][-1] == "20260701 2026-07-01T00:30:00+02:00"


def test_in_a_release_a_pod_is_as_airflow_makes_it_there(
    printed: Callable[..., Any], tmp_path: Path
) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("jobs: {enabled: true, imagePullSecrets: [registry]}")
    pod = printed(CUSTOMERS, "--environment", "dev", "-f", str(values), "--release", "mine")
    assert pod["metadata"]["labels"]["app.kubernetes.io/instance"] == "mine"
    assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert pod["spec"]["serviceAccountName"]
    assert pod["metadata"]["namespace"] == NAMESPACE


def test_a_release_without_jobs_is_told(
    workflows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(workflows / "sales" / CUSTOMERS)
    assert cli.main(["jobs", "run", file, "--environment", "dev"]) == 1
    assert "enabled: true" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("schedule", "end"),
    [
        ('"0 3 * * *"', "2026-03-29T03:00:00+02:00"),
        ("{every: 90m}", "2026-03-28T04:30:00+01:00"),
        ("null", "2026-03-28T03:00:00+01:00"),
        ('"@once"', "2026-03-28T03:00:00+01:00"),
    ],
)
def test_the_data_interval_is_that_of_the_schedule(
    workflows: Path, printed: Callable[..., Any], schedule: str, end: str
) -> None:
    change(workflows / "sales" / WORKFLOW, '"0 3 * * *"', schedule)
    change(workflows / "sales" / CUSTOMERS, '"customers"', '"{{ data_interval_end }}"')
    pod = printed(CUSTOMERS, "--logical-date", "2026-03-28T03:00")
    assert _container(pod)["args"][1] == end


def test_a_parameter_has_another_value(printed: Callable[..., Any]) -> None:
    options = ("--set", "source_table=returns", "--set", "execution_date={{ ds_nodash }}")
    pod = printed(ORDERS, "--logical-date", "2026-01-31", *options)
    assert _container(pod)["args"] == ["--table", "returns", "--date", "20260131"]


@pytest.mark.parametrize("file", [ORDERS, TRANSFORM, LOAD])
def test_a_pod_passes_the_restricted_standard(printed: Callable[..., Any], file: str) -> None:
    """That the API server takes it in such a namespace is seen in tests/e2e/jobs."""
    options = ("--item", "x") if file == TRANSFORM else ()
    pod = printed(file, *options, "--output", "extract-customers.rows=1")
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    secure = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert _container(pod)["securityContext"] == secure


def test_a_job_runs_as_a_user(workflows: Path, printed: Callable[..., Any]) -> None:
    change(workflows / "sales" / WORKFLOW, "    timeout: 1h", "    timeout: 1h\n    user: 1000")
    security = printed(CUSTOMERS)["spec"]["securityContext"]
    assert {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000}.items() <= security.items()


@pytest.mark.parametrize(
    ("file", "options", "message"),
    [
        (TRANSFORM, (), "say for which with --item"),
        (ORDERS, ("--item", "x"), "it has no item"),
        (LOAD, (), "--output extract-customers.rows=VALUE"),
        (ORDERS, ("--set", "table=x"), "there are: warehouse_schema, execution_date, source_table"),
        (ORDERS, ("--set", "table"), "--set PARAM=VALUE"),
        (ORDERS, ("--set", "source_table=["), "is no YAML"),
        (ORDERS, ("--set", "source_table={{ nothing }}"), "nothing"),
        (WORKFLOW, (), "is no job of the workflow sales"),
        ("jobs/nothing.yaml", (), "There is no file"),
    ],
)
def test_what_cannot_be_printed_is_told(
    workflows: Path,
    capsys: pytest.CaptureFixture[str],
    file: str,
    options: tuple[str, ...],
    message: str,
) -> None:
    assert cli.main(["jobs", "run", str(workflows / "sales" / file), *options]) == 1
    said = capsys.readouterr()
    assert message in said.err
    assert not said.out


def test_a_job_with_errors_is_not_printed(
    workflows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(workflows / "sales" / ORDERS, ":1.4.2", "")
    assert cli.main(["jobs", "run", str(workflows / "sales" / ORDERS)]) == 1
    assert "has no tag" in capsys.readouterr().err


def test_with_a_kubeconfig_the_pod_is_made(
    workflows: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made: list[tuple[str, ...]] = []

    def kubectl(cluster: Cluster, *arguments: str, given: str) -> str:
        made.append((str(cluster.kubeconfig), *arguments))
        assert yaml.safe_load(given)["metadata"]["generateName"] == "sales-extract-customers-"
        return "sales-extract-customers-x7k2p"

    monkeypatch.setattr(Cluster, "kubectl", kubectl)
    config = tmp_path / "config"
    file = str(workflows / "sales" / CUSTOMERS)
    assert cli.main(["jobs", "run", file, "--kubeconfig", str(config), "--namespace", "jobs"]) == 0
    assert [call[:2] for call in made] == [(str(config), "create")]
    said = capsys.readouterr().out
    assert f"kubectl --kubeconfig {config} --namespace jobs logs --follow sales-extract" in said
