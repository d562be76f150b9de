"""What the check of queries does where it cannot be made, or has nothing to do."""

import pytest

from airflow_platform.checks.dashboards import dashboard_queries
from airflow_platform.checks.judge import CHECKS, NotCheckedError
from airflow_platform.component_logs.fields import JOB
from airflow_platform.manifests import Render
from airflow_platform.metrics import query_parser
from airflow_platform.rendering.render import render
from airflow_platform.support.errors import PlatformError

CHECK = CHECKS["queries_read_what_there_is"]


@pytest.fixture
def _no_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise PlatformError(f"there is no Go to build {name} with")

    monkeypatch.setattr(query_parser, "tool", refuse)


@pytest.mark.usefixtures("_no_parser")
def test_without_the_parser_it_is_said_that_queries_are_not_checked(release: Render) -> None:
    with pytest.raises(NotCheckedError, match="no Go to build query-parser"):
        CHECK(release)


@pytest.mark.usefixtures("_no_parser")
def test_without_rules_and_dashboards_nothing_is_needed(release: Render) -> None:
    kinds = ("PrometheusRule", "ConfigMap")
    mapping = release.embedded("StatsdMapping")[0].owner
    left = [m for m in release.manifests if m.kind not in kinds or m is mapping]
    assert CHECK(release.replace(manifests=left)) == []


@pytest.mark.parametrize(
    "fields",
    [
        ["namespace", "dag_id", "task_id"],
        ["namespace", "dag_id"],
        ["namespace", "task_id"],
        ["namespace"],
    ],
)
@pytest.mark.parametrize("metadata", [["task_id", "dag_id"], []])
def test_dashboards_find_ids_as_labels_and_as_metadata(
    fields: list[str], metadata: list[str]
) -> None:
    """Ids that the values name nowhere are structured metadata as well."""
    others = [name for name in metadata if name not in fields]
    settings = {"labelFields": fields, "metadataFields": [*_METADATA, *others]}
    values = {"global": {"taskLogs": settings}, "dashboards": {"enabled": True}}
    rendered = render(chart="add-on", values=[values])
    assert CHECK(rendered) == []
    queries = [
        q.text for q in dashboard_queries(rendered) if q.language == "logql" and JOB not in q.text
    ]
    assert len(queries) > 5
    for query in queries:
        labels, _, filters = query.partition("}")
        for id_ in ("dag_id", "task_id"):
            # A filter on a label would read all streams of the namespace.
            assert f"{id_}=~" in (labels if set(fields) >= {"dag_id", id_} else filters), query


_METADATA = ("run_id", "try_number", "map_index", "level", "offset")


def test_queries_with_labels_that_are_none_are_found() -> None:
    """What the dashboards' template does not move."""
    values = {
        "global": {"taskLogs": {"labelFields": ["dag_id", "task_id"]}},
        "dashboards": {"enabled": True},
    }
    found = CHECK(render(chart="add-on", values=[values]))
    assert any("log streams have no label namespace" in fault.message for fault in found)
