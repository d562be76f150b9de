"""values.yaml is the documentation of the charts, and their schema refuses everything else."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from airflow_platform.generate.comments import comments
from airflow_platform.rendering.render import render
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON, ROOT

from .conftest import EVERYTHING_ELSE_ON, EVERYTHING_ON

CHARTS = pytest.mark.parametrize("chart", [ROOT, ADDON], ids=["wrapper", "add-on"])


def schema_of(chart: Path) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((chart / "values.schema.json").read_text())
    return schema


Closed = tuple[tuple[str, ...], Mapping[str, Any]]


def closed_objects(schema: Mapping[str, Any]) -> Iterator[Closed]:
    """Every object of the schema that names its keys, with the path of values that it is for."""

    def walk(path: tuple[str, ...], part: Mapping[str, Any]) -> Iterator[Closed]:
        if "$ref" in part:
            part = schema["definitions"][part["$ref"].rpartition("/")[2]]
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
    jsonschema.Draft7Validator.check_schema(schema)
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


# A comment is read alone: in the reference of all values, and by whoever looks for one value.
REFERENCE = re.compile(r"(as|both|ditto|like|same|see|th(at|e same|ese|is|ose))\b", re.IGNORECASE)
PRONOUNS = {"it", "its", "their", "them", "they"}


def stands_alone(comment: str) -> bool:
    """Whether a comment is a phrase whose beginning refers to nothing outside of it."""
    words = re.findall(r"[\w'-]+", comment)
    refers = REFERENCE.match(comment) or PRONOUNS & {word.lower() for word in words[:4]}
    return len(words) >= 3 and comment.endswith(".") and not refers


@CHARTS
def test_every_comment_is_understood_without_another_comment(chart: Path) -> None:
    for path, comment in comments(chart / "values.yaml").items():
        assert stands_alone(comment), f"{'.'.join(path)}: {comment}"


@pytest.mark.parametrize(
    "comment",
    [
        "Like the migration.",
        "The same for the other Job.",
        "Create it.",
        "Annotations on it.",
        "On.",
    ],
)
def test_a_comment_that_needs_another_one_is_found(comment: str) -> None:
    assert not stands_alone(comment)


@CHARTS
def test_no_two_keys_of_a_map_have_the_same_comment(chart: Path) -> None:
    said = Counter((path[:-1], text) for path, text in comments(chart / "values.yaml").items())
    assert [text for (_, text), times in said.items() if times > 1] == []


# What neither everything-on.yaml nor everything-else-on.yaml changes, and why.
LEFT_AS_THEY_ARE = {
    "global.metrics.enabled": "off, there are no metrics to set up: see the render prod-nothing",
    "global.taskLogs.enabled": "off, there is no sidecar to set up: see the render prod-nothing",
}


def documented_values() -> dict[str, Any]:
    """The defaults of all values that are ours, in the places that they have in the wrapper."""
    wrapper = strict_yaml.load_file(ROOT / "values.yaml")
    addon = strict_yaml.load_file(ADDON / "values.yaml")
    return {
        **{key: value for key, value in wrapper.items() if key != "airflow"},
        "global": addon["global"],
        "observability": {key: value for key, value in addon.items() if key != "global"},
    }


def leaves(values: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that holds no other, empty maps and lists included, with its path."""
    if isinstance(values, Mapping) and values:
        for key, value in values.items():
            yield from leaves(value, (*path, key))
    else:
        yield path, values


def changes(values: Mapping[str, Any], path: tuple[str, ...], default: Any) -> bool:
    try:
        return bool(at(values, path) != default)
    except (KeyError, TypeError):
        return False


def test_every_value_is_changed_in_a_render_that_all_checks_look_at() -> None:
    unchanged = {
        ".".join(path)
        for path, default in leaves(documented_values())
        if not any(changes(v, path, default) for v in (EVERYTHING_ON, EVERYTHING_ELSE_ON))
    }
    assert unchanged == set(LEFT_AS_THEY_ARE), (
        "set these in tests/chart/everything-on.yaml, or list them with a reason"
    )


def test_with_everything_on_every_template_makes_an_object() -> None:
    made = {manifest.template for manifest in render("prod", values=[EVERYTHING_ON]).manifests}
    templates = ADDON / "templates"
    for template in templates.rglob("*.yaml"):
        name = template.relative_to(templates).as_posix()
        if name != "validations.yaml":  # it makes nothing
            assert f"airflow-platform/charts/observability/templates/{name}" in made
