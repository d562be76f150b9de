"""Finds the official Airflow chart, or the stand-in that takes its place on a closed network."""

import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from airflow_platform.support import processes, strict_yaml
from airflow_platform.support.cache import cache_dir, publish
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.progress import progress
from airflow_platform.support.project import ROOT
from airflow_platform.support.tools import tool

STAND_IN = ROOT / "tests" / "stand_in"
NAME = "airflow"

_VENDORED = ROOT / "charts"
_PULL_SECONDS = 20
_RETRY_PULL_AFTER_SECONDS = 600


@dataclass(frozen=True)
class UpstreamChart:
    """A chart named airflow: ``path`` is a directory or .tgz, ``source`` says where it is from."""

    path: Path
    source: str
    is_stand_in: bool
    version: str

    def read(self, name: str) -> str:
        """Return the text of the chart's file ``name``; PlatformError when there is none."""
        return _read(self.path, name, self.source)


@cache
def find_upstream() -> UpstreamChart:
    """Return the first chart found: AIRFLOW_CHART, charts/, caches, the repository, the stand-in.

    PlatformError when a chart is named by the user but is not the version that Chart.yaml pins.
    """
    pin = pinned_dependency()
    version = pin["version"]
    if found := next(_candidates(f"{NAME}-{version}.tgz"), None):
        return _checked(*found, version)
    if pulled := _pull(pin, cache_dir("charts")):
        return _checked(pulled, pin["repository"], version)
    return stand_in()


def chart_at(path: Path, source: str) -> UpstreamChart:
    """Return the official chart at ``path``, which the user named by ``source``.

    PlatformError when there is no chart, or not the version that Chart.yaml pins.
    """
    return _checked(path.expanduser().resolve(), source, pinned_dependency()["version"])


def stand_in() -> UpstreamChart:
    """Return the stand-in chart of this repository."""
    return _checked(STAND_IN, "tests/stand_in", pinned_dependency()["version"])


def pinned_dependency() -> dict[str, Any]:
    """Return the dependency of Chart.yaml that is the official chart."""
    for dependency in strict_yaml.load_file(ROOT / "Chart.yaml")["dependencies"]:
        if dependency["name"] == NAME:
            return dict(dependency)
    raise PlatformError(f'Chart.yaml has no dependency named "{NAME}".')


def _candidates(package: str) -> Iterator[tuple[Path, str]]:
    named = os.environ.get("AIRFLOW_CHART")
    if named:
        yield Path(named).expanduser().resolve(), "AIRFLOW_CHART"
    places = (
        (_VENDORED / NAME, "charts/"),
        (_VENDORED / package, "charts/"),
        (cache_dir("charts") / package, "the cache"),
        (_helm_repository_cache() / package, "Helm's repository cache"),
    )
    yield from ((path, source) for path, source in places if path.exists())


def _helm_repository_cache() -> Path:
    """Return where Helm keeps the charts it has downloaded, by Helm's own rules."""
    if directory := os.environ.get("HELM_REPOSITORY_CACHE"):
        return Path(directory)
    if home := os.environ.get("HELM_CACHE_HOME"):
        return Path(home, "repository")
    default = "~/Library/Caches" if sys.platform == "darwin" else "~/.cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or default).expanduser() / "helm" / "repository"


def _checked(path: Path, source: str, version: str) -> UpstreamChart:
    chart = strict_yaml.load(_read(path, "Chart.yaml", source), f"{path}: Chart.yaml")
    found = f"{chart['name']} {chart['version']}"
    if found != f"{NAME} {version}":
        raise PlatformError(
            f"{path} (from {source}) is the chart {found}, but Chart.yaml pins {NAME} {version}."
            " Put that version there, or remove it."
        )
    return UpstreamChart(path, source, path == STAND_IN, version)


def _read(path: Path, name: str, source: str) -> str:
    """Return the text of a file in a chart directory or package."""
    try:
        if path.is_dir():
            return (path / name).read_text(encoding="utf-8")
        with tarfile.open(path) as package:
            member = next(m for m in package if m.name.split("/", 1)[1:] == [name])
            content = package.extractfile(member)
            assert content, f"{name} is a file"
            return content.read().decode()
    except (OSError, tarfile.TarError, StopIteration):
        raise PlatformError(
            f"{path} (from {source}) is not a Helm chart: neither a directory nor a package (.tgz)"
            f" with a {name}."
        ) from None


def _pull(pin: dict[str, Any], directory: Path) -> Path | None:
    """Download the pinned chart; None when it cannot be reached.

    A failure is remembered for ten minutes, so that a closed network does not cost every call.
    """
    name = f"{NAME}-{pin['version']}"
    failed = directory / f"{name}.unreachable"
    if failed.exists() and time.time() - failed.stat().st_mtime < _RETRY_PULL_AFTER_SECONDS:
        return None

    def download(target: Path) -> None:
        command = [str(tool("helm4")), "pull", NAME, "--repo", pin["repository"]]
        command += ["--version", pin["version"], "--destination", str(target.parent)]
        with progress(f"Downloading {name} from {pin['repository']}"):
            processes.run(command, timeout=_PULL_SECONDS).check_returncode()

    try:
        return publish(directory / f"{name}.tgz", download)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        failed.touch()
        return None
