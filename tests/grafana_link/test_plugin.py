"""The link from a task in Airflow to its lines in Grafana."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from airflow_platform.loki.client import Loki
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.upstream import stand_in
from airflow_platform.support.project import ROOT

from ..loki_server import LokiServer
from .plugin import NAME, load, pane, query, rendered, write

RUN = "scheduled__2026-01-01T00:00:00+00:00"
AIRFLOW_2 = {
    "airflow": {"airflowVersion": "2.11.2", "defaultAirflowTag": "2.11.2"},
    "global": {"metrics": {"airflowVersion": "2.11.2"}},
}


def key(**ids: Any) -> SimpleNamespace:
    """What Airflow tells a link of a task instance."""
    known = {"dag_id": "demo", "task_id": "load", "run_id": RUN, "try_number": 1, "map_index": -1}
    return SimpleNamespace(**{**known, **ids})


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
    """Return the plugin with the settings that some values make."""
    return lambda *values: load(
        write(tmp_path, rendered(*values, upstream=stand_in())), monkeypatch
    )


@pytest.fixture
def link(plugin: Callable[..., ModuleType]) -> Callable[..., str]:
    """Return the link of a task, whose times nobody knows."""

    def of(*values: Any, **ids: Any) -> str:
        (each,) = plugin(*values).GrafanaTaskLogsPlugin.global_operator_extra_links
        return str(each.get_link(None, ti_key=key(**ids)))

    return of


def test_a_link_opens_explore_with_the_data_source(link) -> None:
    values = {"grafanaLink": {"url": "https://example.com/grafana/", "dataSource": "Loki of A/B"}}
    found = link(values)
    assert found.startswith("https://example.com/grafana/explore?")
    assert pane(found)["datasource"] == "Loki of A/B"
    (asked,) = pane(found)["queries"]
    assert asked["datasource"] == {"type": "loki", "uid": "Loki of A/B"}
    assert pane(found)["range"] == {"from": "now-1h", "to": "now"}


LABELS = '{environment="prod",job="airflow-task-logs",namespace="lakehouse-platform"'
ONE_TRY = f'| run_id="{RUN}" | try_number="1" | map_index=""'


@pytest.mark.parametrize(
    ("logs", "expected"),
    [
        ({}, f'{LABELS},dag_id="demo",task_id="load"}} {ONE_TRY}'),
        (
            {"labelFields": ["namespace", "dag_id"]},
            f'{LABELS},dag_id="demo"}} | task_id="load" {ONE_TRY}',
        ),
        (
            {"labelFields": ["namespace"], "metadataFields": ["offset", "run_id"]},
            f'{LABELS}}} | dag_id="demo" | task_id="load" | run_id="{RUN}"',
        ),
        (
            {"labels": {"cluster": "eu 1", "job": "logs"}},
            '{cluster="eu 1",environment="prod",job="logs",namespace="lakehouse-platform",'
            f'dag_id="demo",task_id="load"}} {ONE_TRY}',
        ),
    ],
)
def test_the_query_looks_where_the_sidecar_puts_the_ids(link, logs: Any, expected: str) -> None:
    assert query(link({"global": {"taskLogs": logs}})) == expected


ODD = [
    {},
    {"map_index": 0},
    {"map_index": 11, "try_number": 2},
    {"run_id": "custom~run:1+x", "task_id": "group.inner.task"},
    {"dag_id": 'žluťoučký "kůň" \\ & # % {{ x }}', "run_id": "manual__2026-01-01T00:00:00.1+02:00"},
]


@pytest.mark.xdist_group("real Loki")
@pytest.mark.parametrize("labels", [["namespace", "dag_id", "task_id"], ["namespace"]])
@pytest.mark.parametrize("ids", ODD, ids=str)
def test_loki_finds_the_lines_of_the_try_and_no_others(
    link, real_loki_server: LokiServer, ids: dict[str, Any], labels: list[str]
) -> None:
    server = real_loki_server.another_tenant()
    now = datetime.now(UTC)
    wanted = vars(key(**ids))
    others = [
        {**wanted, name: other}
        for name, other in {
            "dag_id": "other",
            "task_id": "load_2",
            "run_id": wanted["run_id"] + "1",
            "try_number": wanted["try_number"] + 10,
            "map_index": 1 if wanted["map_index"] < 1 else -1,
        }.items()
    ]
    for name, each in [("mine", wanted), *(("not mine", other) for other in others)]:
        fields = {"namespace": "lakehouse-platform", **each}
        texts = {k: str(v) for k, v in fields.items() if v != -1}
        stream = {"job": "airflow-task-logs", "environment": "prod"} | {
            k: texts.pop(k) for k in labels
        }
        server.push(stream, [(int(now.timestamp() * 1e9), name, texts)])
    asked = query(link({"global": {"taskLogs": {"labelFields": labels}}}, **ids))
    loki = Loki(server.url, {}, tenant=server.tenant, ca_file=None)
    found = loki.entries(asked, now - timedelta(hours=1), now + timedelta(minutes=1))
    assert [entry.line for entry in found] == ["mine"]


def test_the_range_is_that_of_the_try_with_some_slack(plugin) -> None:
    began = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
    ended = began + timedelta(hours=2)
    of = plugin().grafana_range
    before = str(int((began - timedelta(minutes=5)).timestamp() * 1000))
    after = str(int((ended + timedelta(minutes=5)).timestamp() * 1000))
    assert of(began, ended) == (before, after)
    assert of(began, None) == (before, "now")
    assert of(None, None) == ("now-1h", "now")


@pytest.mark.parametrize("settings", ["", "{}", '{"url": 1}'])
def test_settings_that_cannot_be_read_hide_no_other_links(
    tmp_path: Path, plugin, settings: str, caplog: pytest.LogCaptureFixture
) -> None:
    (link,) = plugin().GrafanaTaskLogsPlugin.global_operator_extra_links
    (tmp_path / "grafana_task_logs.json").write_text(settings, encoding="utf-8")
    assert link.get_link(None, ti_key=key()) == ""
    assert [each.levelno for each in caplog.records][-1] == logging.ERROR


@pytest.mark.official_chart
@pytest.mark.parametrize("helm", MAJORS)
@pytest.mark.parametrize(
    ("deployment", "values"), [("airflow-api-server", {}), ("airflow-webserver", AIRFLOW_2)]
)
def test_the_pods_of_the_user_interface_have_the_plugin_beside_the_users_own(
    deployment: str, values: Any, helm: int
) -> None:
    name = deployment.removeprefix("airflow-")
    own = {"name": "mine", "mountPath": "/opt/airflow/plugins/mine.py", "subPath": "mine.py"}
    lists = {"extraVolumes": [{"name": "mine", "emptyDir": {}}], "extraVolumeMounts": [own]}
    mine = {"airflow": {"apiServer": lists, "webserver": lists}}
    found = rendered(values, mine, helm=helm)
    with_plugin = [
        pod.owner.name
        for pod in found.pods()
        if any((v.get("configMap") or {}).get("name") == NAME for v in pod.volumes().values())
    ]
    assert with_plugin == [deployment]
    (pod,) = (pod for pod in found.pods() if pod.owner.name == deployment)
    mounts = {m["mountPath"]: m for m in pod.containers()[name].document["volumeMounts"]}
    assert own.items() <= mounts[own["mountPath"]].items()
    for file in ("grafana_task_logs.py", "grafana_task_logs.json"):
        mount = mounts[f"/opt/airflow/plugins/{file}"]
        assert (mount["subPath"], mount["readOnly"]) == (file, True)
    checksums = set()
    for url in ("https://a.example.com", "https://b.example.com"):
        changed = rendered(values, {"grafanaLink": {"url": url}}, helm=helm)
        template = changed.get("Deployment", deployment).at("spec", "template", "metadata")
        checksums.add(template["annotations"]["checksum/grafana-link"])
    assert len(checksums) == 2


@pytest.mark.official_chart
def test_the_plugin_is_where_airflow_looks_for_plugins() -> None:
    folder = {"airflow": {"config": {"core": {"plugins_folder": "/files/plugins/"}}}}
    found = rendered(folder)
    (path,) = {
        mount["mountPath"].rpartition("/")[0]
        for pod in found.pods()
        for container in pod.containers().values()
        for mount in container.document.get("volumeMounts") or ()
        if mount["name"] == "grafana-link"
    }
    assert path == "/files/plugins"


def test_the_program_is_the_one_of_the_repository() -> None:
    text = rendered(upstream=stand_in()).get("ConfigMap", NAME).at("data", "grafana_task_logs.py")
    program = ROOT / "files" / "airflow-plugins" / "grafana_task_logs.py"
    assert text == program.read_text(encoding="utf-8")
