"""What is refused about the link from Airflow to Grafana."""

from typing import Any

from .case import Case, wrapper

_GRAFANA = {"enabled": True, "url": "https://grafana.example.com", "dataSource": "loki"}
_MOUNT = {"name": "plugins", "mountPath": "/opt/airflow/plugins/"}


def _on(message: str, link: Any = None, **values: Any) -> Case:
    return wrapper(message, {"grafanaLink": {**_GRAFANA, **(link or {})}, **values})


def _plugins(mount: Any, volume: Any) -> Case:
    return _on(
        "The volume plugins is mounted at /opt/airflow/plugins and cannot be written to",
        airflow={
            "apiServer": {
                "extraVolumeMounts": [{**_MOUNT, **mount}],
                "extraVolumes": [{"name": "plugins", **volume}],
            }
        },
    )


CASES: dict[str, Case] = {
    "link to Grafana without Airflow": _on(
        "grafanaLink.enabled is for the Airflow that this chart installs",
        airflow={"enabled": False},
    ),
    "link to Grafana from Airflow 2.9": _on(
        "grafanaLink.enabled needs Airflow 2.10 or newer",
        **{
            "airflow": {"airflowVersion": "2.9.3", "defaultAirflowTag": "2.9.3"},
            "global": {"metrics": {"airflowVersion": "2.9.3"}},
        },
    ),
    "link to Grafana without task logs": _on(
        "grafanaLink.enabled leads to task logs in Loki, and no pod has the sidecar",
        **{"global": {"taskLogs": {"enabled": False}}},
    ),
    "link to Grafana without its address": _on("grafanaLink.enabled needs the addr", {"url": ""}),
    "link to Grafana without its data source": _on(
        "grafanaLink.enabled needs the address", {"dataSource": ""}
    ),
    "another volume named like that of the link": _on(
        "airflow.apiServer.extraVolumes has a volume grafana-link",
        airflow={"apiServer": {"extraVolumes": [{"name": "grafana-link", "emptyDir": {}}]}},
    ),
    "plugins of a ConfigMap": _plugins({}, {"configMap": {"name": "plugins"}}),
    "plugins that are read only": _plugins({"readOnly": True}, {"emptyDir": {}}),
}
