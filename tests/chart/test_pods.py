"""The pods of the add-on in the wrapper, as clusters with rules of their own want them."""

from collections.abc import Mapping
from typing import Any

import pytest

from airflow_platform.checks.violations import is_ours
from airflow_platform.manifests import Container, Pod, Render
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.render import render
from airflow_platform.rendering.upstream import stand_in
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ROOT

IDS = {"runAsUser", "runAsGroup", "fsGroup"}
NO_IDS = {"podSecurityContext": {"runAsUser": None, "runAsGroup": None}}
OPENSHIFT = strict_yaml.load_file(ROOT / "examples" / "openshift" / "values.yaml")
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap"}

VALUES: Mapping[str, Any] = {
    "global": {"imagePullSecrets": ["registry-pull", {"name": "mirror"}]},
    "observability": {
        "commonLabels": {"team": "data"},
        "statsdExporter": {
            **NO_IDS,
            "service": {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6", "IPv4"]},
        },
        "imagePrePuller": NO_IDS,
        "extraObjects": {
            "yaml": {**CONFIG_MAP, "metadata": {"name": "{{ .Release.Name }}-yaml"}},
            "text": "{apiVersion: v1, kind: ConfigMap, metadata: {name: {{ .Release.Name }}-text}}",
        },
    },
}


def rendered(values: Mapping[str, Any], helm: int = MAJORS[-1], **arguments: Any) -> Render:
    """Production with the values."""
    return render("prod", values=[values], helm=helm, upstream=stand_in(), **arguments)


@pytest.fixture(params=MAJORS, ids=lambda major: f"helm{major}")
def release(request: pytest.FixtureRequest) -> Render:
    """Production with VALUES, by each Helm major."""
    return rendered(VALUES, helm=request.param)


def pods(release: Render) -> dict[str, Pod]:
    """The pods of the add-on by their component."""
    found = {
        pod.labels["app.kubernetes.io/component"]: pod for pod in release.pods() if is_ours(pod)
    }
    assert found.keys() == {"statsd-exporter", "image-pre-puller", "statsd-mapping-test"}
    return found


def ids(*holders: Mapping[str, Any]) -> set[str]:
    """The fields with ids in the security contexts of pods and containers."""
    return IDS & {field for holder in holders for field in holder.get("securityContext") or ()}


def with_ids(release: Render) -> list[str]:
    """The pods of the add-on that ask for an id."""
    return [
        component
        for component, pod in pods(release).items()
        if ids(pod.spec, *(each.document for each in pod.containers().values()))
    ]


def test_null_takes_the_ids_away(release: Render) -> None:
    assert with_ids(release) == []
    for component, pod in pods(release).items():
        assert pod.spec["securityContext"]["runAsNonRoot"] is True, component


@pytest.mark.parametrize(
    ("values", "arguments"),
    [
        (OPENSHIFT, {}),
        ({"airflow": OPENSHIFT["airflow"]}, {"api_versions": ("security.openshift.io/v1",)}),
    ],
    ids=["forced", "on a cluster that knows the API"],
)
def test_openshift_takes_the_ids_away(
    values: Mapping[str, Any], arguments: Mapping[str, Any]
) -> None:
    assert with_ids(rendered(values, **arguments)) == []


def test_on_openshift_the_sidecar_asks_for_no_id_as_its_pod_does() -> None:
    assert ids(sidecar(rendered(OPENSHIFT)).document) == set()


def sidecar(release: Render) -> Container:
    (pod,) = (each for each in release.pods() if "base" in each.containers())
    return pod.containers()["vector"]


def test_pull_secrets_can_be_strings(release: Render) -> None:
    wanted = ({"name": "registry-pull"}, {"name": "mirror"})
    for component, pod in pods(release).items():
        assert pod.spec["imagePullSecrets"] == wanted, component


def test_one_key_labels_every_object_and_every_pod(release: Render) -> None:
    assert {pod.labels["team"] for pod in pods(release).values()} == {"data"}
    assert {each.labels.get("team") for each in release.manifests if is_ours(each)} == {"data"}


def test_the_service_takes_the_families_of_a_dual_stack_cluster(release: Render) -> None:
    spec = release.get("Service", "airflow-statsd-exporter").at("spec")
    assert (spec["ipFamilyPolicy"], spec["ipFamilies"]) == ("PreferDualStack", ("IPv6", "IPv4"))


def test_extra_objects_are_made_and_are_not_ours(release: Render) -> None:
    for name in ("airflow-yaml", "airflow-text"):
        assert not is_ours(release.get("ConfigMap", name))
