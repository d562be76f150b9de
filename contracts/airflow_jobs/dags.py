"""DAGs of workflows.

For a file in Airflow's DAGs folder::

    from pathlib import Path
    from airflow_jobs.dags import dags
    globals().update(dags(Path(__file__).parent / "workflows"))

Works with Airflow 2.9 and newer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pendulum
from airflow.timetables.interval import CronDataIntervalTimetable, DeltaDataIntervalTimetable

from airflow_jobs.amounts import duration
from airflow_jobs.cache import read_all
from airflow_jobs.import_errors import import_errors
from airflow_jobs.notifications import Notification
from airflow_jobs.operator import JobOperator, as_template, fill_macro
from airflow_jobs.pods import Platform, platform, pod
from airflow_jobs.problems import Problem, SpecificationError
from airflow_jobs.workflows import Workflow

try:
    from airflow.sdk import DAG, XComArg
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.models.xcom_arg import XComArg

# Without a start date, a schedule begins with the time that was due last.
_LONG_AGO = "2020-01-01"
_CLEANUP = {"always": "delete_pod", "on_success": "delete_succeeded_pod", "never": "keep_pod"}
_STATES = {"on_failure": "failed", "on_success": "success"}
_STARTUP_SECONDS = 600  # for nodes that are made first, and for large images
_BY_AIRFLOW = ("@once", "@continuous")


def dags(folder: str | Path, where: Platform | None = None) -> dict[str, DAG]:
    """Return a DAG for each workflow of a folder, by name.

    Files with errors are import errors of their own, and hide no other workflow. ``where`` is what
    platform.json says, if it is not given.
    """
    where = where or platform()
    problems: list[Problem] = []
    found: dict[str, DAG] = {}
    try:
        for read in read_all(Path(folder)):
            if read.errors:
                problems += read.errors
                continue
            try:
                found[read.name] = _dag(read.workflow, where)
            except Exception as error:  # of this version of Airflow; the others go on
                what = f"Airflow makes no DAG of this workflow: {error}"
                problems.append(Problem(read.place, 1, 1, "airflow", what))
    except SpecificationError as error:
        problems += error.problems
    return {**found, **import_errors(problems)}


def _dag(workflow: Workflow, where: Platform) -> DAG:
    settings = workflow.settings
    concurrency = settings.get("concurrency", {})
    limits = {"max_active_tasks": concurrency["jobs"]} if "jobs" in concurrency else {}
    notifications = {
        f"{event}_callback": Notification(workflow.name, _STATES[event], **receivers)
        for event, receivers in settings.get("notifications", {}).items()
    }
    dag = DAG(
        workflow.name,
        description=settings.get("description"),
        schedule=_schedule(workflow),
        start_date=_moment(settings.get("start_date", _LONG_AGO), workflow.time_zone),
        end_date=_end(workflow),
        catchup=settings.get("catchup", False),
        max_active_runs=concurrency.get("runs", 1),
        dagrun_timeout=_time(settings.get("deadline")),
        tags=settings.get("tags", []),
        params=settings.get("params", {}),
        user_defined_macros={"fill": fill_macro(workflow)},
        default_args={"owner": settings["owner"]} if "owner" in settings else {},
        **limits,
        **notifications,
    )
    tasks: dict[str, Any] = {}
    for name in workflow.in_order():
        tasks[name] = _task(dag, workflow, name, where, tasks)
        tasks[name].set_upstream([tasks[other] for other in workflow.before(name)])
    return dag


def _task(
    dag: DAG, workflow: Workflow, name: str, where: Platform, before: Mapping[str, Any]
) -> Any:
    job = workflow.job(name)
    retry = workflow.retry(name)
    settings = {
        "dag": dag,
        "task_id": name,
        "pod_template_dict": pod(workflow, name, where, as_template),
        "params": workflow.jobs[name].get("params", {}),
        "retries": retry["max_attempts"] - 1,
        "retry_delay": duration(retry["delay"]),
        "retry_exponential_backoff": retry.get("backoff") == "exponential",
        "max_retry_delay": _time(retry.get("max_delay")),
        "execution_timeout": _time(job.get("timeout")),
        "startup_timeout_seconds": _STARTUP_SECONDS,
        "get_logs": True,
        "on_finish_action": _CLEANUP[job.get("cleanup", "always")],
        "deferrable": job.get("deferrable", False),
        "outputs": job.get("outputs", []),
        "listed": workflow.listed(name),
        "keep": job.get("cleanup", "always") != "always",
    }
    source, items = workflow.source(name), workflow.items(name)
    if source:
        return JobOperator.partial(**settings).expand(item=XComArg(before[source[0]]))
    if items:
        return JobOperator.partial(**settings).expand(item=items)
    return JobOperator(**settings)


def _schedule(workflow: Workflow) -> Any:
    """Return the same timetable in all versions of Airflow.

    Airflow 3 would read a cron expression by itself as moments, Airflow 2 as intervals of data.
    """
    schedule = workflow.settings.get("schedule")
    if schedule is None or schedule in _BY_AIRFLOW:
        return schedule
    if isinstance(schedule, Mapping):
        return DeltaDataIntervalTimetable(duration(schedule["every"]))
    return CronDataIntervalTimetable(schedule, pendulum.timezone(workflow.time_zone))


def _moment(day: str, time_zone: str, at: time = time.min) -> datetime:
    return datetime.combine(datetime.fromisoformat(day), at, ZoneInfo(time_zone))


def _end(workflow: Workflow) -> datetime | None:
    day = workflow.settings.get("end_date")
    return _moment(day, workflow.time_zone, time.max) if day else None


def _time(text: str | None) -> timedelta | None:
    return duration(text) if text else None
