"""A values schema: its descriptions, which are the comments of values.yaml, and its references."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow_platform.generate.comments import KeyPath, comments

Schema = Mapping[str, Any]


def load(chart: Path) -> Schema:
    """Return the schema of the values of the chart in the directory ``chart``."""
    schema: Schema = json.loads((chart / "values.schema.json").read_text(encoding="utf-8"))
    return schema


def with_descriptions(chart: Path) -> str:
    """Return the text of a chart's schema, each description being the comment in values.yaml.

    What is not a key of values.yaml (a definition, the settings of a map's entry) keeps the
    description that was written by hand.
    """
    described = _described(load(chart), comments(chart / "values.yaml"))
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


def _described(schema: Schema, texts: Mapping[KeyPath, str], path: KeyPath = ()) -> Schema:
    # Definitions are not entered: what several keys share cannot have the comment of one of them.
    result = dict(schema)
    if path in texts:
        result.pop("description", None)
        result = {"description": texts[path], **result}
    if "properties" in schema:
        result["properties"] = {
            key: _described(child, texts, (*path, key))
            for key, child in schema["properties"].items()
        }
    return result


def resolved(schema: Schema, root: Schema) -> Schema:
    """Return ``schema`` with the definition of ``root`` that it refers to, if any, put in.

    The description of the definition is left out where ``schema`` has one.
    """
    if "$ref" not in schema:
        return schema
    definition = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    rest = {key: value for key, value in schema.items() if key != "$ref"}
    return {**resolved(definition, root), **rest}


def entries(schema: Schema) -> list[Schema]:
    """Return the schemas of what a map has under names of the user's own, each once."""
    found = list(schema.get("patternProperties", {}).values())
    if isinstance(more := schema.get("additionalProperties"), dict):
        found.append(more)
    return [entry for number, entry in enumerate(found) if entry not in found[:number]]
