"""What one object of a render says about another must be true: selectors, ports, names, paths.

The API server refuses hardly any of these mistakes; each shows up later, as something that
silently does not work or as a pod that never starts.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from airflow_platform.checks.database import operator_pods, secrets_of_operator
from airflow_platform.checks.jobs import network_policies_of_jobs
from airflow_platform.checks.violations import CHECKS, Fault, containers, is_ours, selects
from airflow_platform.manifests import Container, Keys, Manifest, Pod, Render
from airflow_platform.network.edges import labels_of
from airflow_platform.network.policies import has_airflow, of_components

POD_TEMPLATE_FILE = "pod_template_file.yaml"

# --- Services and who calls them


@CHECKS.add
def services_reach_a_workload(render: Render) -> Iterator[Fault]:
    """Find the pods and the port behind each Service: when wrong, connections go nowhere."""
    for service in render.all("Service"):
        labels = service.at("spec", "selector", default=None)
        if not labels:
            continue
        pods = _running_pods(render, {"matchLabels": labels})
        if len(pods) != 1:
            yield service, f"spec.selector must select one workload, it selects {_list(pods)}"
        for port in service.at("spec", "ports", default=()):
            target, protocol = port.get("targetPort", port["port"]), _protocol(port)
            for pod in pods:
                if target not in _container_ports(pod, protocol):
                    yield service, f"targetPort {target}/{protocol} is no container port of {pod}"


@CHECKS.add
def service_monitors_reach_a_service(render: Render) -> Iterator[Fault]:
    """Find what is scraped: to Prometheus a wrong selector or port is no error, just no target."""
    for monitor in render.all("ServiceMonitor"):
        yield from _looks_elsewhere(monitor, render.namespace)
        selector = monitor.at("spec", "selector")
        services = [each for each in render.all("Service") if selects(selector, each.labels)]
        if len(services) != 1:
            yield monitor, f"spec.selector must select one Service, it selects {_list(services)}"
        for endpoint in monitor.at("spec", "endpoints"):
            port = endpoint.get("port")
            for service in services:
                if not isinstance(port, str) or port not in _service_ports(service, "TCP"):
                    yield monitor, f"port {port} is no named TCP port of {service}"


@CHECKS.add
def pod_monitors_reach_pods(render: Render) -> Iterator[Fault]:
    """Find what is scraped. Of the selected pods, those without the port are not."""
    for monitor in render.all("PodMonitor"):
        yield from _looks_elsewhere(monitor, render.namespace)
        selector = monitor.at("spec", "selector")
        pods = _pods(render, selector)
        to_come = {port for labels, port in operator_pods(render) if selects(selector, labels)}
        if to_come and not pods:
            ports = [each.get("port") for each in monitor.at("spec", "podMetricsEndpoints")]
            if not to_come.issuperset(ports):
                yield monitor, f"the port must be {_list(to_come)}, and not {_list(ports)}"
            continue
        if not pods:
            yield monitor, "spec.selector must select pods, it selects none"
        for endpoint in monitor.at("spec", "podMetricsEndpoints"):
            port = endpoint.get("port")
            named = isinstance(port, str)
            if pods and not (named and any(port in _container_ports(pod, "TCP") for pod in pods)):
                yield monitor, f"port {port} is no named TCP port of {_list(pods)}"


def _looks_elsewhere(monitor: Manifest, namespace: str) -> Iterator[Fault]:
    """Yield when the monitor looks into its own namespace only, and that is another one."""
    selector = monitor.at("spec", "namespaceSelector", default={})
    looked_into = selector.get("matchNames") or (monitor.namespace or namespace,)
    if not selector.get("any") and namespace not in looked_into:
        yield monitor, f'spec.namespaceSelector.matchNames must hold "{namespace}"'


@CHECKS.add
def ingresses_reach_a_service(render: Render) -> Iterator[Fault]:
    """Find the Service and port behind each Ingress: without one it answers 503."""
    for ingress in render.all("Ingress"):
        for backend in _backends(ingress):
            (port,) = backend["port"].values()  # a name or a number
            if port not in _ports_of_service(render, backend["name"], "TCP"):
                yield ingress, f"there is no Service {backend['name']} with port {port}/TCP"


def _backends(ingress: Manifest) -> Iterator[Mapping[str, Any]]:
    default = ingress.at("spec", "defaultBackend", default=None)
    paths = (
        path["backend"]
        for rule in ingress.at("spec", "rules", default=())
        for path in (rule.get("http") or {}).get("paths") or ()
    )
    for backend in (*paths, *([default] if default else [])):
        if "service" in backend:
            yield backend["service"]


@CHECKS.add
def statsd_reaches_a_service(render: Render) -> Iterator[Fault]:
    """Find who listens to StatsD: it is UDP, so Airflow never learns that nobody does."""
    for config in render.embedded("AirflowConfig"):
        metrics = config.document.get("metrics") or {}
        if metrics.get("statsd_on", "").lower() == "true":
            host, port = metrics.get("statsd_host", ""), metrics.get("statsd_port", "")
            name, _, rest = host.partition(".")
            ports = _ports_of_service(render, name, "UDP")
            elsewhere = rest and rest.partition(".")[0] != render.namespace
            if elsewhere or port not in map(str, ports):
                yield config, f"[metrics] there is no Service {host} with port {port}/UDP"


# --- Selectors and references to other objects


@CHECKS.add
def disruption_budgets_select_pods(render: Render) -> Iterator[Fault]:
    """Find the pods of each budget: one that selects nothing protects nothing."""
    for budget in render.all("PodDisruptionBudget"):
        if not _running_pods(render, budget.at("spec", "selector")):
            yield budget, "spec.selector selects no pods"


@CHECKS.add
def network_policies_select_pods(render: Render) -> Iterator[Fault]:
    """Find the pods of each policy, and its ports: a UDP port is not opened as a TCP port.

    The pods of jobs are made when they run.
    """
    of_jobs = network_policies_of_jobs(render)
    for policy in render.all("NetworkPolicy"):
        if policy in of_jobs or (of_components(policy) and not has_airflow(render)):
            continue
        selector = policy.at("spec", "podSelector")
        pods = [pod for pod in render.pods() if selects(selector, labels_of(pod))]
        if not pods:
            yield policy, "spec.podSelector selects no pods"
        for port in _ingress_ports(policy):
            number, protocol = port["port"], _protocol(port)
            if not any(number in _container_ports(pod, protocol) for pod in pods):
                yield policy, f"no pod that it selects has the container port {number}/{protocol}"


def _ingress_ports(policy: Manifest) -> Iterator[Mapping[str, Any]]:
    for rule in policy.at("spec", "ingress", default=()):
        for port in rule.get("ports") or ():
            if "port" in port and "endPort" not in port:
                yield port


@CHECKS.add
def autoscalers_scale_a_workload(render: Render) -> Iterator[Fault]:
    """Find the workload of each autoscaler: without one it scales nothing."""
    for scaler in render.all("HorizontalPodAutoscaler"):
        target = scaler.at("spec", "scaleTargetRef")
        if target["name"] not in _names(render, target["kind"]):
            yield scaler, f"there is no {target['kind']} {target['name']}"


@CHECKS.add
def service_accounts_exist(render: Render) -> Iterator[Fault]:
    """Find each ServiceAccount: while it is missing no pod of it is created."""
    known = {*render.external.service_accounts, *_names(render, "ServiceAccount")}
    for holder, name in _accounts(render):
        # The official chart binds a role to accounts of pods that it does not make.
        used = isinstance(holder, Pod) or not holder.name.endswith("-scc-rolebinding")
        if used and name not in known:
            yield (
                holder,
                f"there is no ServiceAccount {name}; create it, and name it in your values",
            )


@CHECKS.add
def bindings_bind_a_role(render: Render) -> Iterator[Fault]:
    """Find each bound role: a missing one grants nothing."""
    for binding, name in _cluster_roles(render):
        if name not in {*render.external.cluster_roles, *_names(render, "ClusterRole")}:
            yield binding, f"there is no ClusterRole {name}"
    for binding in render.all("RoleBinding"):
        role = binding.at("roleRef")
        if role["kind"] == "Role" and role["name"] not in _names(render, "Role"):
            yield binding, f"there is no Role {role['name']}"


# --- Volumes, ConfigMaps and Secrets


@CHECKS.add
def mounts_have_a_volume(render: Render) -> Iterator[Fault]:
    """Find the volume of each mount: of a pod template the API server would refuse every task."""
    for container in containers(render):
        for mount in container.document.get("volumeMounts") or ():
            if mount["name"] not in {*container.pod.volumes(), *_claims(container.pod)}:
                yield container, f'mounts the volume "{mount["name"]}", which the pod has not'


# What is left of the sidecar's entry in airflow.triggerer.extraVolumes where task logs are off.
_NOT_MOUNTED = {"task-logs-config-off"}


@CHECKS.add
def volumes_are_mounted(render: Render) -> Iterator[Fault]:
    """Find who mounts each volume: nobody means a forgotten mount, or a leftover."""
    for pod in render.pods():
        mounted = {
            mount["name"]
            for container in pod.containers().values()
            for mount in container.document.get("volumeMounts") or ()
        }
        for name in sorted(pod.volumes().keys() - mounted - _NOT_MOUNTED):
            yield pod, f'no container mounts the volume "{name}"'


@dataclass(frozen=True)
class Reference:
    """What a pod or operator takes from a ConfigMap or Secret; ``key`` None means all of it."""

    """What a pod takes from a ConfigMap or Secret; ``key`` None stands for all of it.

    ``variable`` is the variable that gets the value, if one does.
    """

    holder: Pod | Container | Manifest
    kind: str
    name: str
    key: str | None
    optional: bool
    variable: str = ""


EXTERNAL_KINDS = ("Secret", "ConfigMap", "ServiceAccount", "ClusterRole")


def not_rendered(render: Render) -> Iterator[Reference]:
    """Yield what is referred to and is not among the manifests, of EXTERNAL_KINDS."""
    for reference in references(render):
        if not reference.optional and reference.name not in _keys(render, reference.kind):
            yield reference
    for kind, names in (
        ("ServiceAccount", _accounts(render)),
        ("ClusterRole", _cluster_roles(render)),
    ):
        for holder, name in names:
            if name not in _names(render, kind):
                yield Reference(holder, kind, name, None, optional=False)


def _accounts(render: Render) -> Iterator[tuple[Pod | Manifest, str]]:
    """Yield the ServiceAccount of each pod, and those that get a role."""
    for pod in render.pods():
        name = pod.spec.get("serviceAccountName", "default")
        if name != "default":  # which every namespace has
            yield pod, name
    for binding in (*render.all("RoleBinding"), *render.all("ClusterRoleBinding")):
        for subject in binding.at("subjects", default=()):
            if subject["kind"] == "ServiceAccount":
                yield binding, subject["name"]


def _cluster_roles(render: Render) -> Iterator[tuple[Manifest, str]]:
    """Yield the bound ClusterRoles, without those that come with the cluster (system:...)."""
    for binding in (*render.all("RoleBinding"), *render.all("ClusterRoleBinding")):
        role = binding.at("roleRef")
        if role["kind"] == "ClusterRole" and not role["name"].startswith("system:"):
            yield binding, role["name"]


@CHECKS.add
def config_maps_exist(render: Render) -> Iterator[Fault]:
    """Find each ConfigMap and key: no container starts without one that is not optional.

    A file mounted by its name (subPath) must exist as well: else it becomes an empty directory.
    """
    known = {**render.external.config_maps, **_keys(render, "ConfigMap")}
    for reference in references(render):
        if reference.kind == "ConfigMap":
            yield from _unresolved(reference, known)
    # The official chart always mounts the pod template, and makes it for KubernetesExecutor only.
    starts_task_pods = any(
        "Kubernetes" in config.document.get("core", {}).get("executor", "")
        for config in render.embedded("AirflowConfig")
    )
    for container in containers(render):
        for mount in container.document.get("volumeMounts") or ():
            files = _files(render, container.pod, mount["name"])
            path = mount.get("subPath")
            if path == POD_TEMPLATE_FILE and not starts_task_pods:
                continue
            if path and files is not None and path not in files:
                yield container, f"there is no file {path} in volume {mount['name']}"


@CHECKS.add
def grafana_dashboards_take_a_config_map(render: Render) -> Iterator[Fault]:
    """Find the ConfigMap and key behind each GrafanaDashboard: without it nothing is shown."""
    known = _keys(render, "ConfigMap")
    for dashboard in render.all("GrafanaDashboard"):
        reference = dashboard.at("spec", "configMapRef", default={})
        name, key = reference.get("name"), reference.get("key")
        if key not in (known.get(name) or ()):
            yield dashboard, f"there is no ConfigMap {name} with the key {key}"


@CHECKS.add
def secrets_exist(render: Render) -> Iterator[Fault]:
    """Find each Secret and key: no container starts without one that is not optional."""
    known = {**render.external.secrets, **keys_of_secrets(render)}
    for reference in references(render):
        if reference.kind == "Secret":
            yield from _unresolved(reference, known)


def _unresolved(reference: Reference, known: Keys) -> Iterator[Fault]:
    if reference.optional:
        return
    what = f"{reference.kind} {reference.name}"
    if reference.name not in known:
        yield reference.holder, f"there is no {what}; create it, and name it in your values"
        return
    keys = known[reference.name]
    if reference.key and keys is not None and reference.key not in keys:
        yield reference.holder, f"{what} has no key {reference.key}"


@CHECKS.add
def named_files_are_mounted(render: Render) -> Iterator[Fault]:
    """Find each file that a command line or the environment of ours names in a ConfigMap."""
    for container in filter(is_ours, containers(render)):
        mounts = {
            PurePosixPath(mount["mountPath"]): _files(render, container.pod, mount["name"])
            for mount in container.document.get("volumeMounts") or ()
        }
        for path in _named_paths(container):
            mount = next((each for each in (path, *path.parents) if each in mounts), path)
            files = mounts.get(mount)
            if path != mount and files is not None and str(path.relative_to(mount)) not in files:
                yield container, f"names {path}, but the ConfigMap mounted there has no such file"


_ABSOLUTE_PATH = re.compile(r"(?<![\w./$}-])/[\w.-]+(?:/[\w.-]+)*")


def _named_paths(container: Container) -> Iterator[PurePosixPath]:
    words = (
        *(container.document.get("command") or ()),
        *(container.document.get("args") or ()),
        *(variable.get("value") or "" for variable in container.document.get("env") or ()),
    )
    for word in words:
        for path in _ABSOLUTE_PATH.findall(word):
            yield PurePosixPath(path)


# --- What there is


def _names(render: Render, kind: str) -> set[str]:
    return {manifest.name for manifest in render.all(kind)}


def _pods(render: Render, selector: Mapping[str, Any]) -> list[Pod]:
    return [pod for pod in render.pods() if selects(selector, pod.metadata.get("labels") or {})]


def _running_pods(render: Render, selector: Mapping[str, Any]) -> list[Pod]:
    """Return those that are there all the time: neither of Jobs nor of an embedded template."""
    short_lived = {"ConfigMap", "CronJob", "Job"}
    return [pod for pod in _pods(render, selector) if pod.owner.kind not in short_lived]


def _claims(pod: Pod) -> list[str]:
    """Return the names of the volumes that a StatefulSet claims for each of its pods."""
    claims = pod.owner.at("spec", "volumeClaimTemplates", default=())
    return [claim["metadata"]["name"] for claim in claims]


def _protocol(port: Mapping[str, Any]) -> str:
    return str(port.get("protocol", "TCP"))


def _container_ports(pod: Pod, protocol: str) -> set[str | int]:
    """Return names and numbers of the ports that the pod's containers declare."""
    return {
        port[field]
        for container in pod.containers().values()
        for port in container.document.get("ports") or ()
        for field in ("name", "containerPort")
        if field in port and _protocol(port) == protocol
    }


