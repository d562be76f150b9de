"""Connections and variables reach each pod of Airflow that asks for them, and no other."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from airflow_platform.checks.judge import judge
from airflow_platform.manifests import External, Keys, Render
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.render import render
from airflow_platform.support.project import ROOT, environments

from .conftest import EXTERNAL, of_airflow

VALUES: dict[str, Any] = {
    "connections": {
        "warehouse": {"secret": {"name": "warehouse", "key": "connection"}},
        "lake": {"secret": {"name": "lake", "key": "uri", "optional": True}},
    },
    "variables": {
        "region": {"value": "eu-west-1"},
        "api_key": {"secret": {"name": "shop", "key": "key"}},
    },
}
EXPECTED: dict[str, Any] = {
    "AIRFLOW_CONN_WAREHOUSE": {"secretKeyRef": {"name": "warehouse", "key": "connection"}},
    "AIRFLOW_CONN_LAKE": {"secretKeyRef": {"name": "lake", "key": "uri", "optional": True}},
    "AIRFLOW_VAR_REGION": "eu-west-1",
    "AIRFLOW_VAR_API_KEY": {"secretKeyRef": {"name": "shop", "key": "key"}},
}
CELERY = {
    "airflow": {
        "executor": "CeleryExecutor",
        "redis": {"enabled": True, "passwordSecretName": "airflow-redis"},
        "data": {"brokerUrlSecretName": "airflow-broker"},
        "workers": {
            "celery": {"sets": [{"name": "large", "env": [{"name": "SIZE", "value": "large"}]}]}
        },
    }
}
EXAMPLES = ROOT / "examples" / "connections"
# The Secrets that each overlay needs.
OVERLAYS: Mapping[str, Keys] = {
    "values": {
        "airflow-connections": {"warehouse", "cache"},
        "airflow-lake": {"connection"},
        "airflow-variables": {"shop_api_key"},
    },
    "vault": {},
    "aws-secrets-manager": {},
}
# The containers of Airflow that read connections.
READERS = {
    ("3.1.7", "KubernetesExecutor"): {
        *("api-server", "scheduler", "dag-processor", "triggerer", "base"),
    },
    ("3.1.7", "CeleryExecutor"): {
        *("api-server", "scheduler", "dag-processor", "triggerer", "worker"),
    },
    ("2.11.0", "KubernetesExecutor"): {"webserver", "scheduler", "triggerer", "base"},
    ("2.11.0", "CeleryExecutor"): {"webserver", "scheduler", "triggerer", "worker"},
}


def given(rendered: Render) -> dict[str, list[Mapping[str, Any]]]:
    """By container, the variables of connections and variables in each pod that has it."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for pod in rendered.pods():
        for name, container in pod.containers().items():
            variables = {
                each["name"]: each.get("value", each.get("valueFrom"))
                for each in container.document.get("env") or ()
                if re.match("AIRFLOW_(CONN|VAR)_", each["name"])
                and each["name"] != "AIRFLOW_CONN_AIRFLOW_DB"
            }
            found.setdefault(name, []).append(variables)
    return found


@pytest.mark.official_chart
@pytest.mark.parametrize("helm", MAJORS)
@pytest.mark.parametrize(("version", "executor"), READERS)
def test_everything_that_reads_them_has_them_by_reference(
    version: str, executor: str, helm: int
) -> None:
    more = CELERY if executor == "CeleryExecutor" else {}
    rendered = render("prod", values=[VALUES, more], sets=of_airflow(version), helm=helm)
    found = given(rendered)
    for reader in READERS[version, executor]:
        assert found[reader], reader
        for variables in found[reader]:
            assert variables == EXPECTED, reader


@pytest.mark.parametrize("environment", environments())
def test_task_pods_have_them(environment: str) -> None:
    """With the stand-in as well."""
    assert given(render(environment, values=[VALUES]))["base"] == [EXPECTED]


def test_jobs_and_other_programs_do_not() -> None:
    """A Job's name is a hash of its pod: it would run again with each new connection."""
    with_them, without = render("prod", values=[VALUES]), render("prod")
    for kind in ("Job", "StatefulSet", "CronJob"):
        names = {each.name for each in with_them.all(kind)}
        assert names == {each.name for each in without.all(kind)}
    for container in ("run-airflow-migrations", "create-user", "vector"):
        assert all(not variables for variables in given(with_them)[container])


