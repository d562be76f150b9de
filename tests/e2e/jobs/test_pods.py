"""The pods that real Airflows make for the jobs of a run."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_platform import cli
from airflow_platform.cluster.cluster import Cluster
from airflow_platform.support.airflow_install import AirflowVersion

from ..conftest import RESTRICTED, new_name
from ..direct import direct
from .conftest import AirflowHome, airflow_home
from .seen import SeenPods

pytestmark = pytest.mark.traffic

_FILES = ["north.csv", 'süd "x" {{ ds }}.csv']
_ROWS = 1200
_PODS_END = {
    "extract-orders 1": {"exit-code": "1"},
    "extract-orders 2": {"termination-message": json.dumps({"files": _FILES})},
    "extract-customers": {"termination-message": json.dumps({"rows": _ROWS})},
    "report": {"exit-code": "1"},
    "of-one": {"termination-message": '{"n": 7}'},
}
# Besides the example: a list of one item, and a job that forgets its output.
_FURTHER_JOBS = {
    "of-one": "outputs: [n]",
    "after-one": 'args: ["{{ outputs.of-one.n }}"]',
    "forgets": "outputs: [n]\n  cleanup: on_success",
}
# What the workflow refers to, and a pod cannot start without.
_NEEDED = [
    {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "sales-load"}},
    {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "sales-reports"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    },
]
# What only Airflow knows.
_OF_AIRFLOW = {
    "airflow_kpo_in_cluster",
    "airflow_version",
    "dag_id",
    "kubernetes_pod_operator",
    "map_index",
    "run_id",
    "task_id",
    "try_number",
    "already_checked",
    "try_id",
}


@dataclass(frozen=True)
class Ran:
    """A run that has ended, and the pods that it has made."""

    home: AirflowHome
    cluster: Cluster
    namespace: str
    output: str
    pods: list[dict[str, Any]]

    def of(self, job: str) -> list[dict[str, Any]]:
        return [pod for pod in self.pods if _label(pod, "workflow-orchestration/job") == job]


@pytest.fixture(scope="session")
def ran(
    request: pytest.FixtureRequest,
    airflow: AirflowVersion,
    cluster: Cluster,
    tmp_path_factory: pytest.TempPathFactory,
) -> Ran:
    home = airflow_home(airflow, tmp_path_factory.mktemp(f"jobs-{airflow}"))
    namespace = new_name(f"jobs-{airflow.version.replace('.', '-')}", request.config)
    direct(cluster).apply(
        [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, **RESTRICTED}}]
    )
    direct(cluster).apply(_NEEDED, namespace)
    cluster.kubectl("label", "node", "--all", "pool=batch", "--overwrite")
    settings = home.workflows / "sales" / "workflow.yaml"
    text = settings.read_text(encoding="utf-8")
    # No mail can be sent here.
    text = re.sub(r"  notifications:\n.*\n", f"  namespace: {namespace}\n", text)
    text = text.replace("  dependencies:\n", "  dependencies:\n    after-one: [of-one]\n")
    text = text.replace("  for_each:\n", "  for_each:\n    of-one: [only]\n")
    settings.write_text(text, encoding="utf-8")
    for name, rest in _FURTHER_JOBS.items():
        job = f"job:\n  name: {name}\n  image: busybox:1\n  retry: {{max_attempts: 1}}\n  {rest}\n"
        (settings.parent / "jobs" / f"{name}.yaml").write_text(job, encoding="utf-8")
    extra = {"kube_config_path": str(cluster.kubeconfig), "in_cluster": False}
    connection = json.dumps({"conn_type": "kubernetes", "extra": extra})
    seen = SeenPods(cluster, namespace)
    seen.start()
    try:
        done = home.run(
            *("-m", "airflow", "dags", "test", "sales", "2026-01-31T02:00:00+00:00"),
            PODS_END=json.dumps(_PODS_END),
            AIRFLOW_CONN_KUBERNETES_DEFAULT=connection,
        )
    finally:
        pods = seen.stop()
    return Ran(home, cluster, namespace, done.stdout + done.stderr, pods)


def test_each_job_runs_as_often_as_its_retries_and_items_say(ran: Ran) -> None:
    attempts = Counter(
        (_label(pod, "workflow-orchestration/job"), _label(pod, "try_number")) for pod in ran.pods
    )

    assert attempts == {
        ("extract-orders", "1"): 1,
        ("extract-orders", "2"): 1,
        ("extract-customers", "1"): 1,
        ("transform", "1"): len(_FILES),
        ("load", "1"): 1,
        ("report", "1"): 3,
        ("report", "2"): 3,
        ("of-one", "1"): 1,
        ("after-one", "1"): 1,
        ("forgets", "1"): 1,
    }, ran.output[-3000:]


def test_a_job_starts_after_those_that_it_waits_for(ran: Ran) -> None:
    def times(job: str) -> list[str]:
        return [pod["metadata"]["creationTimestamp"] for pod in ran.of(job)]

    assert max(times("extract-orders")) <= min(times("transform"))
    assert max(times("transform")) <= min(times("load"))
    assert max(times("load")) <= min(times("report"))


@pytest.mark.parametrize("job", ["extract-orders", "extract-customers", "transform", "load"])
def test_a_pod_is_what_jobs_run_prints(
    ran: Ran, job: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """All of its spec, with the defaults of the API server, and all labels but Airflow's."""
    items = _FILES if job == "transform" else [None]
    expected = [_dry_run(ran, job, item, capsys) for item in items]

    found = [
        pod
        for pod in ran.of(job)
        if _label(pod, "try_number") == ("2" if job == "extract-orders" else "1")
    ]
    assert len(found) == len(expected)
    by_arguments = {tuple(pod["spec"]["containers"][0]["args"]): pod for pod in found}
    for wanted in expected:
        pod = by_arguments[tuple(wanted["spec"]["containers"][0]["args"])]
        assert _comparable(pod) == _comparable(wanted)
        added = pod["metadata"]["labels"].items() - wanted["metadata"]["labels"].items()
        assert {name for name, _ in added} <= _OF_AIRFLOW
        assert wanted["metadata"]["labels"].items() <= pod["metadata"]["labels"].items()


