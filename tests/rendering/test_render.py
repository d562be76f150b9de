from dataclasses import fields, replace
from pathlib import Path

import pytest

from airflow_platform.rendering import helm
from airflow_platform.rendering import render as module
from airflow_platform.rendering.render import render
from airflow_platform.rendering.request import RenderRequest
from airflow_platform.support.errors import PlatformError


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """Renders of this test are its own."""
    monkeypatch.setattr(module, "_renders", {})
    monkeypatch.setattr(module, "cache_dir", lambda *parts: tmp_path)


@pytest.fixture
def helm_calls(empty_cache):
    """Return how often Helm has run since the start of the test."""
    before = helm.calls
    return lambda: helm.calls - before


def test_the_same_input_is_rendered_once(helm_calls):
    assert render(chart="add-on") is render(chart="add-on")
    assert helm_calls() == 1


def test_another_process_finds_the_render_on_disk(helm_calls, monkeypatch):
    first = render(chart="add-on")
    monkeypatch.setattr(module, "_renders", {})
    second = render(chart="add-on")
    assert helm_calls() == 1
    assert [m.document for m in first.manifests] == [m.document for m in second.manifests]


@pytest.mark.parametrize(
    "changed",
    [
        {"values": [{"commonLabels": {"team": "data"}}]},
        {"sets": ["commonLabels.team=data"]},
        {"helm": 3},
        {"kube_version": "1.34.0"},
        {"release": "other"},
        {"namespace": "other"},
        {"api_versions": ["monitoring.coreos.com/v1"]},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_any_other_input_is_another_render(helm_calls, changed):
    render(chart="add-on")
    render(chart="add-on", **changed)
    assert helm_calls() == 2


def test_a_values_file_is_known_by_its_content(helm_calls, tmp_path):
    file = tmp_path / "values.yaml"
    for team in ("one", "two"):
        file.write_text(f"commonLabels: {{team: {team}}}")
        service = render(chart="add-on", values=[file]).get("Service", "airflow-statsd-exporter")
        assert service.labels["team"] == team
    assert helm_calls() == 2


def test_a_render_knows_its_circumstances():
    rendered = render("prod", helm=3, namespace="data")
    assert (rendered.name, rendered.namespace) == ("prod/helm3", "data")
    assert render(chart="add-on").name == "add-on/helm4"


@pytest.mark.parametrize("field", fields(RenderRequest), ids=lambda field: field.name)
def test_the_key_of_a_render_depends_on_each_field_of_its_input(field):
    request = RenderRequest(chart=Path("chart"))
    other = {str: "other", int: 0, tuple: ("other",)}.get(
        type(getattr(request, field.name)), Path("other")
    )
    assert replace(request, **{field.name: other}).key != request.key


def test_values_go_on_top_of_the_environment_and_sets_on_top_of_values():
    more = {"observability": {"commonLabels": {"from": "values", "also": "values"}}}
    rendered = render("prod", values=[more], sets=["observability.commonLabels.from=set"])
    labels = rendered.get("Service", "airflow-statsd-exporter").labels
    assert (labels["from"], labels["also"]) == ("set", "values")


@pytest.mark.parametrize(("text", "kind"), [("- a", "list"), ("a", "str")])
def test_a_values_file_must_hold_a_mapping(tmp_path, text, kind):
    file = tmp_path / "values.yaml"
    file.write_text(text)
    with pytest.raises(PlatformError, match=rf"values\.yaml is not a values file: .* a {kind}"):
        render("prod", values=[file])


def test_an_empty_values_file_changes_nothing(tmp_path):
    file = tmp_path / "values.yaml"
    file.write_text("# nothing yet\n")
    first, second = render("prod"), render("prod", values=[file])
    assert [m.document for m in first.manifests] == [m.document for m in second.manifests]


def test_the_add_on_has_no_environments():
    with pytest.raises(ValueError, match="belong to the wrapper"):
        render("prod", chart="add-on")


def test_a_refusal_is_remembered_like_a_render(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = {"no_such_key": True}
    with pytest.raises(PlatformError) as first:
        render(chart="add-on", values=[unknown])
    monkeypatch.setattr("airflow_platform.rendering.render.output", None)  # not called again
    with pytest.raises(PlatformError) as second:
        render(chart="add-on", values=[unknown])
    assert str(first.value) == str(second.value)
    assert "no_such_key" in str(second.value)