def _service_ports(service: Manifest, protocol: str) -> set[str | int]:
    """Return names and numbers of the Service's ports."""
    return {
        port[field]
        for port in service.at("spec", "ports", default=())
        for field in ("name", "port")
        if field in port and _protocol(port) == protocol
    }


def _ports_of_service(render: Render, name: str, protocol: str) -> set[str | int]:
    """Return names and numbers of the ports of the Service ``name``, none when there is none."""
    services = (service for service in render.all("Service") if service.name == name)
    return {port for service in services for port in _service_ports(service, protocol)}


def _keys(render: Render, kind: str) -> dict[str, Collection[str] | None]:
    """Return the keys of each ConfigMap or Secret by its name; None where they are not known."""
    keys: dict[str, Collection[str] | None] = {
        manifest.name: {
            key
            for field in ("data", "binaryData", "stringData")
            for key in manifest.at(field, default=None) or ()
        }
        for manifest in render.all(kind)
    }
    if kind == "Secret":
        for external in render.all("ExternalSecret"):
            name = external.at("spec", "target", "name", default=external.name)
            keys[name] = _keys_of_external(external)
    return keys


def keys_of_secrets(render: Render) -> dict[str, Collection[str] | None]:
    """Return the keys of the Secrets that the release makes, or External Secrets for it."""
    return _keys(render, "Secret")


