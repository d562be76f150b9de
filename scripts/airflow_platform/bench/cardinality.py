"""How many series the metrics of DAGs and tasks make, and what they cost, by cardinality."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from airflow_platform.bench.metrics import memory_mib, running_as_rendered
from airflow_platform.manifests import Render
from airflow_platform.metrics.statsd_exporter import Page
from airflow_platform.rendering.render import render
from airflow_platform.support.progress import progress

CARDINALITIES = ("mixed", "task", "dag", "none")  # of the value `mapping.cardinality`

_VERSION = "3.1.8"
_OPERATORS = ("BashOperator", "PythonOperator", "KubernetesPodOperator", "ExternalTaskSensor")
_QUEUES = ("default", "large")
_ROUNDS = 2  # after the first one, no series is new
_LINES_PER_SECOND = 10_000  # far more than Airflow sends; a burst would fill the exporter's queue
_SCRAPES = 5
_PAUSE_SECONDS = 2
# Counters that the sidecar sends when a task has ended.
_OF_LOGS = (
    *("files", "no_file", "bytes_written", "bytes_delivered", "refused"),
    *("vector_restarts", "redacted", "oversized"),
)


@dataclass(frozen=True)
class Size:
    """What a statsd_exporter holds after the runs of all DAGs.

    ``scrape_bytes`` is the length of the page that Prometheus gets, ``scrape_seconds`` the time to
    make it, ``memory_mib`` the resident memory after several of them.
    """

    cardinality: str
    dags: int
    tasks_per_dag: int
    series: int
    scrape_bytes: int
    scrape_seconds: float
    memory_mib: float


def load(dags: int, tasks: int) -> Iterator[str]:
    """Yield the lines for one run of each of ``dags`` DAGs with ``tasks`` tasks each.

    They are those of Airflow 3.1 with tags, under both of their names. Each tenth task fails once
    and is tried again, each tenth runs now; each tenth DAG run is manual, or fails.
    """
    for number in range(dags):
        dag = f"team_dag_{number}"
        yield from _run(dag, "manual" if number % 10 == 1 else "scheduled", number % 10 == 2)
        yield f"airflow.dag_processing.last_run.seconds_ago.{dag}:30|g"
        for place in range(tasks):
            yield from _task(dag, f"group.task_{place}", place)


def _run(dag: str, run_type: str, failed: bool) -> Iterator[str]:
    tags = f",dag_id={dag},run_type={run_type}"
    for state in ("success", "failed") if failed else ("success",):
        yield from _twice(f"dagrun.duration.{state}", f".{dag}", tags, "600000|ms")
    for name in ("schedule_delay", "dependency-check"):
        yield from _twice(f"dagrun.{name}", f".{dag}", tags, "1500|ms")
    yield f"airflow.dagrun.{dag}.first_task_scheduling_delay:2500|ms"
    yield f"airflow.dagrun.first_task_scheduling_delay{tags}:2500|ms"
    for operator in _OPERATORS:
        of_operator = f"{tags},task_type={operator}"
        yield from _twice("task_instance_created", f"_{operator}", of_operator, "5|c")


def _task(dag: str, task: str, place: int) -> Iterator[str]:
    tags = f",dag_id={dag},task_id={task}"
    operator, queue = _OPERATORS[place % len(_OPERATORS)], _QUEUES[place % len(_QUEUES)]
    for failed in (True, False) if place % 10 == 5 else (False,):
        result, state = ("failures", "up_for_retry") if failed else ("successes", "success")
        yield from _twice("ti.start", f".{dag}.{task}", tags, "1|c")
        yield from _twice("ti.finish", f".{dag}.{task}.{state}", f"{tags},state={state}", "1|c")
        yield f"airflow.ti_{result}{tags}:1|c"
        by_operator = f"{tags},operator={operator}"
        yield from _twice(f"operator_{result}", f"_{operator}", by_operator, "1|c")
        for name, more in (("duration", ""), ("scheduled_duration", f",queue={queue}")):
            yield f"airflow.dag.{dag}.{task}.{name}:90000|ms"
            yield f"airflow.task.{name}{tags}{more}:90000|ms"
    if place % 10 == 0:
        of_queue = f",queue={queue}{tags}"
        yield from _twice("ti.running", f".{queue}.{dag}.{task}", of_queue, "1|g")
    for name in _OF_LOGS:
        yield f"airflow.task_log.{name}{tags}:1|c"
    yield f"airflow.task_log.drain_duration{tags}:800|ms"


def _twice(name: str, legacy: str, tags: str, value: str) -> Iterator[str]:
    yield f"airflow.{name}{legacy}:{value}"
    yield f"airflow.{name}{tags}:{value}"


def measure(cardinality: str, dags: int, tasks: int) -> Size:
    """Send the load of ``dags`` DAGs with ``tasks`` tasks through a statsd_exporter, and look.

    PlatformError where there is no /proc, or when the exporter does not come to an end.
    """
    rendered = _rendered(cardinality)
    (mapping,) = rendered.embedded("StatsdMapping")
    lines = list(load(dags, tasks))
    with (
        progress(f"Measuring {dags} DAGs with {tasks} tasks, cardinality: {cardinality}"),
        running_as_rendered(rendered, mapping.text) as exporter,
    ):
        for _ in range(_ROUNDS):
            exporter.send_udp(lines, per_second=_LINES_PER_SECOND)
        seconds = []
        for _ in range(_SCRAPES):
            time.sleep(_PAUSE_SECONDS)
            begin = time.monotonic()
            text = exporter.fetch()
            seconds.append(time.monotonic() - begin)
        memory = memory_mib(exporter)
    return Size(
        cardinality=cardinality,
        dags=dags,
        tasks_per_dag=tasks,
        series=Page(text.decode()).series,
        scrape_bytes=len(text),
        scrape_seconds=median(seconds),
        memory_mib=memory,
    )


def _rendered(cardinality: str) -> Render:
    values = {
        "global": {"metrics": {"airflowVersion": _VERSION, "tags": True}},
        "statsdExporter": {"mapping": {"cardinality": cardinality}},
    }
    return render(chart="add-on", values=[values])
