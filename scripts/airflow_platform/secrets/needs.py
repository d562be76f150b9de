"""Which Secrets a release needs, as its manifests say: pods, task pods, custom resources."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from airflow_platform.checks.references import Reference, keys_of_secrets, references
from airflow_platform.manifests import Container, Manifest, Pod, Render

Maker = Literal["release", "External Secrets", "cert-manager", "you"]

DOCKER_CONFIG = ".dockerconfigjson"
# In these custom resources, everything with a name and a key is a key of a Secret.
_WITH_REFERENCES = ("ServiceMonitor", "PodMonitor", "Cluster")
# By this, CloudNativePG takes over a password that changes.
_RELOADED = "cnpg.io/reload=true"
# Secrets that jobs name, as templates/workflows says.
_OF_JOBS = "airflow-platform/secrets"


@dataclass
class Key:
    """A key of a Secret, and who reads it; ``optional``: they do without it."""

    readers: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)
    optional: bool = True


@dataclass
class Needed:
    """A Secret that is read. Without ``keys`` all of it is, whatever its keys are."""

    name: str
    maker: Maker = "you"
    type: str = "Opaque"
    label: str = ""  # key=value
    keys: dict[str, Key] = field(default_factory=dict)
    readers: set[str] = field(default_factory=set)
    optional: bool = True


def needed(render: Render) -> list[Needed]:
    """Return the Secrets that the release reads, by name; what it makes itself is among them."""
    found: dict[str, Needed] = {}
    for reference, variable in _references(render):
        secret = found.setdefault(reference.name, Needed(reference.name))
        reader = _reader(reference.holder)
        secret.readers.add(reader)
        secret.optional &= reference.optional
        if reference.key:
            key = secret.keys.setdefault(reference.key, Key())
            key.readers.add(reader)
            key.variables |= {variable} if variable else set()
            key.optional &= reference.optional
    _say_who_makes_them(render, found)
    return [found[name] for name in sorted(found)]


def _references(render: Render) -> Iterator[tuple[Reference, str]]:
    """Yield each reference to a Secret, and the variable that it is for, if it is for one."""
    for reference in references(render):
        if reference.kind == "Secret":
            yield reference, reference.variable
    for pod in render.pods():
        for secret in pod.spec.get("imagePullSecrets") or ():
            yield Reference(pod, "Secret", secret["name"], DOCKER_CONFIG, optional=False), ""
        yield from ((reference, "") for reference in _mounted_by_key(pod))
    for kind in _WITH_REFERENCES:
        for manifest in render.all(kind):
            for name, key in _named_keys(manifest.document.get("spec")):
                yield Reference(manifest, "Secret", name, key, optional=False), ""
    for cluster in render.all("Cluster"):
        if name := cluster.at("spec", "bootstrap", "initdb", "secret", "name", default=""):
            for key in ("username", "password"):
                yield Reference(cluster, "Secret", name, key, optional=False), ""
    for ingress in render.all("Ingress"):
        for tls in ingress.at("spec", "tls", default=()):
            if name := tls.get("secretName"):
                for key in ("tls.crt", "tls.key"):
                    yield Reference(ingress, "Secret", name, key, optional=True), ""
    for config_map in render.all("ConfigMap"):
        for name in filter(None, config_map.annotations.get(_OF_JOBS, "").split(",")):
            yield Reference(config_map, "Secret", name, None, optional=False), ""


def _mounted_by_key(pod: Pod) -> Iterator[Reference]:
    """Yield the keys of whole Secrets that are mounted one by one (subPath)."""
    volumes = pod.volumes()
    for container in pod.containers().values():
        for mount in container.document.get("volumeMounts") or ():
            source = volumes.get(mount["name"], {}).get("secret") or {}
            if mount.get("subPath") and source.get("secretName") and not source.get("items"):
                optional = bool(source.get("optional"))
                yield Reference(pod, "Secret", source["secretName"], mount["subPath"], optional)


def _named_keys(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        if isinstance(value.get("name"), str) and isinstance(value.get("key"), str):
            yield value["name"], value["key"]
        for key, item in value.items():
            if not str(key).startswith("configMap"):
                yield from _named_keys(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _named_keys(item)


def _reader(holder: Pod | Container | Manifest) -> str:
    pod = holder.pod if isinstance(holder, Container) else holder
    if isinstance(pod, Pod):
        return "task pods" if pod.key else f"{pod.owner.kind}/{pod.owner.name}"
    return f"{pod.kind}/{pod.name}"


def _say_who_makes_them(render: Render, found: Mapping[str, Needed]) -> None:
    rendered = {secret.name: secret for secret in render.all("Secret")}
    for name, secret in found.items():
        if name in rendered:
            secret.maker = "release"
        elif name in keys_of_secrets(render):
            secret.maker = "External Secrets"
        if DOCKER_CONFIG in secret.keys:
            secret.type = "kubernetes.io/dockerconfigjson"
        elif secret.keys.keys() == {"tls.crt", "tls.key"}:
            secret.type = "kubernetes.io/tls"
    for cluster in render.all("Cluster"):
        if owner := found.get(
            cluster.at("spec", "bootstrap", "initdb", "secret", "name", default="")
        ):
            owner.type, owner.label = "kubernetes.io/basic-auth", _RELOADED
    for ingress in render.all("Ingress"):
        if any(name.startswith("cert-manager.io/") for name in ingress.annotations):
            for tls in ingress.at("spec", "tls", default=()):
                if certificate := found.get(tls.get("secretName", "")):
                    certificate.maker = "cert-manager"
