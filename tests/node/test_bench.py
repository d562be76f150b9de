"""bench node on a real node: each method delivers, and what is lost is seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_platform.bench.node.methods import METHODS
from airflow_platform.bench.node.runner import Bench, bench
from airflow_platform.bench.node.shapes import SHAPES
from airflow_platform.node.loki import local_loki
from airflow_platform.node.node import local_node

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("node")]

_IMPORT_SECONDS = 3.0  # two of them are needed for what the sidecar uses while it idles


@pytest.fixture(scope="module")
def running(
    vector: Path, program: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    for tool in ("loki", "kubelet", "otelcol"):
        program(tool)
    with (
        pytest.MonkeyPatch.context() as patch,
        local_loki(tmp_path_factory.mktemp("loki")) as loki,
        local_node(tmp_path_factory.mktemp("node")) as node,
    ):
        patch.setenv("VECTOR", str(vector))
        with bench(node, loki) as made:
            yield made


def test_the_drain_delivers_all(running: Bench) -> None:
    result = running.run(SHAPES["no-newline"], METHODS["drain"], _IMPORT_SECONDS)
    assert (result.written, result.delivered, result.extra) == (3, 3, 0)
    assert (result.exit_code, result.message, result.error) == (0, "", "")
    assert result.usage
    assert result.usage.cpu_seconds > 0
    assert 2**20 < result.usage.idle_bytes <= result.usage.peak_bytes
    assert result.times.start > 0
    assert result.times.added
    assert result.times.whole > result.times.start + result.times.added


@pytest.mark.parametrize("method", ["baseline", "otelcol"])
def test_another_sidecar_delivers_the_first_line_of_a_long_task(
    running: Bench, method: str
) -> None:
    result = running.run(SHAPES["silent"], METHODS[method], _IMPORT_SECONDS)
    assert 1 <= result.delivered <= result.written == 31
    assert result.extra == 0
    assert result.times.added
    assert result.times.added > 1000, "its preStop hook takes a second"


def test_what_is_lost_without_loki_is_seen(running: Bench) -> None:
    result = running.run(SHAPES["loki-away"], METHODS["drain"], _IMPORT_SECONDS)
    assert (result.delivered, result.exit_code) == (0, 1)
    assert "missing" in result.message


def test_without_a_sidecar_nothing_is_added(running: Bench) -> None:
    results = running.run_in_a_row(SHAPES["instant"], METHODS["none"], 2)
    assert [(each.delivered, each.times.added, each.exit_code) for each in results] == (
        2 * [(0, None, None)]
    )
    assert all(0 < each.times.start <= each.times.whole for each in results)
