"""Grafana dashboards: generated from Python, committed as JSON in chart/files/dashboards."""

import json

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from airflow_platform.dashboards import component_logs, dag, overview, task_logs
from airflow_platform.support.project import ADDON

DIRECTORY = ADDON / "files" / "dashboards"


def generate() -> dict[str, str]:
    """Return the text of each file of ``DIRECTORY`` by its name, which is the dashboard's uid."""
    return dict(_file(module.dashboard()) for module in (overview, dag, task_logs, component_logs))


def _file(builder: Dashboard) -> tuple[str, str]:
    dashboard = json.loads(json.dumps(builder.build(), cls=JSONEncoder))
    for link in dashboard["links"]:
        del link["placement"]  # which would hide it in a menu
    panels = (panel for row in dashboard["panels"] for panel in (row, *row.get("panels", ())))
    for number, panel in enumerate(panels, start=1):  # links to a panel use its id
        panel["id"] = number
    text = json.dumps(dashboard, indent=2, sort_keys=True, ensure_ascii=False)
    return f"{dashboard['uid']}.json", f"{text}\n"
