"""What all objects of ours have in common: labels, names, and how their pods are set up."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator

from airflow_platform.checks.facts import Facts, contradictions
from airflow_platform.checks.jobs import is_in_each_namespace_with_jobs, network_policies_of_jobs
from airflow_platform.checks.names import CLUSTER_SCOPED_KINDS
from airflow_platform.checks.violations import CHECKS, Fault, containers, is_ours
from airflow_platform.manifests import Manifest, Render
from airflow_platform.network.policies import of_components
from airflow_platform.support.frozen import thaw

_INSTANCE = "app.kubernetes.io/instance"
_PART = "app.kubernetes.io/part-of"


@CHECKS.add
def objects_carry_the_standard_labels(render: Render) -> Iterator[Fault]:
    """Ask for Kubernetes' recommended labels, by which people and tools find what is ours.

    https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
    """
    ours = [each for each in render.manifests if is_ours(each) and not _is_test(each)]
    chart, release, part_of = (_usual(ours, label) for label in ("helm.sh/chart", _INSTANCE, _PART))
    facts: Facts = {
        _INSTANCE: (release, "all objects of a release name it"),
        "helm.sh/chart": (chart, "all objects of a chart name it and its version"),
        _PART: (part_of, "it is what all objects belong to"),
        "app.kubernetes.io/managed-by": ("Helm", "it is what made the object"),
    }
    for manifest in ours:
        for fault in contradictions({"labels": manifest.labels}, _below("labels", facts)):
            yield manifest, fault
        name, component = (
            manifest.labels.get(f"app.kubernetes.io/{label}") for label in ("name", "component")
        )
        if not name or name != component:
            yield manifest, f"the labels name ({name}) and component ({component}) must be equal"


# What follows the name of the release, by component.
_SUFFIXES = {
    "alerts": {"alerts"},
    "dags": {"dags"},
    "dashboards": {f"dashboard-{name}" for name in ("dag", "logs", "overview", "task-logs")},
    "database": {"database", "database-backup", "database-recovery"},
    "database-pooler": {"database-pooler"},
    "example-dag": {"example-dag"},
    "grafana-link": {"grafana-link"},
    "image-pre-puller": {"image-pre-puller"},
    "jobs": {"jobs"},
    "jobs-adapter": {"jobs-adapter"},
    "jobs-launcher": {"jobs-launcher"},
    "oidc": {"oidc"},
    "remote-logging": {"remote-logging"},
    "statsd-exporter": {"statsd-exporter", "statsd-mapping"},
    "statsd-mapping-test": {"statsd-mapping-test"},
    "task-logs": {"task-logs", "pod-template"},
}


@CHECKS.add
def names_are_release_and_component(render: Render) -> Iterator[Fault]:
    """Keep the names of two releases in one namespace apart, and say what an object is.

    The values can put another text in the place of the release, which is the same for all objects;
    the name of a ServiceAccount is the user's, and that of an ExternalSecret is that of the Secret
    which it makes. What belongs to no namespace, or is for jobs in one that releases may share,
    ends in the release's namespace.
    """
    ours = [each for each in render.manifests if is_ours(each) and each.kind not in _NAMED_BY_USERS]
    begins = Counter(
        manifest.name.removesuffix(f"-{suffix}")
        for manifest in ours
        for suffix in _suffixes(manifest)
        if manifest.name.endswith(f"-{suffix}")
    )
    # The longest, for a long one is cut to make room for the suffix.
    begin = max(begins, key=lambda each: (_fitting(each, ours), len(each)), default="")
    for manifest in ours:
        names = _names(begin, manifest)
        if manifest.kind in CLUSTER_SCOPED_KINDS or is_in_each_namespace_with_jobs(manifest):
            names = {f"{name}.{render.namespace}" for name in names}
        if manifest.name not in names:
            yield manifest, f"the name must be one of {', '.join(sorted(names))}"
    for external in filter(is_ours, render.all("ExternalSecret")):
        if external.at("spec", "target", "name", default="") != external.name:
            yield external, "the name must be that of the Secret, spec.target.name"


_NAMED_BY_USERS = ("ServiceAccount", "ExternalSecret")


def _suffixes(manifest: Manifest) -> set[str]:
    if of_components(manifest):
        return set(re.findall(r"network-[a-z-]+$", manifest.name))
    return _SUFFIXES.get(manifest.labels.get("app.kubernetes.io/name", ""), set())


def _names(begin: str, manifest: Manifest) -> set[str]:
    """Return the names that the object can have where names begin with ``begin``."""
    return {f"{begin[: 62 - len(each)].rstrip('-')}-{each}" for each in _suffixes(manifest)}


def _fitting(begin: str, manifests: list[Manifest]) -> int:
    return sum(manifest.name in _names(begin, manifest) for manifest in manifests)


@CHECKS.add
def labels_of_pods_are_those_of_their_component(render: Render) -> Iterator[Fault]:
    """Let people select pods by what they select other objects by."""
    release = _usual([each for each in render.manifests if is_ours(each)], _INSTANCE)
    for pod in filter(is_ours, render.pods()):
        name = pod.owner.labels.get("app.kubernetes.io/name")
        wanted = {
            "app.kubernetes.io/name": name,
            "app.kubernetes.io/component": name,
            _INSTANCE: release,
        }
        for label, value in wanted.items():
            if pod.labels.get(label) != value:
                yield pod, f"the pod's label {label} must be {value!r}"
        selector = pod.owner.at("spec", "selector", "matchLabels", default=None)
        if selector is not None and not {"app.kubernetes.io/name", _INSTANCE} <= selector.keys():
            yield pod, f"spec.selector must select by app.kubernetes.io/name and {_INSTANCE}"


@CHECKS.add
def pods_carry_the_common_labels(render: Render) -> Iterator[Fault]:
    """Give each pod of ours the labels that all objects of ours have, as policies for pods ask."""
    ours = [each for each in render.manifests if is_ours(each) and not _is_test(each)]
    of_all = [{label for label in each.labels if not _is_standard(label)} for each in ours]
    common = set.intersection(*of_all) if of_all else set()
    for pod in filter(is_ours, render.pods()):
        for label in sorted(common - pod.labels.keys()):
            yield pod, f"the pod must have the label {label}, as all objects have it"


def _is_standard(label: str) -> bool:
    return label.startswith(("app.kubernetes.io/", "helm.sh/"))


@CHECKS.add
def selectors_name_component_and_release(render: Render) -> Iterator[Fault]:
    """Keep selectors of ours from finding the pods of another release in the namespace.

    Those of jobs, which no manifest makes, are another check's. A policy of `networkPolicies` is
    not named after the pods that it selects.
    """
    of_jobs = network_policies_of_jobs(render)
    for kind, path in (
        ("Service", ("spec", "selector")),
        ("PodDisruptionBudget", ("spec", "selector", "matchLabels")),
        ("NetworkPolicy", ("spec", "podSelector", "matchLabels")),
        ("ServiceMonitor", ("spec", "selector", "matchLabels")),
    ):
        for manifest in filter(is_ours, render.all(kind)):
            if manifest in of_jobs:
                continue
            wanted = {
                label: manifest.labels.get(label) for label in ("app.kubernetes.io/name", _INSTANCE)
            }
            if of_components(manifest):
                release = manifest.labels.get(_INSTANCE)
                labels = manifest.at(*path, default={})
                if release not in (labels.get(_INSTANCE), labels.get("release")):
                    yield manifest, f"{'.'.join(path)} must name the release {release}"
            elif dict(manifest.at(*path, default={})) != wanted:
                yield manifest, f"{'.'.join(path)} must be {wanted}"


_POD: Facts = {
    "enableServiceLinks": (
        False,
        "in a namespace with many Services the variables of all would fill the environment",
    ),
    "securityContext runAsNonRoot": (True, "it holds for containers that are injected, too"),
}
_CONTAINER: Facts = {
    "securityContext allowPrivilegeEscalation": (False, "no program needs more than it has"),
    "securityContext capabilities drop": (("ALL",), "no program needs any"),
    "securityContext runAsNonRoot": (True, "the pod's own can be replaced (pod_override)"),
}


@CHECKS.add
def pods_of_ours_give_up_their_rights(render: Render) -> Iterator[Fault]:
    """Give pods of ours a security context of their own, and each container one as well."""
    for pod in filter(is_ours, render.pods()):
        for fault in contradictions(pod.spec, _POD):
            yield pod, fault
    for container in filter(is_ours, containers(render)):
        for fault in contradictions(container.document, _CONTAINER):
            yield container, fault


@CHECKS.add
def configuration_is_mounted_read_only(render: Render) -> Iterator[Fault]:
    """Keep containers of ours, and what we mount into others, from writing to configuration."""
    for container in containers(render):
        for mount in container.document.get("volumeMounts") or ():
            volume = container.pod.volumes().get(mount["name"]) or {}
            ours = is_ours(container) or mount["name"].startswith("task-logs-")
            if (
                ours
                and {"configMap", "secret"} & volume.keys()
                and mount.get("readOnly") is not True
            ):
                yield container, f"the mount {mount['mountPath']} must be readOnly"


@CHECKS.add
def pods_restart_when_their_configuration_changes(render: Render) -> Iterator[Fault]:
    """Ask for the checksum of each ConfigMap that a pod which reads it only once mounts."""
    config_maps = {each.name: each for each in render.all("ConfigMap")}
    for pod in filter(is_ours, render.pods()):
        if pod.owner.kind != "Deployment":
            continue
        for name, volume in pod.volumes().items():
            source = (volume.get("configMap") or {}).get("name")
            if source in config_maps and is_ours(config_maps[source]):
                wanted = _checksum(config_maps[source])
                annotation = f"checksum/{name}"
                if (pod.metadata.get("annotations") or {}).get(annotation) != wanted:
                    yield pod, f"the annotation {annotation} must be the sha256 of {source}"


def _checksum(config_map: Manifest) -> str:
    """Return what Helm's `toJson | sha256sum` makes of the ConfigMap's data."""
    data = thaw(config_map.at("data"))
    text = json.dumps(data, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    for character in "<>&":  # which Go's JSON escapes
        text = text.replace(character, f"\\u{ord(character):04x}")
    return hashlib.sha256(text.encode()).hexdigest()


def _is_test(manifest: Manifest) -> bool:
    return manifest.annotations.get("helm.sh/hook") == "test"


def _usual(manifests: list[Manifest], label: str) -> str:
    """Return the value that most of ``manifests`` have of a label."""
    counted = Counter(manifest.labels.get(label, "") for manifest in manifests)
    return counted.most_common(1)[0][0] if counted else ""


def _below(step: str, facts: Facts) -> Facts:
    return {f"{step} {path}": fact for path, fact in facts.items()}
