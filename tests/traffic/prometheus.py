"""A Prometheus with what its operator makes of the rendered ServiceMonitor and PrometheusRule."""

import json
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from airflow_platform.manifests import Render

SCRAPE_SECONDS = 1
_PATIENCE = 30  # seconds
_T = TypeVar("_T")


def configuration(rendered: Render, name: str, exporter: str) -> dict[str, Any]:
    """Return the prometheus.yml that scrapes ``exporter`` (host:port); rules are in rules.yml."""
    monitor = rendered.get("ServiceMonitor", name)
    (endpoint,) = monitor.at("spec", "endpoints")
    interval = f"{SCRAPE_SECONDS}s"
    return {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": ["rules.yml"],
        "scrape_configs": [
            {
                "job_name": name,
                "static_configs": [
                    {"targets": [exporter], "labels": {"namespace": monitor.namespace}}
                ],
                "metric_relabel_configs": [
                    {_snake_case(key): value for key, value in relabeling.items()}
                    for relabeling in endpoint["metricRelabelings"]
                ],
            }
        ],
    }


def _snake_case(name: str) -> str:
    return re.sub("[A-Z]", lambda m: f"_{m[0].lower()}", name)


class Prometheus:
    """Prometheus' API. A sample is a mapping of its labels, with its value as ``value``."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v1/"

    def get(self, path: str, **query: str) -> Any:
        url = f"{self._url}{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=_PATIENCE) as response:
            return json.load(response)["data"]

    def query(self, promql: str) -> list[Mapping[str, Any]]:
        samples = self.get("query", query=promql)["result"]
        return [{**sample["metric"], "value": float(sample["value"][1])} for sample in samples]

    def eventually(self, promql: str) -> list[Mapping[str, Any]]:
        """Return the result of a query once it has one: scrapes and rules take their time."""
        return self.wait_for(lambda: self.query(promql), f"{promql} has no result")

    def wait_for(self, found: Callable[[], _T], complaint: str) -> _T:
        deadline = time.monotonic() + _PATIENCE
        while not (result := found()):
            assert time.monotonic() < deadline, complaint
            time.sleep(SCRAPE_SECONDS)
        return result
