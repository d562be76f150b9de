"""statsd_exporter as the tests and the benchmark run it, and what it says about itself."""

import os
import signal
import sys

import pytest
import yaml

from airflow_platform.metrics.catalogue import EXPORTER_SERIES
from airflow_platform.support import strict_yaml
from airflow_platform.support.errors import PlatformError

# One line for each way in which the exporter can refuse one, so that it shows all of its counters.
LINES = (
    "malformed",
    "airflow.dagbag_size,malformed:1|g",
    "airflow.scheduler_heartbeat:-1|c",
    "airflow.unknown:1|c",
    "airflow.serde.load_serializers:1|ms",
    "airflow.ti.running:1|g",
    "airflow.ti.running:1|c",
)


@pytest.mark.skipif(sys.platform != "linux", reason="process_* metrics differ by platform")
def test_the_committed_series_are_those_of_the_exporter(exporter, raw_mapping):
    """Without those of every Go program, which depend on the version of Go."""
    with exporter(raw_mapping) as running:
        running.send_tcp(LINES)
        running.processed_page()
        os.kill(running.pid, signal.SIGHUP)
        page = running.wait_until(lambda page: page.count("statsd_exporter_config_reloads_total"))
    found: dict[str, set[str]] = {}
    for sample in (sample for metric in page.own.values() for sample in metric.samples):
        if sample.name.startswith(("statsd_", "process_")):
            found.setdefault(sample.name, set()).update(sample.labels)
    series = {name: sorted(labels) for name, labels in sorted(found.items())}
    committed = strict_yaml.load_file(EXPORTER_SERIES)
    assert committed == series, yaml.safe_dump(series, default_flow_style=None)


def test_an_exporter_that_does_not_start_is_an_error_with_its_log(exporter):
    with (
        pytest.raises(PlatformError, match=r"ended with code 1:\n.*field not-a-field"),
        exporter("not-a-field: 1"),
    ):
        pass


def test_an_exporter_that_ends_too_early_is_noticed(exporter, raw_mapping):
    with exporter(raw_mapping) as running:
        os.kill(running.pid, signal.SIGKILL)
        with pytest.raises(PlatformError, match="statsd_exporter ended with code -9:"):
            running.page()


def test_counters_keep_the_names_of_the_page(exporter):
    with exporter("mappings: []") as running:
        running.send_tcp(("x:1|c", "x_total:2|c"))
        page = running.processed_page()
    assert {name: metric.events for name, metric in page.metrics.items()} == {"x": 1, "x_total": 2}
