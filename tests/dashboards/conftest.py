"""The dashboards, and what there can be to draw on them."""

import json
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.dashboards import DIRECTORY
from airflow_platform.metrics.catalogue import airflow_series
from airflow_platform.support.project import ADDON

_PATIENCE = 30  # seconds
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? \S+$", re.MULTILINE)

# One line for each way in which the exporter can refuse one, so that it shows all of its counters.
# The last two are a conflict: when that is counted, all is.
_LINES = (
    "malformed",
    "airflow.dagbag_size,malformed:1|g",
    "airflow.scheduler_heartbeat:-1|c",
    "airflow.unknown:1|c",
    "airflow.serde.load_serializers:1|ms",
    "airflow.ti.running:1|g",
    "airflow.ti.running:1|c",
)


@pytest.fixture(scope="session")
def dashboards() -> Mapping[str, Any]:
    """The committed dashboards by their uid."""
    loaded = [json.loads(file.read_text(encoding="utf-8")) for file in DIRECTORY.glob("*.json")]
    return {dashboard["uid"]: dashboard for dashboard in loaded}


@pytest.fixture(scope="session")
def series(program: Callable[[str], Path]) -> Mapping[str, frozenset[str]]:
    """The labels of each series of Airflow and of the statsd-exporter by its name."""
    return {**airflow_series(), **_series_of_the_exporter(program("statsd_exporter"))}


def _series_of_the_exporter(program: Path) -> dict[str, frozenset[str]]:
    """Ask a running exporter what it tells about itself."""
    web, statsd = _free_port(), _free_port()
    process = subprocess.Popen(
        [
            program,
            f"--statsd.mapping-config={ADDON / 'files' / 'metrics' / 'statsd-mapping.yaml'}",
            f"--web.listen-address=127.0.0.1:{web}",
            f"--statsd.listen-tcp=127.0.0.1:{statsd}",
            "--statsd.listen-udp=",
            "--statsd.event-flush-interval=5ms",
            "--log.level=error",
        ]
    )
    try:
        with _connect(statsd) as connection:
            connection.sendall("".join(f"{line}\n" for line in _LINES).encode())
        _connect(web).close()
        deadline = time.monotonic() + _PATIENCE
        while "statsd_exporter_events_conflict_total{" not in (text := _scrape(web)):
            assert time.monotonic() < deadline, "statsd_exporter reports no conflict"
    finally:
        process.terminate()
        process.wait(_PATIENCE)
    found: dict[str, frozenset[str]] = {}
    for name, labels in _SAMPLE.findall(text):
        if not name.startswith("airflow_"):
            found[name] = found.get(name, frozenset()).union(re.findall(r'(\w+)="', labels))
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _connect(port: int) -> socket.socket:
    """Connect to an exporter that is starting."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), _PATIENCE)
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "statsd_exporter does not listen"
            time.sleep(0.01)


def _scrape(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=_PATIENCE) as response:
        body: bytes = response.read()
    return body.decode()
