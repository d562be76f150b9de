"""What the official chart makes of the values with which each environment keeps its promises.

test_promises.py looks at the values themselves.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from airflow_platform.manifests import Render
from airflow_platform.rendering.render import render
from airflow_platform.support.project import environments

from .conftest import of_airflow
from .promises import RESOURCES, VALUES, as_text

pytestmark = pytest.mark.official_chart

EACH_ENVIRONMENT = pytest.mark.parametrize("environment", environments())

# The containers that are made from the values of a component.
CONTAINERS = {
    "airflow.apiServer": "api-server",
    "airflow.webserver": "webserver",
    "airflow.scheduler": "scheduler",
    "airflow.dagProcessor": "dag-processor",
    "airflow.triggerer": "triggerer",
    "airflow.workers": "base",
    "airflow.scheduler.logGroomerSidecar": "scheduler-log-groomer",
    "airflow.dagProcessor.logGroomerSidecar": "dag-processor-log-groomer",
    "airflow.triggerer.logGroomerSidecar": "triggerer-log-groomer",
    "airflow.createUserJob": "create-user",
    "airflow.migrateDatabaseJob": "run-airflow-migrations",
    "airflow.cleanup": "airflow-cleanup-pods",
    "airflow.dags.gitSync": "git-sync",
    "airflow.postgresql.primary": "postgresql",
}
# What each version of Airflow does not have.
AIRFLOWS = {
    "3.1.7": {"airflow.webserver"},
    "2.11.0": {
        "airflow.apiServer",
        "airflow.dagProcessor",
        "airflow.dagProcessor.logGroomerSidecar",
    },
}


def on_airflow(environment: str, version: str) -> Render:
    return render(environment, sets=of_airflow(version))


def replicas_in(rendered: Render) -> dict[str, int]:
    """The number of replicas of each workload by its name."""
    return {
        workload.name: workload.at("spec", "replicas")
        for kind in ("Deployment", "StatefulSet")
        for workload in rendered.all(kind)
    }


@EACH_ENVIRONMENT
@pytest.mark.parametrize("version", AIRFLOWS)
def test_replicas(environment: str, version: str) -> None:
    replicas = replicas_in(on_airflow(environment, version))
    promised = {
        key.removesuffix(".replicas"): by_environment[environment]
        for key, by_environment in VALUES.items()
        if key.endswith(".replicas")
    }
    assert {key: replicas.get(f"airflow-{CONTAINERS[key]}") for key in promised} == {
        key: None if key in AIRFLOWS[version] else number for key, number in promised.items()
    }


@EACH_ENVIRONMENT
@pytest.mark.parametrize("version", AIRFLOWS)
def test_resources(environment: str, version: str) -> None:
    resources: dict[str, set[str | None]] = {}
    for pod in on_airflow(environment, version).pods():
        for container in pod.containers().values():
            text = as_text(container.document.get("resources"))
            resources.setdefault(container.name, set()).add(text)
    for key, container_name in CONTAINERS.items():
        promised = RESOURCES[key][environment]
        absent = key in AIRFLOWS[version] or promised is None
        assert resources.get(container_name, set()) == (set() if absent else {promised}), key


def test_every_promise_of_resources_is_about_a_container() -> None:
    # The pods of CloudNativePG are made by its operator.
    assert set(CONTAINERS) == {key for key in RESOURCES if not key.startswith("database.")}


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
    assert size == VALUES["airflow.postgresql.primary.persistence.size"][environment]


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
    assert connections == {("airflow-database", "connection")}


@EACH_ENVIRONMENT
def test_git_sync_brings_the_dags_every_60_seconds(environment: str) -> None:
    containers = {
        name: {variable["name"]: variable.get("value") for variable in container.document["env"]}
        for pod in render(environment).pods()
        for name, container in pod.containers().items()
        if name.startswith("git-sync")
    }
    git_sync = VALUES["airflow.dags.gitSync.enabled"][environment]
    assert set(containers) == ({"git-sync", "git-sync-init"} if git_sync else set())
    for name, variables in containers.items():
        assert variables["GITSYNC_PERIOD"] == "60s", name
        assert variables["GIT_SYNC_WAIT"] == "60", name
        assert "GITSYNC_USERNAME" in variables, f"{name}: no credentials"


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_the_alerts_on_missing_replicas_expect_as_many_as_there_are(environment: str) -> None:
    rendered = render(environment)
    replicas = replicas_in(rendered)
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
def test_jobs_are_not_hooks_so_that_wait_flux_and_argo_cd_work(environment: str) -> None:
    jobs = render(environment).all("Job")
    assert {job.labels["component"] for job in jobs} == {
        "create-user-job",
        "run-airflow-migrations",
    }
    for job in jobs:
        assert "helm.sh/hook" not in job.annotations, str(job)


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_no_secret_of_ours_is_in_the_manifests(environment: str) -> None:
    # The broker URL is the official chart's, empty without Celery.
    made = {secret.name for secret in render(environment).all("Secret")} - {"airflow-broker-url"}
    assert made == set()


def administrators_container(rendered: Render) -> Mapping[str, Any]:
    """The container that creates the administrator; its Job's name ends in a hash."""
    (container,) = (
        container.document
        for pod in rendered.pods()
        for container in pod.containers().values()
        if container.name == "create-user"
    )
    return container


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_the_administrator_password_comes_from_a_secret(environment: str) -> None:
    container = administrators_container(render(environment))
    arguments = list(container["args"])
    assert arguments[arguments.index("-p") + 1] == "$(AIRFLOW_ADMIN_PASSWORD)"
    variables = {variable["name"]: variable for variable in container["env"]}
    reference = variables["AIRFLOW_ADMIN_PASSWORD"]["valueFrom"]["secretKeyRef"]
    assert reference == {"name": "airflow-admin", "key": "password"}


def test_dev_has_the_development_login_and_fixed_keys() -> None:
    rendered = render("dev")
    container = administrators_container(rendered)
    arguments = list(container["args"])
    assert arguments[arguments.index("-u") + 1] == "admin"
    assert arguments[arguments.index("-p") + 1] == "admin"
    rendered.get("Secret", "airflow-fernet-key")
