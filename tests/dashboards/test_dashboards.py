"""The committed dashboards. What must be true of their content is checked in every render."""

import json

import pytest

from airflow_platform import dashboards
from airflow_platform.rendering.render import render

FILES = tuple(dashboards.DIRECTORY.iterdir())


def test_dashboards_keep_their_uids_because_people_have_links_to_them():
    committed = [json.loads(file.read_text(encoding="utf-8")) for file in FILES]
    uids = {dashboard["uid"] for dashboard in committed}
    assert uids == {f"airflow-{name}" for name in ("dag", "logs", "overview", "task-logs")}


def test_a_dashboard_is_in_a_file_named_by_its_uid():
    for file in FILES:
        assert json.loads(file.read_text(encoding="utf-8"))["uid"] == file.stem


@pytest.mark.parametrize(
    "rendered",
    [
        {"chart": "add-on", "values": [{"dashboards": {"enabled": True}}]},
        {"environment": "prod"},
    ],
    ids=["add-on", "wrapper"],
)
def test_the_chart_delivers_them_as_they_are(rendered):
    rendered = render(**rendered)
    delivered = {each.key: each.text for each in rendered.embedded("Dashboard")}
    assert delivered == dashboards.generate()
