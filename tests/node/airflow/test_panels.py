"""Which queries of dashboards are asked, and what is said of those without data."""

import re
from dataclasses import replace

import pytest

from airflow_platform.checks.queries import Query
from airflow_platform.node.airflow.panels import Answer, Silence, answers, judged, silences
from airflow_platform.rendering.render import render
from airflow_platform.support.airflow_install import VERSIONS
from airflow_platform.support.errors import PlatformError

KNOWN = Silence("a.json", "Panel, query *", "there is none")


def answer(dashboard: str, where: str, had_data: bool) -> Answer:
    return Answer(dashboard, Query(None, where, "promql", "up"), had_data)


def test_queries_with_data_are_counted():
    found = [answer("a.json", "Panel, query A", False), answer("b.json", "Panel, query A", True)]
    assert judged(found, [KNOWN]) == "1 queries; 1 cannot have any here"


@pytest.mark.parametrize("had_data", [True, False])
def test_what_has_data_sometimes_may_have_it_or_not(had_data):
    judged([answer("a.json", "Panel, query A", had_data)], [replace(KNOWN, sometimes=True)])


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            [answer("a.json", "Panel, query A", False), answer("b.json", "Panel, query A", False)],
            "b.json, Panel, query A has no data: up",
        ),
        (
            [answer("a.json", "Panel, query A", False), answer("a.json", "Other, query A", False)],
            "a.json, Other, query A has no data: up",
        ),
        ([answer("a.json", "Panel, query A", True)], "a.json, Panel, query * has data"),
        ([answer("b.json", "Panel, query A", True)], "a.json, Panel, query * has data or is not"),
    ],
    ids=["another dashboard", "another panel", "has data after all", "is gone"],
)
def test_what_is_not_as_it_is_known_is_told(found, said):
    with pytest.raises(PlatformError, match=re.escape(said)):
        judged(found, [KNOWN])


@pytest.fixture(scope="module")
def asked() -> dict[str, list[str]]:
    """The queries that are asked, by their language."""
    values = {"dashboards": {"enabled": True}, "serviceMonitor": {"enabled": True}}
    found: dict[str, list[str]] = {"promql": [], "logql": []}

    def ask(language):
        return lambda query: bool(found[language].append(query))

    rendered = render(chart="add-on", values=[values], namespace="air")
    answers(rendered, had_series=ask("promql"), had_lines=ask("logql"))
    return found


def test_queries_of_both_languages_are_asked(asked):
    assert len(asked["promql"]) > 100
    assert len(asked["logql"]) > 10


def test_no_variable_is_left_in_a_query(asked):
    left = re.compile(r"\$\{?(namespace|job|dag_id|task_id|__)|value")
    # "value" would stand for a variable that nobody has chosen.
    for query in asked["promql"]:
        assert not left.search(re.sub(r"label_\w+|absent\w*|quantile", "", query)), query


def test_the_release_and_all_that_it_has_are_chosen(asked):
    of_dags = [query for query in asked["promql"] if "dag_id=" in query]
    assert of_dags
    for query in of_dags:
        assert 'namespace="air"' in query
        assert 'job="airflow-statsd-exporter"' in query
        assert 'dag_id=~".*"' in query


@pytest.mark.parametrize("airflow", VERSIONS, ids=str)
def test_each_known_silence_is_about_queries_that_there_are(airflow):
    version = airflow.version
    values = {
        "observability": {"dashboards": {"enabled": True}},
        "airflow": {"airflowVersion": version, "defaultAirflowTag": version},
        "global": {"metrics": {"airflowVersion": version, "enabled": True}},
    }
    rendered = render("dev", values=[values])
    found = answers(rendered, had_series=lambda _: False, had_lines=lambda _: False)
    all_are_silent = Silence("*", "*", "nothing runs")

    judged(found, [*silences(version), all_are_silent])
