"""The rules ask for what there is, and for that of their own release only."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.manifests import Manifest
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON, ROOT

MAPPING = ADDON / "files" / "metrics"
RUNBOOKS = ROOT / "docs" / "runbooks"

Labels = Mapping[str, set[str]]

# What the exporter says about itself, and Prometheus about a scrape, with the labels of each.
EXPORTER: Labels = {
    "statsd_exporter_config_reloads_total": {"outcome"},
    "statsd_exporter_events_conflict_total": {"type", "metric_name"},
    "statsd_exporter_events_error_total": {"reason"},
    "statsd_exporter_events_unmapped_total": set(),
    "statsd_exporter_lines_total": set(),
    "statsd_exporter_sample_errors_total": {"reason"},
    "statsd_exporter_tag_errors_total": set(),
    "statsd_exporter_udp_packet_drops_total": set(),
}
PROMETHEUS: Labels = {"up": set(), "scrape_samples_scraped": set()}

SELECTOR = re.compile(r"(\w*)\s*\{([^{}]*)\}")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')
GROUPING = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")


@pytest.fixture(scope="module")
def known() -> Labels:
    """Every metric that the mapping can emit, with its labels."""
    rules = strict_yaml.load_file(MAPPING / "statsd-mapping.yaml")["mappings"]
    labels = strict_yaml.load_file(MAPPING / "metric-labels.yaml")
    relabelings = strict_yaml.load_file(MAPPING / "metric-relabelings.yaml")
    metrics: dict[str, set[str]] = {}
    for rule in rules:
        name = rule["name"]
        unified = {
            each["targetLabel"]
            for each in relabelings
            if re.fullmatch(each["regex"].partition(";")[0], name)
        }
        own = {*labels.get(name, ()), *unified}
        if name.endswith("_total") or "ttl" in rule:
            metrics[name] = own
        else:
            metrics |= {f"{name}_bucket": own | {"le"}, f"{name}_sum": own, f"{name}_count": own}
    return {**metrics, **EXPORTER, **PROMETHEUS}


def selectors(expression: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the metric and the matchers of each selector."""
    for name, inner in SELECTOR.findall(expression):
        matchers = dict(MATCHER.findall(inner))
        for metric in [name] if name else matchers.pop("__name__").split("|"):
            yield metric, matchers


def test_every_selector_is_limited_to_the_release(
    expressions: Mapping[str, str], promtool: Callable[..., str]
) -> None:
    # promtool's parser finds the selectors: setting what is set already must change nothing.
    every = " or ".join(f"({expression})" for expression in expressions.values())
    promql = ("--experimental", "promql")
    limited = every
    for name, value in {
        "job": "airflow-statsd-exporter",
        "namespace": "lakehouse-platform",
    }.items():
        limited = promtool(*promql, "label-matchers", "set", limited, name, value)
    assert limited == promtool(*promql, "format", every)


def test_every_metric_and_label_is_one_that_the_mapping_emits(
    expressions: Mapping[str, str], known: Labels
) -> None:
    for name, expression in expressions.items():
        found = dict(selectors(expression))
        assert found, name
        for metric, matchers in found.items():
            assert metric in known, name
            assert set(matchers) <= known[metric] | {"job", "namespace"}, f"{name}: {metric}"
        grouped = {
            label for labels in GROUPING.findall(expression) for label in re.findall(r"\w+", labels)
        }
        there = set.union({"job", "namespace"}, *(known[metric] for metric in found))
        assert grouped <= there, name


def test_the_exporter_has_the_metrics_about_itself(program: Callable[[str], Path]) -> None:
    binary = program("statsd_exporter").read_bytes()
    assert not [metric for metric in EXPORTER if metric.encode() not in binary]


def test_annotations_use_only_labels_that_the_alert_has(
    alerts: Mapping[str, Mapping[str, Any]],
) -> None:
    for name, rule in alerts.items():
        used = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
        groupings = GROUPING.findall(rule["expr"])
        assert not used or used == set(re.findall(r"\w+", groupings[0])), name


def test_the_legacy_names_are_recorded(all_on: Manifest) -> None:
    recorded = {
        rule["record"]
        for group in all_on.at("spec", "groups")
        for rule in group["rules"]
        if "record" in rule
    }
    assert recorded == {
        "airflow_dag_run_duration_seconds",
        "airflow_dag_run_total",
        "airflow_dagrun_duration_success",
        "airflow_scheduler_heartbeat",
        "airflow_task_failures",
        "airflow_task_instance_duration_seconds",
    }


def test_runbooks_ask_for_metrics_that_there_are(known: Labels) -> None:
    for page in sorted(RUNBOOKS.glob("[A-Z]*.md")):
        text = page.read_text(encoding="utf-8")
        for metric in re.findall(r"\b((?:airflow|statsd_exporter)_\w+)\b", text):
            assert metric in known, page.name


def test_queries_of_runbooks_are_promql(promtool: Callable[..., str]) -> None:
    queries = [
        query
        for page in sorted(RUNBOOKS.glob("[A-Z]*.md"))
        for block in re.findall(r"```promql\n(.+?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        for query in block.splitlines()
    ]
    every = " or ".join(f"({query})" for query in queries)
    promtool("--experimental", "promql", "format", every)
