"""What it costs to turn Airflow's StatsD lines into Prometheus' metrics, by mapping."""

import os
import random
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from airflow_platform.rendering.render import render
from airflow_platform.rendering.upstream import UpstreamChart
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.progress import progress
from airflow_platform.support.project import RELEASE
from airflow_platform.support.tools import tool

_OFFICIAL_MAPPING = "files/statsd-mappings.yml"
_IDLE_SECONDS = 0.5
_PATIENCE_SECONDS = 300
_UDP_LINES_PER_SECOND = 100_000
_UDP_BURST = 100
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
    with progress(f"Measuring {len(lines)} lines, mapping: {name}"), _exporter(mapping) as exporter:
        cpu_before, begin = exporter.cpu_seconds(), time.monotonic()
        exporter.send(lines)
        cpu, seconds = exporter.cpu_seconds() - cpu_before, exporter.last_busy - begin
        after = exporter.scrape()
        memory = exporter.memory_mib()
        lost = exporter.flood(lines)
    airflow = [sample for sample in after if sample.startswith("airflow_")]
    return Cost(
        mapping=name,
        lines=len(lines),
        lines_per_cpu_second=len(lines) / max(cpu, exporter.tick),
        lines_per_second=len(lines) / max(seconds, exporter.tick),
        series=len(airflow),
        plain_series=sum(not re.search(r'[{,](le|quantile)="', sample) for sample in airflow),
        memory_mib=memory,
        dropped=_sum(after, 'statsd_exporter_events_actions_total{action="drop"}'),
        unmapped=_sum(after, "statsd_exporter_events_unmapped_total"),
        refused=sum(_sum(after, name) for name in _REFUSED),
        lost=lost,
    )


_REFUSED = (
    "statsd_exporter_events_conflict_total",
    "statsd_exporter_events_error_total",
    "statsd_exporter_sample_errors_total",
)


def _sum(samples: Mapping[str, float], name: str) -> int:
    return int(sum(value for sample, value in samples.items() if sample.startswith(name)))


class _Exporter:
    """A running statsd_exporter."""

    tick = 1 / os.sysconf("SC_CLK_TCK")

    def __init__(self, process: "subprocess.Popen[bytes]", web: int, ingest: int) -> None:
        self._process, self._web, self._ingest = process, web, ingest
        self.last_busy = 0.0  # when its processor time was last seen to grow

    def cpu_seconds(self) -> float:
        stat = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) * self.tick

    def memory_mib(self) -> float:
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        resident = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
        assert resident, "a running process has memory"
        return int(resident[1]) / 1024

    def scrape(self) -> Mapping[str, float]:
        """Return the value of each sample by its name with labels."""
        with urlopen(f"http://127.0.0.1:{self._web}/metrics", timeout=60) as answer:
            text = answer.read().decode()
        rows = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in rows}

    def send(self, lines: Sequence[str]) -> None:
        """Send ``lines`` by TCP, which loses none, and wait until all are processed."""
        with socket.create_connection(("127.0.0.1", self._ingest)) as connection:
            connection.sendall("".join(f"{line}\n" for line in lines).encode())
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            self._wait_until_idle(deadline)
            samples = self.scrape()
            processed = _sum(samples, "statsd_exporter_events_total{")
            processed += _sum(samples, 'statsd_exporter_events_actions_total{action="drop"}')
            processed += sum(_sum(samples, name) for name in _REFUSED)
            if processed >= len(lines):
                return

    def flood(self, lines: Sequence[str]) -> int:
        """Send ``lines`` by UDP; return how many did not arrive."""
        before = _sum(self.scrape(), "statsd_exporter_lines_total")
        begin = time.monotonic()
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            for number, line in enumerate(lines):
                if number % _UDP_BURST == 0:
                    due = begin + number / _UDP_LINES_PER_SECOND
                    time.sleep(max(0.0, due - time.monotonic()))
                sender.sendto(line.encode(), ("127.0.0.1", self._ingest))
        self._wait_until_idle(time.monotonic() + _PATIENCE_SECONDS)
        return before + len(lines) - _sum(self.scrape(), "statsd_exporter_lines_total")

    def _wait_until_idle(self, deadline: float) -> None:
        """Wait until no more processor time is used; to ask the exporter would use some."""
        last, self.last_busy = self.cpu_seconds(), time.monotonic()
        while time.monotonic() < self.last_busy + _IDLE_SECONDS:
            if time.monotonic() > deadline:
                raise PlatformError(
                    f"The exporter is not done after {_PATIENCE_SECONDS} s. Give fewer --dags or"
                    " --tasks."
                )
            time.sleep(0.02)
            if (now := self.cpu_seconds()) != last:
                last, self.last_busy = now, time.monotonic()


@contextmanager
def _exporter(mapping: str) -> Iterator[_Exporter]:
    """Run a statsd_exporter with ``mapping``; its cache is as the chart has it."""
    deployment = render(chart="add-on").get("Deployment", f"{RELEASE}-statsd-exporter")
    (container,) = deployment.at("spec", "template", "spec", "containers")
    web, ingest = _free_ports()
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "mapping.yaml")
        file.write_text(mapping, encoding="utf-8")
        command = [
            str(tool("statsd_exporter")),
            *(argument for argument in container["args"] if "cache" in argument),
            f"--statsd.mapping-config={file}",
            f"--web.listen-address=127.0.0.1:{web}",
            f"--statsd.listen-tcp=127.0.0.1:{ingest}",
            f"--statsd.listen-udp=127.0.0.1:{ingest}",
            "--log.level=error",
        ]
        process = subprocess.Popen(command)
        try:
            _wait_for_port(process, web)
            yield _Exporter(process, web, ingest)
        finally:
            process.terminate()
            process.wait()


def _free_ports() -> tuple[int, int]:
    """Return a TCP port, and one that is free for both TCP and UDP."""
    with (
        socket.socket() as web,
        socket.socket() as tcp,
        socket.socket(type=socket.SOCK_DGRAM) as udp,
    ):
        web.bind(("127.0.0.1", 0))
        tcp.bind(("127.0.0.1", 0))
        udp.bind(tcp.getsockname())
        return web.getsockname()[1], tcp.getsockname()[1]


def _wait_for_port(process: "subprocess.Popen[bytes]", port: int) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise PlatformError(f"statsd_exporter ended with code {process.returncode}.")
