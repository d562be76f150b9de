"""The files of the sidecar's ConfigMap, as the chart renders them with its defaults."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from airflow_platform.rendering.render import render


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
