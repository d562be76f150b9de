"""The leaves of our manifests: every single value, by a name that a person can read.

Leaves of embedded documents that are data (Vector's configuration, mapping, rules, dashboards, pod
templates) count as well; programs do not, for their own tests run them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import yaml

from airflow_platform.checks.violations import TASK_LOGS_SIDECAR, is_ours
from airflow_platform.manifests import EmbeddedDocument, Manifest, Render
from airflow_platform.support.frozen import freeze, thaw

Path = tuple[str | int, ...]
# The variables of a policy that hold the parts of an injected pod.
INJECTED = tuple(f"spec.variables[{name}].expression" for name in ("sidecar", "volumes", "mounts"))
_SHOWN = 60  # characters of an item of a list that has no name
DATA = ("Dashboard", "Pod", "PrometheusRules", "StatsdMapping", "VectorConfig")


@dataclass(frozen=True)
class Leaf:
    """One value of ``document``: a manifest's, or the one embedded in it under ``key``."""

    manifest: Manifest
    key: str | None
    document: Any
    path: Path
    value: Any
    name: str

    def __str__(self) -> str:
        return self.name


def leaves(render: Render) -> Iterator[Leaf]:
    """Yield every leaf of ours: of our objects, and of the sidecar in pods of others."""
    documents = {
        (id(each.owner), each.key): each for kind in DATA for each in render.embedded(kind)
    }
    for manifest in render.manifests:
        if is_ours(manifest):
            for leaf in _of(manifest, None, manifest.document):
                if not _is_of_document(leaf, documents):
                    yield leaf
        for document in documents.values():
            if document.owner is manifest:
                yield from _of_document(document)


def _is_of_document(leaf: Leaf, documents: Mapping[tuple[int, str], EmbeddedDocument]) -> bool:
    """Say whether the leaf is the text of a document, or a part of an injected pod."""
    if leaf.path[0] == "data":
        return (id(leaf.manifest), leaf.path[-1]) in documents
    return leaf.name.endswith(INJECTED) and (id(leaf.manifest), "injected pod") in documents


def _of_document(document: EmbeddedDocument) -> Iterator[Leaf]:
    ours = is_ours(document.owner)
    for leaf in _of(document.owner, document.key, document.document):
        if ours or TASK_LOGS_SIDECAR in leaf.name or "task-logs" in leaf.name:
            yield leaf


def _of(manifest: Manifest, key: str | None, document: Any) -> Iterator[Leaf]:
    where = f"{manifest.kind}/{manifest.name}" + (f" {key}" if key else "")
    for path, value, name in _walk(document, (), ""):
        yield Leaf(manifest, key, document, path, value, f"{where} {name}")


def _walk(node: Any, path: Path, name: str) -> Iterator[tuple[Path, Any, str]]:
    if isinstance(node, Mapping) and node:
        for key, value in node.items():
            yield from _walk(value, (*path, key), f"{name}.{key}" if name else str(key))
    elif isinstance(node, tuple) and node:
        for number, item in enumerate(node):
            yield from _walk(item, (*path, number), f"{name}[{_item(item, number)}]")
    else:
        yield path, node, name


def _item(item: Any, number: int) -> str:
    """Name an item of a list by what tells it from the others, as a person would."""
    if isinstance(item, Mapping):
        for field in ("match", "name", "alert", "record", "title", "refId", "key", "id"):
            if isinstance(item.get(field), str):
                return str(item[field])
        return str(number)
    return str(item).partition("=")[0][:_SHOWN] if isinstance(item, str) else str(number)


# --- Changes


def other(value: Any) -> Any:
    """Return another value of the same type."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return f"{value}-other" if value else "other"
        case Mapping():
            return {"other": "other"}
        case tuple():
            return ("other",)
        case _:
            return "other"


def changed(document: Any, path: Path, new: Any) -> Any:
    """Return the frozen ``document`` with the value at ``path`` replaced."""
    if not path:
        return freeze(new)
    step, *rest = path
    if isinstance(document, Mapping):
        return MappingProxyType({**document, step: changed(document[step], tuple(rest), new)})
    items = list(document)
    items[int(step)] = changed(items[int(step)], tuple(rest), new)
    return tuple(items)


def dropped(document: Any, path: Path) -> Any:
    """Return the frozen ``document`` without what is at ``path``."""
    *parents, last = path
    holder = document
    for step in parents:
        holder = holder[step]
    left = (
        {key: value for key, value in holder.items() if key != last}
        if isinstance(holder, Mapping)
        else [item for number, item in enumerate(holder) if number != last]
    )
    return changed(document, tuple(parents), left)


def swapped(document: Any, one: Leaf, two: Leaf) -> Any:
    """Return the frozen ``document`` with the values of two leaves exchanged."""
    return changed(changed(document, one.path, two.value), two.path, one.value)


def with_document(render: Render, leaf: Leaf, document: Any) -> Render:
    """Return the render in which the document of ``leaf`` is another one."""
    manifest, key = leaf.manifest, leaf.key
    if key:
        text = yaml.dump(thaw(document), Dumper=yaml.CSafeDumper, sort_keys=False)
        document = changed(manifest.document, ("data", key), text)
    new = Manifest(document, manifest.template, manifest.text)
    return render.replace(
        manifests=[new if each is manifest else each for each in render.manifests]
    )


def neighbours(found: Sequence[Leaf]) -> Iterator[tuple[Leaf, Leaf]]:
    """Yield neighbours of one document and type whose values differ: what could be mixed up."""
    for one, two in pairwise(found):
        same = one.manifest is two.manifest and one.key == two.key
        # Two words of one list: where their order matters, the whole list is compared.
        words = one.path[:-1] == two.path[:-1] and isinstance(one.path[-1], int)
        if same and not words and type(one.value) is type(two.value) and one.value != two.value:
            yield one, two
