"""What the checks of rules and dashboards must report on a release with everything on.

More cases about dashboards are in test_dashboards.py.
"""

from typing import Any

from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON

from .conftest import Edits

RULES = "PrometheusRule/airflow-alerts spec groups own rules"
MAPPING = "ConfigMap/airflow-statsd-mapping data statsd-mapping.yaml mappings"
ENDPOINTS = "ServiceMonitor/airflow-statsd-exporter spec endpoints"
DASHBOARD = "ConfigMap/airflow-dashboard-overview data airflow-overview.json"
NAMESPACE = f"{DASHBOARD} templating list namespace"
COMPONENT = "ConfigMap/airflow-dashboard-logs data airflow-logs.json templating list component"

FAILURES = "sum by (dag_id) (increase(airflow_ti_failures_total[5m])) > 0"


def alert(expr: str, summary: str = "", **labels: str) -> dict[str, Any]:
    rule = {"alert": "Mine", "expr": expr, "labels": labels, "annotations": {"summary": summary}}
    return {f"{RULES} +": rule}


def recorded(*rules: tuple[str, str]) -> Edits:
    return {RULES: [{"record": record, "expr": expr} for record, expr in rules]}


def scraped(relabeling: dict[str, Any]) -> dict[str, Any]:
    relabelings = strict_yaml.load_file(ADDON / "files" / "metrics" / "metric-relabelings.yaml")
    return {ENDPOINTS: [{"port": "statsd-scrape", "metricRelabelings": [*relabelings, relabeling]}]}


# What to break, and what the message must say.
BROKEN: dict[str, list[tuple[Edits, str]]] = {
    "queries_read_what_there_is": [
        (alert("sum(airflow_ti_failures_total"), "own, Mine: 1:30: parse error"),
        (
            alert("airflow_ti_failure_total > 0"),
            'no series airflow_ti_failure_total (did you mean "airflow_ti_failures_total"',
        ),
        (
            alert('{__name__=~"airflow_ti_failures_total|airflow_ti_success_total"} > 0'),
            "no series airflow_ti_success_total",
        ),
        (alert("rate(airflow_task_duration_seconds[5m]) > 9"), "airflow_task_duration_seconds"),
        (alert("statsd_exporter_line_total == 0"), "no series statsd_exporter_line_total"),
        (alert('airflow_ti_failures_total{dag="x"} > 0'), "has no label dag"),
        (alert("sum by (pool) (airflow_pool_open_slots) < 1"), "has no label pool"),
        # A relabeling of ours removes it.
        (
            alert('airflow_operator_failures_total{operator_name="x"} > 0'),
            "airflow_operator_failures_total has no label operator_name",
        ),
        # A relabeling of the user's own removes it.
        (
            alert(FAILURES) | scraped({"action": "labeldrop", "regex": "dag_.*"}),
            "airflow_ti_failures_total has no label dag_id",
        ),
        (
            alert(FAILURES, "{{ $labels.dag_id }}/{{ $labels.task_id }}"),
            "own, Mine: the result has no label task_id",
        ),
        (alert(FAILURES, '{{ index $labels "task_id" }}'), "the result has no label task_id"),
        (alert(FAILURES, "{{ .Labels.task_id }}"), "the result has no label task_id"),
        (alert(FAILURES, owner="{{ $labels.owner }}"), "the result has no label owner"),
        (
            recorded(("mine", FAILURES), ("airflow_mine", "sum by (task_id) (mine)")),
            "own, airflow_mine: mine has no label task_id",
        ),
        (
            {f"{NAMESPACE} query": "label_values(airflow_heartbeat, namespace)"},
            "variable namespace: there is no series airflow_heartbeat",
        ),
        ({f"{NAMESPACE} query": "label_values(ALERTS, team_name)"}, "no label team_name"),
        # What lines of components have is not what lines of tasks have.
        (
            {f"{COMPONENT} query stream": '{job="airflow-components",dag_id="x"}'},
            "log streams have no label dag_id",
        ),
        (
            {f"{COMPONENT} query stream": '{job="airflow-components"} | run_id="x"'},
            "log lines have no run_id",
        ),
        (
            {f"{COMPONENT} query stream": '{job="airflow-task-logs",component="x"}'},
            "log streams have no label component",
        ),
    ],
    "dashboards_can_be_shown": [
        ({f"{DASHBOARD} schemaVersion": 38}, "schemaVersion 38 is older than 39"),
    ],
    "dashboard_data_sources_can_be_chosen": [
        (
            {f"{NAMESPACE} datasource": {"type": "prometheus", "uid": "P1809F7CD0C75ACF3"}},
            "the data source P1809F7CD0C75ACF3 of type prometheus",
        ),
    ],
    "dashboard_variables_are_defined": [
        ({f"{NAMESPACE} name": "ns"}, "the variable namespace is not defined"),
    ],
    "dashboard_links_lead_somewhere": [
        (
            {"ConfigMap/airflow-dashboard-dag": None},
            "a link leads to a dashboard airflow-dag, which does not exist",
        ),
    ],
}

ALLOWED: dict[str, list[Edits]] = {
    "queries_read_what_there_is": [
        # Series of other programs, with whatever labels.
        alert('up{job="x"} == 0', "{{ $labels.instance }}"),
        alert("sum by (queue) (rabbitmq_queue_messages) > 9", "{{ $labels.queue }}"),
        alert('rabbitmq_queue_messages{x="y"} > 9', "{{ $labels.queue }}"),
        alert("airflow_ti_running and on (pod) kube_pod_info", "{{ $labels.node }}"),
        # What rules make, in any order and by ALERTS.
        recorded(("mine", "sum by (dag_id) (airflow_mine)"), ("airflow_mine", FAILURES)),
        alert('ALERTS{alertname="DagRunFailed",team="data"}', "{{ $labels.alertstate }}"),
        # What rules of the user's own in the mapping make.
        alert('airflow_mine{any="x"} > 0', "{{ $labels.thing }}")
        | {f"{MAPPING} +": {"match": "mine", "name": "airflow_mine"}},
        alert('airflow_mine_bucket{any="x"} > 0')
        | {f"{MAPPING} +": {"match": "mine.*", "name": "airflow_${1}"}},
        alert('airflow_pool_open_slots{any="x"} > 0')
        | {f"{MAPPING} +": {"match": "mine", "name": "airflow_pool_open_slots"}},
        # What relabelings of the user's own make.
        alert('airflow_ti_failures_total{cluster="x"} > 0')
        | scraped({"targetLabel": "cluster", "replacement": "x"}),
        alert('airflow_ti_failures_total{any="x"} > 0')
        | scraped({"action": "labelmap", "regex": "(.+)"}),
        # Without a ServiceMonitor the labels are not known.
        alert('airflow_ti_failures_total{any="x"} > 0')
        | {"ServiceMonitor/airflow-statsd-exporter": None},
        # Without a mapping there are no metrics.
        {"ConfigMap/airflow-statsd-mapping": None},
        # Templates without labels.
        alert(FAILURES, "{{ $value | humanize }} {{ $externalLabels.cluster }} $labels.nothing"),
    ],
    "dashboard_links_lead_somewhere": [
        {f"{DASHBOARD} links +": {"title": "Other", "url": "https://example.com/d/gone?var-x=1"}},
    ],
}
