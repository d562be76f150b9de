"""What each environment promises (README, "Install"), on the official chart."""

import re
from dataclasses import dataclass

import pytest

from airflow_platform.manifests import Render
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.render import render
from airflow_platform.support.project import environments, values_file

from .conftest import SECRETS

pytestmark = pytest.mark.official_chart


@dataclass(frozen=True)
class Promise:
    """One column of the table in README."""

    replicas: int
    database_size: str
    git_sync: bool
    metrics: bool


PROMISES = {
    "dev": Promise(replicas=1, database_size="2Gi", git_sync=False, metrics=False),
    "staging": Promise(replicas=2, database_size="20Gi", git_sync=True, metrics=True),
    "prod": Promise(replicas=3, database_size="100Gi", git_sync=True, metrics=True),
}

EACH_ENVIRONMENT = pytest.mark.parametrize("environment", PROMISES)
AIRFLOWS = {"3.1.7": "api-server", "2.11.0": "webserver"}


def on_airflow(environment: str, version: str) -> Render:
    return render(environment, sets=(f"airflow.airflowVersion={version}",))


def airflow_option(rendered: Render, section: str, option: str) -> str | None:
    """An option of airflow.cfg, None when it is not set."""
    (config,) = rendered.embedded("AirflowConfig")
    value: str | None = config.document.get(section, {}).get(option)
    return value


def test_every_environment_has_a_promise() -> None:
    assert set(environments()) == set(PROMISES)


@EACH_ENVIRONMENT
@pytest.mark.parametrize(("version", "ui"), AIRFLOWS.items())
def test_replicas_on_airflow_2_and_3(environment: str, version: str, ui: str) -> None:
    rendered = on_airflow(environment, version)
    for component in (ui, "scheduler"):
        deployment = rendered.get("Deployment", f"airflow-{component}")
        assert deployment.at("spec", "replicas") == PROMISES[environment].replicas, str(deployment)
    other = {f"airflow-{name}" for name in AIRFLOWS.values()} - {f"airflow-{ui}"}
    assert not other & {deployment.name for deployment in rendered.all("Deployment")}


@EACH_ENVIRONMENT
@pytest.mark.parametrize("version", AIRFLOWS)
def test_what_has_several_replicas_has_a_disruption_budget(environment: str, version: str) -> None:
    rendered = on_airflow(environment, version)
    budgets = [
        budget.at("spec", "selector", "matchLabels")
        for budget in rendered.all("PodDisruptionBudget")
    ]
    for kind in ("Deployment", "StatefulSet"):
        for workload in rendered.all(kind):
            if workload.at("spec", "replicas") > 1:
                labels = workload.at("spec", "template", "metadata", "labels").items()
                assert any(budget.items() <= labels for budget in budgets), str(workload)


@EACH_ENVIRONMENT
def test_the_database_in_the_cluster_keeps_its_data(environment: str) -> None:
    database = render(environment).get("StatefulSet", "airflow-postgresql")
    (claim,) = database.at("spec", "volumeClaimTemplates")
    size = claim["spec"]["resources"]["requests"]["storage"]
    assert size == PROMISES[environment].database_size


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_one_key_changes_to_an_external_database(environment: str) -> None:
    rendered = render(environment, sets=("airflow.postgresql.enabled=false",))
    assert "airflow-postgresql" not in {manifest.name for manifest in rendered.manifests}
    connections = {
        (reference["name"], reference["key"])
        for pod in rendered.pods()
        for container in pod.containers().values()
        for variable in container.document.get("env") or ()
        if variable["name"] == "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
        for reference in [variable["valueFrom"]["secretKeyRef"]]
    }
    assert connections == {("airflow-metadata", "connection")}


@EACH_ENVIRONMENT
def test_git_sync_brings_the_dags_every_60_seconds(environment: str) -> None:
    containers = {
        name: {variable["name"]: variable.get("value") for variable in container.document["env"]}
        for pod in render(environment).pods()
        for name, container in pod.containers().items()
        if name.startswith("git-sync")
    }
    assert set(containers) == (
        {"git-sync", "git-sync-init"} if PROMISES[environment].git_sync else set()
    )
    for name, variables in containers.items():
        assert variables["GITSYNC_PERIOD"] == "60s", name
        assert variables["GIT_SYNC_WAIT"] == "60", name
        assert "GITSYNC_USERNAME" in variables, f"{name}: no credentials"


