"""Panels that several dashboards have; with matchers they show only a part of Airflow."""

from grafana_foundation_sdk.builders.timeseries import Panel
from grafana_foundation_sdk.models import units

from airflow_platform.dashboards.panels import bars_by_state, graph
from airflow_platform.dashboards.queries import ended_task_instances, events, quantile, series


def ended_tasks(*matchers: str) -> Panel:
    """Return the number of ended task instances by state."""
    return bars_by_state(
        "Ended task instances",
        ended_task_instances(*matchers),
        "By state. Airflow 3.1.0 to 3.1.7 tells success and failure only.",
    )


def waiting_tasks(*matchers: str) -> Panel:
    """Return how long tasks wait before they run."""
    queued, scheduled = (
        quantile(0.95, events(series(f"airflow_task_{step}_seconds_bucket", *matchers)))
        for step in ("queued", "scheduled")
    )
    return graph(
        "Waiting tasks",
        units.Seconds,
        {"p95 queued (Airflow 2)": queued, "p95 scheduled (Airflow 3)": scheduled},
        "Airflow 2 measures the time in the executor's queue, Airflow 3 the time until it.",
    )


def delayed_runs(*matchers: str) -> Panel:
    """Return how late DAG runs and their first tasks start."""
    delays = {
        "p95 start of the run": "airflow_dagrun_schedule_delay_seconds_bucket",
        "p95 first task scheduled": "airflow_dagrun_first_task_scheduling_delay_seconds_bucket",
        "p95 first task started": "airflow_dagrun_first_task_start_delay_seconds_bucket",
    }
    return graph(
        "Delay of DAG runs",
        units.Seconds,
        {
            name: quantile(0.95, events(series(buckets, *matchers)))
            for name, buckets in delays.items()
        },
        "After the time for which the run was scheduled; runs of all types. The start of the first"
        " task is counted from the queueing of the run, by Airflow 3.3 and newer.",
    )
