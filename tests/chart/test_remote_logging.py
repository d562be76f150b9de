"""Remote logging reaches the pods that write task logs or read them."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from airflow_platform.checks.judge import CHECKS
from airflow_platform.manifests import Container, Pod, Render
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.render import render
from airflow_platform.rendering.upstream import stand_in
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ROOT

ROLE = {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/airflow-logs"}
LABEL = {"azure.workload.identity/use": "true"}
ON: dict[str, Any] = {
    "enabled": True,
    "bucket": "logs",
    "path": "prod/airflow",
    "serviceAccountAnnotations": ROLE,
    "podLabels": LABEL,
}
AIRFLOW_2 = {
    "airflow": {"airflowVersion": "2.11.2", "defaultAirflowTag": "2.11.2"},
    "global": {"metrics": {"airflowVersion": "2.11.2"}},
}
CELERY = {
    "executor": "CeleryExecutor",
    "redis": {"enabled": True, "passwordSecretName": "airflow-redis"},
    "data": {"brokerUrlSecretName": "airflow-broker"},
}
SECRET = {"connection": {"secretName": "log-store"}}
VARIABLE = "AIRFLOW_CONN_REMOTE_LOGGING"
SETTINGS = "grafana_task_logs.json"


def rendered(*values: Any, **remote: Any) -> Render:
    return render("prod", values=[{"remoteLogging": {**ON, **remote}}, *values])


def logging(rendered: Render, section: str = "logging") -> Mapping[str, Any]:
    (config,) = rendered.embedded("AirflowConfig")
    found: Mapping[str, Any] = config.document[section]
    return found


def mains(rendered: Render) -> Iterator[tuple[str, Pod, Container]]:
    """The pods that run Airflow, task pods included, with their main containers, by component."""
    for pod in rendered.pods():
        component = pod.labels.get("component", "")
        if "airflow-config" in {pod.owner.name} or pod.owner.kind in {"Deployment", "StatefulSet"}:
            for name in {"base" if pod.key else component} & pod.containers().keys():
                yield component, pod, pod.containers()[name]


def with_identity(rendered: Render) -> set[str]:
    accounts = {each.name: each.annotations for each in rendered.all("ServiceAccount")}
    labelled = {c for c, pod, _ in mains(rendered) if LABEL.items() <= pod.labels.items()}
    annotated = {
        c
        for c, pod, _ in mains(rendered)
        if ROLE.items() <= accounts.get(pod.spec["serviceAccountName"], {}).items()
    }
    assert labelled == annotated
    return labelled


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ({}, {"folder": "s3://logs/prod/airflow", "conn_id": "", "encrypt": "False"}),
        ({"path": ""}, {"folder": "s3://logs", "conn_id": "", "encrypt": "False"}),
        ({"encryptS3Logs": True}, {"encrypt": "True"}),
        ({"provider": "gcs"}, {"folder": "gs://logs/prod/airflow", "encrypt": None}),
        (SECRET, {"conn_id": "remote_logging"}),
        ({"connection": {"id": "mine"}}, {"conn_id": "mine"}),
        (
            {"provider": "wasb", "path": "", "connection": {"id": "wasb_default"}},
            {"folder": "wasb-logs", "conn_id": "wasb_default", "encrypt": None},
        ),
    ],
)
def test_airflow_is_told_where_logs_are(remote: Any, expected: Mapping[str, Any]) -> None:
    options = logging(render("prod", upstream=stand_in(), values=[{"remoteLogging": ON | remote}]))
    found = {
        "folder": options["remote_base_log_folder"],
        "conn_id": options["remote_log_conn_id"],
        "encrypt": options.get("encrypt_s3_logs"),
    }
    assert options["remote_logging"] == "True"
    assert found.items() >= expected.items()


def test_airflow_is_told_the_container_on_azure() -> None:
    azure = rendered(provider="wasb", path="wasb-tasks", connection={"id": "wasb_default"})
    assert logging(azure, "azure_remote_logging")["remote_wasb_log_container"] == "logs"


@pytest.mark.official_chart
@pytest.mark.parametrize("helm", MAJORS)
def test_what_writes_or_reads_has_the_identity_and_nothing_else_has(helm: int) -> None:
    values = [{"remoteLogging": ON}]
    airflow_3 = render("prod", values=values, helm=helm)
    assert with_identity(airflow_3) == {"api-server", "triggerer", "worker"}
    airflow_2 = render("prod", values=[*values, AIRFLOW_2], helm=helm)
    assert with_identity(airflow_2) == {"webserver", "scheduler", "triggerer", "worker"}


@pytest.mark.official_chart
def test_celery_workers_and_their_sets_have_the_identity() -> None:
    own = {"name": "own", "labels": {"team": "data"}, "serviceAccount": {"annotations": {"a": "b"}}}
    celery = {**CELERY, "workers": {"celery": {"sets": [own, {"name": "plain"}]}}}
    found = rendered({"airflow": celery})
    workers = [pod for component, pod, _ in mains(found) if component == "worker"]
    assert {pod.owner.name for pod in workers} >= {"airflow-worker-own", "airflow-worker-plain"}
    assert "worker" in with_identity(found)
    for pod in workers:
        assert LABEL.items() <= pod.labels.items(), pod
        account = found.get("ServiceAccount", pod.spec["serviceAccountName"])
        assert ROLE.items() <= account.annotations.items(), account


@pytest.mark.official_chart
@pytest.mark.parametrize("helm", MAJORS)
def test_pods_have_the_connection_by_reference(helm: int) -> None:
    own = {"extraEnv": "- {name: OWN, value: '{{ .Release.Name }}'}"}
    values = [{"remoteLogging": {**ON, **SECRET}, "airflow": own}]
    found = render("prod", values=values, helm=helm)
    reference = {"name": "log-store", "key": "connection"}
    seen = set()
    for component, _, container in mains(found):
        variables = {each["name"]: each for each in container.document["env"]}
        assert variables[VARIABLE]["valueFrom"]["secretKeyRef"] == reference, component
        assert variables["OWN"]["value"] == "airflow"
        assert not any(VARIABLE in name for name in variables if name != VARIABLE)
        seen.add(component)
    assert seen >= {"api-server", "triggerer", "worker", "scheduler"}


@pytest.mark.official_chart
@pytest.mark.parametrize("values", [{}, AIRFLOW_2, {"airflow": CELERY}], ids=["3", "2", "Celery"])
def test_whatever_has_the_configuration_has_the_module_that_it_names(values: Any) -> None:
    module = "/opt/airflow/config/remote_task_logs.py"
    mine = {"name": "mine", "emptyDir": {}}
    found = rendered({"airflow": {"volumes": [mine]}}, values)
    name = logging(found)["logging_config_class"]
    assert name == "remote_task_logs.LOGGING_CONFIG"
    seen = set()
    for pod in found.pods():
        for container in pod.containers().values():
            mounts = {each["mountPath"] for each in container.document.get("volumeMounts") or ()}
            if "/opt/airflow/airflow.cfg" in mounts:
                assert module in mounts, container
                assert {"mine", "remote-logging"} <= pod.volumes().keys()
                seen.add(container.name)
    assert seen >= {"scheduler", "triggerer", "run-airflow-migrations"}


def test_without_the_sidecar_airflow_may_empty_files() -> None:
    off = rendered({"global": {"taskLogs": {"enabled": False}}})
    assert "logging_config_class" not in logging(off)
    assert not [each for each in off.all("ConfigMap") if each.name == "airflow-remote-logging"]


@pytest.mark.official_chart
def test_an_annotation_of_the_users_own_wins() -> None:
    own = {"eks.amazonaws.com/role-arn": "mine"}
    workers = {"workers": {"serviceAccount": {"annotations": own}}}
    found = rendered({"airflow": workers})
    assert found.get("ServiceAccount", "airflow-worker").annotations == own


def test_settings_that_say_the_same_are_no_contradiction() -> None:
    options = {"remote_logging": "true", "remote_base_log_folder": "s3://logs/prod/airflow"}
    variable = {"name": "AIRFLOW__LOGGING__REMOTE_LOGGING", "value": "True"}
    found = rendered({"airflow": {"config": {"logging": options}, "env": [variable]}})
    assert logging(found)["remote_log_conn_id"] == ""


def test_nothing_changes_while_it_is_off() -> None:
    def text(**remote: Any) -> list[Any]:
        off = {"remoteLogging": {**remote, "enabled": False}}
        found = render("prod", upstream=stand_in(), values=[off])
        return [manifest.document for manifest in found.manifests]

    assert text(**ON, **SECRET) == text()


DOCUMENT = (ROOT / "docs" / "remote-logging.md").read_text(encoding="utf-8")
DOCUMENTED = re.findall(r"^```yaml\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


@pytest.mark.official_chart
@pytest.mark.parametrize("text", DOCUMENTED, ids=lambda text: text.partition("\n")[0])
def test_each_documented_block_renders_and_passes_the_checks(text: str) -> None:
    found = render("prod", values=[strict_yaml.load(text, "docs/remote-logging.md")])
    assert CHECKS["remote_logs_are_written_and_read"](found) == []
    assert logging(found)["remote_logging"] == str(
        "remoteLogging" in strict_yaml.load(text, "docs/remote-logging.md")
    )


def test_the_documented_connections_are_of_the_kind_that_the_store_needs() -> None:
    connections = re.findall(r"^cat > connection <<'END'\n(.*?)^END", DOCUMENT, re.M | re.S)
    assert [json.loads(each)["conn_type"] for each in connections] == ["wasb", "aws"]


def test_the_documented_settings_of_the_plugin_are_those_that_it_reads() -> None:
    (text,) = re.findall(r"^```json\n(\{\n.*?)^```", DOCUMENT, re.M | re.S)
    link = {"enabled": True, "url": "https://grafana.example.com", "dataSource": "loki"}
    found = render("dev", upstream=stand_in(), values=[{"grafanaLink": link}])
    settings = json.loads(found.get("ConfigMap", "airflow-grafana-link").at("data", SETTINGS))
    documented = json.loads(text)
    assert documented.keys() == settings.keys()
    assert documented["labelFields"] == settings["labelFields"]
    assert documented["metadataFields"] == settings["metadataFields"]
