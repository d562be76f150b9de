"""What it costs to turn Airflow's StatsD lines into Prometheus' metrics, by mapping."""

import os
import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from airflow_platform.manifests import Render
from airflow_platform.metrics import statsd_exporter
from airflow_platform.metrics.statsd_exporter import Page, StatsdExporter
from airflow_platform.rendering.render import render
from airflow_platform.rendering.upstream import UpstreamChart
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.progress import progress
from airflow_platform.support.project import RELEASE

_OFFICIAL_MAPPING = "files/statsd-mappings.yml"
_IDLE_SECONDS = 0.5
_PATIENCE_SECONDS = 300
_UDP_LINES_PER_SECOND = 100_000
_RECEIVED_LINES = "statsd_exporter_lines_total"
_TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")  # in which the kernel counts processor time
_DURATIONS = random.Random(1)  # the same in every run


@dataclass(frozen=True)
class Cost:
    """What an exporter took for the lines of a workload.

    ``plain_series`` are those without buckets and quantiles. ``dropped`` events were dropped by a
    rule, ``unmapped`` ones matched none, ``refused`` ones conflicted or were malformed. ``lost``
    lines did not arrive when all were sent by UDP, 100,000 a second.
    """

    mapping: str
    lines: int
    lines_per_cpu_second: float
    lines_per_second: float
    series: int
    plain_series: int
    memory_mib: float
    dropped: int
    unmapped: int
    refused: int
    lost: int


def workload(dags: int, tasks: int, lines: int) -> list[str]:
    """Return at least ``lines`` lines: whole runs of ``dags`` DAGs with ``tasks`` tasks each.

    They are those of Airflow 2.11 and 3.1 with tags, which send most metrics under two names.
    """
    found: list[str] = []
    while len(found) < lines:
        for dag in (f"team.dag{number}" for number in range(dags)):
            found += _run_of(dag)
            for task in (f"group.task{number}" for number in range(tasks)):
                found += _task_of(dag, task)
    return found


def _run_of(dag: str) -> Iterator[str]:
    tags = f",dag_id={dag},run_type=scheduled"
    for name in ("dagrun.duration.success", "dagrun.schedule_delay", "dagrun.dependency-check"):
        milliseconds = _DURATIONS.randint(1, 9_999_999)
        yield f"airflow.{name}.{dag}:{milliseconds}|ms"
        yield f"airflow.{name}{tags}:{milliseconds}|ms"


def _task_of(dag: str, task: str) -> Iterator[str]:
    tags = f",dag_id={dag},task_id={task}"
    yield f"airflow.ti.start.{dag}.{task}{tags}:1|c"
    yield f"airflow.ti.start{tags}:1|c"
    yield f"airflow.ti.finish.{dag}.{task}.success{tags},state=success:1|c"
    yield f"airflow.ti.finish{tags},state=success:1|c"
    yield f"airflow.ti_successes{tags}:1|c"
    yield f"airflow.operator_successes_BashOperator{tags}:1|c"
    yield f"airflow.operator_successes{tags},operator=BashOperator:1|c"
    for name, more in (("duration", ""), ("scheduled_duration", ",queue=default")):
        milliseconds = _DURATIONS.randint(1, 9_999_999)
        yield f"airflow.dag.{dag}.{task}.{name}:{milliseconds}|ms"
        yield f"airflow.task.{name}{tags}{more}:{milliseconds}|ms"
    yield f"airflow.ti.running.default.{dag}.{task}:1|g"
    yield f"airflow.ti.running{tags},queue=default:1|g"


def mappings(upstream: UpstreamChart) -> Mapping[str, str]:
    """Return the mappings to compare, as text by name; the official one where that chart is."""
    (ours,) = render(chart="add-on").embedded("StatsdMapping")
    found = {"ours": ours.text}
    if not upstream.is_stand_in:
        found["official chart"] = upstream.read(_OFFICIAL_MAPPING)
    return {**found, "none": "mappings: []"}


