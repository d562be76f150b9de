"""The checks of dashboards find what they are for."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from airflow_platform.checks.judge import CHECKS
from airflow_platform.manifests import Render

pytestmark = pytest.mark.usefixtures("query_parser")

PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
LOKI = {"type": "loki", "uid": "${loki}"}

Change = Callable[[dict[str, Any]], None]

# The metrics and log lines that the dashboard below can read, as the chart makes them.
METRICS = """
# Source: observability/templates/metrics.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: mapping}
data:
  statsd-mapping.yaml: |
    mappings:
      - {match: airflow.ti.finish, name: airflow_ti_finish_total}
      - {match: airflow.dagrun.schedule_delay, name: airflow_dagrun_schedule_delay_seconds}
---
# Source: observability/templates/task-logs.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: task-logs}
data:
  vector.yaml: |
    transforms:
      fields:
        source: |
          .labels = compact({"namespace": .namespace, "dag_id": .dag_id})
          .structured_metadata = compact({"level": .level})
---
# Source: observability/templates/metrics.yaml
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: monitor}
spec: {endpoints: [{port: statsd-scrape}]}
"""


def panel(id_, type_, y, datasource, expr, legend):
    target = {"refId": "A", "datasource": datasource, "expr": expr, "legendFormat": legend}
    return {
        "id": id_,
        "type": type_,
        "title": f"Panel {id_}",
        "datasource": datasource,
        "gridPos": {"x": 0, "y": y, "w": 24, "h": 8},
        "fieldConfig": {"defaults": {"unit": "short", "links": []}, "overrides": []},
        "targets": [target],
    }


def variable(name, type_, query, datasource=None):
    return {"name": name, "type": type_, "query": query, "datasource": datasource}


@pytest.fixture
def dashboard():
    """A dashboard without fault."""
    return {
        "uid": "good",
        "schemaVersion": 42,
        "annotations": {
            "list": [
                {
                    "name": "Alerts",
                    "datasource": PROMETHEUS,
                    "expr": 'ALERTS{namespace="$namespace"}',
                    "titleFormat": "{{alertname}}",
                }
            ]
        },
        "templating": {
            "list": [
                variable("datasource", "datasource", "prometheus"),
                variable("loki", "datasource", "loki"),
                variable(
                    "namespace",
                    "query",
                    "label_values(airflow_ti_finish_total, namespace)",
                    PROMETHEUS,
                ),
                variable("dag_id", "query", {"stream": '{namespace="x"}', "label": "dag_id"}, LOKI),
            ]
        },
        "panels": [
            panel(
                1,
                "timeseries",
                0,
                PROMETHEUS,
                'sum by (state) (rate(airflow_ti_finish_total{dag_id=~"$dag_id"}[$__range]))',
                "{{state}}",
            ),
            panel(
                2,
                "bargauge",
                8,
                LOKI,
                'sum by (dag_id) (count_over_time({namespace="$namespace"} | level="e" [$__auto]))',
                "{{dag_id}}",
            ),
        ],
    }


def faults(dashboard) -> list[str]:
    """What the checks report on a render that holds the dashboard."""
    owner = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "dashboard"},
        "data": {"good.json": json.dumps(dashboard)},
    }
    source = "# Source: observability/templates/dashboards.yaml"
    render = Render.from_text(f"{METRICS}---\n{source}\n{json.dumps(owner)}\n")
    return [
        violation.message
        for name, check in CHECKS.items()
        if "dashboard" in name or "queries" in name
        for violation in check(render)
    ]


def test_a_good_dashboard_has_no_faults(dashboard):
    assert faults(dashboard) == []


def promql(expr: str, legend: str = "") -> Change:
    def change(dashboard):
        dashboard["panels"][0]["targets"][0].update(expr=expr, legendFormat=legend)

    return change


def logql(expr: str, legend: str = "") -> Change:
    def change(dashboard):
        dashboard["panels"][1]["targets"][0].update(expr=expr, legendFormat=legend)

    return change


def link(url: str) -> Change:
    return lambda dashboard: dashboard["panels"][0]["fieldConfig"]["defaults"]["links"].append(
        {"url": url}
    )


def first_panel(**change) -> Change:
    return lambda dashboard: dashboard["panels"][0].update(change)


def in_a_collapsed_row(dashboard):
    """Put the second panel, with the id of the first, where only a click shows it."""
    hidden = dashboard["panels"].pop()
    row = {"type": "row", "id": 3, "title": "Row", "panels": [hidden | {"id": 1}]}
    dashboard["panels"].append(row | {"gridPos": {"x": 0, "y": 8, "w": 24, "h": 1}})
    hidden["gridPos"]["y"] = 9


BROKEN = {
    "old schema": (lambda b: b.update(schemaVersion=38), "schemaVersion 38 is older than 39"),
    "graph": (first_panel(type="graph"), "no panels of the type graph"),
    "singlestat": (first_panel(type="singlestat"), "no panels of the type singlestat"),
    "old table": (first_panel(type="table-old"), "no panels of the type table-old"),
    "repeated id": (first_panel(id=2), "two panels have the id 2"),
    "repeated id in a row": (in_a_collapsed_row, "two panels have the id 1"),
    "repeated query": (
        lambda b: b["panels"][0]["targets"].append(b["panels"][0]["targets"][0]),
        "two queries have the refId A",
    ),
    "no unit": (first_panel(fieldConfig={"defaults": {}, "overrides": []}), "there is no unit"),
    "overlap": (
        first_panel(gridPos={"x": 0, "y": 1, "w": 24, "h": 8}),
        "Panel 1 overlaps Panel 2",
    ),
    "too wide": (
        first_panel(gridPos={"x": 12, "y": 0, "w": 24, "h": 8}),
        "Panel 1 is wider than the dashboard",
    ),
    "fixed data source": (
        first_panel(datasource={"type": "prometheus", "uid": "P1809F7CD0C75ACF3"}),
        "the data source P1809F7CD0C75ACF3 of type prometheus",
    ),
    "data source of another type": (
        first_panel(datasource={"type": "loki", "uid": "${datasource}"}),
        "the data source ${datasource} of type loki",
    ),
    "undefined variable": (
        promql('airflow_ti_finish_total{namespace="$namspace"}'),
        "the variable namspace is not defined",
    ),
    "undefined variable in braces": (
        promql('airflow_ti_finish_total{namespace="${team:regex}"}'),
        "the variable team is not defined",
    ),
    "undefined variable beside a template": (
        logql('{namespace="$namspace"} | line_format `{{ $x := 1 }}{{ $x }}`'),
        "the variable namspace is not defined",
    ),
    "variable of a template that the dashboard has": (
        logql('{namespace="$namespace"} | line_format `{{ $level, $dag_id := 1 }}`'),
        "the dashboard replaces the variable dag_id of a template",
    ),
    "broken template": (
        logql('{namespace="$namespace"} | line_format `{{ $x := 1 }}{{ $x `'),
        "invalid line template",
    ),
    "link to no dashboard": (
        link("/d/gone?var-namespace=x"),
        "a dashboard gone, which does not exist",
    ),
    "link with a strange variable": (
        link("/d/good?${loki:queryparam}&var-pool=x"),
        "sets the variable pool, which good does not have",
    ),
    "invalid PromQL": (promql("sum(airflow_ti_finish_total"), "unclosed left parenthesis"),
    "invalid PromQL of a variable": (
        lambda b: b["templating"]["list"][2].update(
            query="label_values(airflow_ti_finish_total{, namespace)"
        ),
        "variable namespace: 1:25: parse error",
    ),
    "invalid PromQL of an annotation": (
        lambda b: b["annotations"]["list"][0].update(expr="ALERTS{"),
        "annotation Alerts: 1:8: parse error",
    ),
    "unknown metric": (
        promql("rate(airflow_ti_finsh_total[5m])"),
        'no series airflow_ti_finsh_total (did you mean "airflow_ti_finish_total"?)',
    ),
    "unknown metrics": (promql('{__name__=~"pods_.+"}'), "no series pods_.+"),
    "histogram without its suffix": (
        promql("rate(airflow_dagrun_schedule_delay_seconds[5m])"),
        "no series airflow_dagrun_schedule_delay_seconds",
    ),
    "unknown label in a selector": (
        promql('airflow_ti_finish_total{pool="x"}'),
        "airflow_ti_finish_total has no label pool",
    ),
    "unknown label to sum by": (
        promql("sum by (pool) (airflow_ti_finish_total)"),
        "airflow_ti_finish_total has no label pool",
    ),
    "label that is summed away": (
        promql("sum by (state) (sum by (dag_id) (airflow_ti_finish_total))"),
        '"state" is used but not kept',
    ),
    "legend of a missing label": (
        promql("sum by (dag_id) (airflow_ti_finish_total)", "{{state}}"),
        "the result has no label state",
    ),
    "link by a missing label": (
        link("/d/good?var-dag_id=${__field.labels.dag_id}"),
        "the result has no label dag_id",
    ),
    "link by a missing column": (
        link("/d/good?var-dag_id=${__data.fields.DAG}"),
        "a link needs the column DAG",
    ),
    "variable of a missing label": (
        lambda b: b["templating"]["list"][2].update(
            query="label_values(airflow_ti_finish_total, pool)"
        ),
        "variable namespace: the result has no label pool",
    ),
    "column of a missing label": (
        first_panel(transformations=[{"options": {"renameByName": {"pool": "P", "Value": "N"}}}]),
        "the result has no label pool",
    ),
    "invalid LogQL": (logql('{namespace="x"} |= level'), "parse error"),
    "invalid LogQL in a link": (
        link('/explore?panes={"a":{"queries":[{"expr":"{namespace"}]}}'),
        "Panel 1, link: parse error",
    ),
    "LogQL that selects all": (logql('{dag_id=~".*"}'), "at least one regexp or equality matcher"),
    "unknown stream label": (logql('{level="error"}'), "log streams have no label level"),
    "unknown field of lines": (
        logql('{namespace="x"} | task_name="y"'),
        "log lines have no task_name",
    ),
    "unknown field to count by": (
        logql('sum by (severity) (rate({namespace="x"}[5m]))'),
        "log lines have no severity",
    ),
    "log legend of a missing field": (
        logql('sum by (dag_id) (rate({namespace="x"}[5m]))', "{{level}}"),
        "the result has no label level",
    ),
    "variable of a missing stream label": (
        lambda b: b["templating"]["list"][3]["query"].update(label="thread"),
        "variable dag_id: the result has no label thread",
    ),
}


@pytest.mark.parametrize(("change", "fault"), BROKEN.values(), ids=list(BROKEN))
def test_a_fault_is_found(dashboard, change, fault):
    broken = copy.deepcopy(dashboard)
    change(broken)
    assert any(fault in found for found in faults(broken)), faults(broken)


def test_a_template_may_have_variables_of_its_own(dashboard):
    text = "{{ range $key, $value := fromJson __line__ }}{{ $key }}={{ $value }}{{ end }}"
    logql(f'{{namespace="$namespace"}} | line_format `{text}`')(dashboard)
    assert faults(dashboard) == []


def test_the_query_of_a_collapsed_row_is_checked_too(dashboard):
    in_a_collapsed_row(dashboard)
    dashboard["panels"][-1]["panels"][0]["targets"][0]["expr"] = "{"
    assert any("Panel 2" in found for found in faults(dashboard))


def test_a_label_that_is_made_by_the_query_may_be_used(dashboard):
    promql(
        'sum by (kind) (label_replace(airflow_ti_finish_total, "kind", "$1", "state", "(.+)"))',
        "{{kind}}",
    )(dashboard)
    assert faults(dashboard) == []


def test_quantiles_need_the_buckets_to_be_kept(dashboard):
    buckets = "airflow_dagrun_schedule_delay_seconds_bucket"
    promql(f"histogram_quantile(0.9, sum by (dag_id) (rate({buckets}[5m])))")(dashboard)
    assert any('"le" is used but not kept' in found for found in faults(dashboard))
