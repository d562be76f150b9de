"""Puts together what `helm dependency build` would, from the files as they are now.

Helm packs `file://chart` into charts/*.tgz once and then renders that package, whatever is edited
in chart/ later. So nothing is ever rendered from the tree's own charts/ directory.
"""

import hashlib
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

from airflow_platform.rendering.upstream import NAME, UpstreamChart
from airflow_platform.support.cache import cache_dir, publish
from airflow_platform.support.project import ROOT

ADDON_NAME = "observability"

# What belongs to a chart; the rest of its directory (tests, documents, tools) does not ship.
_CHART_PARTS = ("Chart.yaml", "values.yaml", "values.schema.json", "templates", "files", "crds")
# Read by templates of the wrapper besides.
_WRAPPER_PARTS = ("values", "examples")


def stage(upstream: UpstreamChart, root: Path = ROOT) -> Path:
    """Return a directory with the wrapper chart of ``root`` and both of its dependencies.

    The directory is named by the content and must not be changed.
    """
    files = dict(_chart_files(root, *_WRAPPER_PARTS))
    files |= _below(f"charts/{ADDON_NAME}", _chart_files(root / "chart"))
    if upstream.path.is_dir():
        files |= _below(f"charts/{NAME}", _chart_files(upstream.path, "charts"))
    else:
        files[f"charts/{NAME}.tgz"] = upstream.path
    return _stage(files)


def stage_addon(root: Path = ROOT) -> Path:
    """Return a directory with the add-on chart of ``root`` alone; see ``stage``."""
    return _stage(dict(_chart_files(root / "chart")))


def stage_upstream(upstream: UpstreamChart) -> Path:
    """Return a directory with the official chart alone; see ``stage``."""
    if upstream.path.is_dir():
        return _stage(dict(_chart_files(upstream.path, "charts")))

    def unpack(target: Path) -> None:
        with tarfile.open(upstream.path) as package:
            package.extractall(target, filter="data")

    digest = hashlib.sha256(upstream.path.read_bytes()).hexdigest()
    return publish(cache_dir("staged") / digest, unpack) / NAME


def _chart_files(chart: Path, *more_parts: str) -> Iterator[tuple[str, Path]]:
    for part in (*_CHART_PARTS, *more_parts):
        path = chart / part
        if path.is_file():
            yield part, path
        for below in path.rglob("*"):
            if below.is_file():
                yield below.relative_to(chart).as_posix(), below


def _below(directory: str, files: Iterator[tuple[str, Path]]) -> dict[str, Path]:
    return {f"{directory}/{name}": path for name, path in files}


def _stage(files: dict[str, Path]) -> Path:
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{name}\0{content}\n".encode())

    def copy(target: Path) -> None:
        for name, path in files.items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / name)

    return publish(cache_dir("staged") / digest.hexdigest(), copy)
