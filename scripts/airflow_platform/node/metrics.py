"""A Prometheus on loopback that scrapes and alerts as a release's monitors and rules say."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import yaml

from airflow_platform.manifests import Manifest, Render
from airflow_platform.support import processes
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.frozen import thaw
from airflow_platform.support.ports import free_ports
from airflow_platform.support.rest import Server
from airflow_platform.support.tools import tool
from airflow_platform.support.waiting import eventually

SCRAPE_SECONDS = 1

_READY_SECONDS = 60.0
_PATIENCE_SECONDS = 30.0
_POLL_SECONDS = 0.2
_SHOWN_CHARACTERS = 2000
_MOST_STEPS = 5000  # of the 11,000 that Prometheus allows
_NOT_IN_LABELS = re.compile("[^a-zA-Z0-9_]")
# What an endpoint of a ServiceMonitor is called in a scrape_config.
_FIELDS = {
    "path": "metrics_path",
    "scheme": "scheme",
    "params": "params",
    "honorLabels": "honor_labels",
}

Json = Mapping[str, Any]
Sample = Mapping[str, Any]
_T = TypeVar("_T")


def configuration(render: Render, exporter: str) -> Json:
    """Return the prometheus.yml that prometheus-operator would make of the ServiceMonitors.

    The Services that they select are all at ``exporter`` (host:port). Scrapes follow each other in
    SCRAPE_SECONDS, whatever the monitors say. Rules are in rules.yml beside it. PlatformError for a
    monitor that selects no port.
    """
    interval = f"{SCRAPE_SECONDS}s"
    return {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": ["rules.yml"],
        "scrape_configs": [
            _scrape(monitor, number, _selected(render, monitor, endpoint["port"]), exporter)
            for monitor in render.all("ServiceMonitor")
            for number, endpoint in enumerate(monitor.at("spec", "endpoints"))
        ],
    }


def _selected(render: Render, monitor: Manifest, port: str) -> Manifest:
    """Return the Service with a port of this name that a monitor selects."""
    wanted = monitor.at("spec", "selector", "matchLabels").items()
    for service in render.all("Service"):
        ports = {each.get("name") for each in service.at("spec", "ports")}
        if wanted <= service.labels.items() and port in ports:
            return service
    raise PlatformError(f"{monitor} selects no Service with a port {port}.")


def _scrape(monitor: Manifest, number: int, service: Manifest, address: str) -> Json:
    spec = monitor.at("spec")
    endpoint = spec["endpoints"][number]
    named_by = spec.get("jobLabel")
    labels = {
        "namespace": service.namespace or monitor.namespace,
        "service": service.name,
        "endpoint": endpoint["port"],
        "job": service.labels.get(named_by, service.name) if named_by else service.name,
    }
    for name in spec.get("targetLabels", ()):
        if name in service.labels:
            labels[_NOT_IN_LABELS.sub("_", name)] = service.labels[name]
    return {
        "job_name": f"serviceMonitor/{monitor.namespace}/{monitor.name}/{number}",
        **{_FIELDS[field]: thaw(value) for field, value in endpoint.items() if field in _FIELDS},
        "sample_limit": spec.get("sampleLimit", 0),
        "static_configs": [{"targets": [address], "labels": labels}],
        "relabel_configs": _relabelings(endpoint.get("relabelings", ())),
        "metric_relabel_configs": _relabelings(endpoint.get("metricRelabelings", ())),
    }


def _relabelings(rules: Any) -> list[Json]:
    return [{_snake_case(key): thaw(value) for key, value in rule.items()} for rule in rules]


def _snake_case(name: str) -> str:
    return re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name)


def rules(render: Render) -> dict[str, Any]:
    """Return the rules of all PrometheusRules, as a file of rules."""
    return {
        "groups": [
            thaw(group)
            for manifest in render.all("PrometheusRule")
            for group in manifest.at("spec", "groups")
        ]
    }


def hurried(file: Json, alert: str) -> Json:
    """Return a file of rules in which one alert loses no time.

    It fires after SCRAPE_SECONDS in place of its ``for``, and what it looks back at has a point
    each SCRAPE_SECONDS. PlatformError when there is no such alert.
    """
    if alert not in (rule.get("alert") for group in file["groups"] for rule in group["rules"]):
        raise PlatformError(f"There is no alert {alert}.")
    return {
        "groups": [
            {**group, "rules": [_hurried(rule, alert) for rule in group["rules"]]}
            for group in file["groups"]
        ]
    }


def _hurried(rule: Json, alert: str) -> Json:
    if rule.get("alert") != alert:
        return rule
    at_once = {"for": f"{SCRAPE_SECONDS}s"} if "for" in rule else {}
    points = re.sub(r"(\[\w+:)\w+\]", rf"\g<1>{SCRAPE_SECONDS}s]", rule["expr"])
    return {**rule, **at_once, "expr": points}


class Prometheus:
    """Prometheus' API. A sample is a mapping of its labels, with its value as ``value``.

    PlatformError when it does not answer, or refuses a query.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._server = Server(url, headers={}, ca_file=None, unreachable="", refused="")

    def get(self, path: str, **query: object) -> Any:
        """Return the data of an answer of the API."""
        return self._server.get(f"/api/v1/{path}", **query)["data"]

    def query(self, promql: str) -> list[Sample]:
        """Return the result of a query now."""
        samples = self.get("query", query=promql)["result"]
        return [{**sample["metric"], "value": float(sample["value"][1])} for sample in samples]

    def had_data(self, promql: str, start: float) -> bool:
        """Say whether a query has had a result since ``start``, in seconds since 1970."""
        return bool(self._since(promql, start))

    def _since(self, promql: str, start: float) -> list[Any]:
        end = time.time() + SCRAPE_SECONDS  # steps are that long, and the last one counts
        step = max(SCRAPE_SECONDS, (end - start) / _MOST_STEPS)
        found = self.get("query_range", query=promql, start=start, end=end, step=step)
        return list(found["result"])

    def firing(self) -> set[str]:
        """Return the names of the alerts that fire."""
        return {alert["alertname"] for alert in self.query('ALERTS{alertstate="firing"}')}

    def fired(self, start: float) -> set[str]:
        """Return the names of the alerts that have fired since ``start``, as for ``had_data``."""
        found = self._since('ALERTS{alertstate="firing"}', start)
        return {series["metric"]["alertname"] for series in found}

    def waiting(self, seconds: int) -> set[str]:
        """Return the names of the alerts whose condition has held for so many seconds until now.

        They do not fire yet, for a rule may wait (``for``) for longer than that.
        """
        since = f"time() - ALERTS_FOR_STATE >= {seconds}"
        found = self.query(f'{since} and ignoring(alertstate) ALERTS{{alertstate="pending"}}')
        return {alert["alertname"] for alert in found}

    def eventually(self, promql: str) -> list[Sample]:
        """Return the result of a query once it has one: scrapes and rules take their time."""
        return self.wait_for(lambda: self.query(promql), f"{promql} has no result")

    def wait_for(self, look: "Callable[[], _T | None]", otherwise: str) -> _T:
        """Return the first result of ``look``; PlatformError ``otherwise`` when it takes long."""
        return eventually(look, _PATIENCE_SECONDS, otherwise, poll=SCRAPE_SECONDS)


@contextmanager
def local_prometheus(directory: Path, config: Json, rule_file: Json) -> Iterator[Prometheus]:
    """Run a Prometheus with its files, its data and its log in ``directory``.

    PlatformError when it cannot be built or does not start.
    """
    program = tool("prometheus")
    for name, document in {"prometheus.yml": config, "rules.yml": rule_file}.items():
        (directory / name).write_text(yaml.safe_dump(document), encoding="utf-8")
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command: processes.Command = [
        program,
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    log = directory / "prometheus.log"
    with log.open("wb") as output, processes.started(command, output=output) as process:
        prometheus = Prometheus(url)
        give_up = time.monotonic() + _READY_SECONDS
        while not _is_ready(prometheus):
            if process.poll() is not None or time.monotonic() > give_up:
                said = log.read_text(encoding="utf-8", errors="replace")[-_SHOWN_CHARACTERS:]
                raise PlatformError(
                    f"Prometheus does not start. Its log, {log}, ends with:\n{said}"
                )
            time.sleep(_POLL_SECONDS)
        yield prometheus


def _is_ready(prometheus: Prometheus) -> bool:
    try:
        return bool(prometheus.query("vector(1)"))
    except PlatformError:
        return False
