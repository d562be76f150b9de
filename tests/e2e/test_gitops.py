"""The examples on a Kubernetes API, and the chart from an OCI registry."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.manifests import Render
from airflow_platform.rendering import helm
from airflow_platform.rendering.render import render
from airflow_platform.support import strict_yaml
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.frozen import thaw
from airflow_platform.support.project import RELEASE, ROOT, values_file

from ..examples.files import ARGO_CD, FLUX, KUSTOMIZATIONS, SITE, applications_of, objects_in
from .direct import direct

pytestmark = pytest.mark.xdist_group("gitops")

VERSION: str = strict_yaml.load_file(ROOT / "Chart.yaml")["version"]

Admit = Callable[[list[dict[str, Any]]], None]


@pytest.fixture(scope="module")
def namespace(make_namespace: Callable[[str], str]) -> str:
    """A namespace for objects that are never stored."""
    return make_namespace("examples")


@pytest.fixture(scope="module")
def admit(cluster: Cluster, namespace: str) -> Admit:
    """Ask the API server whether it would take objects, strictly; PlatformError when not."""

    def ask(objects: list[dict[str, Any]]) -> None:
        moved = [
            {**each, "metadata": {**each["metadata"], "namespace": namespace}}
            for each in objects
            if each["kind"] != "Namespace"
        ]
        assert moved
        direct(cluster).apply(moved, dry=True)

    return ask


@pytest.mark.parametrize("name", KUSTOMIZATIONS)
def test_what_kustomize_builds_is_admitted(cluster: Cluster, admit: Admit, name: str) -> None:
    arguments = ["--load-restrictor", "LoadRestrictionsNone", str(FLUX / name)]
    built = Render.from_text(cluster.kubectl("kustomize", *arguments))
    admit([thaw(each.document) for each in built.manifests])


FILES = [*sorted((FLUX / "clusters").glob("*.yaml")), FLUX / "git-source" / "source.yaml"]
FILES += sorted(ARGO_CD.glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_every_object_is_admitted(admit: Admit, file: Path) -> None:
    admit(objects_in(file))


def test_every_application_of_the_application_set_is_admitted(admit: Admit) -> None:
    (application_set,) = objects_in(ARGO_CD / "applicationset.yaml")
    admit(list(applications_of(application_set)))


@pytest.mark.parametrize(
    ("file", "right", "wrong", "said"),
    [
        (FLUX / "base" / "release.yaml", "remediation", "remedation", "not declared"),
        (FLUX / "base" / "source.yaml", "operation: copy", "operation: clone", "Unsupported value"),
        (ARGO_CD / "application.yaml", "syncOptions", "syncOption", "not declared"),
    ],
)
def test_a_broken_object_is_refused(
    admit: Admit, file: Path, right: str, wrong: str, said: str
) -> None:
    text = json.dumps(objects_in(file))
    right, wrong = (word.replace(": ", '": "') for word in (right, wrong))
    assert right in text
    with pytest.raises(PlatformError, match=said):
        admit(json.loads(text.replace(right, wrong)))


@pytest.mark.parametrize("major", helm.MAJORS)
def test_the_chart_is_installed_from_the_registry(
    cluster: Cluster, make_namespace: Callable[[str], str], charts: str, major: int
) -> None:
    namespace = make_namespace(f"registry-helm{major}")
    values = [values_file("dev"), SITE / "dev.yaml"]
    arguments = [RELEASE, f"{charts}/airflow-platform", "--version", VERSION, "--plain-http"]
    arguments += [word for file in values for word in ("--values", str(file))]
    at = ["--namespace", namespace, "--kubeconfig", str(cluster.kubeconfig)]
    wait = ["--wait", "--wait-for-jobs", "--timeout", "60s"]
    done = helm.run(major, ["install", *arguments, *at, *wait])
    assert done.returncode == 0, done.stderr
    shown = render("dev", values=[SITE / "dev.yaml"], namespace=namespace, helm=major)
    for kind in ("Deployment", "StatefulSet", "Job"):
        found = direct(cluster).list(kind, namespace)
        installed = {each["metadata"]["name"] for each in found}
        assert installed == {each.name for each in shown.all(kind)}
    done = helm.run(major, ["uninstall", RELEASE, *at])
    assert done.returncode == 0, done.stderr
