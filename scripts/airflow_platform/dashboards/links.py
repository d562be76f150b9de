"""Links between the dashboards, and to Explore and Airflow."""

import json
from urllib.parse import quote

from grafana_foundation_sdk.builders.dashboard import DashboardLink
from grafana_foundation_sdk.models.common import DataSourceRef

PROMETHEUS = DataSourceRef("prometheus", "${datasource}")
LOKI = DataSourceRef("loki", "${loki}")

# Uids.
OVERVIEW, DAG, TASK_LOGS = "airflow-overview", "airflow-dag", "airflow-task-logs"
COMPONENT_LOGS = "airflow-logs"


def to_dashboard(title: str, uid: str, *kept: str, **given: str) -> DashboardLink:
    """Link to another dashboard about the same Airflow and time.

    Variables that are ``kept`` have the same values there, others the ``given`` ones.
    """
    parameters = [f"${{{name}:queryparam}}" for name in ("datasource", "namespace", "job", *kept)]
    parameters += [f"var-{name}={value}" for name, value in given.items()]
    return DashboardLink(title).url(f"/d/{uid}?{'&'.join(parameters)}&${{__url_time_range}}")


def to_airflow(dag_id: str) -> DashboardLink:
    """Link to a DAG in Airflow."""
    return DashboardLink("Airflow").url(f"${{airflow_url}}/dags/{dag_id}").target_blank(True)


def to_explore(query: str) -> DashboardLink:
    """Link to Explore with a LogQL query, which must not hold double quotes or backslashes."""
    pane = {
        "datasource": LOKI.uid,
        "queries": [{"refId": "A", "datasource": LOKI.to_json(), "expr": query}],
        "range": {"from": "${__from}", "to": "${__to}"},
    }
    panes = quote(json.dumps({"logs": pane}, separators=(",", ":")), safe="${}:_")
    return DashboardLink("Explore").url(f"/explore?schemaVersion=1&panes={panes}")