@pytest.mark.parametrize("helm", MAJORS)
@pytest.mark.parametrize(
    "own",
    [
        "- name: OWN\n  value: '{{ .Release.Name }}'\n",
        "  - name: OWN\n    value: airflow",
        '[{name: OWN, value: "{{ .Release.Name }}"}]',
    ],
)
def test_variables_of_the_user_stay(own: str, helm: int) -> None:
    rendered = render("prod", values=[VALUES, {"airflow": {"extraEnv": own}}], helm=helm)
    for pod in rendered.pods():
        for name in ("base", "run-airflow-migrations"):
            if container := pod.containers().get(name):
                variables = {each["name"]: each.get("value") for each in container.document["env"]}
                assert variables["OWN"] == "airflow"
    assert given(rendered)["base"] == [EXPECTED]


@pytest.mark.parametrize(
    "value",
    [
        "{{ ds }}",
        "a $(HOME) $$ b",
        "a\n  b\n\n",
        "\"quoted\" 'text' \\n",
        "  spaces ",
        "",
        "<&>",
        "yes",
        "1.10",
    ],
)
def test_airflow_reads_a_value_as_it_was_written(value: str) -> None:
    """Neither Helm nor YAML changes it, nor does Kubernetes, which makes one dollar of two."""
    rendered = render("dev", values=[{"variables": {"text": {"value": value}}}])
    ((variables,),) = [given(rendered)["base"]]
    # As in k8s.io/kubernetes/third_party/forked/golang/expansion.
    written = str(variables["AIRFLOW_VAR_TEXT"])
    assert not re.search(r"(?<!\$)(\$\$)*\$\(", written)
    assert written.replace("$$", "$") == value


def test_an_entry_can_be_taken_away_in_a_later_file() -> None:
    later = {"connections": {"lake": None}, "variables": {"region": None}}
    (variables,) = given(render("prod", values=[VALUES, later]))["base"]
    assert set(variables) == {"AIRFLOW_CONN_WAREHOUSE", "AIRFLOW_VAR_API_KEY"}


def test_jobs_may_refer_to_the_same_secrets() -> None:
    on = {"jobs": {"enabled": True, "secrets": ["shop", "more"]}}
    adapter = render("prod", values=[VALUES, on]).get("ConfigMap", "airflow-jobs-adapter")
    known = adapter.annotations["airflow-platform/secrets"].split(",")
    assert sorted(known) == ["lake", "more", "shop", "warehouse"]


def test_without_them_the_manifests_are_as_they_were() -> None:
    """An entry of a list that nobody has asked for would restart all pods."""
    own = {"airflow": {"extraEnv": "- {name: OWN, value: a}\n"}}
    for container, variables in given(render("prod", values=[own])).items():
        assert not any(variables), container


# --- The overlays


def test_every_overlay_is_in_a_test() -> None:
    assert {file.stem for file in EXAMPLES.glob("*.yaml")} == set(OVERLAYS)


@pytest.mark.official_chart
@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("version", ["3.1.7", "2.11.0"])
@pytest.mark.parametrize("helm", MAJORS)
def test_every_check_passes(overlay: str, version: str, helm: int) -> None:
    files = [EXAMPLES / f"{overlay}.yaml"]
    rendered = render("prod", values=files, sets=of_airflow(version), helm=helm)
    external = External({**EXTERNAL.secrets, **OVERLAYS[overlay]}, EXTERNAL.config_maps)
    violations = judge(rendered.replace(external=external)).violations
    assert not violations, "\n".join(map(str, violations))
    (config,) = rendered.embedded("AirflowConfig")
    if kwargs := config.document.get("secrets", {}).get("backend_kwargs"):
        assert json.loads(kwargs)


@pytest.mark.official_chart
def test_all_that_look_connections_up_have_the_role_of_the_cloud() -> None:
    rendered = render("prod", values=[EXAMPLES / "aws-secrets-manager.yaml"])
    accounts = {account.name: account for account in rendered.all("ServiceAccount")}
    for pod in rendered.pods():
        if READERS["3.1.7", "KubernetesExecutor"] & pod.containers().keys():
            account = accounts[pod.spec["serviceAccountName"]]
            assert account.annotations["eks.amazonaws.com/role-arn"], account.name
