"""What an upgrade does to the objects of a release: deletes, creates, or cannot change."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from airflow_platform.adopt.release import HOOK, POLICY, Release
from airflow_platform.checks.judge import MALFORMED
from airflow_platform.checks.references import not_rendered
from airflow_platform.manifests import Manifest, Render
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.spelling import mentions

# Fields of a StatefulSet's spec that can be changed; the API server refuses all others.
_MUTABLE_OF_STATEFUL_SET = frozenset(
    {
        "replicas",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
        "ordinals",
    }
)
# What holds data, and what kubectl calls it.
_WITH_DATA = {"Secret": "secret", "PersistentVolumeClaim": "pvc"}
_CLAIM_NAME = re.compile(r"claimName: [\"']?([\w.-]+)")
_MUTABLE_OF_JOB = frozenset(
    {"activeDeadlineSeconds", "backoffLimit", "parallelism", "suspend", "ttlSecondsAfterFinished"}
)
_QUANTITY = re.compile(r"([0-9.]+)(|[kMGTPE]|[KMGTPE]i|m|e[0-9]+)")
_UNITS = {
    **{
        unit: Decimal(1000) ** power
        for power, unit in enumerate(("", "k", "M", "G", "T", "P", "E"))
    },
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)},
}


@dataclass(frozen=True)
class Loss:
    """An object with data that the upgrade would delete, and the command that keeps it."""

    kind: str
    name: str
    is_needed: bool
    command: str


@dataclass(frozen=True)
class Immutable:
    """A field that Kubernetes does not let anybody change, and what to do about it."""

    subject: str
    field: str
    what_to_do: str


@dataclass(frozen=True)
class Changes:
    """What the upgrade does, each object as kind/name.

    ``stays_behind`` is what nobody needs any more and nobody deletes, ``missing`` are the Secrets
    that only the new release needs and that it does not make. ``unseen`` says why not all Secrets
    that pods need could be found, if so.
    """

    goes: tuple[str, ...]
    comes: tuple[str, ...]
    stays_behind: tuple[str, ...]
    losses: tuple[Loss, ...]
    immutable: tuple[Immutable, ...]
    missing: tuple[str, ...]
    images: tuple[str, ...]
    unseen: str = ""


def compare(release: Release, new: Render) -> Changes:
    """Return what the upgrade from ``release`` to ``new`` does to its objects."""
    old_objects = _managed(release.managed.manifests, release.namespace)
    new_objects = _managed(new.manifests, release.namespace)
    needed, unseen = _secrets_of_others(new)
    gone = [each for key, each in old_objects.items() if key not in new_objects]
    kept = [each for each in gone if each.annotations.get(POLICY) == "keep"]
    unused_hooks = [
        each
        for each in release.hooks
        if each.kind == "Secret"
        and each.name not in needed
        and each.name not in {other.name for other in new.all("Secret")}
    ]
    claims = [
        f"PersistentVolumeClaim/{claim['metadata']['name']}-{each.name}-<n>"
        for each in gone
        if each.kind == "StatefulSet"
        for claim in each.at("spec", "volumeClaimTemplates", default=None) or ()
    ]
    return Changes(
        goes=tuple(_label(each) for each in gone if each not in kept),
        comes=tuple(_label(each) for key, each in new_objects.items() if key not in old_objects),
        stays_behind=(*map(_label, (*kept, *unused_hooks)), *claims),
        losses=tuple(
            _losses(
                release,
                [each for each in gone if each not in kept],
                needed | _claims_of_others(new),
            )
        ),
        immutable=tuple(
            fault
            for key, before in old_objects.items()
            if key in new_objects
            for fault in _immutable(before, new_objects[key], release.namespace)
        ),
        missing=tuple(name for name in sorted(needed) if not _is_named(name, release)),
        unseen=unseen,
        images=tuple(
            change
            for key, before in old_objects.items()
            if key in new_objects
            for change in _images(before, new_objects[key])
        ),
    )


def _images(before: Manifest, after: Manifest) -> Iterator[str]:
    old, new = (
        {
            container["name"]: container.get("image")
            for field in ("initContainers", "containers")
            for container in each.at("spec", "template", "spec", field, default=None) or ()
        }
        for each in (before, after)
    )
    for name in old.keys() & new.keys():
        if old[name] != new[name]:
            yield f"{_label(before)} {name}: from {old[name]} to {new[name]}"


def named_by(values: Sequence[Mapping[str, Any]], release: Release) -> tuple[Loss, ...]:
    """Return what the release has made and ``values`` name as something that exists."""
    names = {str(leaf) for each in values for leaf in _scalars(each)}
    objects = _managed(release.managed.manifests, release.namespace).values()
    gone = [m for m in objects if m.name in names and m.annotations.get(POLICY) != "keep"]
    return tuple(_losses(release, gone, names))


def _scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _scalars(each)
    else:
        yield value


def _secrets_of_others(render: Render) -> tuple[set[str], str]:
    """Return the Secrets that pods need and that are not in the render, and why some may lack."""
    found: set[str] = set()
    try:
        for each in not_rendered(render):
            if each.kind == "Secret":
                found.add(each.name)
    except (PlatformError, *MALFORMED) as error:
        return found, f"an object cannot be read ({error})"
    return found, ""


def _claims_of_others(render: Render) -> set[str]:
    """Return the volumes that pods need and that are not in the render."""
    made = {each.name for each in render.all("PersistentVolumeClaim")}
    return set(_CLAIM_NAME.findall("\n".join(m.text for m in render.manifests))) - made


def _is_named(name: str, release: Release) -> bool:
    """Say whether an object of the release names this Secret, so that it exists."""
    return any(mentions(m.text, name) for m in (*release.managed.manifests, *release.hooks))


def _label(manifest: Manifest) -> str:
    return f"{manifest.kind}/{manifest.name}"


def _managed(
    manifests: Collection[Manifest], namespace: str
) -> dict[tuple[str, str, str], Manifest]:
    """Return the objects that Helm itself keeps track of, which hooks are not, by identity."""
    return {
        (each.kind, each.name, each.namespace or namespace): each
        for each in manifests
        if HOOK not in each.annotations
    }


def _losses(release: Release, gone: Sequence[Manifest], needed: set[str]) -> Iterator[Loss]:
    """Yield Secrets and volumes that go, those first without which the new release cannot run."""
    found = [
        Loss(each.kind, each.name, each.name in needed, _keep(release.namespace, kind, each.name))
        for each in gone
        for kind in [_WITH_DATA.get(each.kind)]
        if kind
    ]
    yield from sorted(found, key=lambda loss: (not loss.is_needed, loss.kind != "Secret"))


def _keep(namespace: str, kind: str, name: str) -> str:
    return f"kubectl -n {namespace} annotate {kind} {name} {POLICY}=keep"


def _immutable(before: Manifest, after: Manifest, namespace: str) -> Iterator[Immutable]:
    subject = _label(before)
    delete = f"kubectl -n {namespace} delete {before.kind.lower()} {before.name}"
    for field in _FIELDS.get(before.kind, lambda _before, _after: ())(before, after):
        yield Immutable(subject, field, _WHAT_TO_DO[before.kind].format(delete=delete))


def _stateful_set(before: Manifest, after: Manifest) -> Iterator[str]:
    for key in _keys(before, after, "spec") - _MUTABLE_OF_STATEFUL_SET:
        old, new = (each.at("spec", key, default=None) for each in (before, after))
        if key == "volumeClaimTemplates":
            old, new = map(_claims, (old, new))
        if old != new:
            yield f"spec.{key}{_sizes(old, new)}"


def _claims(templates: Sequence[Mapping[str, Any]] | None) -> Mapping[str, Any]:
    return {each["metadata"]["name"]: each["spec"] for each in templates or ()}


def _sizes(old: Any, new: Any) -> str:
    """Return what has changed, where it is the size of a volume."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return ""
    sizes = [
        f"{name} from {_size(spec)} to {_size(new[name])}"
        for name, spec in old.items()
        if name in new and _size(spec) != _size(new[name])
    ]
    return f" ({', '.join(sizes)})" if sizes else ""


