"""The committed boards."""

import pytest

from airflow_platform import dashboards
from airflow_platform.checks import dashboards as checks
from airflow_platform.rendering.render import render

UIDS = ("airflow-dag", "airflow-overview", "airflow-task-logs")


@pytest.fixture(params=UIDS)
def board(request, boards):
    """Each board."""
    return boards[request.param]


def test_the_boards_keep_their_uids_for_people_have_links_to_them(boards):
    assert set(boards) == set(UIDS)


def test_a_board_is_in_a_file_named_by_its_uid(boards):
    assert {path.stem for path in dashboards.DIRECTORY.iterdir()} == set(boards)


def test_grafana_can_show_it(board):
    assert list(checks.structure(board)) == []


def test_its_data_sources_can_be_chosen(board):
    assert list(checks.datasources(board)) == []


def test_its_variables_are_defined(board):
    assert list(checks.variables(board)) == []


def test_its_links_lead_to_boards(board, boards):
    assert list(checks.links(board, boards.values())) == []


@pytest.mark.usefixtures("query_parser")
def test_its_queries_read_what_there_can_be(board, series):
    assert list(checks.queries(board, series, checks.log_fields())) == []


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
    assert delivered == dashboards.generate()
