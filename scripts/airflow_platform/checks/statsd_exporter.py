"""What must be true of the statsd-exporter, so that every metric arrives and is scraped once."""

import re
from collections.abc import Iterator, Mapping

from airflow_platform.checks.facts import MISSING, Facts, at, contradictions
from airflow_platform.checks.violations import CHECKS, Fault, is_ours
from airflow_platform.manifests import Container, Pod, Render

COMPONENT = "statsd-exporter"
_INGEST, _SCRAPE = "statsd-ingest", "statsd-scrape"


@CHECKS.add
def there_is_one_statsd_exporter(render: Render) -> Iterator[Fault]:
    """Keep one exporter only: several would split counters and gauges at random."""
    facts: Facts = {
        "spec replicas": (1, "each replica would hold a part of the counters"),
        "spec strategy type": ("Recreate", "two at once would each hold a part of the counters"),
    }
    for deployment in filter(is_ours, render.all("Deployment")):
        for fault in contradictions(deployment.document, facts):
            yield deployment, fault
    for pod in filter(is_ours, render.pods()):
        if pod.owner.kind == "Deployment" and COMPONENT not in pod.containers():
            yield pod, f"has no container {COMPONENT}"


@CHECKS.add
def the_statsd_exporter_listens_where_its_ports_say(render: Render) -> Iterator[Fault]:
    """Compare the addresses on the command line with the ports that the container declares."""
    for pod in _exporters(render):
        container = pod.containers()[COMPONENT]
        arguments = dict(_arguments(container))
        for option, port in (
            ("--statsd.listen-udp", _INGEST),
            ("--web.listen-address", _SCRAPE),
        ):
            number = at(container.document, f"ports {port} containerPort")
            if arguments.get(option) != f":{number}":
                yield container, f"{option} must be :{number}, the container port {port}"
        if arguments.get("--statsd.listen-tcp") != "":
            yield container, "--statsd.listen-tcp must be empty: nothing sends StatsD over TCP"
        if "--statsd.mapping-config" not in arguments:
            yield container, "--statsd.mapping-config must name the mapping"


@CHECKS.add
def the_statsd_exporter_keeps_its_memory_small(render: Render) -> Iterator[Fault]:
    """Ask for Go's GOGC, without which the exporter needs half as much memory again.

    Measured in docs/metrics.md.
    """
    for pod in _exporters(render):
        container = pod.containers()[COMPONENT]
        if "GOGC" not in {variable["name"] for variable in container.document.get("env") or ()}:
            yield container, "the environment must have GOGC, as in docs/metrics.md"


_PORTS: Facts = {
    f"ports {_INGEST} protocol": ("UDP", "Airflow's StatsD client sends datagrams"),
    f"ports {_SCRAPE} protocol": ("TCP", "Prometheus scrapes over HTTP"),
}
_PROBES: Mapping[str, Facts] = {
    "livenessProbe": {
        "path": ("/-/healthy", "it is where statsd_exporter says that it lives"),
        "port": (_SCRAPE, "it is the port that statsd_exporter serves"),
    },
    "readinessProbe": {
        "path": ("/-/ready", "it is where statsd_exporter says it is ready"),
        "port": (_SCRAPE, "it is the port that statsd_exporter serves"),
    },
}


@CHECKS.add
def the_statsd_exporter_is_probed(render: Render) -> Iterator[Fault]:
    """Probe what the exporter serves: https://github.com/prometheus/statsd_exporter#lifecycle-api."""
    for pod in _exporters(render):
        container = pod.containers()[COMPONENT]
        for fault in contradictions(container.document, _PORTS):
            yield container, fault
        for probe, facts in _PROBES.items():
            request = at(container.document, f"{probe} httpGet")
            if request is not MISSING:  # else a probe of the user's, of another kind
                for fault in contradictions(request, facts):
                    yield container, f"{probe}.httpGet.{fault}"


@CHECKS.add
def the_statsd_service_is_resolved_once(render: Render) -> Iterator[Fault]:
    """Give the Service an address of its own: Airflow resolves the host when a process starts."""
    for service in filter(is_ours, render.all("Service")):
        facts: Facts = {
            "spec ports statsd-ingest targetPort": (_INGEST, "a renumbered port is still found"),
            "spec ports statsd-ingest protocol": ("UDP", "Airflow's StatsD client sends datagrams"),
            "spec ports statsd-scrape targetPort": (_SCRAPE, "a renumbered port is still found"),
            "spec ports statsd-scrape protocol": ("TCP", "Prometheus scrapes over HTTP"),
            "spec ports statsd-ingest port": (9125, "existing Airflows are configured with it"),
            "spec ports statsd-scrape port": (9102, "it is statsd_exporter's own port"),
        }
        for fault in contradictions(service.document, facts):
            yield service, fault
        if service.at("spec", "clusterIP", default="") == "None":
            yield service, "spec.clusterIP must not be None: a pod's address changes"


