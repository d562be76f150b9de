import json

import pytest

from airflow_platform.rendering import helm
from airflow_platform.rendering.request import RenderRequest
from airflow_platform.support.errors import PlatformError

EACH_MAJOR = pytest.mark.parametrize("major", helm.MAJORS)

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "replicas": {"type": "integer"},
        "labels": {"type": "object"},
        "inner": {"type": "object"},
        "global": {"type": "object", "additionalProperties": False, "properties": {}},
        "refuse": {},
    },
}
TEMPLATE = r"""
{{- if .Values.refuse }}{{ fail "\n\nNo.\nSet:\n\n  refuse: false\n" }}{{ end }}
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}
data: {kubernetes: {{ .Capabilities.KubeVersion.Version }}}
"""


@pytest.fixture
def chart(tmp_path):
    """A chart `outer` with a subchart `inner`, both with strict schemas."""
    for name, path in (("outer", tmp_path), ("inner", tmp_path / "charts" / "inner")):
        (path / "templates").mkdir(parents=True)
        (path / "Chart.yaml").write_text(f"{{apiVersion: v2, name: {name}, version: 0.1.0}}")
        (path / "values.yaml").write_text("{replicas: 1, labels: {team: data}}")
        (path / "values.schema.json").write_text(json.dumps(SCHEMA))
    (tmp_path / "templates" / "configmap.yaml").write_text(TEMPLATE)
    return tmp_path


@pytest.fixture
def template(chart):
    """Render the chart with values and sets."""

    def render(major, values=None, **options):
        texts = (json.dumps(values or {}),)
        return helm.output(RenderRequest(chart=chart, values=texts, helm=major, **options))

    return render


@EACH_MAJOR
def test_release_namespace_and_kubernetes_version_reach_the_templates(template, major):
    text = template(major, release="airflow", namespace="data", kube_version="1.31.2")
    assert "{name: airflow, namespace: data}" in text
    assert "kubernetes: v1.31.2" in text


@EACH_MAJOR
def test_schema_errors_name_each_value_by_its_full_path(template, major):
    values = {"replicas": "many", "replica": 1, "inner": {"replicas": 1.5, "team": "x"}}
    with pytest.raises(PlatformError) as error:
        template(major, values)
    assert set(str(error.value).splitlines()) == {
        "The values do not fit the schema of the chart:",
        "  replicas: got string, want integer",
        "  top level: unknown key 'replica'",
        "  inner.replicas: got number, want integer",
        "  inner: unknown key 'team'",
    }


@EACH_MAJOR
def test_an_error_below_global_is_said_once_though_each_chart_checks_it(template, major):
    with pytest.raises(PlatformError) as error:
        template(major, {"global": {"tasklogs": {}}})
    assert str(error.value).splitlines()[1:] == ["  global: unknown key 'tasklogs'"]


@EACH_MAJOR
def test_what_a_template_refuses_is_said_in_its_own_words(template, major):
    with pytest.raises(PlatformError) as error:
        template(major, {"refuse": True})
    assert str(error.value) == (
        "No.\nSet:\n\n  refuse: false\n(refused by outer/templates/configmap.yaml)"
    )


@EACH_MAJOR
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"inner": 2}, "^inner must be a mapping of settings, not a single value.$"),
        ({"inner": {"labels": 2}}, "inner.labels: got number, want object"),
    ],
)
def test_a_value_in_place_of_a_mapping_is_named(template, major, values, message):
    with pytest.raises(PlatformError, match=message):
        template(major, values)


@EACH_MAJOR
def test_a_value_that_helm_ignores_is_an_error(template, chart, major):
    """Helm only warns when there is no schema to refuse the value."""
    for schema in chart.rglob("values.schema.json"):
        schema.unlink()
    with pytest.raises(PlatformError, match=r"^Helm ignores .*: inner\.replicas$"):
        template(major, {"inner": {"replicas": {"minimum": 1}}})


@EACH_MAJOR
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"release": "r" * 54}, "has 54 characters; Helm allows at most 53"),
        ({"release": "My_Release"}, '^"My_Release" is not a release name'),
        ({"namespace": "my_namespace"}, '^"my_namespace" is not a namespace'),
        ({"kube_version": "newest"}, "invalid kube version 'newest'"),
        ({"sets": ("replicas",)}, '^failed parsing --set data: key "replicas" has no value$'),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_bad_options_are_one_line(template, major, options, message):
    with pytest.raises(PlatformError, match=message) as error:
        template(major, **options)
    assert "\n" not in str(error.value)


@EACH_MAJOR
def test_the_users_helm_settings_have_no_influence(template, monkeypatch, major):
    monkeypatch.setenv("HELM_NAMESPACE", "elsewhere")
    monkeypatch.setenv("HELM_DEBUG", "true")
    assert "namespace: data" in template(major, namespace="data")
