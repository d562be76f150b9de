"""What restarts the statsd-exporter: each restart loses the counts of Airflow's metrics."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow_platform.manifests import Render
from airflow_platform.rendering import helm
from airflow_platform.rendering.render import render
from airflow_platform.rendering.request import RenderRequest
from airflow_platform.rendering.staging import stage_addon
from airflow_platform.support.project import ADDON


def pod_template(rendered: Render) -> Mapping[str, Any]:
    """What the Deployment starts pods from; a change of anything in it restarts the exporter."""
    template: Mapping[str, Any] = rendered.get("Deployment", "airflow-statsd-exporter").at(
        "spec", "template"
    )
    return template


def checksum(rendered: Render) -> str:
    value: str = pod_template(rendered)["metadata"]["annotations"]["checksum/mapping"]
    return value


def with_values(**values: Any) -> Render:
    return render(chart="add-on", values=[values])


def test_a_changed_mapping_restarts_the_exporter() -> None:
    rule = {"match": "airflow.ti.start", "name": "my_starts_total"}
    changed = with_values(statsdExporter={"mapping": {"before": [rule]}})
    assert checksum(changed) != checksum(with_values())


def test_a_changed_label_of_the_service_does_not_restart_the_exporter() -> None:
    labelled = with_values(statsdExporter={"service": {"labels": {"team": "data"}}})
    assert pod_template(labelled) == pod_template(with_values())


def test_a_new_version_of_the_chart_alone_does_not_restart_the_exporter(tmp_path: Path) -> None:
    shutil.copytree(ADDON, tmp_path / "chart")
    chart = tmp_path / "chart" / "Chart.yaml"
    text = chart.read_text(encoding="utf-8")
    chart.write_text(text.replace("\nversion: ", "\nversion: 9"), encoding="utf-8")
    newer = Render.from_text(helm.output(RenderRequest(chart=stage_addon(tmp_path))))
    service = newer.get("Service", "airflow-statsd-exporter")
    assert service.labels["helm.sh/chart"].startswith("observability-9")
    assert pod_template(newer) == pod_template(with_values())
