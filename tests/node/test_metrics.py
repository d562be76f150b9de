"""What Prometheus is told by the rendered monitors and rules."""

import copy
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from airflow_platform.manifests import Render
from airflow_platform.node.metrics import configuration, hurried, local_prometheus, rules
from airflow_platform.rendering.render import render
from airflow_platform.support.errors import PlatformError

EXPORTER = "127.0.0.1:9102"
ON = {"serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}}


def scrape(**settings: object) -> Any:
    """The scrape of the exporter by a ServiceMonitor with further settings."""
    monitor = {"enabled": True, **settings}
    service = {"service": {"labels": {"team": "data", "example.com/name": "metrics"}}}
    values = {**ON, "serviceMonitor": monitor, "statsdExporter": service}
    rendered = render(chart="add-on", values=[values], namespace="air")
    (found,) = configuration(rendered, EXPORTER)["scrape_configs"]
    return found


def labels(**settings: object) -> dict[str, str]:
    (static,) = scrape(**settings)["static_configs"]
    assert static["targets"] == [EXPORTER]
    return static["labels"]


def test_series_have_the_labels_of_the_operator():
    assert labels() == {
        "namespace": "air",
        "service": "airflow-statsd-exporter",
        "endpoint": "statsd-scrape",
        "job": "airflow-statsd-exporter",
    }


def test_labels_of_the_service_become_those_of_series():
    found = labels(jobLabel="team", targetLabels=["example.com/name", "absent"])

    assert found["job"] == "data"
    assert found["example_com_name"] == "metrics"
    assert "absent" not in found


def test_the_job_is_the_service_where_it_lacks_the_label_that_names_jobs():
    assert labels(jobLabel="absent")["job"] == "airflow-statsd-exporter"


@pytest.mark.parametrize(
    ("setting", "value", "option"),
    [
        ("path", "/other", "metrics_path"),
        ("scheme", "https", "scheme"),
        ("params", {"a": ["b"]}, "params"),
        ("honorLabels", True, "honor_labels"),
        ("sampleLimit", 500, "sample_limit"),
    ],
)
def test_settings_of_the_monitor_are_those_of_the_scrape(setting, value, option):
    assert scrape(**{setting: value})[option] == value


def test_relabelings_are_spelt_as_prometheus_does():
    rule = {"sourceLabels": ["a"], "targetLabel": "b"}
    found = scrape(relabelings=[rule], metricRelabelings=[{"action": "labeldrop", "regex": "c"}])

    assert found["relabel_configs"] == [{"source_labels": ["a"], "target_label": "b"}]
    assert found["metric_relabel_configs"][-1] == {"action": "labeldrop", "regex": "c"}
    assert len(found["metric_relabel_configs"]) > 1  # the chart's own come first


def test_a_monitor_that_selects_no_service_is_refused():
    rendered = render(chart="add-on", values=[ON])
    without = [each for each in rendered.manifests if each.kind != "Service"]

    with pytest.raises(PlatformError, match=r"selects no Service with a port statsd-scrape"):
        configuration(rendered.replace(manifests=without), EXPORTER)


RULES = {
    "groups": [
        {
            "name": "g",
            "rules": [
                {"alert": "Slow", "expr": "increase(x[15m:1m]) > rate(y[5m])", "for": "15m"},
                {"alert": "Other", "expr": "increase(x[15m:1m])", "for": "15m"},
                {"record": "x", "expr": "y"},
            ],
        }
    ]
}


def test_only_the_alert_that_is_named_hurries():
    wanted = copy.deepcopy(RULES)
    wanted["groups"][0]["rules"][0] |= {
        "expr": "increase(x[15m:1s]) > rate(y[5m])",
        "for": "1s",
    }

    assert hurried(RULES, "Slow") == wanted


def test_an_alert_without_a_delay_gets_none():
    (group,) = hurried({"groups": [{"name": "g", "rules": [{"alert": "A", "expr": "x"}]}]}, "A")[
        "groups"
    ]
    assert group["rules"] == [{"alert": "A", "expr": "x"}]


def test_an_alert_that_is_not_there_cannot_hurry():
    with pytest.raises(PlatformError, match="no alert Absent"):
        hurried(RULES, "Absent")


def rendered_rules() -> Render:
    return render(chart="add-on", values=[ON])


def test_all_rendered_rules_are_loaded():
    (manifest,) = rendered_rules().all("PrometheusRule")
    loaded = rules(rendered_rules())["groups"]

    assert [group["name"] for group in loaded] == [g["name"] for g in manifest.at("spec", "groups")]
    assert "TaskLogBytesMissing" in {rule.get("alert") for g in loaded for rule in g["rules"]}


@pytest.fixture
def condition() -> Iterator[dict[str, Any]]:
    """The address of a page with the metric ``condition``, and its value, which may be set."""
    found: dict[str, Any] = {"value": 1}

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(f"condition {found['value']}\n".encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found["address"] = f"127.0.0.1:{server.server_port}"
        yield found
        server.shutdown()


def test_alerts_are_known_that_fire_that_have_fired_and_that_wait(tmp_path, condition, program):
    program("prometheus")
    begun = time.time()
    alerts = {
        "Fires": {"expr": "condition >= 0"},
        "HasFired": {"expr": "condition > 0"},
        "Waits": {"expr": "condition >= 0", "for": "1h"},
        "HasWaited": {"expr": "condition > 0", "for": "1h"},
        "Quiet": {"expr": "condition > 1"},
    }
    target = {"job_name": "page", "static_configs": [{"targets": [condition["address"]]}]}
    settings = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [target],
    }
    named = [{"alert": name, **rule} for name, rule in alerts.items()]
    rule_file = {"groups": [{"name": "all", "rules": named}]}
    with local_prometheus(tmp_path, settings, rule_file) as prometheus:
        both = {"Fires", "HasFired"}
        prometheus.wait_for(lambda: prometheus.firing() == both, "not both fire")
        condition["value"] = 0
        prometheus.wait_for(lambda: prometheus.firing() == {"Fires"}, "an alert does not end")
        over = time.time()
        assert prometheus.fired(begun) == both
        assert prometheus.fired(over + 1) == {"Fires"}
        waits = {"Waits"}
        prometheus.wait_for(lambda: prometheus.waiting(3) == waits, "one more waits, or none")
        assert prometheus.waiting(600) == set()
