"""Rules and runbooks ask for what there is, and rules for that of their own release only."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from airflow_platform.checks import queries
from airflow_platform.checks.monitoring import read_queries
from airflow_platform.checks.queries import Parsed, Query, log_fields
from airflow_platform.manifests import Manifest, Render
from airflow_platform.metrics.catalogue import Catalogue
from airflow_platform.metrics.query_parser import Language
from airflow_platform.rendering.render import render
from airflow_platform.support.project import ROOT

PAGES = (ROOT / "docs" / "alerts.md", *sorted((ROOT / "docs" / "runbooks").glob("[A-Z]*.md")))

pytestmark = pytest.mark.usefixtures("query_parser")


@pytest.fixture(scope="module")
def read(query_parser: object, all_on_render: Render) -> tuple[Catalogue, Parsed]:
    """All series that there can be, and the expressions of all rules."""
    found = read_queries(all_on_render)
    assert found is not None
    return found


def test_every_selector_is_limited_to_the_release(
    read: tuple[Catalogue, Parsed], promtool: Callable[..., str]
) -> None:
    # promtool's parser finds the selectors: setting what is set already must change nothing.
    every = " or ".join(f"({query.text})" for query, _ in read[1])
    promql = ("--experimental", "promql")
    limited = every
    for name, value in {
        "job": "airflow-statsd-exporter",
        "namespace": "lakehouse-platform",
    }.items():
        limited = promtool(*promql, "label-matchers", "set", limited, name, value)
    assert limited == promtool(*promql, "format", every)


def test_every_rule_reads_series_and_labels_that_there_can_be(
    read: tuple[Catalogue, Parsed], all_on_render: Render
) -> None:
    """Without the exception for series of other programs, which is for rules of the user's own."""
    catalogue, parsed = read
    ours = [(replace(query, may_be_foreign=False), result) for query, result in parsed]
    assert list(queries.faults(ours, catalogue, log_fields(all_on_render))) == []
    assert [query.where for query, result in ours if not result.selectors] == []


def test_annotations_name_all_that_tells_one_alert_from_another(
    read: tuple[Catalogue, Parsed],
) -> None:
    assert {query.where for query, _ in read[1] if query.shown}
    for query, result in read[1]:
        if query.shown:
            assert query.shown == result.labels, query.where


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


def queries_of_pages() -> Iterator[Query]:
    """Yield the PromQL and LogQL of the pages, one query a line; some is about the containers."""
    languages: tuple[Language, ...] = ("promql", "logql")
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for language in languages:
            for block in re.findall(rf"```{language}\n(.+?)```", text, re.DOTALL):
                for line in block.splitlines():
                    yield Query(page.name, language, language, line, may_be_foreign=True)


def test_queries_of_runbooks_read_what_there_can_be(read: tuple[Catalogue, Parsed]) -> None:
    parsed = queries.parse(list(queries_of_pages()))
    assert {query.language for query, _ in parsed} == {"promql", "logql"}
    fields = log_fields(render(chart="add-on"))
    assert list(queries.faults(parsed, read[0], fields)) == []


def test_metrics_that_runbooks_name_exist(read: tuple[Catalogue, Parsed]) -> None:
    catalogue, _ = read
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for metric in re.findall(r"\b((?:airflow|statsd_exporter)_\w+)\b", text):
            assert metric in catalogue.names(), page.name
