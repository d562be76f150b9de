"""`bench jobs`, with one workflow."""

import json
import sys
from pathlib import Path

import pytest

from airflow_platform import cli
from airflow_platform.bench.jobs import measure
from airflow_platform.support.errors import PlatformError


def test_the_jobs_of_all_workflows_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "jobs", "--workflows", "2", "--output", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["specifications"] == 10
    assert found["first"] > 0
    assert found["again"] > 0


def test_a_python_that_cannot_read_them_is_told(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'raise SystemExit(\"no Airflow\")'\n")
    python.chmod(0o755)
    with pytest.raises(PlatformError, match="no Airflow"):
        measure(1, python)
