"""Which things come before which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def circles(dependencies: Mapping[str, list[str]]) -> Iterator[list[str]]:
    """Yield each circle once: names, and the first one again."""
    done: set[str] = set()
    for start in dependencies:
        if start in done:
            continue
        way, todo = [start], [iter(dependencies[start])]
        while todo:
            name = next(todo[-1], None)
            if name is None:
                todo.pop()
                done.add(way.pop())
            elif name in way:
                yield [*way[way.index(name) :], name]
            elif name not in done:
                way.append(name)
                todo.append(iter(dependencies.get(name, ())))


def before(name: str, dependencies: Mapping[str, list[str]]) -> set[str]:
    """Return all that come before a name, also by way of others."""
    found: set[str] = set()
    todo = [*dependencies.get(name, ())]
    while todo:
        if (job := todo.pop()) not in found:
            found.add(job)
            todo.extend(dependencies.get(job, ()))
    return found
