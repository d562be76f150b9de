"""The images of the pods of Airflow, made of files of this machine."""

import re
from collections.abc import Mapping
from pathlib import Path

from airflow_platform.node.image import Image

# What programs of this machine need of it, wherever they are.
_SYSTEM = {"usr": Path("/usr"), "lib": Path("/lib"), "lib64": Path("/lib64")}


def job() -> Image:
    """Return an image with the commands of a shell."""
    return Image(shell=True)


def airflow(installed: Path, ingest: int) -> Image:
    """Return an image that runs its arguments with an Airflow at the paths of ``paths``.

    ``ingest`` is the port for StatsD: the one that releases have can be that of one of them only.
    """
    python = _python(installed)
    search = ("/usr/local/bin", "/usr/bin", "/bin")
    return Image(
        shell=True,
        entrypoint=("/usr/bin/env",),
        environment={
            "PATH": ":".join((str(installed / "venv" / "bin"), *search)),
            # Else a Python may load the library of another one.
            "LD_LIBRARY_PATH": str(python / "lib"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AIRFLOW__METRICS__STATSD_PORT": str(ingest),
        },
    )


def paths(installed: Path) -> Mapping[str, Path]:
    """Return what containers with ``airflow`` need of this machine, at the same paths."""
    found = {name: path for name, path in _SYSTEM.items() if path.exists()}
    python = _python(installed)
    if python not in found.values():  # that of the system is there already
        found["python"] = python
    return {**found, "airflow": installed / "venv"}


def _python(installed: Path) -> Path:
    """Return the folder of the Python that an Airflow is installed for."""
    text = (installed / "venv" / "pyvenv.cfg").read_text(encoding="utf-8")
    home = re.search(r"^home = (.+)$", text, re.MULTILINE)
    assert home, "venv writes it"
    return Path(home[1]).parent
