"""The values that documents show exist."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema
import pytest

from airflow_platform.rendering.values import merged
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON, ROOT

from .documents import DOCUMENTS, text_of

BLOCK = re.compile(r"^( *)```yaml\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@cache
def schema(chart: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = strict_yaml.load_file(ROOT / chart / "values.schema.json")
    return found


@cache
def defaults(chart: str) -> Mapping[str, Any]:
    addon = strict_yaml.load_file(ADDON / "values.yaml")
    if chart:
        return addon
    lifted = {"global": addon.pop("global"), "observability": addon}
    return merged(lifted, strict_yaml.load_file(ROOT / "values.yaml"))


@cache
def closed_maps() -> Mapping[str, list[str]]:
    found: Mapping[str, list[str]] = strict_yaml.load_file(ROOT / "files" / "airflow-keys.yaml")
    return found


def blocks(document: str) -> Iterator[tuple[str, Any]]:
    """The blocks of YAML in a document that are values of the wrapper, or of the add-on alone.

    Each comes with the folder of its chart.
    """
    for indent, block in BLOCK.findall(text_of(document)):
        text = re.sub(rf"^{indent}", "", block, flags=re.MULTILINE)
        if "{{" in text.replace("{{ include", "") or text.startswith(("apiVersion", "- ")):
            continue
        values = strict_yaml.load(text, document)
        if not isinstance(values, Mapping) or "kind" in values:
            continue
        for chart in ("", ADDON.name):
            if set(values) <= set(schema(chart)["properties"]):
                yield chart, values
                break


def faults(chart: str, values: Mapping[str, Any]) -> Iterator[str]:
    """What a chart would refuse in values: by its schema, and by the keys of the official chart."""
    merged_values = merged(defaults(chart), values)
    parts = {chart: merged_values}
    if not chart:  # Helm looks at the values of the add-on by its own schema
        parts[ADDON.name] = {"global": merged_values["global"], **merged_values["observability"]}
    for name, part in parts.items():
        for error in jsonschema.Draft7Validator(schema(name)).iter_errors(part):
            yield f"{error.json_path}: {error.message}"
    for path, names in closed_maps().items() if not chart else ():
        found: Any = values
        for key in path.split("."):
            found = found.get(key) if isinstance(found, Mapping) else None
        for key in found if isinstance(found, Mapping) else ():
            if key not in names:
                yield f"{path} has no key {key}"


def test_documents_show_values() -> None:
    with_values = [document for document in DOCUMENTS if list(blocks(document))]
    assert {"README.md", "docs/injection.md", "docs/task-logs.md"} <= {*with_values}


@pytest.mark.parametrize("document", [each for each in DOCUMENTS if list(blocks(each))])
def test_every_value_exists(document: str) -> None:
    assert [fault for block in blocks(document) for fault in faults(*block)] == []


@pytest.mark.parametrize(
    "values",
    [
        {"globl": {}},
        {"global": {"taskLogs": {"loki": {"endpont": "http://loki"}}}},
        {"airflow": {"schedulers": {"replicas": 2}}},
        {"jobs": {"enabled": "yes"}},
    ],
)
def test_a_value_that_does_not_exist_is_found(values: Mapping[str, Any]) -> None:
    assert list(faults("", values))
