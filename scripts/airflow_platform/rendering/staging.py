"""Puts together what `helm dependency build` would, from the files as they are now.

Helm packs `file://chart` into charts/*.tgz once and then renders that package, whatever is edited
in chart/ later. So nothing is ever rendered from the tree's own charts/ directory.
"""

import hashlib
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from airflow_platform.rendering.upstream import NAME, UpstreamChart
from airflow_platform.support.cache import cache_dir, publish
from airflow_platform.support.project import ROOT

ADDON_NAME = "observability"

# What belongs to a chart; the rest of its directory (tests, documents, tools) does not ship.
_CHART_PARTS = ("Chart.yaml", "values.yaml", "values.schema.json", "templates", "files", "crds")
# Read by templates of the wrapper besides.
_WRAPPER_PARTS = ("values", "examples", "contracts", "dags", "workflows")


def stage(upstream: UpstreamChart, root: Path = ROOT) -> Path:
    """Return a directory with the wrapper chart of ``root`` and both of its dependencies.

    The directory is named by the content and must not be changed.
    """
    files = dict(_chart_files(root, *_WRAPPER_PARTS))
    files |= _below(f"charts/{ADDON_NAME}", _chart_files(root / "chart"))
    return _stage(files, {f"charts/{NAME}": stage_upstream(upstream)})


def stage_addon(root: Path = ROOT) -> Path:
    """Return a directory with the add-on chart of ``root`` alone; see ``stage``."""
    return _stage(dict(_chart_files(root / "chart")))


def stage_upstream(upstream: UpstreamChart) -> Path:
    """Return a directory with the official chart alone; see ``stage``."""
    return _stage_official(upstream.path)


def _stage_official(chart: Path) -> Path:
    """Stage a chart, a directory or package, with the charts in it, but without its documents.

    Its templates copy all that Helm hands them, documents included, byte by byte and several times,
    which takes longer than everything else in a render.
    """
    if chart.is_dir():
        charts = {
            f"charts/{path.name.removesuffix('.tgz')}": _stage_official(path)
            for path in chart.glob("charts/*")
            if path.is_dir() or path.suffix == ".tgz"
        }
        return _stage(dict(_chart_files(chart)), charts)
    return _stage_package(chart, _content(chart))


@cache
def _stage_package(package: Path, content: str) -> Path:
    def unpack(target: Path) -> None:
        with tarfile.open(package) as packed:
            packed.extractall(target, filter="data")

    (chart,) = publish(cache_dir("staged") / content, unpack).iterdir()
    return _stage_official(chart)


def _chart_files(chart: Path, *more_parts: str) -> Iterator[tuple[str, Path]]:
    for part in (*_CHART_PARTS, *more_parts):
        path = chart / part
        if path.is_file():
            yield part, path
        for directory, directories, names in os.walk(path):
            if "__pycache__" in directories:
                directories.remove("__pycache__")
            below = Path(directory)
            place = below.relative_to(chart).as_posix()
            for name in names:
                yield f"{place}/{name}", below / name


def _below(directory: str, files: Iterator[tuple[str, Path]]) -> dict[str, Path]:
    return {f"{directory}/{name}": path for name, path in files}


def _stage(files: Mapping[str, Path], staged: Mapping[str, Path] | None = None) -> Path:
    """Return the directory with ``files`` and what is ``staged`` already, by their places in it."""
    contents = {name: _content(path) for name, path in files.items()}
    contents |= {name: directory.name for name, directory in (staged or {}).items()}
    lines = (f"{name}\0{content}\n" for name, content in sorted(contents.items()))
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()

    def copy(target: Path) -> None:
        for name, path in files.items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / name)
        for name, directory in (staged or {}).items():
            shutil.copytree(directory, target / name)

    return publish(cache_dir("staged") / digest, copy)


def _content(path: Path) -> str:
    """Return a hash of the content of a file, which is read again only when it has changed."""
    file = path.stat()
    return _content_of(str(path), file.st_ino, file.st_size, file.st_mtime_ns)


@cache
def _content_of(path: str, *_state: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
