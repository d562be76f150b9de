"""Charts of others that our examples have values for: their versions, and what they render."""

import re
import subprocess
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from airflow_platform.manifests import Render
from airflow_platform.support import processes
from airflow_platform.support.cache import cache_dir, publish
from airflow_platform.support.project import KUBE_VERSION
from airflow_platform.support.tools import tool

_PULL_SECONDS = 20
_RETRY_PULL_AFTER_SECONDS = 600


@dataclass(frozen=True)
class Chart:
    """A chart of a repository, as the comment at the top of a values file names it."""

    name: str
    version: str
    repository: str


def pinned(values: Path) -> Chart:
    """The chart that the values are for."""
    [found] = re.findall(
        r"^# Chart: (\S+) (\S+) of (https://\S+)$", values.read_text(encoding="utf-8"), re.MULTILINE
    )
    return Chart(*found)


@cache
def rendered(values: Path, release: str, namespace: str, helm: str = "helm4") -> Render:
    """What the chart makes of the values. The test is skipped where the chart cannot be had."""
    package = _package(pinned(values))
    command: processes.Command = [
        *(tool(helm), "template", release, package, "--namespace", namespace),
        *("--values", values, "--kube-version", KUBE_VERSION, "--no-hooks"),
    ]
    done = processes.run(command)
    assert done.returncode == 0, done.stderr
    return Render.from_text(done.stdout)


def _package(chart: Chart) -> Path:
    """The chart as a package: from the cache, else from its repository."""
    directory = cache_dir("charts")
    name = f"{chart.name}-{chart.version}"
    failed = directory / f"{name}.unreachable"

    def download(target: Path) -> None:
        command: processes.Command = [
            *(tool("helm4"), "pull", chart.name, "--repo", chart.repository),
            *("--version", chart.version, "--destination", target.parent),
        ]
        processes.run(command, timeout=_PULL_SECONDS).check_returncode()

    package = directory / f"{name}.tgz"
    lately = failed.exists() and time.time() - failed.stat().st_mtime < _RETRY_PULL_AFTER_SECONDS
    if package.exists() or not lately:
        try:
            return publish(package, download)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            failed.touch()
    pytest.skip(f"needs the chart {name}: let Helm reach {chart.repository}")
