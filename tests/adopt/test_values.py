"""Single rules by which values of the official chart become values of the wrapper."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.adopt.release import Release
from airflow_platform.adopt.values import Adoption, adopt_values
from airflow_platform.manifests import Render
from airflow_platform.rendering.values import load_file
from airflow_platform.support.project import ROOT

DEFAULTS: dict[str, Any] = {
    "executor": "CeleryExecutor",
    "airflowVersion": "3.1.7",
    "redis": {"enabled": True},
    "workers": {"extraInitContainers": []},
    "config": {"core": {"image": "{{ .Values.executor }}"}},
}


@pytest.fixture
def adopt_with(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Adopt values where the wrapper's own values below `airflow:` are ``ours``."""

    def run(ours: Mapping[str, Any], values: Mapping[str, Any]) -> Adoption:
        def load(path: Path) -> dict[str, Any]:
            is_wrappers = path == ROOT / "values.yaml"
            return {"airflow": dict(ours)} if is_wrappers else load_file(path)

        monkeypatch.setattr("airflow_platform.adopt.values.load_file", load)
        return adopt_values(Release("airflow", "data", values, DEFAULTS, Render([])))

    return run


SIDECAR = {"name": 'vector{{ include "observability.taskLogs.initContainerFields" . }}'}
SIDECARS = {"workers": {"extraInitContainers": [SIDECAR]}}


def test_entries_of_the_sidecar_come_before_those_of_the_owner(adopt_with: Any) -> None:
    own = {"name": "warm-up"}
    adoption = adopt_with(SIDECARS, {"workers": {"extraInitContainers": [own]}})
    assert adoption.values["airflow"]["workers"]["extraInitContainers"] == [SIDECAR, own]


def test_the_default_of_the_official_chart_does_not_remove_the_sidecar(adopt_with: Any) -> None:
    assert "airflow" not in adopt_with(SIDECARS, {}).values


def test_a_default_that_differs_is_set_with_the_reason(adopt_with: Any) -> None:
    adoption = adopt_with({"executor": "KubernetesExecutor"}, {})
    assert adoption.values["airflow"] == {"executor": "CeleryExecutor"}
    assert "KubernetesExecutor" in adoption.comments["airflow", "executor"]


def test_the_queue_is_kept_only_where_there_is_one(adopt_with: Any) -> None:
    ours = {"redis": {"enabled": False}}
    assert adopt_with(ours, {}).values["airflow"] == {"redis": {"enabled": True}}
    kubernetes = {"executor": "KubernetesExecutor"}
    assert adopt_with(ours, kubernetes).values["airflow"] == kubernetes
    both = {"executor": "KubernetesExecutor,CeleryExecutor"}
    assert adopt_with(ours, both).values["airflow"]["redis"] == {"enabled": True}


def test_a_default_that_follows_other_values_is_not_kept(adopt_with: Any) -> None:
    assert "airflow" not in adopt_with({"config": {"core": {"image": ""}}}, {}).values


def test_a_setting_of_a_seam_is_left_out(adopt_with: Any) -> None:
    ours = {"config": {"metrics": {"statsd_port": '{{ include "observability.port" . }}'}}}
    adoption = adopt_with(ours, {"config": {"metrics": {"statsd_port": 8125}}})
    assert "airflow" not in adoption.values
    assert [each.key for each in adoption.left_out] == ["config.metrics.statsd_port"]


@pytest.mark.parametrize("enabled", [True, False])
def test_the_old_name_of_the_first_user_is_known(adopt_with: Any, enabled: bool) -> None:
    user = {"enabled": enabled, "username": "me"}
    adoption = adopt_with({}, {"webserver": {"defaultUser": user}})
    job = adoption.values["airflow"]["createUserJob"]
    assert job == {"enabled": enabled, "defaultUser": {"username": "me"}}


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"imagePullSecrets": ["a", {"name": "b"}]}, ["a", "b"]),
        ({"registry": {"secretName": "c"}}, ["c"]),
        ({"imagePullSecrets": [], "registry": {}}, None),
    ],
)
def test_pull_secrets_are_global_as_well(
    adopt_with: Any, values: Mapping[str, Any], names: list[str] | None
) -> None:
    found = adopt_with({}, values).values.get("global", {}).get("imagePullSecrets")
    assert found == ([{"name": name} for name in names] if names else None)


def test_what_is_global_stays_global(adopt_with: Any) -> None:
    adoption = adopt_with({}, {"global": {"imageRegistry": "registry.example.com"}})
    assert adoption.values == {"global": {"imageRegistry": "registry.example.com"}}
