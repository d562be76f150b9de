"""Names, namespaces, labels and selectors, and what a list may name only once."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airflow_platform.checks.injection import namespaces_with_injection
from airflow_platform.checks.jobs import is_in_each_namespace_with_jobs, namespaces_with_jobs
from airflow_platform.checks.violations import (
    CHECKS,
    LONG_LIVED_KINDS,
    Fault,
    containers,
    is_ours,
    selects,
)
from airflow_platform.manifests import Manifest, Render

CLUSTER_SCOPED_KINDS = {
    "ClusterExternalSecret",
    "ClusterRole",
    "ClusterRoleBinding",
    "ClusterSecretStore",
    "CustomResourceDefinition",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "Namespace",
    "PersistentVolume",
    "PriorityClass",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}

_DNS_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DNS_SUBDOMAIN = re.compile(rf"{_DNS_LABEL}(\.{_DNS_LABEL})*")
_SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_RBAC_NAME = re.compile(r"[^/%]+")
_LONGEST_NAME = 63
# What Kubernetes appends must still fit into 63: a revision's hash, a run's time. Names of
# accounts, roles and policies become neither labels nor host names.
_LONGEST_NAME_OF_KIND = {
    "StatefulSet": 52,
    "CronJob": 52,
    "NetworkPolicy": 253,
    "ServiceAccount": 253,
    "MutatingAdmissionPolicy": 253,
    "MutatingAdmissionPolicyBinding": 253,
}
_RBAC = "rbac.authorization.k8s.io/"


@CHECKS.add
def names_are_valid(render: Render) -> Iterator[Fault]:
    """Keep names fit for labels and host names, which take 63 characters of DNS-1123."""
    for manifest in render.manifests:
        limit = _LONGEST_NAME_OF_KIND.get(manifest.kind, _LONGEST_NAME)
        pattern = _SERVICE_NAME if manifest.kind == "Service" else _DNS_SUBDOMAIN
        if manifest.api_version.startswith(_RBAC):
            limit, pattern = 253, _RBAC_NAME
        if len(manifest.name) > limit:
            yield manifest, f"the name has {len(manifest.name)} characters, {limit} are allowed"
        if not pattern.fullmatch(manifest.name):
            yield manifest, f'the name "{manifest.name}" is not a valid DNS name'


# Prometheus and Grafana read these, and may look into namespaces of their own only.
_READ_ELSEWHERE = {"GrafanaDashboard", "PodMonitor", "PrometheusRule", "ServiceMonitor"}


@CHECKS.add
def namespaces_are_consistent(render: Render) -> Iterator[Fault]:
    """Keep a release in its namespace; objects of ours all name it, or all leave it to Helm.

    What Prometheus and Grafana read, dashboards in ConfigMaps included, may be in any namespace,
    the sidecar's ConfigMap is in each namespace whose pods get the sidecar, and what jobs need in
    each namespace in which they run.
    """
    elsewhere = {"ConfigMap": namespaces_with_injection(render)}
    with_jobs = namespaces_with_jobs(render)
    dashboards = [document.owner for document in render.embedded("Dashboard")]
    anywhere = [m for m in render.manifests if m.kind in _READ_ELSEWHERE or m in dashboards]
    ours = [each for each in render.manifests if is_ours(each) and not _is_cluster_scoped(each)]
    some_do = any(manifest.namespace for manifest in ours if manifest not in anywhere)
    for manifest in render.manifests:
        named = manifest.namespace
        if named and _is_cluster_scoped(manifest):
            yield manifest, f"names a namespace, but a {manifest.kind} belongs to none"
        elif named in elsewhere.get(manifest.kind, ()) or (
            is_in_each_namespace_with_jobs(manifest) and named in with_jobs
        ):
            continue
        elif named not in {None, render.namespace} and manifest not in anywhere:
            yield manifest, f'namespace "{named}" is not the release\'s "{render.namespace}"'
        elif named is None and some_do and manifest in ours:
            yield manifest, "names no namespace, while others of our objects do"


def _is_cluster_scoped(manifest: Manifest) -> bool:
    return manifest.kind in CLUSTER_SCOPED_KINDS


_LABEL_NAME = re.compile(r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)", re.ASCII)
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?", re.ASCII)


@CHECKS.add
def labels_are_valid(render: Render) -> Iterator[Fault]:
    """Refuse labels as the API server does: by syntax, length, and when they are no strings."""
    labelled: list[tuple[object, Mapping[str, Any]]] = [
        *((manifest, manifest.labels) for manifest in render.manifests),
        *((pod, pod.labels) for pod in render.pods()),
    ]
    for subject, labels in labelled:
        for key, value in labels.items():
            prefix, _, name = key.rpartition("/")
            if not _LABEL_NAME.fullmatch(name) or (prefix and not _DNS_SUBDOMAIN.fullmatch(prefix)):
                yield subject, f'"{key}" is not a valid label'
            if not (isinstance(value, str) and _LABEL_VALUE.fullmatch(value)):
                yield subject, f"label {key} has the invalid value {value!r}"


@CHECKS.add
def selectors_match_their_own_pods(render: Render) -> Iterator[Fault]:
    """Match each workload with its own pods only: two that share pods fight for them."""
    workloads = [pod for pod in render.pods() if pod.owner.kind in LONG_LIVED_KINDS and not pod.key]
    for workload in workloads:
        selector = workload.owner.at("spec", "selector")
        if not selects(selector, workload.labels):
            yield workload, "spec.selector does not match the labels of its own pod template"
        for other in workloads:
            if other is not workload and selects(selector, other.labels):
                yield workload, f"spec.selector also matches the pods of {other}"


_VERSION_LABELS = {"app.kubernetes.io/version", "chart", "helm.sh/chart"}


@CHECKS.add
def pods_survive_a_new_chart_version(render: Render) -> Iterator[Fault]:
    """Refuse pod labels that change with the chart: each release of it would restart every pod.

    In a StatefulSet's volume claims they would forbid the upgrade. Ours only: a new version of a
    chart that we depend on is a new pod anyway.
    """
    for pod in filter(is_ours, render.pods()):
        claims = pod.owner.at("spec", "volumeClaimTemplates", default=())
        templates = {"the pod": pod.metadata} | {
            f'volume claim "{claim["metadata"]["name"]}"': claim["metadata"] for claim in claims
        }
        for holder, metadata in templates.items():
            for label in sorted(_VERSION_LABELS & (metadata.get("labels") or {}).keys()):
                yield pod, f"label {label} of {holder} changes with the chart's version"


@CHECKS.add
def nothing_is_listed_twice(render: Render) -> Iterator[Fault]:
    """Refuse two entries of one name: Kubernetes takes the last one, or neither."""
    for pod in render.pods():
        yield from _repeated(
            pod, "volume", (volume["name"] for volume in pod.spec.get("volumes") or ())
        )
    for container in containers(render):
        document = container.document
        env = (variable["name"] for variable in document.get("env") or ())
        mounts = (mount["mountPath"] for mount in document.get("volumeMounts") or ())
        yield from _repeated(container, "environment variable", env)
        yield from _repeated(container, "mount path", mounts)
        yield from _repeated_ports(container, container.ports, "containerPort")
    for service in render.all("Service"):
        yield from _repeated_ports(service, service.at("spec", "ports", default=()), "port")


def _repeated_ports(
    subject: object, ports: Iterable[Mapping[str, Any]], number: str
) -> Iterator[Fault]:
    ports = tuple(ports)
    names = (port["name"] for port in ports if "name" in port)
    numbers = (f"{port[number]}/{port.get('protocol', 'TCP')}" for port in ports)
    yield from _repeated(subject, "port name", names)
    yield from _repeated(subject, "port", numbers)


def _repeated(subject: object, what: str, names: Iterable[str]) -> Iterator[Fault]:
    for name, times in Counter(names).items():
        if times > 1:
            yield subject, f'{what} "{name}" is listed {times} times'
