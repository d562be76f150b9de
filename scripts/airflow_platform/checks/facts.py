"""Facts about an object: what must be at a path, and why."""

from collections.abc import Iterator, Mapping
from typing import Any

MISSING = object()

# What must be at each path, and the reason for it.
Facts = Mapping[str, tuple[Any, str]]


def at(document: Any, path: str) -> Any:
    """Return what is at ``path``, steps with blanks between, or MISSING.

    In a list a step is the name of an item, or the item itself.
    """
    for step in path.split(" "):
        if isinstance(document, Mapping):
            document = document.get(step, MISSING)
        elif isinstance(document, tuple):
            named = (item for item in document if step in (_name(item), item))
            document = next(named, MISSING)
        else:
            return MISSING
    return document


def contradictions(document: Any, facts: Facts) -> Iterator[str]:
    """Yield a sentence for each of ``facts`` that is not true of ``document``."""
    for path, (wanted, reason) in facts.items():
        found = at(document, path)
        if found is MISSING:
            yield f"{path} is not set; it must be {wanted!r}: {reason}"
        elif found != wanted:
            yield f"{path} is {found!r} and must be {wanted!r}: {reason}"


def _name(item: Any) -> Any:
    return item.get("name") if isinstance(item, Mapping) else None