def _keys_of_external(external: Manifest) -> Collection[str] | None:
    """Return the keys of the Secret that External Secrets makes, None where only the store knows.

    A template replaces what comes from the store unless it is to be merged. With the creation
    policy Merge the Secret has keys of its own as well.
    """
    template = external.at("spec", "target", "template", default={})
    templated = {*(template.get("data") or ())}
    if external.at("spec", "target", "creationPolicy", default="Owner") == "Merge":
        return None
    if template.get("templateFrom"):
        return None
    if templated and template.get("mergePolicy", "Replace") == "Replace":
        return templated
    if external.at("spec", "dataFrom", default=()):
        return None
    return templated | {each["secretKey"] for each in external.at("spec", "data", default=())}


def references(render: Render) -> Iterator[Reference]:
    """Yield what pods, and the operator of the database, take from ConfigMaps and Secrets.

    Each is named as often as it is taken, optional or not.
    """
    for holder, name, key in secrets_of_operator(render):
        yield Reference(holder, "Secret", name, key, optional=False)
    for pod in render.pods():
        for secret in pod.spec.get("imagePullSecrets") or ():
            yield Reference(pod, "Secret", secret["name"], None, optional=False)
        for volume in pod.volumes().values():
            for source in _sources(volume):
                yield from _volume_references(pod, source)
    for container in containers(render):
        for variable in container.document.get("env") or ():
            source = variable.get("valueFrom") or {}
            yield from _environment_references(container, source, variable["name"])
        for source in container.document.get("envFrom") or ():
            yield from _environment_references(container, source)


