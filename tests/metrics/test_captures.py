"""Lines of real Airflows, replayed whole, with tags and without."""

import re
from collections import Counter

import pytest

# DAGs, tasks and files of the captures, spelled as they would be in a metric name.
IDS = (
    *("team", "metrics_dag", "probe", "dag_1", "sched_dag", "mdag"),
    *("happy", "grp", "nested", "mapped", "bash_t", "exc_logged", "sigkill", "hard_exit", "quick"),
)


def next_day(lines):
    """Return the lines of the same DAGs' next runs: new job and run ids, other values."""
    renumbered = (
        re.sub(r"(task_exit\.)(\d+)", lambda m: f"{m[1]}{int(m[2]) + 1000}", line) for line in lines
    )
    return [re.sub(r":\d+(\.\d+)?\|(ms|g)", r":7.5|\2", line) for line in renumbered]


@pytest.fixture(params=["raw", "rendered, tags on", "rendered, tags off", "task, tags on"])
def any_mapping(request, raw_mapping, mapping):
    """The mapping as it is in the chart's files, and in the ConfigMap for both kinds of Airflow."""
    if request.param == "raw":
        return raw_mapping
    cardinality = "task" if "task" in request.param else "mixed"
    return mapping(tags="tags on" in request.param, cardinality=cardinality)


def test_a_capture_leaves_nothing_unmapped_conflicting_or_refused(any_mapping, capture, replay):
    page = replay(any_mapping, capture)
    assert page.unmapped == set()
    assert page.faults == {}


def test_no_metric_name_holds_a_dag_or_task_id(any_mapping, capture, replay):
    names = replay(any_mapping, capture).metrics
    assert {name for name in names if any(id_ in name for id_ in IDS)} == set()


def test_the_series_do_not_grow_when_the_same_dags_run_again(any_mapping, capture, exporter):
    with exporter(any_mapping) as running:
        running.send_tcp(capture)
        first = running.processed_page()
        running.send_tcp(next_day(capture))
        second = running.processed_page()
    assert second["airflow_job_start_total"].events > first["airflow_job_start_total"].events
    assert second.series == first.series


def test_each_captured_event_is_counted_once(mapping, capture, replay, airflow_metrics):
    """With tags on these are the events under the plain names."""
    names = {f"airflow.{m.name}": m for m in airflow_metrics if m.type != "g"}
    expected = Counter()
    for line in capture:
        event = re.fullmatch(r"([^:,]+).*:([^:|]+)\|\w+", line)
        metric = names.get(event[1])
        if metric and metric.metric != "dropped":
            expected[metric.metric] += float(event[2]) if metric.type == "c" else 1
    metrics = replay(mapping(cardinality="task"), capture).metrics
    assert {n: m.events for n, m in metrics.items() if m.type != "gauge"} == dict(expected)


def test_airflow_s_own_protocol_udp_gives_the_same(mapping, capture, exporter, replay):
    with exporter(mapping()) as running:
        running.send_udp(capture)
        page = running.processed_page()
    assert page.faults == {}
    assert page.series == replay(mapping(), capture).series


def test_without_a_mapping_the_same_checks_fail(capture, exporter):
    """The captures do hold what the mapping must prevent."""
    with exporter("mappings: []") as running:
        running.send_tcp(capture)
        first = running.processed_page()
        running.send_tcp(next_day(capture))
        second = running.processed_page()
    assert first.faults
    assert any(id_ in name for name in first.metrics for id_ in IDS)
    if any("task_exit." in line for line in capture):
        assert second.series > first.series
