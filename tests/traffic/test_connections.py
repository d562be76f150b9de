"""Real Airflows read the connections that docs/connections.md has."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
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

pytestmark = pytest.mark.traffic

SCRIPT = Path(__file__).with_name("read_connections.py")
DOCUMENT = (ROOT / "docs" / "connections.md").read_text(encoding="utf-8")
# What the connections of the table must come to, by their names there and in the same order.
FIELDS = ("conn_type", "host", "port", "login", "password", "schema")
EXPECTED: Mapping[str, tuple[Any, ...]] = {
    "warehouse": ("postgres", "db.example.com", 5432, "reader", "p@ss/word", "sales"),
    "cache": ("redis", "redis.example.com", 6379, None, "p@ss/word", None),
    "lake": ("aws", None, None, "AKIDEXAMPLE", "p@ss/word", None),
    "role": ("aws", None, None, None, None, None),
    "api": ("http", "api.example.com", 443, "user", "p@ss/word", "https"),
    "git_dags": ("git", "https://git.example.com/data/dags.git", None, "reader", "p@ss/word", None),
}
EXTRA = {
    "warehouse": {"sslmode": "require"},
    "cache": {"db": 0},
    "lake": {"region_name": "eu-west-1"},
    "role": {"region_name": "eu-west-1"},
    "api": {},
    "git_dags": {},
}


def documented() -> dict[str, str]:
    """The connections of the table, by name."""
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| `([^`]+)` \|$", DOCUMENT, re.MULTILINE)
    return dict(rows)


def test_the_document_has_each_kind() -> None:
    assert set(documented()) == set(EXPECTED)


@pytest.mark.parametrize("airflow", VERSIONS, ids=str)
def test_airflow_reads_each_connection_and_variable(
    airflow: AirflowVersion, tmp_path: Path
) -> None:
    installed = install(airflow)
    shutil.copy(installed / "airflow.db", tmp_path)
    environment = {
        **airflow_environment(installed, tmp_path, {}),
        **{f"AIRFLOW_CONN_{name.upper()}": text for name, text in documented().items()},
        "AIRFLOW_VAR_REGION": "eu-west-1",
    }
    done = subprocess.run(
        [installed / "venv" / "bin" / "python", SCRIPT],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["variables"] == {"region": "eu-west-1"}
    for name, expected in EXPECTED.items():
        connection = found["connections"][name]
        assert tuple(connection[field] or None for field in FIELDS) == expected, name
        assert connection["extra"] == EXTRA[name], name
