"""The dashboard about single DAGs and their tasks."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models import units

from airflow_platform.dashboards import frame, links
from airflow_platform.dashboards.airflow_panels import delayed_runs, ended_tasks, waiting_tasks
from airflow_platform.dashboards.panels import (
    NEUTRAL,
    ONE_IS_BAD,
    Panel,
    bar_gauge,
    bars_by_state,
    graph,
    heatmap,
    log_lines,
    log_volume,
    stat,
    table,
)
from airflow_platform.dashboards.queries import (
    EXPLORED_LINES,
    RANGE,
    RATE,
    events,
    first_of,
    largest,
    lines,
    mean,
    quantile,
    quantiles,
    readable,
    series,
    top,
    total,
    without_group_markers,
)

_DAG = 'dag_id=~"$dag_id"'
_TASK = (_DAG, 'task_id=~"$task_id"')
_RUN = (_DAG, 'run_type=~"$run_type"')

_FAILED = series("airflow_dagrun_duration_seconds_count", *_RUN, 'state="failed"')
_SUCCEEDED = series("airflow_dagrun_duration_seconds_count", *_RUN, 'state="success"')
_RUN_BUCKETS = series("airflow_dagrun_duration_seconds_bucket", *_RUN)
# The chart's `mapping.cardinality` decides which of the two metrics has the buckets.
_TASK_BUCKETS = (
    series("airflow_dag_task_duration_seconds_bucket", _DAG),
    series("airflow_task_duration_seconds_bucket", *_TASK),
)


def dashboard() -> Dashboard:
    """Return the dashboard."""
    built = (
        frame.dashboard(
            links.DAG, "Airflow / DAGs and tasks", "Runs, tasks and logs of the chosen DAGs."
        )
        .with_variable(frame.loki_variable())
        .with_variable(frame.dag_variable())
        .with_variable(frame.task_variable())
        .with_variable(frame.groups_variable())
        .with_variable(
            frame.several(
                frame.label_values(
                    "run_type", "Run type", series("airflow_dagrun_duration_seconds_count", _DAG)
                )
            )
        )
    )
    frame.add_row(built, "DAG runs", _runs())
    frame.add_row(built, "Tasks", _tasks())
    frame.add_row(built, "Logs", _logs())
    frame.add_row(built, "Resources (Airflow 2.10 and 2.11)", _resources(), collapsed=True)
    return built


def _runs() -> Iterator[Panel]:
    succeeded, failed = (
        f"({total(events(runs, RANGE))} or vector(0))" for runs in (_SUCCEEDED, _FAILED)
    )
    yield stat("Succeeded runs", units.Short, {"": succeeded}, NEUTRAL, span=6)
    yield stat("Failed runs", units.Short, {"": failed}, ONE_IS_BAD, span=6)
    yield stat(
        "Share of succeeded runs",
        units.PercentUnit,
        {"": f"{succeeded} / ({succeeded} + {failed} > 0)"},
        ((None, "red"), (0.9, "orange"), (1, "green")),
        span=6,
    )
    yield stat(
        "Mean duration of a run",
        units.Seconds,
        {"": mean("airflow_dagrun_duration_seconds", *_RUN, by=(), window=RANGE)},
        span=6,
    )
    ended = total(events(series("airflow_dagrun_duration_seconds_count", *_RUN)), "state")
    yield bars_by_state("Ended runs", ended)
    yield graph(
        "Duration of runs",
        units.Seconds,
        quantiles(events(_RUN_BUCKETS), 0.5, 0.95),
        "Of the runs that ended at that time; the lines span times without any.",
    )
    yield heatmap("Duration of runs", total(events(_RUN_BUCKETS), "le"))
    yield delayed_runs(_DAG)
    yield table(
        "DAGs",
        {"dag_id": "DAG"},
        {
            "Failed runs": (units.Short, total(events(_FAILED, RANGE), "dag_id")),
            "Succeeded runs": (units.Short, total(events(_SUCCEEDED, RANGE), "dag_id")),
            "Mean duration": (
                units.Seconds,
                mean("airflow_dagrun_duration_seconds", *_RUN, by=("dag_id",), window=RANGE),
            ),
            "Mean delay": (
                units.Seconds,
                mean(
                    "airflow_dagrun_schedule_delay_seconds",
                    _DAG,
                    by=("dag_id",),
                    window=RANGE,
                ),
            ),
            "p95 task": (
                units.Seconds,
                first_of(
                    *(quantile(0.95, events(each, RANGE), "dag_id") for each in _TASK_BUCKETS)
                ),
            ),
            "Mean wait of tasks": (
                units.Seconds,
                first_of(
                    *(
                        mean(f"airflow_task_{step}_seconds", _DAG, by=("dag_id",), window=RANGE)
                        for step in ("queued", "scheduled")
                    )
                ),
            ),
        },
        "In the time range of the dashboard.",
        links=[
            links.to_dashboard("Only this DAG", links.DAG, "loki", dag_id="${__data.fields.DAG}"),
            links.to_dashboard("Logs", links.TASK_LOGS, "loki", dag_id="${__data.fields.DAG}"),
            links.to_airflow("${__data.fields.DAG}"),
        ],
        span=16,
    ).height(8)


def _tasks() -> Iterator[Panel]:
    yield graph(
        "Task instances now",
        units.Short,
        {
            state.replace("_", " "): total(series(f"airflow_ti_{state}", *_TASK))
            for state in ("running", "queued", "scheduled", "deferred", "awaiting_input")
        },
        "Sent by Airflow 3, deferred by 3.2 and awaiting input by 3.3 and newer.",
    )
    yield ended_tasks(*_TASK)
    yield waiting_tasks(_DAG)
    yield graph(
        "Duration of task instances",
        units.Seconds,
        {
            f"p{share * 100:g}": first_of(
                *(quantile(share, events(each)) for each in _TASK_BUCKETS)
            )
            for share in (0.5, 0.95)
        },
        "Of the chosen DAGs. Airflow 3.0 does not send it.",
    )
    slowest = mean("airflow_task_duration_seconds", *_TASK, by=("dag_id", "task_id"), window=RATE)
    yield graph(
        "Slowest tasks",
        units.Seconds,
        {"{{dag_id}} / {{task_id}}": top(10, slowest)},
        "Mean of the ten slowest at each time.",
    )
    retries = series("airflow_ti_finish_total", *_TASK, 'state="up_for_retry"')
    yield bar_gauge(
        "Most retried tasks",
        units.Short,
        "{{dag_id}} / {{task_id}}",
        top(10, total(events(retries, RANGE), "dag_id", "task_id")),
        "Airflow 2, and 3.1.8 and newer.",
    )
    by_task = ("dag_id", "task_id")
    failures = series("airflow_ti_failures_total", *_TASK)
    attempts = series("airflow_task_duration_seconds_count", *_TASK)
    yield table(
        "Tasks",
        {"dag_id": "DAG", "task_id": "Task"},
        {
            "Failed attempts": (units.Short, total(events(failures, RANGE), *by_task)),
            "Attempts": (units.Short, total(events(attempts, RANGE), *by_task)),
            "Mean duration": (
                units.Seconds,
                mean("airflow_task_duration_seconds", *_TASK, by=by_task, window=RANGE),
            ),
        },
        "In the time range of the dashboard.",
        links=[
            links.to_dashboard(
                "Logs",
                links.TASK_LOGS,
                "loki",
                dag_id="${__data.fields.DAG}",
                task_id="${__data.fields.Task}",
            ),
            links.to_airflow("${__data.fields.DAG}"),
        ],
    )


def _logs() -> Iterator[Panel]:
    chosen = lines(without_group_markers())
    yield log_volume("Log lines", f"sum by (level) (count_over_time({chosen} [$__auto]))")
    yield log_lines(
        "Log lines",
        readable(chosen),
        links=[
            links.to_dashboard("Task logs", links.TASK_LOGS, "loki", "dag_id", "task_id"),
            links.to_explore(EXPLORED_LINES),
        ],
    )


def _resources() -> Iterator[Panel]:
    for title, metric in (("CPU", "cpu_usage"), ("Memory", "mem_usage")):
        used = series(f"airflow_task_{metric}_percent", *_TASK)
        yield graph(
            title,
            units.Percent,
            {"{{dag_id}} / {{task_id}}": largest(used, "dag_id", "task_id")},
            span=12,
        )
