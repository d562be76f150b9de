"""Airflow from PyPI, each version in a virtual environment of its own that is kept."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from filelock import FileLock

from airflow_platform.support import processes
from airflow_platform.support.cache import cache_dir, publish
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.progress import progress

PYTHON = ">=3.10,<3.13"  # what all of these versions run on
_PACKAGES = ("statsd", "apache-airflow-providers-cncf-kubernetes")  # beside Airflow
_STARTUP = Path(str(files(__package__) / "airflow_startup.pth"))


@dataclass(frozen=True)
class AirflowVersion:
    """A version and the date of what it is installed with, instead of a constraints file."""

    version: str
    date: str

    def __str__(self) -> str:
        return self.version


VERSIONS = (AirflowVersion("2.11.2", "2026-04-15"), AirflowVersion("3.3.2", "2026-11-20"))


def install(airflow: AirflowVersion, *more: str) -> Path:
    """Return the directory with the virtual environment ``venv`` and an empty ``airflow.db``.

    ``more`` are further packages, in an environment that is kept beside the one without them.
    PlatformError when PyPI cannot be reached, or lacks one of them.
    """
    requirements = (f"apache-airflow=={airflow.version}", *_PACKAGES, *more)
    startup = _STARTUP.read_text(encoding="utf-8")
    content = f"{requirements} {airflow.date} {PYTHON} compiled {startup}"
    target = cache_dir("airflow") / hashlib.sha256(content.encode()).hexdigest()[:16]

    def build(directory: Path) -> None:
        directory.mkdir()
        python = directory / "venv" / "bin" / "python"
        # It is renamed when it is complete, hence relocatable.
        _uv("venv", "--relocatable", "--python", PYTHON, directory / "venv")
        dated = ("--exclude-newer", airflow.date)
        _uv("pip", "install", "--python", python, "--compile-bytecode", *dated, *requirements)
        (packages,) = directory.glob("venv/lib/python*/site-packages")
        shutil.copy(_STARTUP, packages)
        scratch = directory / "home"
        environment = airflow_environment(directory, scratch, {})
        _run(python, "-m", "airflow", "db", "migrate", environment=environment)
        (scratch / "airflow.db").rename(directory / "airflow.db")
        shutil.rmtree(scratch)

    with FileLock(f"{target}.lock"), progress(f"Installing Airflow {airflow}"):
        return publish(target, build)


def install_more(airflow: AirflowVersion, *requirements: str) -> Path:
    """Return a directory with more packages for Python's path, which need no others.

    PlatformError as with ``install``.
    """
    content = f"{requirements} {airflow.date} {PYTHON}"
    target = cache_dir("airflow") / hashlib.sha256(content.encode()).hexdigest()[:16]
    python = install(airflow) / "venv" / "bin" / "python"

    def build(directory: Path) -> None:
        wanted = ("--no-deps", "--exclude-newer", airflow.date, *requirements)
        _uv("pip", "install", "--python", python, "--target", directory, *wanted)

    with FileLock(f"{target}.lock"), progress(f"Installing more for Airflow {airflow}"):
        return publish(target, build)


def airflow_environment(
    installed: Path, home: Path, options: Mapping[str, str]
) -> Mapping[str, str]:
    """Return the environment of an Airflow; ``options`` are "section__option" in capitals."""
    own = {k: v for k, v in _without_python().items() if not k.startswith("AIRFLOW_")}
    # Airflow is compiled when it is installed. Compiling DAGs would write where they are.
    own |= {"PYTHONDONTWRITEBYTECODE": "1"}
    path = f"{installed / 'venv' / 'bin'}{os.pathsep}{own.get('PATH', '')}"
    own |= {"PATH": path, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    return own | {f"AIRFLOW__{name}": value for name, value in options.items()}


def _without_python() -> Mapping[str, str]:
    """Return the environment without what is meant for the Python of this process."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def _uv(*arguments: str | Path) -> None:
    from uv import find_uv_bin  # not needed, so not loaded, when all is installed

    _run(find_uv_bin(), *arguments, environment=_without_python())


def _run(*command: str | Path, environment: Mapping[str, str] | None = None) -> None:
    done = processes.run(command, env=environment)
    if done.returncode:
        raise PlatformError(f"{' '.join(map(str, command))} fails:\n{done.stdout}{done.stderr}")