def _dry_run(
    ran: Ran, job: str, item: str | None, capsys: pytest.CaptureFixture[str]
) -> dict[str, Any]:
    """Return the pod of `jobs run` with the defaults of the API server."""
    file = ran.home.workflows / "sales" / "jobs" / f"{job}.yaml"
    options = ["--logical-date", "2026-01-31T02:00:00+00:00", "--run-id", _run_id(ran)]
    options += ["--item", item] if item else []
    if job == "load":
        options += ["--output", f"extract-customers.rows={_ROWS}"]
    assert cli.main(["jobs", "run", str(file), *options]) == 0
    printed = capsys.readouterr().out
    made = ran.cluster.kubectl(
        "create", "--dry-run=server", "--output=json", "--filename=-", given=printed
    )
    return dict(json.loads(made))


def _run_id(ran: Ran) -> str:
    return yaml.safe_load(json.dumps(_arguments(ran.of("transform")[0])[-1]))


def _arguments(pod: Mapping[str, Any]) -> list[str]:
    return list(pod["spec"]["containers"][0]["args"])


def _comparable(pod: Mapping[str, Any]) -> dict[str, Any]:
    """Return the spec of a pod without what the cluster adds to each with other names."""
    spec = json.loads(json.dumps(pod["spec"]))
    spec.pop("nodeName", None)
    if not spec.get("affinity"):  # Airflow gives an empty one
        spec.pop("affinity", None)
    spec["volumes"] = [
        v for v in spec.get("volumes", []) if not v["name"].startswith("kube-api-access-")
    ]
    for container in spec["containers"]:
        container["volumeMounts"] = [
            mount
            for mount in container.get("volumeMounts", [])
            if not mount["name"].startswith("kube-api-access-")
        ]
    return dict(spec)


def test_outputs_and_dates_are_filled_in(ran: Ran) -> None:
    assert {_arguments(pod)[0] for pod in ran.of("transform")} == {*_FILES}
    (load,) = ran.of("load")
    assert _arguments(load) == ["--schema", "sales", "--customers", str(_ROWS)]
    assert _arguments(ran.of("extract-orders")[0])[-1] == "2026-01-31"


def test_outputs_of_a_job_that_runs_for_each_are_a_list(ran: Ran) -> None:
    (pod,) = ran.of("after-one")
    assert _arguments(pod) == ["[7]"]


def test_a_job_that_forgets_its_outputs_fails_and_its_pod_stays(ran: Ran) -> None:
    assert "The job must write a JSON object with n to the file $OUTPUT_FILE" in ran.output
    pods = direct(ran.cluster).list("pods", ran.namespace)
    there = {each["metadata"]["name"] for each in pods}
    (pod,) = ran.of("forgets")
    assert pod["metadata"]["name"] in there
    assert not there & {each["metadata"]["name"] for each in ran.of("load")}


def test_what_a_job_prints_is_in_the_log_of_its_task(ran: Ran) -> None:
    assert "This is what the job has printed." in ran.output


def _label(pod: Mapping[str, Any], name: str) -> str:
    return str(pod["metadata"]["labels"].get(name, ""))