@CHECKS.add
def the_statsd_network_policy_admits_airflow_and_prometheus(render: Render) -> Iterator[Fault]:
    """Open the two ports, and let the exporter connect to nobody unless the user says to whom."""
    for policy in filter(is_ours, render.all("NetworkPolicy")):
        if policy.labels.get("app.kubernetes.io/component") != COMPONENT:
            continue
        types = policy.at("spec", "policyTypes", default=())
        if set(types) != {"Ingress", "Egress"}:
            yield policy, "spec.policyTypes must be Ingress and Egress: it connects to nobody"
        airflow = {"tier": "airflow", "release": policy.labels.get("app.kubernetes.io/instance")}
        for rule in policy.at("spec", "ingress", default=()):
            for peer in rule.get("from") or ():
                labels = at(peer, "podSelector matchLabels")
                if labels is not MISSING and "release" in labels and labels != airflow:
                    yield policy, f"pods of Airflow must be selected by {airflow}, not by {labels}"
        opened = {
            (port.get("port"), port.get("protocol"))
            for rule in policy.at("spec", "ingress", default=())
            for port in rule.get("ports") or ()
        }
        for port in {(_INGEST, "UDP"), (_SCRAPE, "TCP")} - opened:
            yield policy, f"spec.ingress must open {'/'.join(port)}"


@CHECKS.add
def monitors_scrape_the_statsd_exporter(render: Render) -> Iterator[Fault]:
    """Scrape the port with metrics in the namespace of the release."""
    for monitor in filter(is_ours, render.all("ServiceMonitor")):
        ports = [endpoint.get("port") for endpoint in monitor.at("spec", "endpoints")]
        if ports != [_SCRAPE]:
            yield monitor, f"spec.endpoints must scrape {_SCRAPE} once, and not {ports}"
        names = monitor.at("spec", "namespaceSelector", "matchNames", default=())
        if tuple(names) != (render.namespace,):
            yield monitor, f"spec.namespaceSelector.matchNames must be {render.namespace}"
        if monitor.at("spec", "scrapeProtocols", default=None) is not None:
            facts: Facts = {
                "spec scrapeNativeHistograms": (True, "only native histograms need protocols"),
                "spec scrapeClassicHistograms": (True, "dashboards and alerts use the buckets"),
                "spec scrapeProtocols": (
                    ("PrometheusProto", "OpenMetricsText1.0.0", "PrometheusText0.0.4"),
                    "native histograms travel in the first of them only",
                ),
            }
            for fault in contradictions(monitor.document, facts):
                yield monitor, fault


@CHECKS.add
def the_mapping_test_runs_the_exporter_of_the_release(render: Render) -> Iterator[Fault]:
    """Let `helm test` ask the exporter that runs whether it takes the mapping."""
    exporters = [pod.containers()[COMPONENT] for pod in _exporters(render)]
    for pod in filter(is_ours, render.pods()):
        if pod.owner.annotations.get("helm.sh/hook") != "test":
            continue
        facts: Facts = {
            "metadata annotations helm.sh/hook-delete-policy": (
                "before-hook-creation,hook-succeeded",
                "what has passed is of no use, and a name is free for the next run",
            ),
            "spec restartPolicy": ("Never", "a mapping that is refused once is refused again"),
        }
        for fault in contradictions(pod.owner.document, facts):
            yield pod, fault
        for container in pod.containers().values():
            arguments = container.document.get("args") or ()
            if "--check-config" not in arguments or "--statsd.mapping-config" not in dict(
                _arguments(container)
            ):
                yield container, "args must hold --check-config and --statsd.mapping-config"
            for exporter in exporters:
                for field in ("image", "imagePullPolicy", "resources", "securityContext"):
                    if container.document.get(field) != exporter.document.get(field):
                        yield container, f"{field} must be that of {exporter}"
                for mount in container.document.get("volumeMounts") or ():
                    if mount not in (exporter.document.get("volumeMounts") or ()):
                        yield container, f"{mount} is not among the volumeMounts of {exporter}"


def _exporters(render: Render) -> list[Pod]:
    return [
        pod
        for pod in filter(is_ours, render.pods())
        if pod.owner.kind == "Deployment" and COMPONENT in pod.containers()
    ]


def _arguments(container: Container) -> Iterator[tuple[str, str]]:
    for argument in container.document.get("args") or ():
        if found := re.fullmatch(r"(--[\w.-]+)=(.*)", argument):
            yield found[1], found[2]
