"""Real Airflows that read workflows of container jobs."""

import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.support.airflow_install import (
    VERSIONS,
    AirflowVersion,
    airflow_environment,
    install,
)
from airflow_platform.support.project import ROOT

EXAMPLES = ROOT / "examples" / "workflows"

_HERE = Path(__file__).parent
_SECONDS = 240


@dataclass(frozen=True)
class AirflowHome:
    """An Airflow with a database and a folder of workflows of its own."""

    version: str
    python: Path
    workflows: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run its Python."""
        return subprocess.run(
            [self.python, *arguments],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )

    def describe(self, **environment: str) -> Any:
        """Return what it makes of its workflows."""
        done = self.run(_HERE / "describe.py", **environment)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    def processed(self) -> tuple[dict[str, bool], dict[str, str]]:
        """Let its DAG processor read the folder once, and return what it has stored.

        For each DAG whether the scheduler is kept from running it, and errors by file.
        """
        command: tuple[str | Path, ...] = ("-m", "airflow", "dag-processor", "--num-runs=1")
        if self.version.startswith("2."):
            command = (_HERE / "process.py",)
        done = self.run(*command)
        assert done.returncode == 0, done.stderr[-3000:]
        with closing(sqlite3.connect(self.environment["AIRFLOW_HOME"] + "/airflow.db")) as database:
            dags = database.execute("select dag_id, has_import_errors from dag").fetchall()
            errors = database.execute("select filename, stacktrace from import_error").fetchall()
        return {dag: bool(stopped) for dag, stopped in dags}, dict(errors)


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(
            airflow, id=f"airflow {airflow}", marks=pytest.mark.xdist_group(f"jobs {airflow}")
        )
        for airflow in VERSIONS
    ],
)
def airflow(request: pytest.FixtureRequest) -> AirflowVersion:
    version: AirflowVersion = request.param
    return version


def airflow_home(airflow: AirflowVersion, directory: Path) -> AirflowHome:
    """Return a home in ``directory`` with the example workflows, whose retries come soon."""
    installed = install(airflow)
    home = directory / "home"
    home.mkdir()
    shutil.copy(installed / "airflow.db", home)
    shutil.copytree(_HERE / "config", home / "config")
    workflows = Path(shutil.copytree(EXAMPLES, directory / "workflows"))
    for file in workflows.rglob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(r'delay: "?(5m|1h)"?', "delay: 1s", text), encoding="utf-8")
    options = {"CORE__DAGS_FOLDER": str(_HERE / "dags")}
    own = {
        "PYTHONPATH": str(ROOT / "contracts"),
        "WORKFLOWS": str(workflows),
        "TMPDIR": str(directory),  # where the adapter keeps what it has read
        "PODS_END": "{}",
    }
    environment = {**airflow_environment(installed, home, options), **own}
    python = installed / "venv" / "bin" / "python"
    return AirflowHome(airflow.version, python, workflows, environment)
