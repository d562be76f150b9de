import pytest

from airflow_platform.metrics.catalogue import airflow_series


@pytest.fixture(scope="module")
def catalogue():
    return airflow_series()


def test_a_counter_and_a_gauge_are_one_series_each(catalogue):
    assert catalogue["airflow_ti_finish_total"] == {"dag_id", "task_id", "state"}
    assert catalogue["airflow_pool_open_slots"] == {"pool_name"}
    assert "airflow_pool_open_slots_count" not in catalogue


def test_a_histogram_is_three(catalogue):
    assert catalogue["airflow_task_duration_seconds_bucket"] == {"dag_id", "task_id", "le"}
    assert catalogue["airflow_task_duration_seconds_sum"] == {"dag_id", "task_id"}
    assert catalogue["airflow_task_duration_seconds_count"] == {"dag_id", "task_id"}
    assert "airflow_task_duration_seconds" not in catalogue


def test_what_versions_of_airflow_name_differently_has_one_label(catalogue):
    assert catalogue["airflow_executor_open_slots"] == {"executor"}
    assert catalogue["airflow_operator_failures_total"] == {"dag_id", "task_id", "operator"}


def test_what_the_mapping_drops_is_no_series(catalogue):
    assert "dropped" not in catalogue
