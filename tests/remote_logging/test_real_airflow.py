"""Real Airflows, configured by the chart, write the log of a task to S3 and show it from there."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.manifests import Render
from airflow_platform.rendering.render import render
from airflow_platform.rendering.upstream import stand_in
from airflow_platform.support.airflow_install import (
    VERSIONS,
    AirflowVersion,
    airflow_environment,
    install,
    install_more,
)
from airflow_platform.support.ports import free_ports

from ..processes import processes
from .store import Store, store

pytestmark = pytest.mark.traffic

_HERE = Path(__file__).parent
_SECONDS = 240
# What the task handler for S3 imports; the other packages that its provider names are for others.
_PACKAGES = (
    "apache-airflow-providers-amazon",
    *("asgiref", "boto3", "botocore", "inflection", "jmespath", "s3transfer"),
)
_LINE = "a line of the task: žluťoučký kůň"


@dataclass(frozen=True)
class Stored:
    """The log of the task: the file that the sidecar reads, the object, and what Airflow shows."""

    store: Store
    file: str
    objects: Mapping[str, str]
    shown: str


def _rendered(airflow: AirflowVersion) -> Render:
    """Render prod for a version of Airflow, with remote logging."""
    remote = {"enabled": True, "bucket": "logs", "path": "prod"}
    remote["connection"] = {"secretName": "log-store"}
    version = {"airflowVersion": airflow.version, "defaultAirflowTag": airflow.version}
    values: dict[str, Any] = {
        "remoteLogging": remote,
        "airflow": version,
        "global": {"metrics": {"airflowVersion": airflow.version}},
    }
    return render("prod", values=[values], upstream=stand_in())


def _write_configuration(folder: Path, rendered: Render) -> None:
    """Write the logging configuration to where pods have it."""
    folder.mkdir()
    for name, text in rendered.get("ConfigMap", "airflow-remote-logging").at("data").items():
        (folder / name).write_text(text, encoding="utf-8")


def _options(rendered: Render, home: Path) -> dict[str, str]:
    """Return Airflow's options: those of the section logging are the chart's."""
    (config,) = rendered.embedded("AirflowConfig")
    (api,) = free_ports(1)
    return {
        **{f"LOGGING__{name.upper()}": v for name, v in config.document["logging"].items()},
        "LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "CORE__DAGS_FOLDER": str(_HERE / "dags"),
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{api}/execution/",
        "API__PORT": str(api),
        "API__HOST": "127.0.0.1",
        "API__WORKERS": "1",
        "API__AUTH_BACKENDS": "airflow.api.auth.backend.default",
        "API_AUTH__JWT_SECRET": "a secret of this test, which is long enough for every algorithm",
    }


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(each, id=f"airflow {each}", marks=pytest.mark.xdist_group(f"s3 {each}"))
        for each in VERSIONS
    ],
)
def stored(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stored]:
    """What is left when the task has run and its pod is gone."""
    airflow: AirflowVersion = request.param
    installed, more = install(airflow), install_more(airflow, *_PACKAGES)
    home = tmp_path_factory.mktemp(f"airflow-{airflow}")
    shutil.copy(installed / "airflow.db", home)
    (home / "webserver_config.py").write_text("AUTH_ROLE_PUBLIC = 'Admin'\n", encoding="utf-8")
    python = installed / "venv" / "bin" / "python"
    rendered = _rendered(airflow)
    _write_configuration(home / "config", rendered)
    options = _options(rendered, home)
    with store() as running, processes(home) as programs:
        extra = {"endpoint_url": running.url, "region_name": "us-east-1"}
        connection = {"conn_type": "aws", "login": "me", "password": "mine", "extra": extra}
        environment = {
            **airflow_environment(installed, home, options),
            "PYTHONPATH": f"{more}:{_HERE.with_name('in_airflow')}",
            "AIRFLOW_CONN_REMOTE_LOGGING": json.dumps(connection),
        }
        if airflow.version.startswith("3."):
            for component in ("dag-processor", "api-server"):
                programs.start(component, [python, "-m", "airflow", component], environment)
            url = f"http://127.0.0.1:{options['API__PORT']}/api/v2/version"
            programs.wait_for_url(url, _SECONDS)
        scheduler: list[str | Path] = [python, "-m", "airflow", "scheduler", "--skip-serve-logs"]
        programs.start("scheduler", scheduler, environment)
        deadline = time.monotonic() + _SECONDS
        while not any(key.endswith("attempt=1.log") for key in running.objects):
            programs.assert_running()
            assert time.monotonic() < deadline, programs.logs()
            time.sleep(0.5)
        (file,) = (home / "logs").rglob("attempt=1.log")
        run_id = file.parents[1].name.removeprefix("run_id=")
        written = file.read_text(encoding="utf-8")
        shutil.rmtree(file.parents[2])
        asked = json.dumps(["stored", run_id, "says", "logs/1"])
        command: list[str | Path] = [python, _HERE.with_name("in_airflow") / "rest.py", asked]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_SECONDS
        )
        assert done.returncode == 0, done.stderr[-3000:]
        (shown,) = json.loads(done.stdout.splitlines()[-1])
        objects = {key: body.decode() for key, body in running.objects.items()}
        yield Stored(running, written, objects, shown)


def test_the_log_is_an_object_below_the_path(stored: Stored) -> None:
    ((key, text),) = stored.objects.items()
    assert key.startswith("logs/prod/dag_id=stored/run_id=")
    assert key.endswith("/task_id=says/attempt=1.log")
    assert _LINE in json.dumps(text, ensure_ascii=False)


def test_the_file_that_the_sidecar_reads_stays_and_is_as_complete(stored: Stored) -> None:
    assert _LINE in json.dumps(stored.file, ensure_ascii=False)
    ((_, text),) = stored.objects.items()
    assert text.strip() in stored.file


def test_airflow_shows_the_log_of_a_pod_that_is_gone(stored: Stored) -> None:
    assert _LINE in stored.shown.encode().decode("unicode_escape", "replace") + stored.shown


def test_the_connection_is_that_of_the_secret(stored: Stored) -> None:
    assert stored.store.authorizations
    assert all("Credential=me/" in each for each in stored.store.authorizations)
