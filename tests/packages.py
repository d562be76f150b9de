"""The packages of a release, made of the files of this checkout as a release makes them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from airflow_platform.rendering.upstream import find_upstream
from airflow_platform.support.project import ROOT

# Where the links of the READMEs lead.
URL = "https://github.com/Example/airflow-platform/blob/v1.2.3"


def checkout(directory: Path, tracked_files: Iterable[str]) -> Path:
    """Copy the files into ``directory``, with the official chart in charts/."""
    for name in tracked_files:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, directory / name)
    (directory / "charts").mkdir()
    upstream = find_upstream().path
    if upstream.is_dir():
        shutil.copytree(upstream, directory / "charts" / "airflow")
    else:
        shutil.copy2(upstream, directory / "charts")
    return directory


def make_packages(tree: Path, *options: str) -> Path:
    """Make both packages of a checkout with .ci/package; return the directory that has them."""
    programs = tree / ".venv" / "bin"
    programs.mkdir(parents=True)
    name = "airflow-platform"
    (programs / name).symlink_to(Path(sys.executable).with_name(name))
    (tree / ".venv" / "installed").touch()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    done = subprocess.run(
        [tree / ".ci" / "package", "dist", URL, *options],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return tree / "dist"
