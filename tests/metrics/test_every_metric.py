"""Each metric of data/airflow-metrics.yaml, sent once, comes out once, with its name and labels."""

from collections import Counter
from typing import Any

import pytest
import yaml

from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON

IDS = ("sales", "daily", "load", "inner", "orders", "4711")


@pytest.fixture(scope="session")
def scrape(version, tags, mapping, everything, replay):
    """Scrape after one event of each metric that the version sends."""
    text = mapping(version=f"{version}.0", tags=tags)
    return replay(text, everything(version, tags))


@pytest.fixture(scope="session")
def expected(version, tags, airflow_metrics):
    """Return the metrics that must come out, by name, each with its lines of the table."""
    found: dict[str, list[Any]] = {}
    for metric in airflow_metrics:
        dropped = "dropped" in (metric.metric, metric.untagged if not tags else "")
        if version in metric.versions and not dropped:
            found.setdefault(f"airflow_{metric.metric}", []).append(metric)
    return found


def test_nothing_is_unmapped_conflicting_or_refused(scrape):
    assert scrape.unmapped == set()
    assert scrape.faults == {}


def test_the_metrics_have_the_names_of_the_table(scrape, expected):
    assert set(scrape.metrics) == set(expected)


def test_each_event_is_counted_once(scrape, expected):
    events = {name: metric.events for name, metric in scrape.metrics.items()}
    assert events == {name: len(sources) for name, sources in expected.items()}


def test_the_types_are_those_of_the_table(scrape, expected):
    types = {"c": "counter", "g": "gauge", "ms": "histogram"}
    assert {name: metric.type for name, metric in scrape.metrics.items()} == {
        name: types[sources[0].type] for name, sources in expected.items()
    }


def test_the_tags_become_labels(scrape, expected, tags):
    assert {name: metric.labels for name, metric in scrape.metrics.items()} == {
        name: set().union(*(source.labels(tags=tags) for source in sources))
        for name, sources in expected.items()
    }


def test_counters_end_in_total_and_timers_in_seconds(scrape):
    suffixes = {"counter": "_total", "histogram": "_seconds"}
    wrong = {
        name
        for name, metric in scrape.metrics.items()
        if not name.endswith(suffixes.get(metric.type, ""))
    }
    assert wrong == set()


def test_no_metric_name_holds_an_id(scrape):
    assert {name for name in scrape.metrics if any(id_ in name for id_ in IDS)} == set()


def test_the_catalogue_of_labels_is_complete(airflow_metrics):
    """Boards and the cardinality switch rely on metric-labels.yaml."""
    path = ADDON / "files" / "metrics" / "metric-labels.yaml"
    catalogue = strict_yaml.load(path.read_text(encoding="utf-8"), path.name)
    labels: dict[str, set[str]] = {}
    for metric in airflow_metrics:
        if metric.metric != "dropped":
            of_metric = labels.setdefault(f"airflow_{metric.metric}", set())
            of_metric |= metric.labels(tags=True) | metric.labels(tags=False)
    assert {name: set(names) for name, names in catalogue.items()} == {
        name: names for name, names in labels.items() if names
    }


def test_a_metric_without_a_rule_is_reported(mapping, rules, everything, replay):
    text = mapping(version="3.3.0", tags=True)
    left = [rule for rule in rules(text) if rule["match"] != "airflow.ti_failures"]
    broken = yaml.safe_dump({**strict_yaml.load(text, "mapping"), "mappings": left})
    scrape = replay(broken, everything("3.3", True))
    assert scrape.unmapped == {"airflow_ti_failures"}
    assert scrape.faults == {"statsd_exporter_events_unmapped_total": 1}


def test_an_event_that_is_counted_twice_is_noticed(mapping, rules, everything, replay):
    text = mapping(version="3.1.8", tags=True)
    changed = rules(text)
    for rule in changed:
        if rule["name"] == "airflow_ti_start_total":
            rule.pop("action", None)
    broken = yaml.safe_dump({**strict_yaml.load(text, "mapping"), "mappings": changed})
    assert replay(broken, everything("3.1", True))["airflow_ti_start_total"].events == 2


def test_a_metric_with_two_types_is_reported(mapping, replay):
    scrape = replay(mapping(), ("airflow.ti.running:1|g", "airflow.ti.running:1|c"))
    assert scrape.faults == {"statsd_exporter_events_conflict_total": 1}


def test_no_two_types_share_a_metric(airflow_metrics):
    types = Counter({(metric.metric, metric.type) for metric in airflow_metrics})
    names = Counter(metric for metric, _ in types if metric != "dropped")
    assert [name for name, count in names.items() if count > 1] == []
