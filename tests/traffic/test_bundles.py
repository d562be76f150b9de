"""A real Airflow 3 takes DAGs from the bundles of examples/dag-delivery/bundles.yaml."""

import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_platform.rendering.render import render
from airflow_platform.support.airflow_install import VERSIONS, airflow_environment, install
from airflow_platform.support.project import ROOT

pytestmark = pytest.mark.traffic

HERE = Path(__file__).parent
BUNDLES = ROOT / "examples" / "dag-delivery" / "bundles.yaml"
TEMPLATE = ROOT / "templates" / "dags" / "_bundles.tpl"
PROVIDER = "apache-airflow-providers-git"


@pytest.fixture(scope="module")
def installed() -> Path:
    return install(VERSIONS[-1], PROVIDER)


def run(installed: Path, environment: Mapping[str, str], *arguments: str | Path) -> str:
    python = installed / "venv" / "bin" / "python"
    done = subprocess.run(
        [python, *arguments], env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def git(*arguments: str | Path) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    command = ["git", *identity, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def repository(path: Path) -> str:
    """Make a repository with a DAG in the folder ``dags``, and return its commit."""
    git("init", "--quiet", "--initial-branch=main", path)
    (path / "dags" / "common").mkdir(parents=True)
    (path / "dags" / "common" / "names.py").write_text('NAME = "from_git"\n')
    (path / "dags" / "sales.py").write_text(
        "from airflow.sdk import DAG\nfrom common.names import NAME\n\nwith DAG(NAME):\n    pass\n"
    )
    (path / "elsewhere.py").write_text("from airflow.sdk import DAG\n\ndag = DAG('outside')\n")
    git("-C", path, "add", "--all")
    git("-C", path, "commit", "--quiet", "--message=dags")
    return git("-C", path, "rev-parse", "HEAD")


def test_the_dag_processor_clones_the_repository_of_the_connection(
    installed: Path, tmp_path: Path
) -> None:
    commit = repository(tmp_path / "repository")
    home = tmp_path / "home"
    (home / "dags").mkdir(parents=True)
    (home / "dags" / "local.py").write_text(
        "from airflow.sdk import DAG\n\ndag = DAG('of_the_folder')\n"
    )
    shutil.copy(installed / "airflow.db", home)
    (config,) = render("prod", values=[BUNDLES]).embedded("AirflowConfig")
    options: Mapping[str, Any] = {
        "DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": config.document["dag_processor"][
            "dag_bundle_config_list"
        ],
        "DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(tmp_path / "bundles"),
    }
    connection = {"conn_type": "git", "host": str(tmp_path / "repository")}
    environment = {
        **airflow_environment(installed, home, options),
        "AIRFLOW_CONN_GIT_DAGS": json.dumps(connection),
    }
    run(installed, environment, "-m", "airflow", "dag-processor", "--num-runs=1")
    with closing(sqlite3.connect(home / "airflow.db")) as database:
        found = database.execute("SELECT dag_id, bundle_name, bundle_version FROM dag").fetchall()
        errors = database.execute("SELECT filename, stacktrace FROM import_error").fetchall()
    assert not errors
    assert sorted(found) == [("from_git", "dags", commit), ("of_the_folder", "dags-folder", None)]


def test_the_chart_knows_the_arguments_of_the_bundles(installed: Path, tmp_path: Path) -> None:
    environment = airflow_environment(installed, tmp_path, {})
    found = json.loads(run(installed, environment, HERE / "bundle_arguments.py").splitlines()[-1])
    text = TEMPLATE.read_text(encoding="utf-8")
    (block,) = re.findall(
        r'define "airflow-platform.dags.bundleArguments" -}}\n(.*?){{- end -}}', text, re.DOTALL
    )
    known = {
        name: {key: sorted(entry.get(key, ())) for key in ("takes", "needs")}
        for name, entry in yaml.safe_load(block).items()
    }
    assert known == found
