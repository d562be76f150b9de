"""JSON schemas for kubeconform out of pinned packages, kept in the harness's cache.

Kubernetes' own come from the PyPI package kubernetes-validate, those of custom resources from the
Go modules of their operators, which tools/crds.yaml lists.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import version as package_version
from importlib.resources import files
from pathlib import Path
from typing import Any

from airflow_platform.support.cache import cache_dir, publish
from airflow_platform.support.crds import CrdModule, crd_modules, crds
from airflow_platform.support.errors import PlatformError

_PACKAGE = "kubernetes-validate"
_DEFINITIONS = "_definitions.json"
_NOT_JSON_SCHEMA = {"default", "description", "example", "externalDocs", "nullable"}


def kubernetes_versions() -> tuple[str, ...]:
    """Return the Kubernetes versions that have schemas, oldest first: ("1.25.0", ...)."""
    versions = (path.name.removeprefix("v").split("-")[0] for path in _packaged().iterdir())
    return tuple(sorted(set(versions), key=lambda version: tuple(map(int, version.split(".")))))


def kubernetes_location(version: str) -> str:
    """Return kubeconform's -schema-location for the objects of Kubernetes ``version``.

    Any patch version of a known minor version will do. PlatformError when there is none.
    """
    minor = version.removeprefix("v").split(".")[:2]
    known = {tuple(each.split(".")[:2]): each for each in kubernetes_versions()}
    if tuple(minor) not in known:
        raise PlatformError(
            f"There are no schemas of Kubernetes {version}; {_PACKAGE} {package_version(_PACKAGE)}"
            f" has {', '.join(known.values())}."
        )
    packaged = _packaged() / f"v{known[tuple(minor)]}-local-strict"
    digest = _digest(package_version(_PACKAGE))
    target = cache_dir("schemas") / f"kubernetes-{known[tuple(minor)]}-{digest}"
    publish(target, lambda new: _write(new, _self_contained_schemas(packaged)))
    return f"{target}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"


def crd_locations(groups: Iterable[str]) -> list[str]:
    """Return kubeconform's -schema-locations for the custom resources of those API groups.

    Groups that tools/crds.yaml does not list have none. PlatformError when a module cannot be had.
    """
    wanted = set(groups)
    return [_crd_location(module) for module in crd_modules() if module.group in wanted]


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of a CustomResourceDefinition's ``openAPIV3Schema``.

    Strict: an object takes no properties but the declared ones, unless it keeps unknown fields.
    """
    strict = {
        key: value
        for key, value in schema.items()
        if key not in _NOT_JSON_SCHEMA and not key.startswith("x-kubernetes-")
    }
    if "properties" in schema:
        strict["properties"] = {
            name: strict_schema(value) for name, value in schema["properties"].items()
        }
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            strict.setdefault("additionalProperties", False)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), Mapping):
            strict[key] = strict_schema(schema[key])
    if schema.get("x-kubernetes-int-or-string"):
        strict.pop("anyOf", None)
        strict["type"] = ["integer", "string"]
    if schema.get("nullable"):
        strict = {"anyOf": [{"type": "null"}, strict]}
    return strict


def _packaged() -> Path:
    return Path(str(files(_PACKAGE.replace("-", "_")) / "kubernetes-json-schema"))


def _self_contained_schemas(packaged: Path) -> Iterator[tuple[str, Any]]:
    """Yield file name and schema of each kind, with the definitions it needs inside.

    The package refers to one file with the definitions of all kinds, which kubeconform would read
    and compile anew for each kind: seconds instead of a fraction of one.
    """
    definitions = _localised(_read(packaged / _DEFINITIONS))["$defs"]
    for path in packaged.glob("*.json"):
        schema = _read(path)
        if "x-kubernetes-group-version-kind" in schema:
            del schema["$id"]
            schema = _localised(schema)
            yield path.name, {**schema, "$defs": _reachable(schema, definitions)}


def _localised(node: Any) -> Any:
    """Return ``node`` without descriptions and with references into its own ``$defs``."""
    if isinstance(node, list):
        return [_localised(item) for item in node]
    if not isinstance(node, dict):
        return node
    local = {
        key: _localised(value)
        for key, value in node.items()
        if not (key == "description" and isinstance(value, str))
    }
    if isinstance(local.get("$ref"), str):
        local["$ref"] = f"#/$defs/{_definition(local['$ref'])}"
    return local


def _reachable(schema: Any, definitions: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    todo = list(_references(schema))
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = definitions[name]
            todo.extend(_references(found[name]))
    return found


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield _definition(node["$ref"])
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from _references(item)


def _definition(reference: str) -> str:
    return reference.rpartition("/")[2]


def _crd_location(module: CrdModule) -> str:
    target = cache_dir("schemas") / f"{module.group}-{_digest(json.dumps(asdict(module)))}"
    publish(target, lambda new: _write(new, _crd_schemas(module)))
    return f"{target}/{{{{.Group}}}}/{{{{.ResourceKind}}}}_{{{{.ResourceAPIVersion}}}}.json"


def _crd_schemas(module: CrdModule) -> Iterator[tuple[str, Any]]:
    for kind, crd in crds(module).items():
        for version in crd["spec"]["versions"]:
            if version["served"]:
                schema = strict_schema(version["schema"]["openAPIV3Schema"])
                # Draft 4 is the one whose words OpenAPI 3.0 uses.
                schema["$schema"] = "http://json-schema.org/draft-04/schema#"
                yield f"{module.group}/{kind.lower()}_{version['name']}.json", schema


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(directory: Path, schemas: Iterable[tuple[str, Any]]) -> None:
    for name, schema in schemas:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(schema), encoding="utf-8")


def _digest(content: str) -> str:
    """Return what distinguishes one state of ``content`` and of this converter from another."""
    return hashlib.sha256(content.encode() + Path(__file__).read_bytes()).hexdigest()[:16]
