"""What must hold for every object of every render, whatever chart and values it came from.

Each check covers all containers (init containers, native sidecars and the pod template in
Airflow's ConfigMap included) unless it says that it looks at ours only.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from airflow_platform.checks import (
    TASK_LOGS_SIDECAR,
    Checks,
    Finding,
    containers,
    is_ours,
    selects,
)
from airflow_platform.manifests import Container, Manifest, Pod, Render
from airflow_platform.project import NAMESPACE

INVARIANTS = Checks()

LONG_LIVED_KINDS = {"Deployment", "StatefulSet", "DaemonSet"}
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

# --- Images and resources


@INVARIANTS.add
def images_are_pinned(render: Render) -> Iterator[Finding]:
    """Refuse moving tags: with one, two pods of one release may run different programs."""
    for container in containers(render):
        image = container.document.get("image") or ""
        tag = image.rpartition("/")[2].partition(":")[2]
        if "@sha256:" not in image and tag in {"", "latest"}:
            yield container, f'image "{image}" needs a tag other than latest, or a digest'


@INVARIANTS.add
def resources_are_set(render: Render, *, upstream: bool = False) -> Iterator[Finding]:
    """Ask for requests, or nodes are overfilled, and a memory limit, or one leak fells a node.

    Not for a CPU limit, which only throttles. ``upstream``: look at the official chart's containers
    too, whose resources an environment's values can set, and not at ours only.
    """
    for container in containers(render):
        if not (upstream or is_ours(container)):
            continue
        resources = container.document.get("resources") or {}
        for field, resource in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
            if not (resources.get(field) or {}).get(resource):
                yield container, f"resources.{field}.{resource} is not set"


# --- Pod security


@INVARIANTS.add
def pods_are_restricted(render: Render) -> Iterator[Finding]:
    """Hold ours to the Pod Security Standard "restricted", which a namespace may enforce."""
    for pod in filter(is_ours, render.pods()):
        for fault in _pod_security_faults(pod):
            yield pod, fault
    for container in filter(is_ours, containers(render)):
        for fault in _container_security_faults(container):
            yield container, fault


def _pod_security_faults(pod: Pod) -> Iterator[str]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(field):
            yield f"{field} is not allowed"
    if (pod.spec.get("securityContext") or {}).get("sysctls"):
        yield "securityContext.sysctls is not allowed"
    for name, volume in pod.volumes().items():
        yield from _volume_faults(name, volume)


_RESTRICTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def _volume_faults(name: str, volume: Mapping[str, Any]) -> Iterator[str]:
    for source in sorted(volume.keys() - {"name"} - _RESTRICTED_VOLUMES):
        yield f'volume "{name}" is of the type {source}, which is not allowed'


def _container_security_faults(container: Container) -> Iterator[str]:
    own = container.document.get("securityContext") or {}
    effective = {**(container.pod.spec.get("securityContext") or {}), **own}
    capabilities = own.get("capabilities") or {}
    seccomp = (effective.get("seccompProfile") or {}).get("type")
    demands = {
        "runAsNonRoot must be true": effective.get("runAsNonRoot") is True,
        "runAsUser must not be 0": effective.get("runAsUser") != 0,
        "privileged is not allowed": not own.get("privileged"),
        "allowPrivilegeEscalation must be false": own.get("allowPrivilegeEscalation") is False,
        "capabilities.drop must hold ALL": "ALL" in (capabilities.get("drop") or ()),
        "capabilities.add may hold NET_BIND_SERVICE only": set(capabilities.get("add") or ())
        <= {"NET_BIND_SERVICE"},
        "seccompProfile.type must be RuntimeDefault or Localhost": seccomp
        in {"RuntimeDefault", "Localhost"},
        "procMount must be Default": own.get("procMount", "Default") == "Default",
        "hostPort is not allowed": not any(port.get("hostPort") for port in _ports(container)),
    }
    yield from (demand for demand, met in demands.items() if not met)
    for mount in container.document.get("volumeMounts") or ():
        volume = container.pod.volumes().get(mount["name"])
        yield from _volume_faults(mount["name"], volume or {})


@INVARIANTS.add
def root_filesystems_are_read_only(render: Render) -> Iterator[Finding]:
    """Keep ours from writing to their images, so that nothing can be planted there."""
    for container in filter(is_ours, containers(render)):
        context = container.document.get("securityContext") or {}
        if context.get("readOnlyRootFilesystem") is not True:
            yield container, "securityContext.readOnlyRootFilesystem must be true"


@INVARIANTS.add
def service_account_tokens_are_not_mounted(render: Render) -> Iterator[Finding]:
    """Give no pod of ours a token: none talks to the Kubernetes API, and tokens can be stolen."""
    for pod in filter(is_ours, render.pods()):
        if pod.spec.get("automountServiceAccountToken") is not False:
            yield pod, "automountServiceAccountToken must be false in the pod's spec"


# --- Names, namespaces and labels

_DNS_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DNS_SUBDOMAIN = re.compile(rf"{_DNS_LABEL}(\.{_DNS_LABEL})*")
_SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LONGEST_NAME = 63
# What Kubernetes appends must still fit into 63: a revision's hash, a run's time.
_LONGEST_NAME_OF_KIND = {"StatefulSet": 52, "CronJob": 52}


@INVARIANTS.add
def names_are_valid(render: Render) -> Iterator[Finding]:
    """Keep names fit for labels and host names, which take 63 characters of DNS-1123."""
    for manifest in render.manifests:
        limit = _LONGEST_NAME_OF_KIND.get(manifest.kind, _LONGEST_NAME)
        pattern = _SERVICE_NAME if manifest.kind == "Service" else _DNS_SUBDOMAIN
        if len(manifest.name) > limit:
            yield manifest, f"the name has {len(manifest.name)} characters, {limit} are allowed"
        if not pattern.fullmatch(manifest.name):
            yield manifest, f'the name "{manifest.name}" is not a valid DNS name'


@INVARIANTS.add
def namespaces_are_consistent(render: Render, *, namespace: str = NAMESPACE) -> Iterator[Finding]:
    """Keep a release in its namespace; objects of ours all name it, or all leave it to Helm."""
    ours = [each for each in render.manifests if is_ours(each) and not _is_cluster_scoped(each)]
    some_do = any(manifest.namespace for manifest in ours)
    for manifest in render.manifests:
        named = manifest.namespace
        if named and _is_cluster_scoped(manifest):
            yield manifest, f"names a namespace, but a {manifest.kind} belongs to none"
        elif named not in {None, namespace}:
            yield manifest, f'namespace "{named}" is not the release\'s "{namespace}"'
        elif named is None and some_do and manifest in ours:
            yield manifest, "names no namespace, while others of our objects do"


def _is_cluster_scoped(manifest: Manifest) -> bool:
    return manifest.kind in CLUSTER_SCOPED_KINDS


_LABEL_NAME = re.compile(r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)", re.ASCII)
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?", re.ASCII)


@INVARIANTS.add
def labels_are_valid(render: Render) -> Iterator[Finding]:
    """Refuse labels as the API server does: by syntax, length, and when they are no strings."""
    labelled: list[tuple[object, Mapping[str, Any]]] = [
        *((manifest, manifest.labels) for manifest in render.manifests),
        *((pod, _labels(pod)) for pod in render.pods()),
    ]
    for subject, labels in labelled:
        for key, value in labels.items():
            prefix, _, name = key.rpartition("/")
            if not _LABEL_NAME.fullmatch(name) or (prefix and not _DNS_SUBDOMAIN.fullmatch(prefix)):
                yield subject, f'"{key}" is not a valid label'
            if not (isinstance(value, str) and _LABEL_VALUE.fullmatch(value)):
                yield subject, f"label {key} has the invalid value {value!r}"


@INVARIANTS.add
def selectors_match_their_own_pods(render: Render) -> Iterator[Finding]:
    """Match each workload with its own pods only: two that share pods fight for them."""
    workloads = [pod for pod in render.pods() if pod.owner.kind in LONG_LIVED_KINDS and not pod.key]
    for workload in workloads:
        selector = workload.owner.at("spec", "selector")
        if not selects(selector, _labels(workload)):
            yield workload, "spec.selector does not match the labels of its own pod template"
        for other in workloads:
            if other is not workload and selects(selector, _labels(other)):
                yield workload, f"spec.selector also matches the pods of {other}"


_VERSION_LABELS = {"app.kubernetes.io/version", "chart", "helm.sh/chart"}


@INVARIANTS.add
def pods_survive_a_new_chart_version(render: Render) -> Iterator[Finding]:
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


# --- What a container may say only once


@INVARIANTS.add
def nothing_is_listed_twice(render: Render) -> Iterator[Finding]:
    """Refuse two entries of one name: Kubernetes takes the last one, or neither."""
    for pod in render.pods():
        yield from _repeated(pod, "volume", (volume["name"] for volume in _volumes(pod)))
    for container in containers(render):
        document = container.document
        env = (variable["name"] for variable in document.get("env") or ())
        mounts = (mount["mountPath"] for mount in document.get("volumeMounts") or ())
        yield from _repeated(container, "environment variable", env)
        yield from _repeated(container, "mount path", mounts)
        yield from _repeated_ports(container, _ports(container), "containerPort")
    for service in render.all("Service"):
        yield from _repeated_ports(service, service.at("spec", "ports", default=()), "port")


def _repeated_ports(
    subject: object, ports: Iterable[Mapping[str, Any]], number: str
) -> Iterator[Finding]:
    ports = tuple(ports)
    names = (port["name"] for port in ports if "name" in port)
    numbers = (f"{port[number]}/{port.get('protocol', 'TCP')}" for port in ports)
    yield from _repeated(subject, "port name", names)
    yield from _repeated(subject, "port", numbers)


def _repeated(subject: object, what: str, names: Iterable[str]) -> Iterator[Finding]:
    for name, times in Counter(names).items():
        if times > 1:
            yield subject, f'{what} "{name}" is listed {times} times'


# --- Secrets

_SECRET_WORDS = {"PASSWORD", "PASSWD", "SECRET", "TOKEN", "KEY"}
# A name that ends so says where a secret is, or something else about it.
_ABOUT_A_SECRET = {"FILE", "PATH", "DIR", "NAME", "CMD", "URL", "ENABLED", "TTL"}
_PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{16}")
_PASSWORD_IN_URI = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@]*:[^\s/:@$<{(\[*][^\s/:@]*@")


@INVARIANTS.add
def environment_holds_no_secrets(render: Render) -> Iterator[Finding]:
    """Refuse secrets in plain environment variables: whoever may read pods reads those."""
    for container in containers(render):
        for variable in container.document.get("env") or ():
            name, value = variable["name"], variable.get("value") or ""
            if _names_a_secret(name) and _is_literal(value):
                yield container, f"{name} has a literal value; use valueFrom.secretKeyRef"
            elif _PASSWORD_IN_URI.search(value):
                yield container, f"{name} holds a URI with a password in it"


@INVARIANTS.add
def config_maps_hold_no_secrets(render: Render) -> Iterator[Finding]:
    """Refuse secrets in ConfigMaps, which are not guarded as Secrets are."""
    for config_map in render.all("ConfigMap"):
        for key, text in config_map.at("data", default={}).items():
            if _PRIVATE_KEY.search(text):
                yield config_map, f"{key} holds a private key"
            if _PASSWORD_IN_URI.search(text):
                yield config_map, f"{key} holds a URI with a password in it"
    for config in render.embedded("AirflowConfig"):
        for section, options in config.document.items():
            for option, value in options.items():
                if _names_a_secret(option) and _is_literal(value):
                    yield config, f"[{section}] {option} has a literal value; take it from a Secret"


def _names_a_secret(name: str) -> bool:
    words = name.upper().split("_")
    return bool(_SECRET_WORDS.intersection(words)) and words[-1] not in _ABOUT_A_SECRET


def _is_literal(value: str) -> bool:
    """Say whether ``value`` is more than a reference, $(OTHER_VARIABLE), or a path."""
    return bool(value) and not value.startswith(("$(", "/"))


# --- Leftovers

_TEMPLATE = re.compile(r"\{\{|\.Values\.|<no value>|%!\w?\(")
_HELM_TEMPLATE = re.compile(r"\{\{-?\s*(?:\.(?:Values|Release|Chart)\b|include\b|tpl\b)")
# What Vector, Prometheus, Grafana or an operator evaluates with templates of its own.
_OTHER_TEMPLATES = {
    "ConfigMap": "data",
    "ExternalSecret": "spec",
    "GrafanaDashboard": "spec",
    "PrometheusRule": "spec",
}


@INVARIANTS.add
def no_template_is_left_unevaluated(render: Render) -> Iterator[Finding]:
    """Refuse `{{` (a value that nobody evaluates), `<no value>` and what else Go leaves behind."""
    for manifest in render.manifests:
        other = _OTHER_TEMPLATES.get(manifest.kind)
        for field, content in manifest.document.items():
            pattern = _HELM_TEMPLATE if field == other else _TEMPLATE
            yield from _leftovers(manifest, content, pattern)
    for document in render.embedded("Pod"):
        yield from _leftovers(document, document.document, _TEMPLATE)


def _leftovers(subject: object, content: Any, pattern: re.Pattern[str]) -> Iterator[Finding]:
    for text in _strings(content):
        found = pattern.search(text)
        if found:
            yield subject, f"unevaluated template: {text[found.start() :][:60]!r}"


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from _strings(item)


# --- Life and death of pods


@INVARIANTS.add
def jobs_are_no_hooks(render: Render, *, allowed: Collection[str] = ()) -> Iterator[Finding]:
    """Refuse hooks: `--wait` holds them back until pods are ready that wait for the migration.

    Flux waits by default. ``allowed``: names of Jobs that may be hooks; a test always may.
    """
    for job in render.all("Job"):
        hook = job.annotations.get("helm.sh/hook", "test")
        if hook != "test" and job.name not in allowed:
            yield job, f"is a Helm hook ({hook}); make it a plain Job"


@INVARIANTS.add
def task_logs_sidecars_are_native(render: Render) -> Iterator[Finding]:
    """Keep the sidecar native, to outlive the task and yet let the pod end, and without a gate."""
    for container in containers(render):
        if container.name != TASK_LOGS_SIDECAR:
            continue
        if container.role != "sidecar":
            yield container, "must be an init container with restartPolicy: Always"
        for probe in ("startupProbe", "readinessProbe"):
            if probe in container.document:
                yield container, f"{probe} is not allowed: a broken sidecar must not stop a task"


@INVARIANTS.add
def replicas_have_a_disruption_budget(render: Render) -> Iterator[Finding]:
    """Ask for a budget where there are replicas, or draining nodes takes them all at once."""
    selectors = [each.at("spec", "selector") for each in render.all("PodDisruptionBudget")]
    for pod in render.pods():
        replicated = pod.owner.kind in {"Deployment", "StatefulSet"} and _replicas(render, pod) > 1
        if replicated and not any(selects(selector, _labels(pod)) for selector in selectors):
            yield pod, "has several replicas, but no PodDisruptionBudget selects its pods"


def _replicas(render: Render, pod: Pod) -> int:
    """Return how many of the workload's pods there are at least."""
    workload = {"kind": pod.owner.kind, "name": pod.owner.name}
    minima = (
        scaler.at("spec", "minReplicas", default=1)
        for scaler in render.all("HorizontalPodAutoscaler")
        if workload.items() <= scaler.at("spec", "scaleTargetRef").items()
    )
    return int(max([pod.owner.at("spec", "replicas", default=1), *minima]))


@INVARIANTS.add
def long_lived_containers_have_probes(render: Render) -> Iterator[Finding]:
    """Ask for probes where a port is served (ours only).

    Without them what is not up gets traffic and what hangs is left alone.
    """
    for container in filter(is_ours, containers(render)):
        serves = container.role == "main" and _ports(container)
        if serves and container.pod.owner.kind in LONG_LIVED_KINDS:
            for probe in ("livenessProbe", "readinessProbe"):
                if probe not in container.document:
                    yield container, f"{probe} is not set"


def _labels(pod: Pod) -> Mapping[str, str]:
    return pod.metadata.get("labels") or {}


def _volumes(pod: Pod) -> tuple[Mapping[str, Any], ...]:
    return pod.spec.get("volumes") or ()


def _ports(container: Container) -> tuple[Mapping[str, Any], ...]:
    return container.document.get("ports") or ()
