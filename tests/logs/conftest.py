"""A Loki with what a test puts in, and the command that reads it."""

import os
from collections.abc import Callable

import pytest

from airflow_platform import cli

from ..loki_server import LokiServer

Logs = Callable[..., tuple[object, str, str]]


@pytest.fixture
def loki(any_loki: LokiServer) -> LokiServer:
    return any_loki


@pytest.fixture
def run_logs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Logs:
    """Run the command; return its exit code, stdout and stderr."""
    for name in os.environ:
        if name.startswith("LOKI_"):
            monkeypatch.delenv(name)

    def run(*arguments: object) -> tuple[object, str, str]:
        code: object
        try:
            code = cli.main(["logs", *map(str, arguments)])
        except SystemExit as stopped:
            code = stopped.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def logs(run_logs: Logs, loki: LokiServer) -> Logs:
    """Run the command for the DAG demo on the test's Loki."""
    where = ("--loki", loki.url, "--tenant", loki.tenant)
    return lambda *arguments: run_logs("demo", *where, *arguments)