@EACH_ENVIRONMENT
def test_metrics_and_service_monitor(environment: str) -> None:
    rendered = render(environment)
    monitors = rendered.all("ServiceMonitor")
    assert bool(monitors) == PROMISES[environment].metrics
    assert airflow_option(rendered, "metrics", "statsd_on") == str(PROMISES[environment].metrics)
    for monitor in monitors:
        assert [endpoint["interval"] for endpoint in monitor.at("spec", "endpoints")] == ["30s"]


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_the_alerts_on_missing_replicas_expect_as_many_as_there_are(environment: str) -> None:
    rendered = render(environment)
    replicas = {
        workload.name: workload.at("spec", "replicas")
        for kind in ("Deployment", "StatefulSet")
        for workload in rendered.all(kind)
    }
    (rules,) = rendered.all("PrometheusRule")
    expected = {
        rule["alert"]: float(rule["expr"].rsplit(maxsplit=1)[1])
        for group in rules.at("spec", "groups")
        for rule in group["rules"]
        if rule.get("alert", "").endswith("ReplicasMissing")
    }
    assert expected == {
        "SchedulerReplicasMissing": replicas["airflow-scheduler"],
        "TriggererReplicasMissing": replicas["airflow-triggerer"],
        "DagProcessorReplicasMissing": replicas["airflow-dag-processor"],
    }


@EACH_ENVIRONMENT
def test_task_logs_are_on(environment: str) -> None:
    rendered = render(environment)
    rendered.get("ConfigMap", "airflow-task-logs")
    assert any("vector" in pod.containers() for pod in rendered.pods())


@EACH_ENVIRONMENT
def test_kubernetes_executor_removes_pods_but_keeps_failed_ones(environment: str) -> None:
    rendered = render(environment)
    assert airflow_option(rendered, "core", "executor") == "KubernetesExecutor"
    section = "kubernetes_executor"
    assert airflow_option(rendered, section, "delete_worker_pods") == "True"
    assert airflow_option(rendered, section, "delete_worker_pods_on_failure") == "False"


def test_prod_creates_task_pods_in_batches() -> None:
    size = airflow_option(render("prod"), "kubernetes_executor", "worker_pods_creation_batch_size")
    assert size is not None
    assert int(size) > 1


@EACH_ENVIRONMENT
def test_jobs_are_not_hooks_so_that_wait_flux_and_argo_cd_work(environment: str) -> None:
    jobs = render(environment).all("Job")
    assert {job.name for job in jobs} == {"airflow-create-user", "airflow-run-airflow-migrations"}
    for job in jobs:
        assert "helm.sh/hook" not in job.annotations, str(job)


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_no_secret_of_ours_is_in_the_manifests(environment: str) -> None:
    # The broker URL is the official chart's, empty without Celery.
    made = {secret.name for secret in render(environment).all("Secret")} - {"airflow-broker-url"}
    assert made == set()


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_the_administrator_password_comes_from_a_secret(environment: str) -> None:
    job = render(environment).get("Job", "airflow-create-user")
    (container,) = job.at("spec", "template", "spec", "containers")
    arguments = list(container["args"])
    assert arguments[arguments.index("-p") + 1] == "$(AIRFLOW_ADMIN_PASSWORD)"
    variables = {variable["name"]: variable for variable in container["env"]}
    reference = variables["AIRFLOW_ADMIN_PASSWORD"]["valueFrom"]["secretKeyRef"]
    assert reference == {"name": "airflow-admin", "key": "password"}


def test_dev_has_the_development_login_and_fixed_keys() -> None:
    rendered = render("dev")
    job = rendered.get("Job", "airflow-create-user")
    (container,) = job.at("spec", "template", "spec", "containers")
    arguments = list(container["args"])
    assert arguments[arguments.index("-u") + 1] == "admin"
    assert arguments[arguments.index("-p") + 1] == "admin"
    rendered.get("Secret", "airflow-fernet-key")


@EACH_ENVIRONMENT
@pytest.mark.parametrize("version", AIRFLOWS)
def test_both_helm_majors_render_the_same(environment: str, version: str) -> None:
    first, second = (
        {
            (manifest.kind, manifest.name): manifest.document
            for manifest in render(
                environment, helm=major, sets=(f"airflow.airflowVersion={version}",)
            ).manifests
        }
        for major in MAJORS
    )
    assert first == second


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_the_values_file_lists_the_secrets_to_create(environment: str) -> None:
    columns = (
        re.split(" {2,}", line.removeprefix("#").strip())
        for line in values_file(environment).read_text(encoding="utf-8").splitlines()
        if line.startswith("#   airflow-")
    )
    listed = {name: set(keys.split(" (")[0].split(", ")) for name, keys, *_ in columns}
    assert listed == SECRETS
