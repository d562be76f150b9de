"""The command e2e --node: the sidecar and real Airflows, tried on a real node."""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from airflow_platform.e2e.report import Outcome, show
from airflow_platform.node.airflow.trial import try_airflows
from airflow_platform.node.loki import local_loki
from airflow_platform.node.node import Node, local_node
from airflow_platform.node.requirements import require
from airflow_platform.node.sidecar.report import Row, as_records, as_text
from airflow_platform.node.sidecar.trying import try_sidecars
from airflow_platform.support import guard
from airflow_platform.support.airflow_install import VERSIONS, install
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.progress import progress
from airflow_platform.support.vector import find_vector

# The code with which the command ends where something that it needs is missing.
SKIPPED = 3


def prove(environments: Sequence[str], results: Path | None) -> int:
    """Try the sidecars of environments, then each version of Airflow; return the exit code.

    ``results`` gets all that was seen, as JSON.
    """
    if missing := [*_missing()]:
        print(f"SKIP  {' '.join(missing)}")
        return SKIPPED
    for airflow in VERSIONS:
        install(airflow)
    directory = Path(tempfile.mkdtemp(prefix="airflow-platform-node-"))
    logs_are_of_use = True
    try:
        with local_node(directory) as node:
            rows = _sidecars(node, environments)
            outcomes = _airflows(node)
        failed = any(row.faults for row in rows) or any(
            outcome.result == "FAIL" for found in outcomes.values() for outcome in found
        )
        if results:
            results.write_text(_as_json(rows, outcomes), encoding="utf-8")
        logs_are_of_use = failed
    except KeyboardInterrupt:
        logs_are_of_use = False
        raise
    finally:
        if logs_are_of_use:
            print(f"The logs of all programs are in {directory}.", file=sys.stderr)
        else:
            guard.remove(directory)
    return int(failed)


def _missing() -> Iterator[str]:
    needs: tuple[Callable[[], object], ...] = (require, find_vector)
    for need in needs:
        try:
            need()
        except PlatformError as error:
            yield str(error)


def _sidecars(node: Node, environments: Sequence[str]) -> list[Row]:
    loki = node.directory / "loki"
    loki.mkdir()
    with local_loki(loki) as url, progress("Trying the sidecar"):
        rows = [*try_sidecars(node, url, environments=environments)]
    rows.sort(key=lambda row: (row.trial, row.environment, row.airflow))
    print(as_text(rows), flush=True)
    return rows


def _airflows(node: Node) -> dict[str, list[Outcome]]:
    seen: dict[str, list[Outcome]] = {airflow.version: [] for airflow in VERSIONS}
    for airflow, outcome in try_airflows(node):
        named = replace(outcome, step=f"Airflow {airflow}, {outcome.step}")
        show(named, sys.stdout)
        seen[airflow.version].append(outcome)
    return seen


def _as_json(rows: Sequence[Row], outcomes: Mapping[str, Sequence[Outcome]]) -> str:
    seen = {
        "sidecar": as_records(rows),
        "airflow": {
            version: [asdict(each) for each in found] for version, found in outcomes.items()
        },
    }
    return json.dumps(seen, indent=2)
