"""The Flux examples install what `render` shows, and their objects find each other."""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_platform import cli
from airflow_platform.manifests import Manifest, Render
from airflow_platform.rendering.render import render
from airflow_platform.support import strict_yaml
from airflow_platform.support.durations import duration
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import NAMESPACE, RELEASE, ROOT, values_file

from .conftest import Build
from .files import FLUX, RELEASES, SITE, objects_in

EACH_RELEASE = pytest.mark.parametrize("name", RELEASES)
CLUSTERS = sorted(path.stem for path in (FLUX / "clusters").glob("*.yaml"))


def release_of(built: Render) -> Manifest:
    (release,) = built.all("HelmRelease")
    return release


def values_of(built: Render) -> list[dict[str, Any]]:
    """The values of the release, in the order in which Flux merges them."""
    found = []
    for source in release_of(built).at("spec", "valuesFrom"):
        assert source["kind"] == "ConfigMap"
        text = built.get("ConfigMap", source["name"]).at(
            "data", source.get("valuesKey", "values.yaml")
        )
        found.append(strict_yaml.load(text, source["name"]))
    return found


def objects(rendered: Render) -> list[Mapping[str, Any]]:
    return [each.document for each in rendered.manifests]


@EACH_RELEASE
def test_the_values_are_those_of_the_environment_and_then_those_of_the_site(
    build: Build, name: str
) -> None:
    environment, site = values_of(build(FLUX / name))
    assert environment == strict_yaml.load_file(values_file(RELEASES[name]))
    assert site == strict_yaml.load_file(SITE / f"{name}.yaml")


@EACH_RELEASE
def test_flux_installs_what_render_shows(build: Build, name: str) -> None:
    built = build(FLUX / name)
    release = release_of(built)
    assert release.at("spec", "releaseName", default=release.name) == RELEASE
    assert release.namespace == NAMESPACE
    assert "values" not in release.at("spec")
    shown = render(RELEASES[name], values=[SITE / f"{name}.yaml"])
    assert objects(render(values=values_of(built))) == objects(shown)


