"""What a DAG processor needs for specifications of jobs."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from airflow_platform.support import processes
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import ROOT

EXAMPLE = ROOT / "examples" / "workflows" / "sales"

_READING = Path(str(files(__package__) / "jobs_reading.py"))


@dataclass(frozen=True)
class Cost:
    """Processor time in seconds: of the ``first`` time, and ``again`` in another process."""

    specifications: int
    first: float
    again: float


def measure(workflows: int, python: Path) -> Cost:
    """Measure copies of the example workflow. PlatformError when ``python`` cannot do it."""
    with tempfile.TemporaryDirectory(prefix="bench-jobs-") as directory:
        folder = Path(directory, "workflows")
        for number in range(workflows):
            shutil.copytree(EXAMPLE, folder / f"workflow-{number}")
        first, again = (_seconds(python, folder, Path(directory)) for _ in range(2))
    jobs = len(list((EXAMPLE / "jobs").glob("*.yaml")))
    return Cost(workflows * jobs, first, again)


def _seconds(python: Path, folder: Path, temporary: Path) -> float:
    own = {"PYTHONPATH": str(ROOT / "contracts"), "TMPDIR": str(temporary)}
    home = {"AIRFLOW_HOME": str(temporary)}
    done = processes.run([python, _READING, folder], env={**os.environ, **home, **own})
    if done.returncode:
        raise PlatformError(f"{python} cannot read {folder}: {done.stderr.strip()[-2000:]}")
    return float(done.stdout.split()[-1])
