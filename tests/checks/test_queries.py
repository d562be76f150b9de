"""What the check of queries does where it cannot be made, or has nothing to do."""

import pytest

from airflow_platform.checks.judge import CHECKS, NotCheckedError
from airflow_platform.manifests import Render
from airflow_platform.metrics import query_parser
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
