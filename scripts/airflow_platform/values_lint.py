"""Finds misspelt keys below `airflow:`.

The schema of the official chart takes any key at its top level, so `airflow.wrokers` would be
ignored without a word.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from airflow_platform import strict_yaml
from airflow_platform.project import ROOT, did_you_mean, environments, values_file
from airflow_platform.upstream import NAME, UpstreamChart, pinned_dependency


def problems(upstream: UpstreamChart) -> list[str]:
    """Return a sentence for each key of our values files that ``upstream`` does not have."""
    schema = json.loads(upstream.read("values.schema.json"))
    defaults = strict_yaml.load(upstream.read("values.yaml"), f"{upstream.path}: values.yaml")
    foreign = _keys_of_other_charts(upstream)
    return [
        f"{file.relative_to(ROOT)}: {NAME}.{problem}"
        for file in (ROOT / "values.yaml", *map(values_file, environments()))
        for problem in unknown_keys(_airflow_values(file, foreign), schema, defaults)
    ]


def unknown_keys(
    values: Mapping[str, Any], schema: Mapping[str, Any], defaults: Any, path: str = ""
) -> Iterator[str]:
    """Yield each key path of ``values`` that neither ``schema`` nor ``defaults`` has.

    A mapping for which the schema names no keys (labels, resources, airflow.cfg) takes any.
    """
    named: Mapping[str, Any] = schema.get("properties", {})
    if not named:
        return
    defaults = defaults if isinstance(defaults, Mapping) else {}
    known = tuple({**named, **defaults})
    for key, value in values.items():
        if key not in known:
            yield f"{path}{key}: the official chart has no such key{did_you_mean(key, known)}"
        elif isinstance(value, Mapping):
            yield from unknown_keys(
                value, named.get(key, {}), defaults.get(key), path=f"{path}{key}."
            )


def _airflow_values(file: Path, foreign: set[str]) -> dict[str, Any]:
    values = (strict_yaml.load_file(file) or {}).get(NAME) or {}
    return {key: value for key, value in values.items() if key not in foreign}


def _keys_of_other_charts(upstream: UpstreamChart) -> set[str]:
    """Return the keys that Helm itself reads, or hands to the official chart's own dependencies."""
    chart = strict_yaml.load(upstream.read("Chart.yaml"), f"{upstream.path}: Chart.yaml")
    condition = pinned_dependency().get("condition", "").removeprefix(f"{NAME}.")
    return {"global", condition} | {each["name"] for each in chart.get("dependencies", [])}
