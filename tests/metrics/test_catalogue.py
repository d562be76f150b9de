"""Which series, with which labels, a render makes."""

import pytest

from airflow_platform.metrics.catalogue import catalogue_of
from airflow_platform.metrics.query_parser import Selector
from airflow_platform.rendering.render import render

TARGET = {"namespace", "job", "service", "pod", "container", "endpoint", "instance"}


def catalogue(monitor=True, **mapping):
    values = {
        "serviceMonitor": monitor if isinstance(monitor, dict) else {"enabled": monitor},
        "statsdExporter": {"mapping": mapping},
    }
    return catalogue_of(render(chart="add-on", values=[values]))


@pytest.fixture(scope="module")
def series():
    return catalogue()


@pytest.fixture(scope="module")
def extended():
    """With rules of the user's own in front of and behind ours, and a relabeling."""
    return catalogue(
        monitor={
            "enabled": True,
            "targetLabels": ["example.com/team"],
            "relabelings": [{"targetLabel": "cluster", "replacement": "eu-1"}],
            "metricRelabelings": [{"action": "labeldrop", "regex": "task_.+|pod"}],
        },
        before=[
            {"match": "airflow.ti.start", "name": "my_starts_total", "labels": {"mine": "x"}},
            {"match": "mine.open_slots", "name": "airflow_pool_open_slots"},
        ],
        after=[{"match": "my.*", "name": "my_$1"}],
    )


def select(catalogue, metric="", pattern=""):
    return catalogue.select(Selector(metric, pattern, frozenset(), frozenset()))


def test_a_counter_and_a_gauge_are_one_series_each(series):
    assert series.labels("airflow_ti_finish_total") == {"dag_id", "task_id", "state"} | TARGET
    assert series.labels("airflow_pool_open_slots") == {"pool_name"} | TARGET
    assert "airflow_pool_open_slots_count" not in series.names()


def test_a_histogram_is_three(series):
    labels = {"dag_id", "task_id"} | TARGET
    assert series.labels("airflow_task_duration_seconds_bucket") == labels | {"le"}
    assert series.labels("airflow_task_duration_seconds_sum") == labels
    assert series.labels("airflow_task_duration_seconds_count") == labels
    assert "airflow_task_duration_seconds" not in series.names()


def test_what_versions_of_airflow_name_differently_has_one_label(series):
    assert series.labels("airflow_executor_open_slots") == {"executor"} | TARGET
    assert series.labels("airflow_operator_failures_total") == {
        *("dag_id", "task_id", "operator"),
        *TARGET,
    }


def test_what_the_mapping_drops_is_no_series(series):
    assert "dropped" not in series.names()


def test_the_exporter_and_the_scrape_have_series_of_their_own(series):
    assert series.labels("statsd_exporter_config_reloads_total") == {"outcome"} | TARGET
    assert series.labels("up") == TARGET


def test_without_metrics_there_is_no_catalogue():
    off = {"global": {"metrics": {"enabled": False}}}
    assert catalogue_of(render(chart="add-on", values=[off])) is None


def test_without_a_service_monitor_the_labels_are_not_known():
    assert catalogue(monitor=False).labels("airflow_ti_finish_total") is None
    assert catalogue(monitor=False).labels("up") is None


def test_series_of_the_user_s_own_rules_may_have_any_label(extended):
    assert extended.labels("my_starts_total") is None
    assert extended.labels("my_starts_total_bucket") is None
    assert extended.labels("airflow_pool_open_slots") is None


def test_a_rule_that_names_its_series_after_what_it_gets_stands_for_all_of_them(extended):
    assert extended.labels("my_own_series") is None
    assert select(extended, pattern="my_(a|b)").missing == ()
    assert select(extended, metric="our_own_series").missing == ("our_own_series",)


def test_a_series_that_the_user_replaced_stays_one(extended):
    assert "airflow_ti_start_total" in extended.names()


def test_labels_that_the_user_adds_and_drops_are_known(extended):
    assert extended.labels("airflow_ti_finish_total") == {
        *("dag_id", "state", "cluster", "example_com_team"),
        *(TARGET - {"pod"}),
    }
    assert extended.labels("up") == TARGET | {"cluster", "example_com_team"}


def test_a_hidden_label_is_no_reason_to_complain():
    none = catalogue(cardinality="none")
    assert none.labels("airflow_ti_start_total") == {"dag_id", "task_id"} | TARGET
    assert "airflow_ti_running" in none.names()


def test_each_name_of_a_list_must_be_there(series):
    pattern = "airflow_ti_failures_total|airflow_ti_succeses_total"
    assert select(series, pattern=pattern).missing == ("airflow_ti_succeses_total",)
    pattern = "airflow_ti_failures_total|airflow_pool_open_slots"
    assert select(series, pattern=pattern).labels == {"dag_id", "task_id", "pool_name"} | TARGET


def test_a_pattern_must_match_a_series(series):
    assert select(series, pattern="airflow_(dagrun|ti)_.+").missing == ()
    assert select(series, pattern="pods_.+").missing == ("pods_.+",)


def test_a_selector_without_a_name_may_find_anything(series):
    assert select(series).missing == ()
    assert select(series).labels is None
