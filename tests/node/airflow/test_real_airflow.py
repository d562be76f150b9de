"""Real Airflows on a real node."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from airflow_platform.e2e.report import Outcome
from airflow_platform.node.airflow.trial import STEPS, try_airflows
from airflow_platform.node.node import local_node
from airflow_platform.support.airflow_install import VERSIONS

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("node")]


@pytest.fixture(scope="module")
def outcomes(
    vector: Path, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[tuple[str, str], Outcome]:
    """The outcomes of all steps, by the version of Airflow and the step."""
    directory: Path = tmp_path_factory.mktemp("node")
    with local_node(directory) as node:
        return {(str(airflow), found.step): found for airflow, found in try_airflows(node)}


@pytest.mark.parametrize("airflow", VERSIONS, ids=str)
@pytest.mark.parametrize("step", [step.name for step in STEPS])
def test_step(outcomes: Mapping[tuple[str, str], Outcome], airflow: object, step: str) -> None:
    outcome = outcomes[str(airflow), step]
    assert outcome.result == "PASS", outcome.text
