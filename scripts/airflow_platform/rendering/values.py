"""What values say, before Helm sees them."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from airflow_platform.rendering.upstream import NAME, UpstreamChart, pinned_dependency
from airflow_platform.support import strict_yaml
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.spelling import did_you_mean

_SET_DOT = re.compile(r"(?<!\\)\.")
_SET_INDEX = re.compile(r"\[\d+\]$")


def load_file(path: Path) -> dict[str, Any]:
    """Return the values of a file, {} for an empty one; PlatformError when it is no mapping."""
    loaded = strict_yaml.load_file(path)
    if not isinstance(loaded, dict | None):
        raise PlatformError(
            f"{path} is not a values file: it holds a {type(loaded).__name__}, not a mapping of"
            " settings."
        )
    return loaded or {}


def merged(*sources: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that Helm makes of ``sources``: later ones win, and null removes a key."""
    result: dict[str, Any] = {}
    for source in sources:
        for key, value in source.items():
            if value is None:
                result.pop(key, None)
            elif isinstance(value, Mapping):
                before = result.get(key)
                result[key] = merged(before if isinstance(before, dict) else {}, value)
            else:
                result[key] = value
    return result


def with_sets(sources: Sequence[Mapping[str, Any]], sets: Sequence[str]) -> dict[str, Any]:
    """Return ``sources`` merged, with each `key=value` of ``sets`` (as for --set) put in.

    Values of ``sets`` stay text and indices of lists are left out: enough to know keys and names.
    """
    return merged(*sources, *map(_assignment, sets))


def _assignment(text: str) -> dict[str, Any]:
    path, _, value = text.partition("=")
    nested: Any = value
    for key in reversed(_SET_DOT.split(path)):
        nested = {_SET_INDEX.sub("", key).replace("\\.", "."): nested}
    return dict(nested)


def unknown_keys(values: Mapping[str, Any], upstream: UpstreamChart) -> list[tuple[str, str]]:
    """Return each key below `airflow:` that the official chart does not have, and what is wrong.

    The schema of the official chart takes any key at its top level, so `airflow.wrokers` would be
    ignored without a word.
    """
    schema = json.loads(upstream.read("values.schema.json"))
    defaults = strict_yaml.load(upstream.read("values.yaml"), f"{upstream.path}: values.yaml")
    foreign = _keys_of_other_charts(upstream)
    ours = values.get(NAME)
    if not isinstance(ours, Mapping):
        return []  # Helm says what is wrong with it
    below = {key: value for key, value in ours.items() if key not in foreign}
    return [(f"{NAME}.{key}", wrong) for key, wrong in _not_in(below, schema, defaults)]


def _not_in(
    values: Mapping[str, Any], schema: Mapping[str, Any], defaults: Any, path: str = ""
) -> Iterator[tuple[str, str]]:
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
            yield f"{path}{key}", f"the official chart has no such key{did_you_mean(key, known)}"
        elif isinstance(value, Mapping):
            yield from _not_in(value, named.get(key, {}), defaults.get(key), path=f"{path}{key}.")


def _keys_of_other_charts(upstream: UpstreamChart) -> set[str]:
    """Return the keys that Helm itself reads, or hands to the official chart's own dependencies."""
    chart = strict_yaml.load(upstream.read("Chart.yaml"), f"{upstream.path}: Chart.yaml")
    condition = pinned_dependency().get("condition", "").removeprefix(f"{NAME}.")
    return {"global", condition} | {each["name"] for each in chart.get("dependencies", [])}
