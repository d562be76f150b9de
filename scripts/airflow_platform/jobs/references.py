"""Secrets and ConfigMaps that jobs refer to, and that the values of a release do not declare."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_jobs.document import Document, Keys
from airflow_jobs.loading import Specification
from airflow_jobs.problems import Problem
from airflow_platform.manifests import Manifest, Render
from airflow_platform.support import strict_yaml

_KINDS = {"secret": "Secret", "config_map": "ConfigMap"}
# Where the adapter's ConfigMap says what something else makes, and the value that it comes from.
_ANNOTATIONS = {"Secret": "airflow-platform/secrets", "ConfigMap": "airflow-platform/config-maps"}
_VALUES = {"Secret": "secrets", "ConfigMap": "configMaps"}
_PLATFORM = "platform.json"


@dataclass(frozen=True)
class _Reference:
    """What a job or the defaults of a workflow refer to, and where."""

    document: Document
    at: Keys
    kind: str
    name: str
    namespace: str


def platform_json(render: Render) -> str | None:
    """Return where and as whom jobs of a release run; None if it has no jobs."""
    adapter = _adapter(render)
    return str(adapter.at("data", _PLATFORM)) if adapter else None


def undeclared(specifications: Sequence[Specification], render: Render) -> Iterator[Problem]:
    """Yield a warning of each reference to what a release neither makes nor lists.

    References that are optional may be to nothing.
    """
    adapter = _adapter(render)
    platform = json.loads(platform_json(render) or "{}")
    namespace = platform.get("namespace") or render.namespace
    made = {kind: _made(render, kind) for kind in _ANNOTATIONS}
    listed = {kind: _listed(adapter, kind) for kind in _ANNOTATIONS}
    missing = [
        found
        for specification in specifications
        for found in _references(specification, namespace)
        if found.name not in listed[found.kind]
        and found.namespace not in made[found.kind].get(found.name, ())
    ]
    paste = _values(missing, listed, enabled=adapter is not None)
    for each in missing:
        what = f'the values declare no {each.kind} "{each.name}"'
        if others := made[each.kind].get(each.name):
            what = (
                f'the values declare the {each.kind} "{each.name}" in {", ".join(sorted(others))},'
                f" but the job runs in {each.namespace}"
            )
        what += f"; if something else makes it, add to them: {paste}"
        yield each.document.problem("undeclared", what, each.at, level="warning")


def _values(
    missing: Sequence[_Reference], listed: Mapping[str, Sequence[str]], *, enabled: bool
) -> str:
    """Return values, as YAML in one line, that declare all that is missing and what was listed."""
    lists = []
    for kind, key in _VALUES.items():
        names = {each.name for each in missing if each.kind == kind}
        if names:
            lists.append(f"{key}: [{', '.join(map(_plain, [*listed[kind], *sorted(names)]))}]")
    return f"jobs: {{{', '.join([*([] if enabled else ['enabled: true']), *lists])}}}"


def _plain(name: str) -> str:
    """Return a name as YAML, in quotes where it would be a number or the like."""
    return name if strict_yaml.load(name, "a name") == name else json.dumps(name)


def _adapter(render: Render) -> Manifest | None:
    """Return the ConfigMap with the package airflow_jobs."""
    found = (each for each in render.all("ConfigMap") if _PLATFORM in each.at("data", default={}))
    return next(found, None)


def _listed(adapter: Manifest | None, kind: str) -> list[str]:
    found = adapter.at("metadata", "annotations", _ANNOTATIONS[kind], default="") if adapter else ""
    return [name for name in found.split(",") if name]


def _made(render: Render, kind: str) -> dict[str, set[str]]:
    """Return the namespaces of each object of a kind that the release makes, by its name."""
    found: dict[str, set[str]] = {}
    objects = [(each.name, each) for each in render.all(kind)]
    if kind == "Secret":
        for external in render.all("ExternalSecret"):
            target = external.at("spec", "target", "name", default=external.name)
            objects.append((target, external))
    for name, each in objects:
        found.setdefault(name, set()).add(each.namespace or render.namespace)
    return found


def _references(specification: Specification, namespace: str) -> Iterator[_Reference]:
    settings = specification.settings
    places: list[tuple[Document, Keys, Mapping[str, Any]]] = [
        (job.document, ("job",), job.content) for job in specification.jobs.values()
    ]
    if specification.document:
        defaults = settings.get("defaults", {})
        places.append((specification.document, ("workflow", "defaults"), defaults))
    for document, at, content in places:
        for path, kind, name in _named(content):
            where = settings.get("namespace", namespace)
            yield _Reference(document, (*at, *path), kind, name, where)


def _named(content: Mapping[str, Any]) -> Iterator[tuple[Keys, str, str]]:
    """Yield where in a job something is referred to, its kind and its name."""
    for variable, value in content.get("env", {}).items():
        for key, kind in _KINDS.items() if isinstance(value, Mapping) else ():
            if key in value and not value[key].get("optional"):
                yield ("env", variable, key, "name"), kind, value[key]["name"]
    for index, volume in enumerate(content.get("volumes", ())):
        for key, kind in _KINDS.items():
            if key in volume:
                yield ("volumes", index, key), kind, volume[key]
