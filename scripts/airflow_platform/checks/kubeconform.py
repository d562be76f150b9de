"""Validates a render against the JSON schemas of Kubernetes and of custom resources."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from airflow_platform.checks.schemas import (
    crd_locations,
    kubernetes_location,
    kubernetes_versions,
)
from airflow_platform.checks.violations import CHECKS, Fault, is_ours, needed
from airflow_platform.manifests import Manifest, Render
from airflow_platform.support import strict_yaml
from airflow_platform.support.answers import ask
from airflow_platform.support.crds import CRDS_FILE, crd_modules
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.frozen import thaw
from airflow_platform.support.project import KUBE_VERSION, ROOT
from airflow_platform.support.tools import tool

_CAUSE = re.compile(r"- at '([^']*)': (.*?)(?=\s+- at '|$)", re.DOTALL)
_NO_SCHEMA = "could not find schema"
_NO_SCHEMA_OF = "there is no schema of {kind} in {apiVersion}"
# The chart renders them only where the cluster has them, so that some version has their schema.
_NOT_EVERYWHERE = {"MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"}
_NO_CAUSE = ("validation failed", "'oneOf' failed, none matched", "'anyOf' failed, none matched")


def default_versions() -> tuple[str, ...]:
    """Return the oldest Kubernetes that Chart.yaml allows, one between, and the newest known."""
    supported = str(strict_yaml.load_file(ROOT / "Chart.yaml")["kubeVersion"])
    oldest = supported.removeprefix(">=").removesuffix("-0")
    return oldest, KUBE_VERSION, kubernetes_versions()[-1]


@CHECKS.add
def objects_fit_their_schema(render: Render) -> Iterator[Fault]:
    """Hold every object, embedded pod templates included, against the schemas of its API."""
    needed("kubeconform")
    foreign = {str(manifest) for manifest in _without_schema(render)}
    for subject, fault in faults(render, default_versions()):
        if subject not in foreign:
            yield subject, fault


def kinds_without_schema(render: Render) -> set[str]:
    """Return the kinds of custom resources of others that cannot be checked for want of a schema.

    Of our own objects a missing schema is a fault.
    """
    return {f"{each.kind} of {each.api_version}" for each in _without_schema(render)}


def _without_schema(render: Render) -> list[Manifest]:
    known = {module.group for module in crd_modules()}
    groups = {each: each.api_version.rpartition("/")[0] for each in render.manifests}
    return [
        manifest
        for manifest, group in groups.items()
        # Groups of Kubernetes itself have no dot, or end in k8s.io.
        if "." in group and not group.endswith("k8s.io") and group not in known
        if not is_ours(manifest)
    ]


def faults(render: Render, kube_versions: Iterable[str]) -> Iterator[Fault]:
    """Yield what kubeconform has against any object in any of those versions of Kubernetes.

    An object without a schema is a fault, too, unless only newer versions know its kind and the
    chart asks the cluster for it. PlatformError when there are no schemas of a
    version, or those of a custom resource cannot be downloaded.
    """
    objects = list(_objects(render))
    found: dict[tuple[int, str], list[str]] = {}
    asked = tuple(kube_versions)
    for version in asked:
        for fault in faults_of(objects, version):
            found.setdefault(fault, []).append(version)
    for (number, message), versions in found.items():
        subject, document = objects[number]
        is_unknown = message.startswith(_NO_SCHEMA_OF.format(**document))
        if is_unknown and document["kind"] in _NOT_EVERYWHERE and len(versions) < len(asked):
            continue
        yield subject, f"{message} (Kubernetes {', '.join(versions)})"


def _objects(render: Render) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what to call each object, and the object."""
    for manifest in render.manifests:
        yield str(manifest), thaw(manifest.document)
    for template in render.embedded("Pod"):
        yield str(template), thaw(template.document)


def faults_of(
    objects: Sequence[tuple[str, dict[str, Any]]], version: str
) -> Iterator[tuple[int, str]]:
    """Yield the place of each faulty object among ``objects``, and its fault."""
    # kubeconform answers in any order and names what it means: each name must be there once.
    documents = {
        str(number): {**document, "metadata": {**document["metadata"], "name": str(number)}}
        for number, (_, document) in enumerate(objects)
    }
    results = _kubeconform(list(documents.values()), version)
    for number, (_, document) in enumerate(objects):
        result = results.get(str(number))
        if result is None:
            yield number, "kubeconform passed it over"
        elif result["status"] != "statusValid":
            yield number, _fault(document, result["msg"])


def _kubeconform(
    documents: Sequence[Mapping[str, Any]], version: str
) -> dict[str, Mapping[str, str]]:
    """Return kubeconform's result for each document by the document's name."""
    stream = "\n---\n".join(json.dumps(each, ensure_ascii=False) for each in documents)
    groups = {document["apiVersion"].partition("/")[0] for document in documents}
    locations = [kubernetes_location(version), *crd_locations(groups)]
    arguments = ["-strict", "-verbose", "-output", "json", "-kubernetes-version", version]
    arguments += [word for location in locations for word in ("-schema-location", location)]
    answer = ask(tool("kubeconform"), *arguments, given=stream)
    try:
        results = json.loads(answer.stdout)["resources"]
    except (ValueError, KeyError):
        raise PlatformError(f"kubeconform failed: {answer.stderr.strip()}") from None
    return {result["name"]: result for result in results}


def _fault(document: Mapping[str, Any], message: str) -> str:
    if message.startswith(_NO_SCHEMA):
        return (
            f"{_NO_SCHEMA_OF.format(**document)}; if it is a"
            f" custom resource, add its CustomResourceDefinition to {CRDS_FILE.relative_to(ROOT)}"
        )
    causes = [
        f"{path or '/'}: {cause}"
        for path, cause in _CAUSE.findall(message)
        if not cause.startswith(_NO_CAUSE)
    ]
    return "; ".join(causes) or message
