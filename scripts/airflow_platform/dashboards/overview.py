"""The dashboard about one Airflow as a whole."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models import units

from airflow_platform.dashboards import frame, links
from airflow_platform.dashboards.airflow_panels import delayed_runs, ended_tasks, waiting_tasks
from airflow_platform.dashboards.panels import (
    NEUTRAL,
    ONE_IS_BAD,
    ONE_IS_GOOD,
    Panel,
    bar_gauge,
    bars,
    graph,
    heatmap,
    stat,
    table,
)
from airflow_platform.dashboards.queries import (
    RANGE,
    RATE,
    events,
    failure_ratio,
    first_of,
    largest,
    mean,
    quantile,
    quantiles,
    rate,
    series,
    top,
    total,
)

_FAILED_RUNS = series("airflow_dagrun_duration_seconds_count", 'state="failed"')
_TO_DAG = links.to_dashboard("Runs and tasks", links.DAG, dag_id="${__field.labels.dag_id}")
_TO_AIRFLOW = links.to_airflow("${__field.labels.dag_id}")


def dashboard() -> Dashboard:
    """Return the dashboard."""
    built = frame.dashboard(
        links.OVERVIEW, "Airflow / Overview", "Schedulers, tasks, capacity and DAG files."
    )
    frame.add_row(built, "Now", _now())
    frame.add_row(built, "Tasks", _tasks())
    frame.add_row(built, "Scheduler", _scheduler())
    frame.add_row(built, "Capacity", _capacity())
    frame.add_row(built, "DAG files", _dag_files())
    frame.add_row(built, "Assets and deadlines", _assets_and_deadlines(), collapsed=True)
    frame.add_row(built, "Kubernetes and Celery", _executors(), collapsed=True)
    frame.add_row(built, "statsd-exporter", _exporter(), collapsed=True)
    return built


def _now() -> Iterator[Panel]:
    for title, component, note in (
        ("Schedulers", "scheduler", ""),
        ("Triggerers", "triggerer", ""),
        ("DAG processors", "dag-processor", " Airflow 3 only."),
    ):
        heartbeats = series(f"airflow_{component.replace('-', '_')}_heartbeat_total")
        alive = f"round({total(rate(heartbeats, '5m'))} * 5)"
        note = f"Alive in the last 5 minutes: each sends a heartbeat every 5 s.{note}"
        logs = links.to_dashboard("Logs", links.COMPONENT_LOGS, component=component)
        yield stat(title, units.Short, {"": alive}, ONE_IS_GOOD, note, links=[logs])
    yield stat("DAGs", units.Short, {"": largest(series("airflow_dagbag_size"))})
    import_errors = largest(series("airflow_dag_processing_import_errors"))
    yield stat(
        "Import errors",
        units.Short,
        {"": import_errors},
        ONE_IS_BAD,
        "DAG files that cannot be imported. Airflow 3 counts callbacks, too, for a moment.",
    )
    yield stat(
        "Failed DAG runs",
        units.Short,
        {"": f"{total(events(_FAILED_RUNS, RANGE))} or vector(0)"},
        ONE_IS_BAD,
        "In the time range of the dashboard.",
        links=[links.to_dashboard("Runs and tasks", links.DAG)],
    )
    slots = {
        state: total(series(f"airflow_pool_{state}_slots"))
        for state in ("running", "queued", "scheduled", "deferred")
    }
    yield stat(
        "Pool slots",
        units.Short,
        slots,
        NEUTRAL,
        "Slots of all pools that tasks take or wait for; most tasks take one.",
        span=16,
    )
    yield stat(
        "Failed attempts",
        units.PercentUnit,
        {"": failure_ratio(window=RANGE)},
        ((None, "green"), (0.1, "orange"), (0.25, "red")),
        "Share of the attempts at task instances that ended in the time range of the dashboard."
        " Airflow 3.0 to 3.1.5 does not count them.",
        span=8,
    )


def _tasks() -> Iterator[Panel]:
    yield ended_tasks()
    yield graph(
        "Created and started task instances",
        units.Short,
        {
            "created": total(events(series("airflow_task_instance_created_total"))),
            "started": total(events(series("airflow_ti_start_total"))),
        },
        "Airflow 3.0 to 3.1.7 does not count starts.",
    )
    yield graph("Failed attempts", units.PercentUnit, {"failed": failure_ratio()})
    yield bar_gauge(
        "DAGs with most failed runs",
        units.Short,
        "{{dag_id}}",
        top(10, total(events(_FAILED_RUNS, RANGE), "dag_id")),
        links=[_TO_DAG, _TO_AIRFLOW],
    )
    failures = events(series("airflow_ti_failures_total"), RANGE)
    yield bar_gauge(
        "Tasks with most failed attempts",
        units.Short,
        "{{dag_id}} / {{task_id}}",
        top(10, total(failures, "dag_id", "task_id")),
        links=[_TO_DAG, _TO_AIRFLOW],
    )
    by_operator = total(events(series("airflow_operator_failures_total"), RANGE), "operator")
    yield bar_gauge(
        "Failed attempts by operator", units.Short, "{{operator}}", top(10, by_operator)
    )


def _scheduler() -> Iterator[Panel]:
    loop = rate(series("airflow_scheduler_loop_seconds_bucket"))
    yield graph(
        "Scheduler loop",
        units.Seconds,
        quantiles(loop, 0.5, 0.95, 0.99),
        "Duration of one loop; every task waits for one.",
    )
    yield heatmap("Scheduler loop", total(loop, "le"))
    yield graph(
        "Critical section",
        units.Seconds,
        {
            f"p95 {name}": quantile(0.95, rate(series(f"airflow_scheduler_{metric}_bucket")))
            for name, metric in (
                ("whole", "critical_section_seconds"),
                ("query", "critical_section_query_seconds"),
            )
        },
        "Only one scheduler at a time may be in it.",
    )
    busy = f"({total(rate(series('airflow_scheduler_critical_section_busy_total')))} or vector(0))"
    entered = total(rate(series("airflow_scheduler_critical_section_seconds_count")))
    yield graph(
        "Critical section found locked",
        units.PercentUnit,
        {"share": f"{busy} / ({busy} + {entered})"},
        "Share of the attempts to enter it while another scheduler was inside.",
    )
    yield graph(
        "Tasks of the last loop",
        units.Short,
        {
            name: largest(f"max_over_time({series(f'airflow_scheduler_tasks_{name}')}[{RATE}])")
            for name in ("executable", "starving")
        },
        "Starving tasks find no slot in their pool. With several schedulers each sends its own"
        " number, and the last one is seen.",
    )
    without_heartbeat = (
        "airflow_task_instances_without_heartbeats_killed_total",
        "airflow_zombies_killed_total",
    )
    yield bars(
        "Lost task instances",
        units.Short,
        {
            "killed externally": total(
                events(series("airflow_scheduler_tasks_killed_externally_total"))
            ),
            "orphaned": total(events(series("airflow_scheduler_orphaned_tasks_cleared_total"))),
            "without heartbeat": first_of(
                *(total(events(series(metric))) for metric in without_heartbeat)
            ),
        },
        "Ended without telling Airflow; reset after their scheduler had died; given up because"
        ' their heartbeat stopped ("zombies" in Airflow 2).',
    )
    yield delayed_runs()
    yield waiting_tasks()
    yield bars(
        "Jobs",
        units.Short,
        {
            "started": total(events(series("airflow_job_start_total"))),
            "heartbeat failed": total(events(series("airflow_job_heartbeat_failure_total"))),
            "scheduler died": total(events(series("airflow_scheduler_jobs_failed_total"))),
        },
        "Schedulers, triggerers and DAG processors; in Airflow 2 also each running task.",
    )


def _capacity() -> Iterator[Panel]:
    yield graph(
        "Executor",
        units.Short,
        {
            f"{name} {{{{executor}}}}": largest(
                f"avg_over_time({series(f'airflow_executor_{metric}')}[{RATE}])", "executor"
            )
            for name, metric in (
                ("open", "open_slots"),
                ("running", "running_tasks"),
                ("queued", "queued_tasks"),
            )
        },
        "Open slots and tasks. With several schedulers each sends its own numbers; this is"
        " their mean.",
    )
    taken = f"({_pool('running')} + {_pool('queued')})"
    yield graph(
        "Pool usage",
        units.PercentUnit,
        {"{{pool_name}}": f"{taken} / ({taken} + {_pool('open')} > 0)"},
        "Share of the slots that running and queued tasks take.",
    )
    yield graph(
        "Triggers",
        units.Short,
        {
            "running on {{hostname}}": largest(series("airflow_triggers_running"), "hostname"),
            "room on {{hostname}}": largest(series("airflow_triggerer_capacity_left"), "hostname"),
        },
        "Airflow 3 also sends how many more triggers a triggerer can take.",
    )
    states = ("scheduled", "queued", "running", "deferred", "open")
    columns = {state.capitalize(): (units.Short, _pool(state)) for state in states}
    starving = largest(series("airflow_pool_starving_tasks"), "pool_name")
    yield table(
        "Pools",
        {"pool_name": "Pool"},
        columns | {"Starving": (units.Short, starving)},
        "Slots, and tasks that found none. Scheduled tasks wait for a slot. Airflow does not"
        " update the starving tasks while every pool is full.",
        span=16,
    )
    yield bars(
        "Ended triggers",
        units.Short,
        {
            "succeeded": total(events(series("airflow_triggers_succeeded_total"))),
            "failed": total(events(series("airflow_triggers_failed_total"))),
            "blocked the event loop": total(
                events(series("airflow_triggers_blocked_main_thread_total"))
            ),
        },
    ).height(10)


def _pool(state: str) -> str:
    return largest(series(f"airflow_pool_{state}_slots"), "pool_name")


def _dag_files() -> Iterator[Panel]:
    yield graph(
        "Parsing",
        units.Seconds,
        {
            "one round over all files": largest(
                series("airflow_dag_processing_total_parse_seconds")
            ),
            "since the oldest parsing": largest(
                series("airflow_dag_processing_last_run_age_seconds")
            ),
        },
        "A change is noticed after one round.",
    )
    yield graph(
        "Files",
        units.Short,
        {
            "waiting": largest(series("airflow_dag_processing_file_path_queue_size")),
            "import errors": largest(series("airflow_dag_processing_import_errors")),
            "DAGs": largest(series("airflow_dagbag_size")),
        },
    )
    yield bars(
        "Troubles with DAG files",
        units.Short,
        {
            "timeouts": total(events(series("airflow_dag_processing_processor_timeouts_total"))),
            "not loaded (Airflow 2)": total(events(series("airflow_dag_file_refresh_error_total"))),
            "exceptions in callbacks": total(
                events(series("airflow_dag_callback_exceptions_total"))
            ),
        },
    )
    parsing = mean("airflow_dag_processing_duration_seconds", by=("file_name",), window=RANGE)
    age = largest(series("airflow_dag_processing_last_run_age_seconds"), "file_name")
    queries = largest(series("airflow_dag_processing_db_queries"), "file_name")
    yield table(
        "DAG files",
        {"file_name": "File"},
        {
            "Mean parse time": (units.Seconds, parsing),
            "Last parsed ago": (units.Seconds, age),
            "Database queries": (units.Short, queries),
        },
        "Airflow 3.0 and 3.1 send no parse times; database queries come from Airflow 2.10 and"
        " 2.11.",
    )


def _assets_and_deadlines() -> Iterator[Panel]:
    for title, part in (("Updates of assets", "updates"), ("Runs by assets", "triggered_dagruns")):
        of_kind = (
            total(events(series(f"airflow_{kind}_{part}_total"))) for kind in ("asset", "dataset")
        )
        yield bars(title, units.Short, {"": first_of(*of_kind)}, "Datasets in Airflow 2.")
    yield bars(
        "Deadlines",
        units.Short,
        {
            "missed": total(events(series("airflow_deadline_alerts_deadline_missed_total"))),
            "kept": total(events(series("airflow_deadline_alerts_deadline_not_missed_total"))),
            "SLA missed (Airflow 2)": total(events(series("airflow_sla_missed_total"))),
        },
        "Airflow 3.2 and newer; SLAs in Airflow 2.",
    )


def _executors() -> Iterator[Panel]:
    calls = ("creation", "deletion", "patching")
    yield graph(
        "Calls about pods",
        units.Seconds,
        {
            f"p95 {call}": quantile(
                0.95, rate(series(f"airflow_kubernetes_executor_pod_{call}_seconds_bucket"))
            )
            for call in calls
        },
    )
    yield bars(
        "Answers to calls about pods",
        units.Short,
        {
            f"{call} {{{{status}}}}": total(
                events(series(f"airflow_kubernetes_executor_pod_{call}_status_total")), "status"
            )
            for call in calls
        },
        "By HTTP status.",
    )
    yield bars(
        "Celery",
        units.Short,
        {
            "failed commands": total(
                events(series("airflow_celery_execute_command_failure_total"))
            ),
            "not sent to the broker in time": total(
                events(series("airflow_celery_task_timeout_error_total"))
            ),
        },
    )


def _exporter() -> Iterator[Panel]:
    yield graph(
        "Received lines",
        units.CountsPerSecond,
        {"lines": total(rate(series("statsd_exporter_lines_total")))},
    )
    yield bars(
        "Lost or refused",
        units.Short,
        {
            "dropped packets": total(events(series("statsd_exporter_udp_packet_drops_total"))),
            "malformed samples": total(events(series("statsd_exporter_sample_errors_total"))),
            "malformed tags": total(events(series("statsd_exporter_tag_errors_total"))),
            "conflicts": total(events(series("statsd_exporter_events_conflict_total"))),
            "errors": total(events(series("statsd_exporter_events_error_total"))),
            "unmapped": total(events(series("statsd_exporter_events_unmapped_total"))),
        },
        "A conflict is a metric of a known name and another type. Unmapped metrics keep their"
        " raw names.",
    )
    yield graph(
        "Metrics",
        units.Short,
        {"{{type}}": total(series("statsd_exporter_metrics_total"), "type")},
    )
    yield graph(
        "Samples of a scrape",
        units.Short,
        {"samples": largest(series("scrape_samples_scraped"))},
        "Above the ServiceMonitor's sampleLimit Prometheus refuses the whole scrape.",
    )
    hits, gets = (
        total(rate(series(f"statsd_metric_mapper_cache_{part}_total"))) for part in ("hits", "gets")
    )
    yield graph(
        "Hits of the mapping's cache",
        units.PercentUnit,
        {"hits": f"{hits} / {gets}"},
        "Low when Airflow sends more names than statsdExporter.cache.size.",
    )
    yield graph(
        "Memory",
        units.BytesIEC,
        {"resident": largest(series("process_resident_memory_bytes"))},
    )
