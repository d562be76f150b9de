"""Airflow plugin: a link from each task to its log lines in Grafana.

Airflow loads it in the pods of its user interface. What it needs to know is in the file of the same
name that ends in .json: the address of Grafana, the data source, and where the sidecar puts the ids
of a task in Loki.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

# Lines are older than the start of a task when its image is slow to start, and younger than its end
# when a killed task is cleaned up.
SLACK = timedelta(minutes=5)


def logql(settings: Mapping[str, Any], ids: Mapping[str, str]) -> str:
    """Return the query for the lines of one try of a task.

    ``settings`` has ``labels``, the fixed labels by name, and ``labelFields`` and
    ``metadataFields``, the names of the ids that are labels or structured metadata. ``ids`` are all
    ids by these names; an empty one means: without it.
    """
    fixed = [f"{name}={_text(value)}" for name, value in settings["labels"].items()]
    labels = [f"{name}={_text(ids[name])}" for name in settings["labelFields"] if name in ids]
    filters = [
        f" | {name}={_text(ids[name])}" for name in settings["metadataFields"] if name in ids
    ]
    return "{" + ",".join(fixed + labels) + "}" + "".join(filters)


def explore(settings: Mapping[str, Any], query: str, begin: str, end: str) -> str:
    """Return the address of Grafana's Explore with a query; times are as Grafana takes them."""
    pane = {
        "datasource": settings["datasource"],
        "queries": [
            {
                "refId": "A",
                "datasource": {"type": "loki", "uid": settings["datasource"]},
                "expr": query,
            }
        ],
        "range": {"from": begin, "to": end},
    }
    panes = quote(json.dumps({"logs": pane}, separators=(",", ":")), safe="")
    return f"{settings['url'].rstrip('/')}/explore?schemaVersion=1&panes={panes}"


def grafana_range(began: datetime | None, ended: datetime | None) -> tuple[str, str]:
    """Return the times of a task as Grafana takes them; one that runs goes on until now."""
    if began is None:
        return "now-1h", "now"
    end = "now" if ended is None else _milliseconds(ended + SLACK)
    return _milliseconds(began - SLACK), end


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _milliseconds(time: datetime) -> str:
    return str(int(time.timestamp() * 1000))


def _times(key: Any) -> tuple[datetime | None, datetime | None]:
    """Return when a try of a task began and ended, as far as the database knows."""
    from airflow import settings
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.taskinstancehistory import TaskInstanceHistory
    from sqlalchemy.orm import Session

    # A session of its own: Airflow 2's belongs to the thread, and is in use while links are made.
    with Session(settings.engine) as session:
        for tries in (TaskInstance, TaskInstanceHistory):
            found = (
                session.query(tries.start_date, tries.end_date)
                .filter_by(
                    dag_id=key.dag_id,
                    task_id=key.task_id,
                    run_id=key.run_id,
                    map_index=key.map_index,
                    try_number=key.try_number,
                )
                .first()
            )
            if found:
                return found[0], found[1]
    return None, None


class GrafanaTaskLogsLink:
    """What Airflow asks for when it shows a task. It asks for nothing but a name and an address."""

    name = "Logs in Grafana"
    operators: tuple[type, ...] = ()

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002
        """Return the address, or an empty one: an error here would hide all links of the task."""
        try:
            settings = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
            ids = {
                "namespace": settings["namespace"],
                "dag_id": ti_key.dag_id,
                "task_id": ti_key.task_id,
                "run_id": ti_key.run_id,
                "try_number": str(ti_key.try_number),
                "map_index": str(ti_key.map_index) if ti_key.map_index >= 0 else "",
            }
            try:
                times = _times(ti_key)
            except Exception:
                log.warning("The times of %s cannot be read", ti_key, exc_info=True)
                times = None, None
            return explore(settings, logql(settings, ids), *grafana_range(*times))
        except Exception:
            log.exception("No link to Grafana for %s", ti_key)
            return ""


class GrafanaTaskLogsPlugin(AirflowPlugin):  # type: ignore[misc]
    """The link, for the tasks of all operators."""

    name = "grafana_task_logs"
    global_operator_extra_links: ClassVar = [GrafanaTaskLogsLink()]
