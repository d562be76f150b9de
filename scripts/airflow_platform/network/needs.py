"""The connections that a release needs, read from its manifests.

Environment variables, airflow.cfg, Secrets with connections, Services and their ports, Vector's
configuration, monitors, and the rights of ServiceAccounts say who connects to whom. What only the
source of Airflow tells is here: which of its programs use what is configured for all of them.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from airflow_platform.checks.violations import TASK_LOGS_SIDECAR, selects
from airflow_platform.manifests import Container, Pod, Render
from airflow_platform.network.edges import (
    EVERYWHERE,
    INJECTED_POD,
    Edge,
    Place,
    container_ports,
    place_of,
    pods_of_the_release,
)

DNS = Place("the DNS of the cluster")
KUBERNETES = Place("the API server of Kubernetes", outside=True)  # on a machine, in no pod
USERS = Place("users, programs and ingress controllers")
PROMETHEUS = Place("Prometheus")
INJECTED = Place("pods with an injected sidecar")

_SERVERS = {"api-server", "webserver"}
_RUNS_TASKS = {"base", "worker"}
_RUNS = {
    "scheduler",
    "dag-processor",
    "triggerer",
    *_SERVERS,
    *_RUNS_TASKS,
}  # for as long as its pod
_CONNECTION = ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__SQL_ALCHEMY_CONN")
_DEFAULT_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "postgres": 5432, "mysql": 3306}
_DEFAULT_PORTS |= {"redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671, "ssh": 22}
_BROKERS = (5671, 5672, 6379, 6380)
_VARIABLE = re.compile(r"AIRFLOW__(?P<section>[A-Z0-9_]+?)__(?P<option>[A-Z0-9_]+)")
_LOGIN = re.compile(r"OAUTH_PROVIDERS|AUTH_LDAP|AUTH_OID")
_SEARCH = ("AIRFLOW__ELASTICSEARCH__HOST", "AIRFLOW__OPENSEARCH__HOST")
_METRICS_PORTS = ("statsd-scrape", "vector-metrics", "metrics")


def needs(render: Render) -> tuple[Edge, ...]:
    """Return each connection that pods of the render need, or are there to answer."""
    return tuple(dict.fromkeys(_Needs(render).all()))


class _Needs:
    def __init__(self, render: Render) -> None:
        self.render = render

    def all(self) -> Iterator[Edge]:
        edges: dict[Edge, None] = {}
        for pod in self.render.pods():
            if pod.key == INJECTED_POD:
                for container in pod.containers().values():
                    edges |= dict.fromkeys(self._reports(container))
        for pod in pods_of_the_release(self.render):
            for container in pod.containers().values():
                edges |= dict.fromkeys(self._of_container(container))
            edges |= dict.fromkeys(self._kubernetes(pod))
            edges |= dict.fromkeys(self._clients(pod))
        edges |= dict.fromkeys(self._scrapes())
        edges |= dict.fromkeys(self._scalers())
        edges |= dict.fromkeys(self._replicas())
        yield from edges
        for source in {edge.source: edge for edge in edges if not edge.optional}.values():
            if isinstance(source.source, Pod):
                yield from _names(source.source)

    def _of_container(self, container: Container) -> Iterator[Edge]:
        yield from self._database(container)
        yield from self._pgbouncer(container)
        yield from self._broker(container)
        yield from self._statsd(container)
        yield from self._telemetry(container)
        yield from self._reports(container)
        yield from self._sinks(container)
        yield from self._git(container)
        yield from self._execution_api(container)
        yield from self._logs(container)
        yield from self._elsewhere(container)

    def _database(self, container: Container) -> Iterator[Edge]:
        name = next((name for name in _CONNECTION if name in _variables(container)), None)
        # A task of Airflow 3 has the variable as well, and does not use it.
        if name is None or (container.name == "base" and self._is_airflow3):
            return
        why = f"{name} of {container.name}"
        url = _value(self.render, container, name)
        yield from self._to_url(
            container.pod, url, why, "database", "the database", "database", self._databases()
        )

    def _databases(self) -> list[tuple[Pod, int]]:
        """Return the pods of the release that are the database to Airflow, PgBouncer first."""
        for port in ("pgbouncer", "tcp-postgresql"):
            if found := self._listening(port):
                return found
        return []

    def _pgbouncer(self, container: Container) -> Iterator[Edge]:
        if "pgbouncer" not in {port.get("name") for port in container.ports}:
            return
        why = "pgbouncer.ini"
        for secret in self.render.all("Secret"):
            text = _decoded((secret.at("data", default=None) or {}).get("pgbouncer.ini"))
            for host, port in re.findall(r"host=(\S+).*? port=(\d+)", text or ""):
                url = f"postgresql://{host}:{port}"
                yield from self._to_url(
                    container.pod, url, why, "database", "the database", "database", []
                )
            if text:
                return
        yield from self._to_url(
            container.pod,
            None,
            why,
            "database",
            "the database",
            "database",
            self._listening("tcp-postgresql"),
        )

    def _broker(self, container: Container) -> Iterator[Edge]:
        uses = {"worker", "flower", *(("scheduler",) if "Celery" in self._executor else ())}
        name = "AIRFLOW__CELERY__BROKER_URL"
        if container.name in uses and name in _variables(container):
            url = _value(self.render, container, name)
            why = f"{name} of {container.name}"
            there = self._listening("redis-db")
            what = "the broker of Celery"
            yield from self._to_url(container.pod, url, why, "broker", what, "broker", there)

    def _statsd(self, container: Container) -> Iterator[Edge]:
        metrics = self._settings("metrics")
        if container.name in _RUNS and metrics.get("statsd_on", "").lower() == "true":
            host, port = metrics.get("statsd_host", ""), metrics.get("statsd_port", "8125")
            yield from self._to_host(
                container.pod, host, int(port), "statsd_host in airflow.cfg", "statsd", "UDP"
            )

    def _telemetry(self, container: Container) -> Iterator[Edge]:
        """Yield the collector of OpenTelemetry."""
        for section in ("metrics", "traces"):
            options = self._settings(section)
            if container.name in _RUNS and options.get("otel_on", "").lower() == "true":
                host, port = options.get("otel_host", ""), int(options.get("otel_port", "8889"))
                why = f"otel_host in [{section}] of airflow.cfg"
                yield from self._to_host(container.pod, host, port, why, "opentelemetry", "TCP")

    def _reports(self, container: Container) -> Iterator[Edge]:
        """Yield where the sidecar reports what it has delivered."""
        variables = _variables(container)
        host, port = (variables.get(f"STATSD_{part}", {}).get("value") for part in ("HOST", "PORT"))
        if host and port and container.name == TASK_LOGS_SIDECAR:
            why = "STATSD_HOST of the sidecar"
            yield from self._to_host(container.pod, str(host), int(port), why, "statsd", "UDP")

    def _sinks(self, container: Container) -> Iterator[Edge]:
        """Yield where the sidecar sends logs."""
        if container.name != TASK_LOGS_SIDECAR:
            return
        volumes = container.pod.volumes().values()
        mounted = {(volume.get("configMap") or {}).get("name") for volume in volumes}
        for configuration in self.render.embedded("VectorConfig"):
            if configuration.owner.name not in mounted:
                continue
            for name, sink in (configuration.document.get("sinks") or {}).items():
                url = sink.get("endpoint") or sink.get("uri")
                if url:
                    why = f"the sink {name} of {configuration.key}"
                    what = "Loki" if sink.get("type") == "loki" else f"the sink {name}"
                    yield from self._to_url(container.pod, url, why, "loki", what, "loki", [])

    def _git(self, container: Container) -> Iterator[Edge]:
        variables = _variables(container)
        for name in ("GITSYNC_REPO", "GIT_SYNC_REPO"):
            repository = variables.get(name, {}).get("value")
            if repository:
                found = re.fullmatch(r"[^/@]+@(?P<host>[^/:]+):.*", repository)
                url = f"ssh://{found['host']}" if found else repository
                why = f"{name} of {container.name}"
                yield from self._to_url(container.pod, url, why, "git", "the git server", "git", [])
                return
        bundles = self._settings("dag_processor").get("dag_bundle_config_list", "")
        if "GitDagBundle" in bundles and container.name in {"dag-processor", *_RUNS_TASKS}:
            where = Place("the git server of a DAG bundle")
            why = "dag_bundle_config_list in airflow.cfg"
            yield Edge(container.pod, where, (443, 22), why, "git", "git", sure=False)

    def _execution_api(self, container: Container) -> Iterator[Edge]:
        runs_tasks = {*_RUNS_TASKS, *(("scheduler",) if "Local" in self._executor else ())}
        url = self._settings("core").get("execution_api_server_url")
        if url and container.name in runs_tasks:
            why = "execution_api_server_url in airflow.cfg"
            what = "the API server of Airflow"
            yield from self._to_url(container.pod, url, why, "execution-api", what, None, [])

    def _logs(self, container: Container) -> Iterator[Edge]:
        """Yield whom the user interface asks for the logs of tasks that run."""
        for port in ("worker-logs", "triggerer-logs") if container.name in _SERVERS else ():
            for pod, number in self._listening(port):
                why = f"it shows the logs at the port {port}"
                yield Edge(container.pod, pod, (number,), why, port, "extraIngress")

    def _elsewhere(self, container: Container) -> Iterator[Edge]:
        """Yield what is outside the release, at a place that no manifest tells."""
        pod, name = container.pod, container.name
        runs_tasks = name in _RUNS_TASKS | {"triggerer"} or (
            name == "scheduler" and "Local" in self._executor
        )
        logging = {**self._settings("core"), **self._settings("logging")}
        remote = logging.get("remote_logging", "").lower() == "true"
        # Elasticsearch and OpenSearch get the logs from somebody else.
        search = any(variable in _variables(container) for variable in _SEARCH)
        if remote and (name in _SERVERS or (runs_tasks and not search)):
            why, what = "remote_logging in airflow.cfg", "remote-logging"
            where, ports = Place("the store of remote logs"), (9200,) if search else (443,)
            yield Edge(pod, where, ports, why, what, "remoteLogging", sure=False)
        backend = self._settings("secrets").get("backend", "")
        if backend and "LocalFilesystem" not in backend and name in _RUNS:
            why, where = "[secrets] backend in airflow.cfg", Place("the secrets backend")
            what = "secrets-backend"
            yield Edge(pod, where, (443, 8200), why, what, "secretsBackend", sure=False)
        if name in _SERVERS and (why := self._login()):
            where = Place("the identity provider")
            yield Edge(pod, where, (443,), why, "identity-provider", "identityProvider", sure=False)
        in_scheduler = name == "scheduler" and not self._has_dag_processor
        parses = name == "dag-processor" or in_scheduler
        if runs_tasks or parses:
            why = "code of DAGs runs in it"
            yield Edge(pod, EVERYWHERE, (), why, "everything", "dagCode", optional=True)

    def _login(self) -> str:
        if "Keycloak" in self._settings("core").get("auth_manager", ""):
            return "auth_manager in airflow.cfg"
        for config_map in self.render.all("ConfigMap"):
            for key, text in (config_map.at("data", default=None) or {}).items():
                if key == "webserver_config.py" and _LOGIN.search(text):
                    return f"{key} in {config_map.name}"
        return ""

    def _kubernetes(self, pod: Pod) -> Iterator[Edge]:
        account = pod.spec.get("serviceAccountName", "default")
        starts = "KubernetesExecutor" in self._executor and "scheduler" in pod.containers()
        if pod.spec.get("automountServiceAccountToken") is False:
            return
        bindings = (*self.render.all("RoleBinding"), *self.render.all("ClusterRoleBinding"))
        bound = [
            binding.name
            for binding in bindings
            for subject in binding.at("subjects", default=None) or ()
            # A security context constraint of OpenShift is no right to call anything.
            if not binding.at("roleRef")["name"].startswith("system:openshift:scc:")
            and (subject["kind"], subject["name"]) == ("ServiceAccount", account)
        ]
        if bound or starts:
            why = f"its account has {bound[0]}" if bound else "KubernetesExecutor starts pods"
            service, setting = "kubernetes-api", "kubernetesApi"
            yield Edge(pod, KUBERNETES, (443, 6443), why, service, setting, sure=False)

    def _clients(self, pod: Pod) -> Iterator[Edge]:
        """Yield who comes from outside to the ports of the pod."""
        for container in pod.containers().values():
            for port in container.ports:
                number, name = (int(port["containerPort"]),), port.get("name")
                if container.name in {"flower", *_SERVERS} and port.get("protocol") != "UDP":
                    yield Edge(USERS, pod, number, "it serves people", "users", "users")
                elif name in _METRICS_PORTS:
                    why, what = "it has metrics", "scrape"
                    yield Edge(PROMETHEUS, pod, number, why, what, "prometheus", optional=True)
        annotations = pod.metadata.get("annotations") or {}
        if annotations.get("prometheus.io/scrape") == "true":
            number = (int(annotations["prometheus.io/port"]),)
            why = "its annotation prometheus.io/scrape"
            yield Edge(PROMETHEUS, pod, number, why, "scrape", "prometheus")

    def _scrapes(self) -> Iterator[Edge]:
        """Yield what monitors and annotations of Services tell Prometheus to scrape."""
        services = self.render.all("Service")
        for monitor in self.render.all("ServiceMonitor"):
            for service in services:
                if not selects(monitor.at("spec", "selector", default={}), service.labels):
                    continue
                for endpoint in monitor.at("spec", "endpoints", default=()):
                    for pod, number in self._behind(service.name, endpoint.get("port"), "TCP"):
                        why, what = f"ServiceMonitor {monitor.name}", "scrape"
                        yield Edge(PROMETHEUS, pod, (number,), why, what, "prometheus")
        for monitor in self.render.all("PodMonitor"):
            for pod in self.render.pods():
                if pod.key or not selects(monitor.at("spec", "selector"), pod.labels):
                    continue
                for endpoint in monitor.at("spec", "podMetricsEndpoints", default=()):
                    port = container_ports(pod).get(str(endpoint.get("port")))
                    if port is not None:
                        why = f"PodMonitor {monitor.name}"
                        yield Edge(PROMETHEUS, pod, (port,), why, "scrape", "prometheus")
        for service in services:
            if service.annotations.get("prometheus.io/scrape") == "true":
                annotated = int(service.annotations["prometheus.io/port"])
                for pod, number in self._behind(service.name, annotated, "TCP"):
                    why = f"prometheus.io/scrape of Service {service.name}"
                    yield Edge(PROMETHEUS, pod, (number,), why, "scrape", "prometheus")

    def _scalers(self) -> Iterator[Edge]:
        for scaler in self.render.all("ScaledObject"):
            for trigger in scaler.at("spec", "triggers", default=()):
                if trigger.get("type") not in ("postgresql", "mysql"):
                    continue
                variable = (trigger.get("metadata") or {}).get("connectionFromEnv")
                directly = variable == "KEDA_DB_CONN"
                there = self._listening("tcp-postgresql") if directly else self._databases()
                for pod, number in there:
                    why, where = f"ScaledObject {scaler.name}", Place("KEDA")
                    yield Edge(where, pod, (number,), why, "database", "extraIngress")

    def _replicas(self) -> Iterator[Edge]:
        """Yield the connections between the primary and the replicas of a database."""
        databases = self._listening("tcp-postgresql")
        for source, _ in databases:
            for target, number in databases:
                if source is not target:
                    why = "replication"
                    yield Edge(source, target, (number,), why, "database", "extraEgress")

    # --- Where things are

    def _to_url(
        self,
        source: Pod,
        url: str | None,
        why: str,
        service: str,
        what: str,
        setting: str | None,
        instead: list[tuple[Pod, int]],
    ) -> Iterator[Edge]:
        """Yield the edge to the server at ``url``; to ``instead`` where nobody can see the URL."""
        setting = setting or "extraEgress"
        if url is None and instead:
            for pod, number in instead:
                yield Edge(source, pod, (number,), why, service, setting)
            return
        if url is None:
            ports = _BROKERS if service == "broker" else (5432,)
            yield Edge(source, Place(what), ports, why, service, setting, sure=False)
            return
        parts = urlsplit(url)
        scheme = parts.scheme.partition("+")[0]
        port = parts.port or _DEFAULT_PORTS.get(scheme, 443)
        yield from self._to_host(
            source, parts.hostname or "", port, why, service, "TCP", setting, what
        )

    def _to_host(
        self,
        source: Pod,
        host: str,
        port: int,
        why: str,
        service: str,
        protocol: str,
        setting: str = "extraEgress",
        what: str = "",
    ) -> Iterator[Edge]:
        if not host:
            return  # a database in a file
        name, _, rest = host.partition(".")
        here = not rest or rest.split(".")[0] == self.render.namespace
        behind = self._behind(name, port, protocol) if here else []
        if source.key == INJECTED_POD:
            for pod, number in behind:
                yield Edge(INJECTED, pod, (number,), why, service, "extraIngress", protocol)
            return
        for pod, number in behind:
            yield Edge(source, pod, (number,), why, service, setting, protocol)
        if not behind:
            own = Place(f"{what or service} at {host}", namespace=self.render.namespace)
            place = own if here else place_of(host, what or service)
            # The port behind a Service of somebody else is not that of the Service.
            ports = () if place.namespace and service == "loki" else (port,)
            sure = place.namespace is None
            yield Edge(source, place, ports, why, service, setting, protocol, sure)

    def _behind(self, service: str, port: object, protocol: str) -> list[tuple[Pod, int]]:
        """Return the pods behind a Service of the release, and their number of its port."""
        found = []
        for each in self.render.all("Service"):
            selector = each.at("spec", "selector", default=None)
            if each.name != service or not selector:
                continue
            for entry in each.at("spec", "ports", default=()):
                if port not in (entry.get("name"), entry["port"]):
                    continue
                if entry.get("protocol", "TCP") != protocol:
                    continue
                target = entry.get("targetPort", entry["port"])
                for pod in self.render.pods():
                    if pod.key or pod.owner.kind in ("Job", "CronJob"):
                        continue
                    if not selects({"matchLabels": selector}, pod.labels):
                        continue
                    number = (
                        container_ports(pod, protocol).get(target)
                        if isinstance(target, str)
                        else target
                    )
                    if number is not None:
                        found.append((pod, int(number)))
        return found

    def _listening(self, port: str) -> list[tuple[Pod, int]]:
        """Return the pods with a port of that name, and its number."""
        return [
            (pod, numbers[port])
            for pod in self.render.pods()
            if not pod.key
            for numbers in [container_ports(pod)]
            if port in numbers
        ]

    # --- Settings of Airflow

    @cached_property
    def _options(self) -> Mapping[str, Mapping[str, str]]:
        """airflow.cfg by sections, with the variables of pods of Airflow over it."""
        found: dict[str, dict[str, str]] = {}
        for config in self.render.embedded("AirflowConfig"):
            for section, options in config.document.items():
                found.setdefault(section, {}).update(options)
        for container in self._running:
            for name, variable in _variables(container).items():
                option = _VARIABLE.fullmatch(name)
                if option and variable.get("value"):
                    section = found.setdefault(option["section"].lower(), {})
                    section[option["option"].lower()] = str(variable["value"])
        return found

    @cached_property
    def _running(self) -> list[Container]:
        """The containers of Airflow that run for as long as their pods, without those of tasks."""
        return [
            container
            for pod in self.render.pods()
            if not pod.key
            for container in pod.containers().values()
            if container.name in _RUNS
        ]

    def _settings(self, section: str) -> Mapping[str, str]:
        return self._options.get(section, {})

    @cached_property
    def _executor(self) -> str:
        return self._settings("core").get("executor", "")

    @cached_property
    def _is_airflow3(self) -> bool:
        return bool(self._settings("core").get("execution_api_server_url"))

    @cached_property
    def _has_dag_processor(self) -> bool:
        return any(container.name == "dag-processor" for container in self._running)


def _names(pod: Pod) -> Iterator[Edge]:
    """Yield name resolution, which clients ask by UDP, and by TCP for long answers."""
    for protocol, optional in (("UDP", False), ("TCP", True)):
        yield Edge(
            pod, DNS, (53, 5353), "it resolves names", "dns", "dns", protocol, False, optional
        )


def _variables(container: Container) -> Mapping[str, Mapping[str, Any]]:
    return {variable["name"]: variable for variable in container.document.get("env") or ()}


def _value(render: Render, container: Container, name: str) -> str | None:
    """Return the value of a variable, also from a Secret of the release; None when it is unseen."""
    variable = _variables(container)[name]
    if "value" in variable:
        return str(variable["value"])
    reference = (variable.get("valueFrom") or {}).get("secretKeyRef") or {}
    for secret in render.all("Secret"):
        if secret.name == reference.get("name"):
            plain = (secret.at("stringData", default=None) or {}).get(reference["key"])
            encoded = (secret.at("data", default=None) or {}).get(reference["key"])
            return str(plain) if plain else _decoded(encoded)
    return None


def _decoded(encoded: object) -> str | None:
    try:
        return base64.b64decode(str(encoded or "")).decode() or None
    except (binascii.Error, UnicodeDecodeError):
        return None
