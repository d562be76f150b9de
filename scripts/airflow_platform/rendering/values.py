"""What values say, before Helm sees them."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from airflow_platform.rendering.upstream import NAME, UpstreamChart, pinned_dependency
from airflow_platform.support import strict_yaml
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.spelling import did_you_mean

_SET_DOT = re.compile(r"(?<!\\)\.")
_SET_INDEX = re.compile(r"\[\d+\]$")

# Maps that the official chart prints as they are: Kubernetes and KEDA know more keys than it.
_PRINTED_WHOLE = re.compile(r"\.(podDisruptionBudget\.config|horizontalPodAutoscalerConfig)$")
# Keys that its templates read where its values do not have them.
_MERGED_FROM = {"workers.celery": "workers"}
_READ_AS_WELL = {"workers.kubernetes": ("securityContext",)}


def load_file(path: Path) -> dict[str, Any]:
    """Return the values of a file, {} for an empty one; PlatformError when it is no mapping."""
    return load(strict_yaml.read_file(path), path)


def load(text: str, path: Path) -> dict[str, Any]:
    """Return the values in ``text``, the content of the file ``path``; as ``load_file``."""
    loaded = strict_yaml.load(text, str(path))
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


@dataclass(frozen=True)
class NamedKeys:
    """The keys that a map can have; ``closed``: the official chart's schema refuses others."""

    names: tuple[str, ...]
    closed: bool


def named_keys(upstream: UpstreamChart) -> dict[str, NamedKeys]:
    """Return the keys of each map of the official chart's values by its path; "" is the root.

    A map for which the schema names no keys (labels, resources, airflow.cfg) takes any and is left
    out. PlatformError when the chart lacks its values or its schema.
    """
    schema = json.loads(upstream.read("values.schema.json"))
    defaults = strict_yaml.load(upstream.read("values.yaml"), f"{upstream.path}: values.yaml")
    foreign = _keys_of_other_charts(upstream)
    found = {
        path: keys
        for path, keys in _named(schema, defaults)
        if path.partition(".")[0] not in foreign and not _PRINTED_WHOLE.search(path)
    }
    also = {"": foreign, **_READ_AS_WELL}
    for path, other in _MERGED_FROM.items():
        also[path] = found[other].names if other in found else ()
    for path in also.keys() & found.keys():
        names = dict.fromkeys((*found[path].names, *also[path]))
        found[path] = replace(found[path], names=tuple(names))
    return found


def unknown_keys(values: Mapping[str, Any], upstream: UpstreamChart) -> list[tuple[str, str]]:
    """Return each key below `airflow:` that the official chart does not have, and what is wrong.

    The schema of the official chart takes any key at its top level, so `airflow.wrokers` would be
    ignored without a word. A key that is null is none.
    """
    ours = values.get(NAME)
    if not isinstance(ours, Mapping):
        return []  # Helm says what is wrong with it
    named = named_keys(upstream)
    return [(f"{NAME}.{key}", wrong) for key, wrong in _not_in(ours, named)]


def _not_in(
    values: Mapping[str, Any], named: Mapping[str, NamedKeys], path: str = ""
) -> Iterator[tuple[str, str]]:
    """Yield each key path of ``values`` that ``named`` does not have."""
    known = named[path].names
    for key, value in values.items():
        below = f"{path}.{key}".lstrip(".")
        if key not in known and value is not None:
            yield below, f"the official chart has no such key{did_you_mean(key, known)}"
        elif isinstance(value, Mapping) and below in named:
            yield from _not_in(value, named, below)


def _named(
    schema: Mapping[str, Any], defaults: Any, path: str = ""
) -> Iterator[tuple[str, NamedKeys]]:
    properties: Mapping[str, Any] = schema.get("properties", {})
    if not properties:
        return
    defaults = defaults if isinstance(defaults, Mapping) else {}
    names = tuple({**properties, **defaults})
    yield path, NamedKeys(names, closed=schema.get("additionalProperties") is False)
    for name, child in properties.items():
        yield from _named(child, defaults.get(name), f"{path}.{name}".lstrip("."))


def _keys_of_other_charts(upstream: UpstreamChart) -> tuple[str, ...]:
    """Return the keys that Helm itself reads, or hands to the official chart's own dependencies."""
    chart = strict_yaml.load(upstream.read("Chart.yaml"), f"{upstream.path}: Chart.yaml")
    condition = pinned_dependency().get("condition", "").removeprefix(f"{NAME}.")
    return ("global", condition, *(each["name"] for each in chart.get("dependencies", [])))
