"""Nested mappings by paths of keys, such as ("redis", "enabled")."""

from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str, ...]

MISSING = object()


def get(values: Mapping[str, Any], path: Path) -> Any:
    """Return what is at ``path``, MISSING when nothing is."""
    found: Any = values
    for key in path:
        if not isinstance(found, Mapping) or key not in found:
            return MISSING
        found = found[key]
    return found


def put(values: dict[str, Any], path: Path, value: Any) -> None:
    """Set what is at ``path``."""
    *parents, last = path
    for key in parents:
        if not isinstance(values.get(key), dict):
            values[key] = {}
        values = values[key]
    values[last] = value


def take(values: dict[str, Any], path: Path) -> Any:
    """Remove what is at ``path``, and mappings that this empties; return it, or MISSING."""
    found = get(values, path)
    if found is MISSING:
        return MISSING
    parents = [values]
    for key in path[:-1]:
        parents.append(parents[-1][key])
    for parent, key in zip(reversed(parents), reversed(path), strict=True):
        del parent[key]
        if parent:
            break
    return found


def leaves(values: Mapping[str, Any], below: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the path and value of all that is no mapping, or an empty one."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*below, key))
        else:
            yield (*below, key), value


def written(path: Path) -> str:
    """Return ``path`` as people write it: redis.enabled."""
    return ".".join(path)
