"""Each metric of airflow-metrics.yaml, sent once, comes out once, with its name and labels."""

from collections import Counter
from typing import Any

import pytest
import yaml

from airflow_platform.support import strict_yaml

IDS = ("sales", "daily", "load", "inner", "orders", "4711")


@pytest.fixture(scope="session")
def page(version, tags, mapping, everything, replay):
    """The page after one event of each metric that the version sends."""
    text = mapping(version=f"{version}.0", tags=tags, cardinality="task")
    return replay(text, everything(version, tags))


@pytest.fixture(scope="session")
def expected(version, tags, airflow_metrics):
    """Return the metrics that must come out, by name, each with its lines of the table."""
    found: dict[str, list[Any]] = {}
    for metric in airflow_metrics:
        dropped = "dropped" in (metric.metric, metric.untagged if not tags else "")
        if version in metric.versions and not dropped:
            found.setdefault(metric.metric, []).append(metric)
    return found


def test_nothing_is_unmapped_conflicting_or_refused(page):
    assert page.unmapped == set()
    assert page.faults == {}


def test_the_metrics_have_the_names_of_the_table(page, expected):
    assert set(page.metrics) == set(expected)


def test_each_event_is_counted_once(page, expected):
    events = {name: metric.events for name, metric in page.metrics.items()}
    assert events == {name: len(sources) for name, sources in expected.items()}


def test_the_types_are_those_of_the_table(page, expected):
    types = {"c": "counter", "g": "gauge", "ms": "histogram"}
    assert {name: metric.type for name, metric in page.metrics.items()} == {
        name: types[sources[0].type] for name, sources in expected.items()
    }


def test_the_tags_become_labels(page, expected, tags):
    assert {name: metric.labels for name, metric in page.metrics.items()} == {
        name: set().union(*(source.labels(tags=tags) for source in sources))
        for name, sources in expected.items()
    }


def test_counters_end_in_total_and_timers_in_seconds(page):
    suffixes = {"counter": "_total", "histogram": "_seconds"}
    wrong = {
        name
        for name, metric in page.metrics.items()
        if not name.endswith(suffixes.get(metric.type, ""))
    }
    assert wrong == set()


def test_no_metric_name_holds_an_id(page):
    assert {name for name in page.metrics if any(id_ in name for id_ in IDS)} == set()


def test_a_metric_without_a_rule_is_reported(mapping, rules, everything, replay):
    text = mapping(version="3.3.0", tags=True)
    left = [rule for rule in rules(text) if rule["match"] != "airflow.ti_failures"]
    broken = yaml.safe_dump({**strict_yaml.load(text, "mapping"), "mappings": left})
    page = replay(broken, everything("3.3", True))
    assert "airflow_ti_failures_total" not in page.metrics
    assert page.faults == {"statsd_exporter_events_error_total": 1}


def test_an_event_that_is_counted_twice_is_noticed(mapping, rules, everything, replay):
    text = mapping(version="3.1.8", tags=True)
    changed = rules(text)
    for rule in changed:
        if rule["name"] == "airflow_ti_start_total":
            rule.pop("action", None)
    broken = yaml.safe_dump({**strict_yaml.load(text, "mapping"), "mappings": changed})
    assert replay(broken, everything("3.1", True))["airflow_ti_start_total"].events == 2


def test_a_metric_with_two_types_is_reported(mapping, replay):
    page = replay("mappings: []", ("airflow.ti.running:1|g", "airflow.ti.running:1|c"))
    assert page.faults == {
        "statsd_exporter_events_conflict_total": 1,
        "statsd_exporter_events_unmapped_total": 2,
    }


def test_no_two_types_share_a_metric(airflow_metrics):
    types = Counter({(metric.metric, metric.type) for metric in airflow_metrics})
    names = Counter(metric for metric, _ in types if metric != "dropped")
    assert [name for name, count in names.items() if count > 1] == []
