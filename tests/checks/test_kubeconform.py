"""kubeconform's verdicts reach the user: each fault once, by object, template and version."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.checks.kubeconform import default_versions, faults
from airflow_platform.manifests import Render
from airflow_platform.support import strict_yaml
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import ROOT

Edit = Callable[[Mapping[str, Any]], Render]

EXPORTER = "Deployment/airflow-statsd-exporter"
SIDECAR = "ConfigMap/airflow-config data pod_template_file.yaml spec initContainers vector"


@pytest.fixture(autouse=True)
def kubeconform(program: Callable[[str], Path]) -> None:
    program("kubeconform")


def messages(render: Render, version: str = "1.33.0") -> list[str]:
    return [f"{subject}: {message}" for subject, message in faults(render, [version])]


def test_good_manifests_are_valid_in_all_versions(good: Render) -> None:
    assert list(faults(good, default_versions())) == []


def test_the_versions_begin_with_the_oldest_that_the_chart_allows() -> None:
    supported = strict_yaml.load_file(ROOT / "Chart.yaml")["kubeVersion"]
    assert supported == f">={default_versions()[0]}-0"
    assert len(set(default_versions())) == 3


@pytest.mark.parametrize(
    ("edits", "fault"),
    [
        pytest.param({f"{EXPORTER} spec replica": 1}, "'replica' not allowed", id="unknown field"),
        pytest.param({f"{EXPORTER} spec replicas": "1"}, "/spec/replicas: got string", id="type"),
        pytest.param(
            {f"{SIDECAR} restartPolice": "Always"},
            "'restartPolice' not allowed",
            id="embedded pod template",
        ),
        pytest.param(
            {"ServiceMonitor/airflow-statsd-exporter spec intervall": "30s"},
            "'intervall' not allowed",
            id="custom resource",
        ),
        pytest.param(
            {"PodDisruptionBudget/airflow-api-server-pdb apiVersion": "policy/v1beta1"},
            "no schema of PodDisruptionBudget in policy/v1beta1",
            id="removed API",
        ),
        pytest.param(
            {"Cup/x": {"apiVersion": "example.org/v1", "kind": "Cup", "metadata": {"name": "x"}}},
            "no schema of Cup in example.org/v1; if it is a custom resource, add its"
            " CustomResourceDefinition to tools/crds.yaml",
            id="no schema",
        ),
    ],
)
def test_a_fault_is_reported_once(edited: Edit, edits: dict[str, Any], fault: str) -> None:
    (message,) = messages(edited(edits))
    assert fault in message


def test_a_violation_names_object_template_and_version(edited: Edit) -> None:
    assert messages(edited({f"{EXPORTER} spec replicas": "1"}), "1.30.0") == [
        "Deployment/airflow-statsd-exporter"
        " (airflow-platform/charts/observability/templates/metrics/deployment.yaml):"
        " /spec/replicas: got string, want null or integer (Kubernetes 1.30.0)"
    ]


def test_objects_of_one_name_in_two_namespaces_are_told_apart(edited: Edit) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": "x"}]}}
    render = edited(
        {
            "Service/a": {**service, "metadata": {"name": "airflow-api-server", "namespace": "b"}},
            "Service/c": {**service, "metadata": {"name": "airflow-api-server", "namespace": "d"}},
        }
    )
    assert len(messages(render)) == 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param('{"resources": []}', "kubeconform passed it over", id="no verdict"),
        pytest.param("panic", "kubeconform failed: out of memory", id="no answer"),
    ],
)
def test_what_kubeconform_does_not_answer_is_no_success(
    good: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, said: str
) -> None:
    silent = tmp_path / "kubeconform"
    silent.write_text(f"#!/bin/sh\ncat > /dev/null\necho '{answer}'\necho 'out of memory' >&2\n")
    silent.chmod(0o755)
    monkeypatch.setattr("airflow_platform.checks.kubeconform.tool", lambda _: silent)
    try:
        verdict = messages(good)
    except PlatformError as error:
        verdict = [str(error)]
    assert verdict
    assert all(said in message for message in verdict)
