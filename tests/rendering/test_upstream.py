import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_platform.rendering import upstream
from airflow_platform.rendering.upstream import STAND_IN, find_upstream, pinned_dependency
from airflow_platform.support.errors import PlatformError

VERSION = pinned_dependency()["version"]
PACKAGE = f"airflow-{VERSION}.tgz"


@pytest.fixture
def nowhere(tmp_path, monkeypatch) -> Iterator[Path]:
    """A machine where no official chart is to be found; return the directory of its caches."""
    monkeypatch.delenv("AIRFLOW_CHART", raising=False)
    monkeypatch.delenv("HELM_REPOSITORY_CACHE", raising=False)
    monkeypatch.delenv("HELM_CACHE_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(upstream, "_VENDORED", tmp_path / "charts")
    monkeypatch.setattr(upstream, "tool", lambda name: failing_program(tmp_path))
    find_upstream.cache_clear()
    yield tmp_path
    find_upstream.cache_clear()


def failing_program(directory: Path) -> Path:
    """A Helm that reaches nothing, and writes down that it was asked."""
    path = directory / "helm"
    path.write_text(f"#!/bin/sh\necho pull >> {directory}/pulls\nexit 1\n")
    path.chmod(0o755)
    return path


def chart(directory: Path, version: str = VERSION) -> Path:
    directory.mkdir(parents=True)
    (directory / "Chart.yaml").write_text(f"{{name: airflow, version: {version}}}")
    return directory


def package(path: Path, version: str = VERSION) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    source = chart(path.parent / f"source-of-{path.name}", version)
    with tarfile.open(path, "w:gz") as archive:
        archive.add(source, "airflow")
    return path


def test_the_places_are_searched_in_the_documented_order(nowhere, monkeypatch):
    in_helm = package(nowhere / "cache" / "helm" / "repository" / PACKAGE)
    in_cache = package(nowhere / "cache" / "airflow-platform" / "charts" / PACKAGE)
    vendored = package(nowhere / "charts" / PACKAGE)
    named = chart(nowhere / "named")
    monkeypatch.setenv("AIRFLOW_CHART", str(named))
    for expected in (named, vendored, in_cache, in_helm):
        find_upstream.cache_clear()
        found = find_upstream()
        assert found.path == expected
        assert found.version == VERSION
        assert not found.is_stand_in
        monkeypatch.delenv("AIRFLOW_CHART", raising=False)
        if expected.is_file():
            expected.unlink()


def test_helm_cache_variables_are_honoured(nowhere, monkeypatch):
    monkeypatch.setenv("HELM_CACHE_HOME", str(nowhere / "home"))
    expected = package(nowhere / "home" / "repository" / PACKAGE)
    assert find_upstream().path == expected


def test_the_stand_in_takes_the_place_of_a_chart_that_cannot_be_had(nowhere):
    found = find_upstream()
    assert found.is_stand_in
    assert found.path == STAND_IN
    assert found.version == VERSION


def test_a_failed_download_is_not_tried_again_at_once(nowhere):
    for _ in range(3):
        find_upstream.cache_clear()
        find_upstream()
    assert (nowhere / "pulls").read_text() == "pull\n"


def test_a_chart_of_another_version_is_refused(nowhere, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CHART", str(package(nowhere / "old.tgz", "1.18.0")))
    with pytest.raises(PlatformError, match=rf"airflow 1\.18\.0, but Chart\.yaml pins .*{VERSION}"):
        find_upstream()


@pytest.mark.parametrize("name", ["missing", "text.tgz", "empty"])
def test_what_is_no_chart_is_refused(nowhere, monkeypatch, name):
    (nowhere / "text.tgz").write_text("not a package")
    (nowhere / "empty").mkdir()
    monkeypatch.setenv("AIRFLOW_CHART", str(nowhere / name))
    with pytest.raises(PlatformError, match=rf"{name} \(from AIRFLOW_CHART\) is not a Helm chart"):
        find_upstream()


def test_files_are_read_from_directories_and_packages(nowhere):
    for path in (chart(nowhere / "directory"), package(nowhere / "package.tgz")):
        found = upstream.UpstreamChart(path, "a test", is_stand_in=False, version=VERSION)
        assert f"version: {VERSION}" in found.read("Chart.yaml")
