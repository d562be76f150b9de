"""What docs/network.md advises works."""

import re
from typing import Any

import pytest

from airflow_platform.network import table
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ROOT

from .conftest import faults, release

DOCUMENT = (ROOT / "docs" / "network.md").read_text(encoding="utf-8")
EXAMPLES: list[Any] = [
    strict_yaml.load(block, "docs/network.md")
    for block in re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
]


def test_the_document_has_examples() -> None:
    assert len(EXAMPLES) > 3


@pytest.mark.official_chart
@pytest.mark.parametrize("values", EXAMPLES, ids=lambda values: ", ".join(values))
def test_each_example_passes(values: dict[str, Any]) -> None:
    assert faults(release("KubernetesExecutor", "3", values)) == []


@pytest.mark.official_chart
def test_the_table_has_what_people_look_for() -> None:
    rows = set(table.text().splitlines())
    assert (
        "| `task-pod` | `api-server` | 8080/TCP | a task's state, connections and variables"
        " | Airflow 3, KubernetesExecutor |"
    ) in rows
    assert "| `scheduler` | `redis` | 6379/TCP | queue of tasks | CeleryExecutor |" in rows
