"""doctor may read, and knows who serves, each custom kind that the charts can make."""

from pathlib import Path

import pytest

from airflow_platform.doctor.examinations.kinds import PROGRAMS
from airflow_platform.rendering.render import render
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ROOT

_RIGHTS = ROOT / "examples" / "doctor" / "rights.yaml"
_CELERY = ROOT / "examples" / "celery"
_EVERYTHING: tuple[Path, ...] = (
    ROOT / "tests" / "chart" / "platform.yaml",
    _CELERY / "values.yaml",
    _CELERY / "keda.yaml",
)
_DASHBOARDS = {
    "observability": {"dashboards": {"enabled": True, "grafanaOperator": {"enabled": True}}}
}


@pytest.mark.official_chart
def test_custom_kinds_of_the_charts() -> None:
    release = render("prod", values=(*_EVERYTHING, _DASHBOARDS))
    used = {
        (group, f"{each.kind.lower()}s")
        for each in release.manifests
        if "." in (group := each.api_version.rpartition("/")[0]) and not group.endswith(".k8s.io")
    }
    groups = {group for group, _ in used}
    assert groups >= {"barmancloud.cnpg.io", "keda.sh", "grafana.integreatly.org"}
    assert groups <= PROGRAMS.keys()
    rules = [
        rule
        for document in strict_yaml.load_all(_RIGHTS.read_text(encoding="utf-8"), str(_RIGHTS))
        if document["kind"] == "ClusterRole"
        for rule in document["rules"]
        if {"get", "list"} <= {*rule["verbs"]}
    ]
    readable = {
        (group, resource)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert used <= readable
