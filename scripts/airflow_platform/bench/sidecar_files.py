"""The files of the sidecar's ConfigMap, rendered with the chart's defaults."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from airflow_platform.rendering.render import render
from airflow_platform.support import strict_yaml

Config = dict[str, Any]


@cache
def sidecar_files() -> Path:
    """Return a directory with vector.yaml and the programs, which exists until this process ends.

    Paths of programs in vector.yaml are relative to it.
    """
    directory = Path(tempfile.mkdtemp(prefix="sidecar-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    (config,) = render(chart="add-on").embedded("VectorConfig")
    for name, text in config.owner.at("data").items():
        (directory / name).write_text(text, encoding="utf-8")
    return directory


def place(files: Path, config: Config, directory: Path, *, logs: Path, data: Path) -> Config:
    """Copy the programs of ``files`` to ``directory``, for other folders than a container's.

    ``logs`` and ``data`` take the place of the folder of log files and of Vector's data directory.
    Return ``config`` with these folders.
    """

    def placed(text: str) -> str:
        return text.replace("/opt/airflow/logs", str(logs)).replace("/var/lib/vector", str(data))

    directory.mkdir(exist_ok=True)
    for file in filter(Path.is_file, files.iterdir()):
        text = placed(file.read_text(encoding="utf-8"))
        (directory / file.name).write_text(text, encoding="utf-8")
    changed: Config = strict_yaml.load(placed(yaml.safe_dump(config)), "vector.yaml")
    return changed
