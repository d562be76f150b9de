"""The committed dashboards."""

import pytest

from airflow_platform.checks import dashboards as checks
from airflow_platform.dashboards import DIRECTORY, generate
from airflow_platform.rendering.render import render

UIDS = ("airflow-dag", "airflow-overview", "airflow-task-logs")


@pytest.fixture(params=UIDS)
def dashboard(request, dashboards):
    """Each dashboard."""
    return dashboards[request.param]


def test_the_dashboards_keep_their_uids_for_people_have_links_to_them(dashboards):
    assert set(dashboards) == set(UIDS)


def test_a_dashboard_is_in_a_file_named_by_its_uid(dashboards):
    assert {path.stem for path in DIRECTORY.iterdir()} == set(dashboards)


def test_grafana_can_show_it(dashboard):
    assert list(checks.structure(dashboard)) == []


def test_its_data_sources_can_be_chosen(dashboard):
    assert list(checks.datasources(dashboard)) == []


def test_its_variables_are_defined(dashboard):
    assert list(checks.variables(dashboard)) == []


def test_its_links_lead_to_dashboards(dashboard, dashboards):
    assert list(checks.links(dashboard, dashboards.values())) == []


@pytest.mark.usefixtures("query_parser")
def test_its_queries_read_what_there_can_be(dashboard, series):
    assert list(checks.queries(dashboard, series, checks.log_fields())) == []


@pytest.mark.parametrize(
    ("chart", "values"),
    [
        ("add-on", {"dashboards": {"enabled": True}}),
        ("wrapper", {"observability": {"dashboards": {"enabled": True}}}),
    ],
)
def test_the_chart_delivers_them_as_they_are(chart, values):
    rendered = render(chart=chart, values=[values])
    delivered = {each.key: each.text for each in rendered.embedded("Dashboard")}
    assert delivered == generate()
