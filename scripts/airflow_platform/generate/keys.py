"""The keys of all values, as a user of the wrapper writes them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_platform.generate import schema as schemas
from airflow_platform.generate.comments import KeyPath, comments
from airflow_platform.generate.constraints import constraints
from airflow_platform.generate.schema import Schema, entries, resolved
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON, ROOT

NO_DEFAULT = object()

_SHARED = "global"  # the same key in both charts
_ADDON_KEY = "observability"  # where the wrapper has the rest of the add-on's values


@dataclass(frozen=True)
class Key:
    """A key: what its comment and its schema say about it, and the keys below it.

    ``<name>`` in the path stands for a name of the user's own, ``[]`` for each item of a list.
    """

    path: KeyPath
    description: str
    constraints: str
    required: bool  # where there is no default
    default: Any
    keys: tuple["Key", ...]


def all_keys() -> tuple[Key, ...]:
    """Return the keys at the top level of the wrapper's values, with all that are below them."""
    wrapper, addon = schemas.load(ROOT), schemas.load(ADDON)
    declared = _in_wrapper(addon["properties"])
    declared[_ADDON_KEY] = {"type": "object", "properties": declared[_ADDON_KEY]}
    definitions = {**wrapper.get("$defs", {}), **addon["$defs"]}
    root = {"$defs": definitions, "properties": {**wrapper["properties"], **declared}}
    values = _overlaid(
        _in_wrapper(strict_yaml.load_file(ADDON / "values.yaml")),
        strict_yaml.load_file(ROOT / "values.yaml"),
    )
    texts = {
        path if path[0] == _SHARED else (_ADDON_KEY, *path): text
        for path, text in comments(ADDON / "values.yaml").items()
    }
    texts |= comments(ROOT / "values.yaml")
    return tuple(_Tree(root, texts).keys((), root, values))


def _in_wrapper(of_addon: Mapping[str, Any]) -> dict[str, Any]:
    own = {key: each for key, each in of_addon.items() if key != _SHARED}
    return {_SHARED: of_addon[_SHARED], _ADDON_KEY: own}


def _overlaid(values: Any, over: Any) -> Any:
    """Return ``values`` with those of ``over`` on top; null is a value like any other."""
    if not (isinstance(values, Mapping) and isinstance(over, Mapping)):
        return over
    common = {key: _overlaid(values[key], over[key]) for key in over if key in values}
    return {**values, **over, **common}


@dataclass(frozen=True)
class _Tree:
    root: Schema
    texts: Mapping[KeyPath, str]

    def keys(self, path: KeyPath, schema: Schema, value: Any) -> Iterator[Key]:
        """Yield the keys below ``path``: those of values.yaml, then those without a default."""
        schema = resolved(schema, self.root)
        values = value if isinstance(value, Mapping) else {}
        for name, default in values.items():
            yield self._key((*path, name), _child(schema, name), default)
        for name, child in schema.get("properties", {}).items():
            if name not in values and child is not False:
                required = name in schema.get("required", ())
                yield self._key((*path, name), child, NO_DEFAULT, required)
        for entry in entries(schema):
            yield from self.keys((*path, "<name>"), entry, NO_DEFAULT)
        if "items" in schema:
            yield from self.keys((*path[:-1], f"{path[-1]}[]"), schema["items"], NO_DEFAULT)

    def _key(self, path: KeyPath, schema: Schema, default: Any, required: bool = False) -> Key:
        return Key(
            path=path,
            description=self.texts.get(path, resolved(schema, self.root).get("description", "")),
            constraints=constraints(schema, self.root),
            required=required,
            default=default,
            keys=tuple(self.keys(path, schema, default)),
        )


def _child(schema: Schema, name: str) -> Schema:
    """Return the schema of the key ``name``; without one of its own, that of any such name."""
    patterns = schema.get("patternProperties", {})
    candidates = [
        schema.get("properties", {}).get(name),
        *(patterns[pattern] for pattern in patterns if re.search(pattern, name)),
        schema.get("additionalProperties"),
    ]
    return next((each for each in candidates if isinstance(each, dict)), {})
