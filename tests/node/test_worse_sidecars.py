"""A sidecar that is made worse on purpose is caught by the trials, which say what it does wrong."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_platform.node.loki import local_loki
from airflow_platform.node.node import Node, local_node
from airflow_platform.node.sidecar.release import Release
from airflow_platform.node.sidecar.report import Row
from airflow_platform.node.sidecar.trials import TRIALS
from airflow_platform.node.sidecar.trying import try_sidecars

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("node")]

_CONFIG_MAP = "airflow-task-logs"


@pytest.fixture(scope="module")
def node(vector: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with local_node(tmp_path_factory.mktemp("node")) as running:
        yield running


@pytest.fixture(scope="module")
def loki(program: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program("loki")
    with local_loki(tmp_path_factory.mktemp("loki")) as url:
        yield url


@pytest.fixture
def tried(node: Node, loki: str) -> Callable[..., Row]:
    """Try a trial with prod and Airflow 3, as it is or made worse."""

    def try_one(name: str, change: Callable[[Release], Release] = lambda release: release) -> Row:
        trials = [TRIALS[name]]
        (row,) = try_sidecars(
            node, loki, environments=["prod"], airflows=["3"], trials=trials, change=change
        )
        return row

    return try_one


def in_file(name: str, pattern: str, text: str) -> Callable[[Release], Release]:
    """Change a file of the sidecar's ConfigMap, in one place."""

    def change(release: Release) -> Release:
        objects = json.loads(json.dumps(list(release.objects)))
        (config_map,) = (each for each in objects if each["metadata"]["name"] == _CONFIG_MAP)
        changed, times = re.subn(pattern, text, config_map["data"][name], flags=re.MULTILINE)
        assert times == 1, f"{name} has {pattern} {times} times"
        config_map["data"][name] = changed
        return replace(release, objects=objects)

    return change


def in_another_folder(release: Release) -> Release:
    template = json.loads(json.dumps(release.template))
    changed = replace(release, template=template)
    (mount,) = (each for each in changed.sidecar["volumeMounts"] if each["name"] == "logs")
    mount["mountPath"] = "/opt/airflow/log"
    return changed


without_its_loop = in_file(
    "drain.sh", r'^  while \[ "\$incomplete" -gt 0 \] \|\| .*; do$', "  while false; do"
)
without_acknowledgements = in_file(
    "vector.yaml", r"(acknowledgements:\n\s+enabled:) true", r"\1 false"
)


@pytest.mark.parametrize("trial", ["silent", "fast", "Loki away"])
def test_the_sidecar_of_the_chart_passes(tried, trial):
    row = tried(trial)

    assert (row.verdict, row.faults) == ("PASS", [])


def test_a_drain_without_its_loop_loses_the_end_of_a_silent_task(tried):
    row = tried("silent", without_its_loop)

    assert row.verdict == "FAIL"
    assert any("of silent, attempt 1, 29 of 30 lines are missing" in each for each in row.faults)
    assert row.task_codes == (0,)


def test_a_sidecar_that_has_the_logs_elsewhere_delivers_nothing(tried):
    row = tried("fast", in_another_folder)

    assert row.verdict == "FAIL"
    assert any("30 of 30 lines are missing" in each for each in row.faults)
    assert row.in_loki == 0
    assert row.task_codes == (0,)


def test_without_acknowledgements_lines_are_lost_in_silence(tried):
    row = tried("Loki away", without_acknowledgements)

    assert row.verdict == "FAIL"
    assert "the sidecar ended with 0, as if all were well" in row.faults
    assert row.in_loki == 0