def _size(claim: Mapping[str, Any]) -> str:
    return str(((claim.get("resources") or {}).get("requests") or {}).get("storage"))


def _selector(before: Manifest, after: Manifest) -> Iterator[str]:
    if before.at("spec", "selector", default=None) != after.at("spec", "selector", default=None):
        yield "spec.selector"


def _job(before: Manifest, after: Manifest) -> Iterator[str]:
    for key in sorted(_keys(before, after, "spec") - _MUTABLE_OF_JOB):
        if before.at("spec", key, default=None) != after.at("spec", key, default=None):
            yield f"spec.{key}"


def _service(before: Manifest, after: Manifest) -> Iterator[str]:
    headless = [each.at("spec", "clusterIP", default=None) == "None" for each in (before, after)]
    if headless[0] != headless[1]:
        yield "spec.clusterIP"


def _claim(before: Manifest, after: Manifest) -> Iterator[str]:
    for key in sorted(_keys(before, after, "spec")):
        old, new = (each.at("spec", key, default=None) for each in (before, after))
        if key == "resources":
            was, will = _size(before.at("spec")), _size(after.at("spec"))
            if _bytes(will) < _bytes(was):
                yield f"spec.resources.requests.storage (from {was} to {will})"
        elif old != new:
            yield f"spec.{key}"


def _bytes(quantity: str) -> Decimal:
    written = _QUANTITY.fullmatch(quantity)
    if not written:
        return Decimal(0)
    return Decimal(written[1]) * _UNITS.get(written[2], Decimal(1))


def _role(before: Manifest, after: Manifest) -> Iterator[str]:
    if before.at("roleRef", default=None) != after.at("roleRef", default=None):
        yield "roleRef"


def _constant(before: Manifest, after: Manifest) -> Iterator[str]:
    if before.at("immutable", default=False):
        for key in ("data", "binaryData", "stringData"):
            if before.at(key, default=None) != after.at(key, default=None):
                yield key


def _keys(before: Manifest, after: Manifest, field: str) -> set[str]:
    return {*before.at(field, default={}), *after.at(field, default={})}


_FIELDS: Mapping[str, Callable[[Manifest, Manifest], Iterator[str]]] = {
    "StatefulSet": _stateful_set,
    "Deployment": _selector,
    "DaemonSet": _selector,
    "Job": _job,
    "Service": _service,
    "PersistentVolumeClaim": _claim,
    "RoleBinding": _role,
    "ClusterRoleBinding": _role,
    "ConfigMap": _constant,
    "Secret": _constant,
}
_AGAIN = "Delete the object just before the upgrade, which makes it anew: {delete}"
_WHAT_TO_DO: Mapping[str, str] = {
    "StatefulSet": "Set the value that the release has. Or delete the StatefulSet, without its pods"
    " and volumes, just before the upgrade, which makes it anew: {delete} --cascade=orphan",
    "Deployment": _AGAIN,
    "DaemonSet": _AGAIN,
    "Job": _AGAIN,
    "Service": _AGAIN,
    "PersistentVolumeClaim": "Set the value that the release has. The data is lost if the volume is"
    " deleted.",
    "RoleBinding": _AGAIN,
    "ClusterRoleBinding": _AGAIN,
    "ConfigMap": _AGAIN,
    "Secret": _AGAIN,
}
