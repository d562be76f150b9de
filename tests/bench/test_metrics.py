"""`bench metrics`, with a workload of a few lines."""

import json
import sys
from dataclasses import replace

import pytest

from airflow_platform import cli
from airflow_platform.bench import cardinality, metrics
from airflow_platform.rendering.upstream import stand_in
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads processor time from /proc")


@pytest.fixture(scope="module")
def costs(program):
    """What 2 DAGs with 3 tasks cost, by mapping."""
    program("statsd_exporter")
    lines = metrics.workload(2, 3, 1)
    found = metrics.mappings(stand_in())
    return {name: metrics.measure(name, mapping, lines) for name, mapping in found.items()}


def test_a_workload_holds_whole_runs_of_all_dags():
    once = metrics.workload(2, 3, 1)
    assert len(metrics.workload(2, 3, len(once) + 1)) == 2 * len(once)
    assert len({line.split(":")[0] for line in once}) == len(once)


def test_our_mapping_knows_the_whole_workload_and_drops_its_legacy_twins(costs):
    ours = costs["ours"]
    assert (ours.unmapped, ours.refused) == (0, 0)
    assert ours.dropped > 0


def test_without_a_mapping_all_is_unmapped_and_nothing_dropped(costs):
    none = costs["none"]
    assert none.unmapped == none.lines - none.refused
    assert none.dropped == 0


def test_a_gauge_and_a_counter_are_one_series_for_each_task(costs):
    """Less than what no mapping makes of the same lines, in which each comes twice."""
    assert 0 < costs["ours"].plain_series < costs["none"].plain_series
    assert costs["ours"].plain_series <= costs["ours"].series


def test_what_a_mapping_costs_is_measured(costs):
    for cost in costs.values():
        assert cost.lines_per_cpu_second > 0
        assert cost.memory_mib > 1
        assert 0 <= cost.lost < cost.lines


def test_the_official_mapping_is_compared_where_that_chart_is(tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "statsd-mappings.yml").write_text("mappings: [theirs]")
    official = replace(stand_in(), path=tmp_path, is_stand_in=False)
    assert metrics.mappings(official)["official chart"] == "mappings: [theirs]"
    assert "official chart" not in metrics.mappings(stand_in())


@pytest.mark.parametrize("output", ["table", "json"])
def test_the_command_prints_a_row_for_each_mapping(output, costs, capsys, monkeypatch):
    monkeypatch.setattr(metrics, "measure", lambda name, mapping, lines: costs[name])
    monkeypatch.setattr(metrics, "mappings", lambda upstream: {"ours": "", "none": ""})
    arguments = ["bench", "metrics", "--dags", "2", "--tasks", "3", "--output", output]
    assert cli.main(arguments) == 0
    printed = capsys.readouterr().out
    if output == "json":
        assert [cost["mapping"] for cost in json.loads(printed)] == ["ours", "none"]
    else:
        assert [line.split()[0] for line in printed.splitlines()] == ["mapping", "ours", "none"]


# --- bench metrics --cardinality ---


@pytest.fixture(scope="module")
def sizes(program):
    """What 10 DAGs with 20 tasks make, by cardinality."""
    program("statsd_exporter")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cardinality, "_PAUSE_SECONDS", 0)
        return {each: cardinality.measure(each, 10, 20) for each in cardinality.CARDINALITIES}


def test_the_load_is_of_whole_runs_whose_events_have_both_names():
    lines = list(cardinality.load(3, 20))
    for name in ("ti.finish", "task.duration", "dagrun.duration.success", "task_log.files"):
        assert any(line.startswith(f"airflow.{name},") for line in lines), name
    assert sum(line.startswith("airflow.dag.team_dag_0.group.") for line in lines) == 2 * 22


def test_each_cardinality_has_fewer_series(sizes):
    series = [sizes[each].series for each in ("task", "mixed", "dag", "none")]
    assert series == sorted(series, reverse=True)
    assert len(set(series)) == 4


def test_the_default_cardinality_is_measured_too():
    values = strict_yaml.load_file(ADDON / "values.yaml")
    assert values["statsdExporter"]["mapping"]["cardinality"] == cardinality.CARDINALITIES[0]


def test_6000_tasks_have_fewer_than_60000_series_by_default(sizes):
    """Computed: all of the load's series are of a DAG, but for a few dozen."""
    assert sizes["mixed"].series / 10 * 300 < 60_000
    assert sizes["task"].series / 10 * 300 > 200_000


def test_the_size_is_measured(sizes):
    for size in sizes.values():
        assert size.scrape_bytes > 50 * size.series
        assert size.scrape_seconds > 0
        assert size.memory_mib > 1


@pytest.mark.parametrize("output", ["table", "json"])
def test_the_command_prints_a_row_for_each_cardinality(output, sizes, capsys, monkeypatch):
    asked = []

    def measure(name, dags, tasks):
        asked.append((dags, tasks))
        return sizes[name]

    monkeypatch.setattr(cardinality, "measure", measure)
    assert cli.main(["bench", "metrics", "--cardinality", "--output", output]) == 0
    assert set(asked) == {(300, 20)}
    printed = capsys.readouterr().out
    names = ["mixed", "task", "dag", "none"]
    if output == "json":
        assert [size["cardinality"] for size in json.loads(printed)] == names
    else:
        assert [line.split()[0] for line in printed.splitlines()] == ["cardinality", *names]


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_number_of_dags_is_positive(number, capsys):
    with pytest.raises(SystemExit):
        cli.main(["bench", "metrics", "--dags", number])
    assert "not a positive number" in capsys.readouterr().err