def _sources(volume: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    return (volume.get("projected") or {}).get("sources") or (volume,)


def _volume_references(pod: Pod, source: Mapping[str, Any]) -> Iterator[Reference]:
    for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
        if field in source:
            content = source[field] or {}
            name = content.get("secretName") or content.get("name") or "without a name"
            items: tuple[Mapping[str, Any], ...] = content.get("items") or ({},)
            for item in items:
                optional = bool(content.get("optional"))
                yield Reference(pod, kind, name, item.get("key"), optional)


_ENVIRONMENT_KINDS = {
    "configMapKeyRef": "ConfigMap",
    "configMapRef": "ConfigMap",
    "secretKeyRef": "Secret",
    "secretRef": "Secret",
}


def _environment_references(
    container: Container, source: Mapping[str, Any], variable: str = ""
) -> Iterator[Reference]:
    for field, kind in _ENVIRONMENT_KINDS.items():
        if content := source.get(field):
            optional = bool(content.get("optional"))
            key = content.get("key")
            yield Reference(container, kind, content["name"], key, optional, variable)


def _files(render: Render, pod: Pod, volume_name: str) -> set[str] | None:
    """Return the paths of all files in a volume of ConfigMaps, None when they are not known."""
    files: set[str] = set()
    keys = _keys(render, "ConfigMap")
    for source in _sources(pod.volumes().get(volume_name) or {}):
        content = source.get("configMap") or {}
        known = keys.get(content.get("name", ""))
        if known is None:
            return None
        items: tuple[Mapping[str, Any], ...] = content.get("items") or ()
        files |= {item["path"] for item in items} or set(known)
    return files


def _list(things: Iterable[object]) -> str:
    return ", ".join(map(str, things)) or "none"
