"""Flux itself installs the example of dev from a registry, and keeps it as it is."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.manifests import Render
from airflow_platform.rendering.render import render
from airflow_platform.support import processes
from airflow_platform.support.frozen import thaw
from airflow_platform.support.ports import free_ports
from airflow_platform.support.project import RELEASE

from ..examples.files import FLUX, SITE
from .direct import direct

pytestmark = pytest.mark.xdist_group("gitops")

_DEADLINE_SECONDS = 60.0
_POLL_SECONDS = 0.3


@dataclass(frozen=True)
class Flux:
    """Flux on a cluster, which reconciles one namespace."""

    cluster: Cluster
    namespace: str

    def apply(self, objects: list[dict[str, Any]]) -> None:
        direct(self.cluster).apply(objects, force=True)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        found = direct(self.cluster).get(kind, name, self.namespace)
        assert found, f"there is no {kind} {name}"
        return found

    def reconcile(self) -> None:
        """Let Flux compare the release with the cluster, and wait until it has."""
        asked = str(time.time_ns())
        asking = f"reconcile.fluxcd.io/requestedAt={asked}"
        at = f"--namespace={self.namespace}"
        self.cluster.kubectl("annotate", "--overwrite", "helmrelease", RELEASE, asking, at)
        self.wait(
            "the reconciliation",
            lambda release: release["status"].get("lastHandledReconcileAt") == asked,
        )

    def wait(self, what: str, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until the HelmRelease is as it should be."""
        give_up = time.monotonic() + _DEADLINE_SECONDS
        while not reached(release := self.get("helmrelease", RELEASE)):
            assert time.monotonic() < give_up, f"{what} is not there: {release.get('status')}"
            time.sleep(_POLL_SECONDS)
        return release

    def replicas(self, name: str) -> int:
        found: int = self.get("deployment", name)["spec"]["replicas"]
        return found

    def scale(self, name: str, replicas: int) -> None:
        at = f"--namespace={self.namespace}"
        self.cluster.kubectl("scale", f"deployment/{name}", f"--replicas={replicas}", at)


