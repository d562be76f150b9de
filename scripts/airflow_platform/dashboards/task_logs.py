"""The dashboard about task logs: the lines in Loki, and whether all have arrived there."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models import units

from airflow_platform.dashboards import frame, links
from airflow_platform.dashboards.panels import (
    NEUTRAL,
    ONE_IS_BAD,
    Panel,
    bar_gauge,
    graph,
    heatmap,
    log_bar_gauge,
    log_lines,
    log_volume,
    stat,
    table,
)
from airflow_platform.dashboards.queries import (
    EXPLORED_LINES,
    RANGE,
    events,
    lines,
    quantiles,
    rate,
    readable,
    series,
    top,
    total,
    without_group_markers,
)

_DAG, _TASK = 'dag_id=~"$dag_id"', 'task_id=~"$task_id"'

_CHOSEN = lines(
    without_group_markers(),
    '| level=~"$level"',
    "| run_id=~`.*${run_id:regex}.*`",
    '| try_number=~"$try_number"',
    "|~ `(?i)${search}`",
)
_ERRORS = lines("| level=~`error|critical`")


def _audit(part: str, *matchers: str) -> str:
    return series(f"airflow_task_log_{part}", _DAG, *matchers)


def dashboard() -> Dashboard:
    """Return the dashboard."""
    built = (
        frame.dashboard(
            links.TASK_LOGS,
            "Airflow / Task logs",
            "Log lines of tasks in Loki, and what the sidecars report about their delivery.",
        )
        .with_variable(frame.loki_variable())
        .with_variable(frame.dag_variable())
        .with_variable(frame.task_variable())
        .with_variable(frame.text_field("run_id", "Run", "A part of the run's id."))
        .with_variable(frame.several_of("try_number", "Try", "1,2,3,4,5"))
        .with_variable(frame.several_of("level", "Level", "debug,info,warning,error,critical"))
        .with_variable(frame.groups_variable())
        .with_variable(
            frame.text_field(
                "search",
                "Search",
                "A regular expression for lines as Airflow wrote them, which is JSON on Airflow 3."
                " Case does not matter.",
            )
        )
    )
    frame.add_row(built, "Lines", _lines())
    frame.add_row(built, "Delivery", _delivery())
    return built


def _lines() -> Iterator[Panel]:
    yield log_volume("Log lines", f"sum by (level) (count_over_time({_CHOSEN} [$__auto]))")
    yield log_lines(
        "Log lines",
        readable(_CHOSEN),
        links=[links.to_explore(EXPLORED_LINES)],
        description="run_id, try_number, map_index and pod are among the details of a line."
        " Explore shows lines as Airflow wrote them.",
    )
    count = f"count_over_time({_ERRORS} [$__range])"
    yield log_bar_gauge(
        "DAGs with most errors",
        "{{dag_id}}",
        f"topk(10, sum by (dag_id) ({count}))",
        links=[
            links.to_dashboard(
                "Runs and tasks", links.DAG, "loki", dag_id="${__field.labels.dag_id}"
            )
        ],
    )
    yield log_bar_gauge(
        "Tasks with most errors",
        "{{dag_id}} / {{task_id}}",
        f"topk(10, sum by (dag_id, task_id) ({count}))",
        links=[
            links.to_dashboard(
                "Logs",
                links.TASK_LOGS,
                "loki",
                dag_id="${__field.labels.dag_id}",
                task_id="${__field.labels.task_id}",
            )
        ],
    )


def _delivery() -> Iterator[Panel]:
    written, delivered, missing = (
        total(events(_audit(f"bytes_{part}_total"), RANGE))
        for part in ("written", "delivered", "missing")
    )
    yield stat(
        "Written",
        units.BytesIEC,
        {"": written},
        NEUTRAL,
        "By all tasks of the chosen DAGs that have ended.",
    )
    yield stat(
        "Delivered",
        units.PercentUnit,
        {"": f"{delivered} / ({written} > 0)"},
        ((None, "red"), (0.9999, "green")),
        "Share of the written bytes that Loki has accepted.",
    )
    yield stat(
        "Missing",
        units.BytesIEC,
        {"": missing},
        ONE_IS_BAD,
        "Not delivered before the drain's deadline; which files, says the termination message"
        " of the sidecar.",
    )
    for title, metric, steps, description in (
        (
            "Refused lines",
            "refused_total",
            ONE_IS_BAD,
            "Loki has refused them for good; its answer is in the sidecar's log.",
        ),
        (
            "Oversized lines",
            "oversized_total",
            ONE_IS_BAD,
            "Longer than maxLineBytes: skipped and counted as missing.",
        ),
        ("Redacted lines", "redacted_total", NEUTRAL, "Lines in which a secret was masked."),
        (
            "Restarts of Vector",
            "vector_restarts_total",
            ONE_IS_BAD,
            "Vector had ended by itself while the task ran.",
        ),
    ):
        number = total(events(_audit(metric), RANGE))
        yield stat(title, units.Short, {"": number}, steps, description, span=3)
    yield graph(
        "Bytes",
        units.BytesPerSecondIEC,
        {
            part: total(rate(_audit(f"bytes_{part}_total")))
            for part in ("written", "delivered", "missing")
        },
        "Counted when a task has ended.",
    )
    drain = events(_audit("drain_seconds_bucket"))
    yield graph(
        "Drain",
        units.Seconds,
        quantiles(drain, 0.5, 0.95, 0.99),
        "Time that pods lived on after their task, to deliver what was left. They hold an"
        " executor slot meanwhile.",
    )
    yield heatmap("Drain", total(drain, "le"))
    yield bar_gauge(
        "DAGs with the longest logs",
        units.BytesIEC,
        "{{dag_id}}",
        top(10, total(events(_audit("bytes_written_total"), RANGE), "dag_id")),
    )
    by_task = ("dag_id", "task_id")
    yield table(
        "Incomplete logs",
        {"dag_id": "DAG", "task_id": "Task"},
        {
            "Missing": (
                units.BytesIEC,
                f"{total(events(_audit('bytes_missing_total', _TASK), RANGE), *by_task)} > 0",
            ),
        },
        links=[
            links.to_dashboard(
                "Runs and tasks",
                links.DAG,
                "loki",
                dag_id="${__data.fields.DAG}",
                task_id="${__data.fields.Task}",
            )
        ],
        span=16,
    ).height(8)