@EACH_RELEASE
def test_the_values_pass_the_checks_and_every_secret_that_they_name_is_made(
    build: Build, program: Callable[[str], Path], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    for tool in ("kubeconform", "pod-security", "promtool", "query-parser"):
        program(tool)
    arguments = [RELEASES[name], "-f", str(SITE / f"{name}.yaml"), "--output", "json"]
    assert cli.main(["check", *arguments]) == 0
    answer = json.loads(capsys.readouterr().out)
    needed = {each["name"] for each in answer["needed"] if each["kind"] == "Secret"}
    made = build(FLUX / "database").all("ExternalSecret") if needed else ()
    assert {secret.at("spec", "target", "name") for secret in made} == needed


def test_values_that_the_schema_refuses_are_found(build: Build) -> None:
    with pytest.raises(PlatformError, match="endpont"):
        render(
            values=[
                *values_of(build(FLUX / "prod")),
                {"global": {"taskLogs": {"loki": {"endpont": "http://loki"}}}},
            ]
        )


@EACH_RELEASE
def test_the_release_takes_the_chart_from_the_source_beside_it(build: Build, name: str) -> None:
    built = build(FLUX / name)
    reference = release_of(built).at("spec", "chartRef")
    source = built.get(reference["kind"], reference["name"])
    assert source.namespace == release_of(built).namespace


@EACH_RELEASE
def test_the_chart_can_come_from_git_instead(build: Build, tmp_path: Path, name: str) -> None:
    def relative(path: Path) -> str:
        return os.path.relpath(path, tmp_path)

    overlay = {
        "resources": [relative(FLUX / name)],
        "components": [relative(FLUX / "git-source")],
    }
    (tmp_path / "kustomization.yaml").write_text(strict_yaml.dump(overlay), encoding="utf-8")
    built = build(tmp_path)
    assert not built.all("OCIRepository")
    release = release_of(built)
    assert "chartRef" not in release.at("spec")
    chart = release.at("spec", "chart", "spec")
    built.get(chart["sourceRef"]["kind"], chart["sourceRef"]["name"])
    assert (ROOT / chart["chart"] / "Chart.yaml").is_file()
    assert chart["reconcileStrategy"] == "Revision"


def ignored(release: Manifest, path: str, kind: str, name: str) -> bool:
    """Whether drift of the field is ignored; Flux takes patterns of whole names."""
    return any(
        path in rule["paths"]
        and re.fullmatch(rule["target"].get("kind", ".*"), kind)
        and re.fullmatch(rule["target"].get("name", ".*"), name)
        for rule in release.at("spec", "driftDetection", "ignore")
    )


@EACH_RELEASE
def test_drift_detection_brings_no_finished_job_back(build: Build, name: str) -> None:
    jobs = render(values=values_of(build(FLUX / name))).all("Job")
    assert jobs
    for job in jobs:
        assert job.at("spec", "ttlSecondsAfterFinished") > 0
        assert job.annotations["helm.toolkit.fluxcd.io/driftDetection"] == "disabled"


def scaled(rendered: Render) -> Iterator[tuple[str, str]]:
    for kind in ("HorizontalPodAutoscaler", "ScaledObject"):
        for scaler in rendered.all(kind):
            target = scaler.at("spec", "scaleTargetRef")
            yield target.get("kind", "Deployment"), target["name"]


@pytest.mark.official_chart
def test_drift_detection_leaves_the_replicas_to_autoscalers(build: Build) -> None:
    built = build(FLUX / "prod")
    scalers = {
        "executor": "CeleryExecutor",
        "apiServer": {"hpa": {"enabled": True}},
        "triggerer": {"keda": {"enabled": True}},
        "workers": {"keda": {"enabled": True}},
    }
    celery = ROOT / "examples" / "celery" / "values.yaml"
    rendered = render(
        values=[*values_of(built), strict_yaml.load_file(celery), {"airflow": scalers}]
    )
    targets = set(scaled(rendered))
    assert {name for _, name in targets} == {
        f"{RELEASE}-{component}" for component in ("api-server", "triggerer", "worker")
    }
    for kind, name in targets:
        assert ignored(release_of(built), "/spec/replicas", kind, name)
    assert not ignored(release_of(built), "/spec/replicas", "Deployment", f"{RELEASE}-scheduler")


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_cluster_reconciles_a_folder_that_there_is(build: Build, cluster: str) -> None:
    found = objects_in(FLUX / "clusters" / f"{cluster}.yaml")
    namespaces = {each["metadata"]["name"] for each in found if each["kind"] == "Namespace"}
    assert namespaces == {NAMESPACE}
    kustomizations = {
        e["metadata"]["name"]: e["spec"] for e in found if e["kind"] == "Kustomization"
    }
    spec = kustomizations["airflow"]
    folder = (ROOT / spec["path"]).resolve()
    assert folder == FLUX / cluster
    built = build(folder)
    (checked,) = spec["healthChecks"]
    release = built.get(checked["kind"], checked["name"])
    assert release.namespace == checked["namespace"]
    assert duration(spec["timeout"]) > duration(release.at("spec", "timeout"))
    # What the release needs, its Kustomization needs as well: it has objects of those operators.
    needed = {each["name"] for each in release.at("spec", "dependsOn", default=())}
    waited_for = {each["name"] for each in spec.get("dependsOn", ())}
    assert needed <= waited_for
    if "airflow-database" in waited_for:
        database = build((ROOT / kustomizations["airflow-database"]["path"]).resolve())
        assert database.get("Cluster", "airflow-database")


@pytest.mark.official_chart
def test_the_ingress_of_tailscale_names_one_machine(build: Build) -> None:
    """Tailscale takes the machine's name from `tls`, and passes over rules for another host."""
    ingress = render(values=values_of(build(FLUX / "homelab"))).get("Ingress", f"{RELEASE}-ingress")
    assert ingress.at("spec", "ingressClassName") == "tailscale"
    (tls,), (rule,) = ingress.at("spec", "tls"), ingress.at("spec", "rules")
    assert tuple(tls["hosts"]) == (rule["host"],)


def test_the_database_is_the_one_that_the_chart_would_make(build: Build) -> None:
    values = {
        "airflow": {"postgresql": {"enabled": False}},
        "database": {"cloudNativePG": {"enabled": True}},
    }
    own = render("prod", values=[values]).get("Cluster", "airflow-database").at("spec")
    there = build(FLUX / "database").get("Cluster", "airflow-database").at("spec")
    assert there == {key: own[key] for key in own if key != "description"}


def test_the_connection_leads_to_the_database(build: Build) -> None:
    database = build(FLUX / "database")
    cluster = database.get("Cluster", "airflow-database")
    secret = database.get(
        "ExternalSecret", cluster.at("spec", "bootstrap", "initdb", "secret", "name")
    )
    connection = secret.at("spec", "target", "template", "data", "connection")
    assert connection.endswith(
        f"@{cluster.name}-rw:5432/{cluster.at('spec', 'bootstrap', 'initdb', 'database')}"
    )
    values = strict_yaml.load_file(values_file("prod"))
    assert values["airflow"]["data"]["metadataSecretName"] == secret.at("spec", "target", "name")
