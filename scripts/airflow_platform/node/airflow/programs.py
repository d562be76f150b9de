"""The programs of an Airflow on this machine."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from airflow_platform.cluster.programs import Programs
from airflow_platform.node.airflow.configuration import Configuration, open_database
from airflow_platform.node.requirements import ALONE
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.rest import NotFoundError, Server
from airflow_platform.verify_logs.airflow import Airflow, connect

_START_SECONDS = 240.0
_END_SECONDS = 60.0
_SCHEDULER = "scheduler"
# The log server of a second triggerer would find its port taken.
_ARGUMENTS = {"triggerer": ("--skip-serve-logs",)}


class AirflowPrograms:
    """The programs of the components that a configuration has; ``api`` is Airflow's API."""

    def __init__(self, configuration: Configuration, programs: Programs) -> None:
        self._configuration = configuration
        self._programs = programs
        for component in configuration.environments:
            if component != _SCHEDULER:
                self._start(component, component)
        self.api = self._api()
        # Now, because tasks of Airflow 3 fail that do not reach the API.
        self._start(_SCHEDULER, _SCHEDULER)

    def replace_scheduler(self) -> None:
        """Let the scheduler end, as when its pod is deleted, and start the next one.

        The first process of the scheduler is told to end.
        """
        self._programs.end(_SCHEDULER, _terminate_child, _END_SECONDS)
        self._start(f"next-{_SCHEDULER}", _SCHEDULER)

    def assert_running(self) -> None:
        """PlatformError when a program has ended by itself."""
        self._programs.assert_running()

    def _start(self, name: str, component: str) -> None:
        # Some of Airflow's processes leave their group, and would outlive it.
        command = [*ALONE, "airflow", component, *_ARGUMENTS.get(component, ())]
        self._programs.start(name, command, self._configuration.environments[component])

    def _api(self) -> Airflow:
        url = f"http://127.0.0.1:{self._configuration.api}"
        found: list[Airflow] = []

        def answers() -> bool:
            try:
                found.append(connect(url, _credentials(url), ca_file=None))
            except PlatformError:
                return False
            return True

        self._programs.wait("Airflow's API", answers, _START_SECONDS)
        return found[0]


def _terminate_child(parent: int) -> None:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGTERM)


def _credentials(url: str) -> dict[str, str]:
    """Return a token of an Airflow 3 that gives one to everybody; Airflow 2 needs none."""
    server = Server(url, headers={}, ca_file=None, unreachable="", refused="")
    try:
        return {"AIRFLOW_TOKEN": server.get("/auth/token")["access_token"]}
    except NotFoundError:
        return {}


@contextmanager
def running(configuration: Configuration) -> Iterator[AirflowPrograms]:
    """Run an Airflow whose API answers. PlatformError when it does not start."""
    logs = configuration.directory / "logs"
    logs.mkdir()
    with Programs(logs) as programs, open_database(configuration):
        yield AirflowPrograms(configuration, programs)