def conditions(release: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The conditions by their type."""
    return {each["type"]: each for each in release.get("status", {}).get("conditions", ())}


def is_ready(release: dict[str, Any]) -> bool:
    """Whether Flux is done with the release as it is."""
    found = conditions(release)
    return (
        release.get("status", {}).get("observedGeneration") == release["metadata"]["generation"]
        and "Reconciling" not in found
        and found["Ready"]["status"] == "True"
    )


def is_refused(release: dict[str, Any]) -> bool:
    """Whether the last that Flux has tried has failed; it goes on trying."""
    return conditions(release)["Ready"]["status"] == "False"


def example(cluster: Cluster, namespace: str, charts: str) -> list[dict[str, Any]]:
    """What kustomize builds for dev, in the namespace and from the registry of this test."""
    arguments = ["--load-restrictor", "LoadRestrictionsNone", str(FLUX / "dev")]
    built = Render.from_text(cluster.kubectl("kustomize", *arguments))
    objects: list[dict[str, Any]] = [thaw(each.document) for each in built.manifests]
    for each in objects:
        each["metadata"]["namespace"] = namespace
        if each["kind"] == "OCIRepository":
            each["spec"] |= {"url": f"{charts}/airflow-platform", "insecure": True}
            del each["spec"]["verify"]
    return objects


def with_site_values(objects: list[dict[str, Any]], values: dict[str, Any]) -> list[dict[str, Any]]:
    """Put other values in place of those of the site, under another name as kustomize would."""
    text = json.dumps(objects)
    (site,) = (each for each in objects if each["metadata"]["name"].startswith("airflow-site"))
    name = site["metadata"]["name"]
    changed: list[dict[str, Any]] = json.loads(text.replace(name, f"{name}-{time.time_ns()}"))
    for each in changed:
        if each["metadata"]["name"].startswith("airflow-site"):
            each["data"] = {"values.yaml": json.dumps(values)}
    return changed


@pytest.fixture(scope="module")
def flux(
    cluster: Cluster,
    make_namespace: Callable[[str], str],
    program: Callable[[str], Path],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Flux]:
    """The controllers of Flux, for a namespace."""
    if request.config.getoption("kubeconfig"):
        pytest.skip("a cluster that is given may have a Flux of its own")
    namespace = make_namespace("flux")
    directory = tmp_path_factory.mktemp("flux")
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    storage = [
        f"--storage-path={directory}",
        *(f"--storage-{each}={address}" for each in ("addr", "adv-addr")),
    ]
    common = ["--watch-all-namespaces=false", "--events-addr="]
    common += [f"--{each}-addr=127.0.0.1:0" for each in ("metrics", "health")]
    environment = {
        **os.environ,
        "KUBECONFIG": str(cluster.kubeconfig),
        "RUNTIME_NAMESPACE": namespace,
    }
    with ExitStack() as stack:
        for name, more in {"source-controller": storage, "helm-controller": []}.items():
            log = stack.enter_context((directory / f"{name}.log").open("wb"))
            command: processes.Command = [program(name), *common, *more]
            stack.enter_context(processes.started(command, env=environment, output=log))
        yield Flux(cluster, namespace)


@pytest.fixture(scope="module")
def objects(flux: Flux, charts: str) -> list[dict[str, Any]]:
    """The objects of the example, which Flux has reconciled."""
    built = example(flux.cluster, flux.namespace, charts)
    flux.apply(built)
    flux.wait("the release", is_ready)
    return built


def test_flux_installs_what_render_shows(flux: Flux, objects: list[dict[str, Any]]) -> None:
    shown = render("dev", values=[SITE / "dev.yaml"], namespace=flux.namespace)
    for kind in ("Deployment", "StatefulSet", "Job"):
        installed = direct(flux.cluster).list(kind, flux.namespace)
        assert {each["metadata"]["name"] for each in installed} == {
            each.name for each in shown.all(kind)
        }


def test_flux_takes_back_what_somebody_has_changed_and_nothing_else(
    flux: Flux, objects: list[dict[str, Any]]
) -> None:
    flux.cluster.kubectl("delete", "jobs", "--all", f"--namespace={flux.namespace}")
    flux.scale(f"{RELEASE}-scheduler", 3)
    flux.scale(f"{RELEASE}-api-server", 2)
    flux.reconcile()
    give_up = time.monotonic() + _DEADLINE_SECONDS
    while flux.replicas(f"{RELEASE}-scheduler") != 1:
        assert time.monotonic() < give_up
        time.sleep(_POLL_SECONDS)
    assert flux.replicas(f"{RELEASE}-api-server") == 2
    # Kubernetes removes Jobs that have ended: to bring them back would be to run them again.
    assert not direct(flux.cluster).list("jobs", flux.namespace)


def test_other_values_are_another_release_at_once(
    flux: Flux, objects: list[dict[str, Any]]
) -> None:
    flux.apply(with_site_values(objects, {"airflow": {"scheduler": {"replicas": 2}}}))
    flux.wait("the upgrade", is_ready)
    assert flux.replicas(f"{RELEASE}-scheduler") == 2


def test_values_that_the_chart_refuses_leave_the_release_as_it_is(
    flux: Flux, objects: list[dict[str, Any]]
) -> None:
    before = flux.replicas(f"{RELEASE}-scheduler")
    loki = {"endpont": "http://loki:3100"}
    changed = {"global": {"taskLogs": {"loki": loki}}, "airflow": {"scheduler": {"replicas": 5}}}
    flux.apply(with_site_values(objects, changed))
    release = flux.wait("the refusal", is_refused)
    assert "endpont" in conditions(release)["Ready"]["message"]
    assert flux.replicas(f"{RELEASE}-scheduler") == before
