"""Upgrades of a production release: at any moment, and only what must start anew does."""

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.rendering import helm
from airflow_platform.rendering.upstream import find_upstream, stand_in
from airflow_platform.support.errors import PlatformError

from ..restarts import SETTINGS
from .direct import direct
from .released import ONE_REPLICA, READY, Released, airflow_image, install

_BY_HELM = {
    major: pytest.param(major, id=name, marks=pytest.mark.xdist_group(name))
    for major in helm.MAJORS
    for name in [f"upgrades-helm{major}"]
}
# What does not depend on Helm is tried once: on the official chart, or, where that shows as much,
# on the stand-in.
_OFFICIAL = pytest.mark.parametrize("released", [_BY_HELM[4]], indirect=True, scope="module")
_STAND_IN = pytest.mark.parametrize("released", [_BY_HELM[3]], indirect=True, scope="module")
# The migration is still running when all of these tests are over.
_SLOW_MIGRATION: Mapping[str, Any] = {
    "airflow": {"migrateDatabaseJob": {"annotations": {"kwok.airflow-platform/runs-for": "1h"}}}
}
_READY_SECONDS = 30.0
_POLL_SECONDS = 0.3

_EXPORTER = {"Deployment/airflow-statsd-exporter"}


@pytest.fixture(scope="module", params=_BY_HELM.values())
def released(
    request: pytest.FixtureRequest, cluster: Cluster, make_namespace: Callable[[str], str]
) -> Released:
    namespace = make_namespace(f"upgrades-helm{request.param}")
    values = (ONE_REPLICA, _SLOW_MIGRATION)
    # Helm 3 upgrades the stand-in, for which it needs a third of the time.
    chart = find_upstream() if request.param == 4 else stand_in()
    return install(cluster, namespace, "prod", *values, upstream=chart, major=request.param)


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Make copies of charts, to change them."""

    def copy(chart: Path) -> Path:
        target = tmp_path_factory.mktemp("charts") / "airflow-platform"
        return Path(shutil.copytree(chart, target))

    return copy


def test_another_image_while_the_migration_runs(released: Released) -> None:
    before = released.names("jobs")
    _until(lambda: _migration(released)["status"].get("active") == 1, "the migration runs")
    released.upgrade(airflow_image("3.1.8"))
    after = released.names("jobs")
    assert len(before) == len(after) == 2
    assert not {*before} & {*after}


def _migration(released: Released) -> dict[str, Any]:
    (job,) = (job for job in released.objects("jobs") if "migrations" in job["metadata"]["name"])
    return job


@_STAND_IN
def test_with_jobs_that_keep_their_names_it_would_fail(
    released: Released, charts: Callable[[Path], Path]
) -> None:
    fixed = charts(released.chart)
    _edit(
        fixed / "templates/jobs/_job.tpl", "list $job.metadata.name $job.spec", "$job.metadata.name"
    )
    released.upgrade(chart=fixed)
    with pytest.raises(PlatformError, match="immutable"):
        released.upgrade(airflow_image("3.1.9"), chart=fixed)
    assert released.status() == "failed"
    released.upgrade()
    assert released.status() == "deployed"


def test_an_upgrade_after_a_migration_that_hangs(released: Released) -> None:
    released.upgrade(airflow_image("missing"))
    stuck = released.names("jobs")
    _until(lambda: any(map(_waits, _pods(released))), "a pod waits for its image")
    released.upgrade()
    assert not {*stuck} & {*released.names("jobs")}
    _replace_waiting(released)


def test_an_upgrade_after_one_that_failed(released: Released) -> None:
    with pytest.raises(PlatformError):
        released.upgrade(airflow_image("missing"), options=(*READY, "--timeout=1s"))
    assert released.status() == "failed"
    stuck = {*released.names("jobs")}
    released.upgrade()
    assert released.status() == "deployed"
    # Helm compares with the last revision that was deployed, and so does not see these.
    left = stuck & {*released.names("jobs")}
    assert left == stuck
    where = f"--namespace={released.namespace}"
    released.cluster.kubectl("delete", "jobs", where, *left)
    _replace_waiting(released)


def test_only_what_must_start_anew_does_and_a_rollback_brings_back_what_was_there(
    released: Released,
) -> None:
    """What each of the settings restarts: tests/chart/test_restarts.py."""
    before, pods = released.specs(), released.pod_templates()
    released.upgrade(*(setting.values for setting in SETTINGS.values()))
    restarted = set().union(*(setting.restarts for setting in SETTINGS.values()))
    assert _differences(pods, released.pod_templates()) == restarted & pods.keys()
    released.release.rollback(0)  # the revision before
    assert released.specs() == before


@_OFFICIAL
def test_another_version_of_the_charts_restarts_nothing(
    released: Released, charts: Callable[[Path], Path]
) -> None:
    before = released.pod_templates()
    newer = charts(released.chart)
    for chart in (newer, newer / "charts/observability"):
        _edit(chart / "Chart.yaml", "\nversion: ", "\nversion: 9")
    released.upgrade(chart=newer)
    assert released.pod_templates() == before

    # A label with the version would be seen.
    _edit(
        newer / "charts/observability/templates/metrics/deployment.yaml",
        '{{- include "observability.pods.labels" $pod | nindent 8 }}',
        '{{- include "observability.pods.labels" $pod | nindent 8 }}\n'
        "        version: {{ .Chart.Version | quote }}",
    )
    released.upgrade(chart=newer)
    assert _differences(before, released.pod_templates()) == _EXPORTER


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    return {name for name in {**before, **after} if before.get(name) != after.get(name)}


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def _pods(released: Released) -> list[dict[str, Any]]:
    return direct(released.cluster).list("pods", released.namespace)


def _waits(pod: Mapping[str, Any]) -> bool:
    """Return whether a pod waits for an image."""
    statuses = pod["status"].get("containerStatuses", [])
    return any("waiting" in status["state"] for status in statuses)


def _replace_waiting(released: Released) -> None:
    """Delete pods of a StatefulSet that wait for an image, as docs/operations.md says.

    Kubernetes does not replace them by itself.
    """
    _until(lambda: all(map(_is_triggerer, filter(_waits, _pods(released)))), "Deployments roll")
    for pod in filter(_waits, _pods(released)):
        name = pod["metadata"]["name"]
        released.cluster.kubectl("delete", "pod", name, f"--namespace={released.namespace}")
    _until(lambda: not any(map(_waits, _pods(released))), "no pod waits for its image")


def _is_triggerer(pod: Mapping[str, Any]) -> bool:
    return bool(pod["metadata"]["labels"].get("component") == "triggerer")


def _until(reached: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + _READY_SECONDS
    while not reached():
        assert time.monotonic() < give_up, f"not within {_READY_SECONDS:.0f} s: {what}"
        time.sleep(_POLL_SECONDS)
