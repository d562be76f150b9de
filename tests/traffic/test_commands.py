"""Airflow's own command line takes the commands of Airflow in documents."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_platform.support.airflow_install import (
    VERSIONS,
    AirflowVersion,
    airflow_environment,
    install,
)
from airflow_platform.support.project import ROOT

pytestmark = pytest.mark.traffic

GROUPS = "backfill|config|connections|dags|db|jobs|pools|roles|tasks|users|variables"
# After the `--` of kubectl, or marked as code and with an argument; others are mentioned only.
COMMAND = re.compile(rf"(?:-- |`(?=airflow [^`\s]+ [^`\s]+ [^`\s]))(airflow (?:{GROUPS}) [^`|\n]*)")
# Airflow 3 takes these from the FAB provider, which these environments lack.
OF_FAB = ("airflow users", "airflow roles", "airflow sync-perm")
PARSE = """
import json, shlex, sys
from airflow.cli import cli_parser

parser = cli_parser.get_parser()
refused = []
for command in json.load(sys.stdin):
    try:
        parser.parse_args(shlex.split(command, comments=True)[1:])
    except SystemExit as ended:
        if ended.code:
            refused.append(command)
print(json.dumps(refused))
"""


def commands() -> Iterator[tuple[str, int]]:
    """Each command in a document, and the only major version that it is for; 0: for all."""
    for path in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]):
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.match(
                r"\| .* \| `airflow .*` \| `airflow .*` \|$", line
            ):  # Airflow 2 | Airflow 3
                for major, cell in zip((2, 3), line.split("|")[2:], strict=False):
                    yield cell.strip(" `"), major
                continue
            only = re.search(r"(?:#|` of) Airflow (2|3)\b", line)
            for command in COMMAND.findall(line):
                words = command.split(" #")[0].strip()
                yield words, int(only[1]) if only else 0


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_airflow_takes_every_command(version: AirflowVersion, tmp_path: Path) -> None:
    major = int(version.version[0])
    wanted = sorted(
        {
            command
            for command, only in commands()
            if only in (0, major) and not (major == 3 and command.startswith(OF_FAB))
        }
    )
    assert len(wanted) > 5
    installed = install(version)
    done = subprocess.run(
        [installed / "venv" / "bin" / "python", "-c", PARSE],
        input=json.dumps([*wanted, "airflow dags triger x"]),
        env=airflow_environment(installed, tmp_path, {}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == ["airflow dags triger x"]
