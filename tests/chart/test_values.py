"""values.yaml is the documentation of the charts, and their schema refuses everything else."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from airflow_platform.generate.comments import comments
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON, ROOT

CHARTS = pytest.mark.parametrize("chart", [ROOT, ADDON], ids=["wrapper", "add-on"])


def schema_of(chart: Path) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((chart / "values.schema.json").read_text())
    return schema


Closed = tuple[tuple[str, ...], Mapping[str, Any]]


def closed_objects(schema: Mapping[str, Any]) -> Iterator[Closed]:
    """Every object of the schema that names its keys, with the path of values that it is for."""

    def walk(path: tuple[str, ...], part: Mapping[str, Any]) -> Iterator[Closed]:
        if "$ref" in part:
            part = schema["$defs"][part["$ref"].rpartition("/")[2]]
        if "properties" in part and part.get("type") == "object":
            yield path, part
            for key, child in part["properties"].items():
                yield from walk((*path, key), child)

    yield from walk((), schema)


def at(values: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        values = values[key]
    return values


def paths(values: Any, parent: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield (*parent, key)
            yield from paths(value, (*parent, key))


@CHARTS
def test_the_schema_is_a_schema_and_the_defaults_satisfy_it(chart: Path) -> None:
    schema = schema_of(chart)
    jsonschema.Draft202012Validator.check_schema(schema)
    defaults = strict_yaml.load_file(chart / "values.yaml")
    # The wrapper imports them.
    defaults["global"] = strict_yaml.load_file(ADDON / "values.yaml")["global"]
    jsonschema.validate(defaults, schema)


@CHARTS
def test_the_schema_refuses_unknown_keys_everywhere(chart: Path) -> None:
    for path, part in closed_objects(schema_of(chart)):
        assert part.get("additionalProperties") is False, ".".join(path) or "top level"


def test_the_schema_and_the_defaults_have_the_same_keys() -> None:
    values = strict_yaml.load_file(ADDON / "values.yaml")
    # Keys of `global` that only the official chart reads; the add-on must let them pass.
    foreign: dict[tuple[str, ...], set[str]] = {("global",): {"storageClass", "postgresql"}}
    for path, part in closed_objects(schema_of(ADDON)):
        declared = set(part["properties"]) - foreign.get(path, set())
        assert declared == set(at(values, path)), ".".join(path) or "top level"


@CHARTS
def test_every_key_of_values_yaml_has_a_comment(chart: Path) -> None:
    file = chart / "values.yaml"
    assert set(paths(strict_yaml.load_file(file))) == set(comments(file))