def measure(name: str, mapping: str, lines: Sequence[str]) -> Cost:
    """Send ``lines`` through a statsd_exporter with the text ``mapping``, and count.

    PlatformError where there is no /proc, or when the exporter does not come to an end.
    """
    if not Path("/proc/self/stat").exists():
        raise PlatformError("Processor time is read from /proc: run this on Linux.")
    with (
        progress(f"Measuring {len(lines)} lines, mapping: {name}"),
        running_as_rendered(render(chart="add-on"), mapping) as exporter,
    ):
        cpu_before, begin = _cpu_seconds(exporter), time.monotonic()
        page, end = _replay(exporter, lines)
        cpu = _cpu_seconds(exporter) - cpu_before
        memory = memory_mib(exporter)
        lost = _flood(exporter, lines)
    samples = [sample for metric in page.metrics.values() for sample in metric.samples]
    return Cost(
        mapping=name,
        lines=len(lines),
        lines_per_cpu_second=len(lines) / max(cpu, _TICK_SECONDS),
        lines_per_second=len(lines) / max(end - begin, _TICK_SECONDS),
        series=page.series,
        plain_series=sum(sample.labels.keys().isdisjoint({"le", "quantile"}) for sample in samples),
        memory_mib=memory,
        dropped=int(page.dropped_events),
        unmapped=int(page.unmapped_events),
        refused=int(page.refused_events),
        lost=lost,
    )


def running_as_rendered(rendered: Render, mapping: str) -> AbstractContextManager[StatsdExporter]:
    """Run a statsd_exporter with the text ``mapping``, and with cache and memory of a render."""
    deployment = rendered.get("Deployment", f"{RELEASE}-statsd-exporter")
    (container,) = deployment.at("spec", "template", "spec", "containers")
    arguments = [argument for argument in container["args"] if "cache" in argument]
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    return statsd_exporter.running(mapping, arguments, environment)


def _replay(exporter: StatsdExporter, lines: Sequence[str]) -> tuple[Page, float]:
    """Send ``lines`` by TCP; return the page and when the exporter was done with them."""
    exporter.send_tcp(lines)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        end = _wait_until_idle(exporter, deadline)
        page = exporter.page()
        if page.processed >= len(lines):
            return page, end


def _flood(exporter: StatsdExporter, lines: Sequence[str]) -> int:
    """Send ``lines`` by UDP at the rate that Cost names; return how many did not arrive."""
    before = exporter.page().count(_RECEIVED_LINES)
    exporter.send_udp(lines, per_second=_UDP_LINES_PER_SECOND)
    _wait_until_idle(exporter, time.monotonic() + _PATIENCE_SECONDS)
    return int(before + len(lines) - exporter.page().count(_RECEIVED_LINES))


def _wait_until_idle(exporter: StatsdExporter, deadline: float) -> float:
    """Wait until no more processor time is used, and return when it was last seen to grow.

    To ask the exporter itself would use some.
    """
    last, last_busy = _cpu_seconds(exporter), time.monotonic()
    while time.monotonic() < last_busy + _IDLE_SECONDS:
        if time.monotonic() > deadline:
            raise PlatformError(
                f"The exporter is not done after {_PATIENCE_SECONDS} s. Give fewer --dags or"
                " --tasks."
            )
        time.sleep(0.02)
        if (now := _cpu_seconds(exporter)) != last:
            last, last_busy = now, time.monotonic()
    return last_busy


def _cpu_seconds(exporter: StatsdExporter) -> float:
    stat = Path(f"/proc/{exporter.pid}/stat").read_text(encoding="utf-8")
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) * _TICK_SECONDS


def memory_mib(exporter: StatsdExporter) -> float:
    """Return the resident memory of an exporter."""
    status = Path(f"/proc/{exporter.pid}/status").read_text(encoding="utf-8")
    resident = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    assert resident, "a running process has memory"
    return int(resident[1]) / 1024
