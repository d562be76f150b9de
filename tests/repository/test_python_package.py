"""The harness has its files also where it is installed from a package."""

import tomllib
from pathlib import Path

from airflow_platform.support.project import ROOT

SOURCES = ROOT / "scripts"


def test_files_beside_the_modules_are_data_of_the_package(tracked_files: tuple[str, ...]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packaged = {
        path.relative_to(ROOT).as_posix()
        for package, patterns in project["tool"]["setuptools"]["package-data"].items()
        for pattern in patterns
        for path in Path(SOURCES, *package.split(".")).glob(pattern)
    }
    beside = {
        name for name in tracked_files if name.startswith("scripts/") and not name.endswith(".py")
    }
    assert "scripts/airflow_platform/node/node.sh" in beside
    assert beside - packaged == set()
