import json

import pytest

from airflow_platform.manifests import Render
from airflow_platform.support.errors import PlatformError


def config_map(**data: str) -> Render:
    """A render of one ConfigMap."""
    return Render.from_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "settings"},
                "data": data,
            }
        )
    )


@pytest.mark.parametrize(
    ("key", "text", "kind", "document"),
    [
        ("vector.yaml", "sources: {}", "VectorConfig", {"sources": {}}),
        ("statsd-mapping.yaml", "mappings: []", "StatsdMapping", {"mappings": ()}),
        ("airflow.rules.yaml", "groups: []", "PrometheusRules", {"groups": ()}),
        ("overview.json", '{"panels": []}', "Dashboard", {"panels": ()}),
        ("airflow.cfg", "[core]\nDags = a%b\n", "AirflowConfig", {"core": {"Dags": "a%b"}}),
        ("parse.vrl", ". = {}", "VRL", None),
        ("drain.sh", "exit 0", "Shell", None),
    ],
)
def test_documents_in_config_maps_are_part_of_the_render(key, text, kind, document):
    (found,) = config_map(**{key: text}).embedded(kind)
    assert found.key == key
    assert found.text == text
    assert found.document == document
    assert str(found).startswith(f"{key} in ConfigMap/settings")


def test_other_keys_are_not_documents():
    rendered = config_map(**{"settings.json": '{"a": 1}', "notes.txt": "[", "values.yaml": "["})
    assert not rendered.embedded("Dashboard")


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("vector.yaml", "sources: ["),
        ("statsd-mapping.yaml", "mappings: []\nmappings: []"),
        ("overview.json", '{"panels": ['),
        ("airflow.cfg", "[core]\nexecutor = a\nexecutor = b\n"),
    ],
)
def test_a_broken_document_is_named_with_its_config_map(key, text):
    with pytest.raises(PlatformError, match=f"^{key} in ConfigMap/settings"):
        config_map(**{key: text}).embedded("Any")
