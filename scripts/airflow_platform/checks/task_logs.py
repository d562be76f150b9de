"""What must be true of the task logs sidecar and of the objects around it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_platform.checks.facts import MISSING, Facts, at, contradictions
from airflow_platform.checks.violations import (
    CHECKS,
    TASK_LOGS_SIDECAR,
    Fault,
    containers,
    is_ours,
)
from airflow_platform.manifests import Container, EmbeddedDocument, Pod, Render
from airflow_platform.metrics.catalogue import prefix_of

LOG_ROOT = "/opt/airflow/logs"
CONFIG_DIRECTORY = "/etc/task-logs"
CONFIG_VOLUME = "task-logs-config"
DATA_VOLUME = "task-logs-data"

# Loki refuses a whole request for one longer line (limits_config.max_line_size, 256 KiB):
# https://grafana.com/docs/loki/latest/configure/#limits_config
LOKI_MAX_LINE_SIZE = 262_144
# Vector has up to 56 MiB of its own in a burst (docs/task-logs.md); with less, the kernel kills it.
LEAST_MEMORY_BYTES = 64 * 2**20

_CA_VOLUME = "task-logs-ca"
_CA_DIRECTORY = "/etc/task-logs-ca"

_SIDECAR: Facts = {
    "workingDir": (CONFIG_DIRECTORY, "vector.yaml names its VRL programs relative to it"),
    "terminationMessagePolicy": (
        "FallbackToLogsOnError",
        "what Vector says when it cannot start would be lost with the pod",
    ),
    f"volumeMounts {CONFIG_VOLUME} mountPath": (CONFIG_DIRECTORY, "the command reads it there"),
}
_PROGRAM = f"""\
[ -r {CONFIG_DIRECTORY}/drain.sh ] && exec /bin/sh {CONFIG_DIRECTORY}/drain.sh
trap 'exit 1' TERM
echo 'ConfigMap {{config_map}} is missing: task logs are not shipped' | tee /dev/termination-log >&2
while :; do sleep 5 & wait $!; done
"""
# What drain.sh and parse.vrl know of the task. The ids are taken from the annotations, which hold
# them verbatim; in the labels Airflow sanitises and hashes them.
_DOWNWARD_API = {
    "POD_NAME": "metadata.name",
    "POD_NAMESPACE": "metadata.namespace",
    "POD_UID": "metadata.uid",
    "NODE_NAME": "spec.nodeName",
    **{
        key.upper(): f"metadata.annotations['{key}']"
        for key in ("dag_id", "task_id", "run_id", "try_number", "map_index")
    },
}


def sidecars(render: Render) -> list[Container]:
    """Return the task logs sidecar of each pod that has one."""
    return [each for each in containers(render) if each.name == TASK_LOGS_SIDECAR]


@CHECKS.add
def sidecars_run_the_drain(render: Render) -> Iterator[Fault]:
    """Run drain.sh as the first process, and say why logs are missing where it is missing."""
    for sidecar in sidecars(render):
        for fault in contradictions(sidecar.document, _SIDECAR):
            yield sidecar, fault
        wanted = ("/bin/sh", "-c", _PROGRAM.format(config_map=_source(sidecar, CONFIG_VOLUME)))
        if sidecar.document.get("command") != wanted:
            yield sidecar, f"command must be {' '.join(wanted)}"


@CHECKS.add
def pods_with_the_configuration_have_the_sidecar(render: Render) -> Iterator[Fault]:
    """Find the sidecar by its name in each pod that holds its configuration."""
    for pod in render.pods():
        if CONFIG_VOLUME in pod.volumes() and TASK_LOGS_SIDECAR not in pod.containers():
            yield pod, f"has the volume {CONFIG_VOLUME}, but no container {TASK_LOGS_SIDECAR}"


@CHECKS.add
def sidecars_run_as_the_user_of_their_task(render: Render) -> Iterator[Fault]:
    """Let the sidecar write to files that the task has made; but never as root."""
    for sidecar in sidecars(render):
        user = (sidecar.pod.spec.get("securityContext") or {}).get("runAsUser")
        own = at(sidecar.document, "securityContext runAsUser")
        if user not in (None, 0) and own != user:
            yield sidecar, f"securityContext.runAsUser must be that of the pod, {user}"


@CHECKS.add
def sidecars_start_first(render: Render) -> Iterator[Fault]:
    """Start the sidecar before every other init container, whose logs it would miss otherwise.

    Native sidecars come first, and so do the official chart's own init containers of pods with
    more than one task.
    """
    for sidecar in sidecars(render):
        before, _ = _neighbours(sidecar)
        ordinary = [each["name"] for each in before if each.get("restartPolicy") != "Always"]
        natives = [each["name"] for each in before if each.get("restartPolicy") == "Always"]
        if "base" in sidecar.pod.containers() and ordinary and not natives:
            yield sidecar, f"must be the first of the init containers, not after {ordinary}"


@CHECKS.add
def sidecars_stop_before_those_that_they_need(render: Render) -> Iterator[Fault]:
    """Leave the drain its network: native sidecars stop in the reverse order of their start.

    https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#pod-lifecycle
    """
    for sidecar in sidecars(render):
        _, after = _neighbours(sidecar)
        natives = [each["name"] for each in after if each.get("restartPolicy") == "Always"]
        if natives:
            yield sidecar, f"must come after the native sidecars {natives}, which stop before it"


def _neighbours(
    sidecar: Container,
) -> tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]:
    """Return the init containers before and after the sidecar."""
    init = sidecar.pod.spec.get("initContainers") or ()
    position = [each["name"] for each in init].index(sidecar.name)
    return init[:position], init[position + 1 :]


@CHECKS.add
def sidecars_know_their_task(render: Render) -> Iterator[Fault]:
    """Tell drain.sh and parse.vrl whose logs these are, by the downward API."""
    for sidecar in sidecars(render):
        for name, path in _DOWNWARD_API.items():
            found = at(sidecar.document, f"env {name} valueFrom fieldRef fieldPath")
            if found != path:
                yield sidecar, f"the variable {name} must come from {path}"


@CHECKS.add
def sidecars_read_the_logs_of_their_task(render: Render) -> Iterator[Fault]:
    """Mount the volume that the task writes its logs to, where the configuration looks for them."""
    for sidecar in sidecars(render):
        logs = at(sidecar.document, "volumeMounts logs")
        base = sidecar.pod.containers().get("base")
        if logs is MISSING:
            yield sidecar, "mounts no volume logs"
            continue
        if logs["mountPath"] != LOG_ROOT:
            yield sidecar, f"must mount logs at {LOG_ROOT}, where vector.yaml and drain.sh look"
        if base is not None:
            theirs = at(base.document, "volumeMounts logs")
            if theirs is MISSING or theirs.get("subPath") != logs.get("subPath"):
                yield sidecar, "must mount the same part of logs as the container base"
        if logs.get("readOnly"):
            yield sidecar, "must be able to write to logs: it ends last lines with a newline"


@CHECKS.add
def sidecars_agree_with_their_configuration(render: Render) -> Iterator[Fault]:
    """Compare what drain.sh is told with what Vector is told."""
    configurations = {each.owner.name: each for each in render.embedded("VectorConfig")}
    for sidecar in sidecars(render):
        environment = _environment(sidecar)
        yield from _limits(sidecar, environment)
        configuration = configurations.get(_source(sidecar, CONFIG_VOLUME) or "")
        if configuration is not None:
            yield from _compared(sidecar, environment, configuration)


def _limits(sidecar: Container, environment: Mapping[str, str]) -> Iterator[Fault]:
    deadline = environment.get("DRAIN_TIMEOUT_SECONDS", "")
    grace = sidecar.pod.spec.get("terminationGracePeriodSeconds", 30)
    if not deadline.isdecimal() or not 2 <= int(deadline) < grace:
        yield sidecar, f"DRAIN_TIMEOUT_SECONDS must be from 2 to below the grace period of {grace}"
    longest = environment.get("LOKI_MAX_LINE_BYTES", "")
    if not longest.isdecimal() or not 0 < int(longest) < LOKI_MAX_LINE_SIZE:
        yield sidecar, f"LOKI_MAX_LINE_BYTES must be below Loki's own limit, {LOKI_MAX_LINE_SIZE}"
    if environment.get("VECTOR_LOG") not in {"error", "warn", "info", "debug", "trace"}:
        yield sidecar, "VECTOR_LOG must be at least error: drain.sh reads there what Loki refuses"
    memory = at(sidecar.document, "resources limits memory")
    if memory is not MISSING and _bytes(memory) < LEAST_MEMORY_BYTES:
        yield sidecar, f"resources.limits.memory is {memory}; a burst of lines needs 64Mi"
    if sidecar.document.get("imagePullPolicy") not in {"IfNotPresent", "Never"}:
        yield (
            sidecar,
            "imagePullPolicy must be IfNotPresent (or Never): a pull that fails fails the task",
        )


def _compared(
    sidecar: Container, environment: Mapping[str, str], configuration: EmbeddedDocument
) -> Iterator[Fault]:
    vector = configuration.document
    longest = at(vector, "sources task_logs max_line_bytes")
    if environment.get("MAX_LINE_BYTES") != str(longest):
        yield sidecar, f"MAX_LINE_BYTES must be max_line_bytes of {configuration}, {longest}"
    data = at(sidecar.document, "volumeMounts")
    directories = {mount["mountPath"] for mount in data} if data is not MISSING else set()
    if vector.get("data_dir") not in directories:
        yield sidecar, f"must mount a volume at data_dir of {configuration}"
    address = str(at(vector, "sinks internal_metrics_exporter address"))
    port = at(sidecar.document, "ports vector-metrics containerPort")
    if "internal_metrics" in (vector.get("sources") or {}):
        protocol = at(sidecar.document, "ports vector-metrics protocol")
        if protocol not in (MISSING, "TCP") or port is MISSING:
            yield sidecar, "must have the TCP port vector-metrics, which the PodMonitor scrapes"
    if port is not MISSING and address != f"0.0.0.0:{port}":
        yield sidecar, f"the port vector-metrics must be the one of {configuration}: {address}"


_START_MARK = {
    "name": DATA_VOLUME,
    "mountPath": "/var/run/task-logs",
    "subPath": "base-started",
    "readOnly": True,
}


@CHECKS.add
def sidecars_know_whether_their_task_has_started(render: Render) -> Iterator[Fault]:
    """Let the kubelet make base-started, for which drain.sh looks, when it starts the task."""
    for sidecar in sidecars(render):
        base = sidecar.pod.containers().get("base")
        marked = _environment(sidecar).get("START_MARKED") == "true"
        if base is not None and _START_MARK not in (base.document.get("volumeMounts") or ()):
            yield base, f"must mount {_START_MARK}"
        if marked != (base is not None):
            yield sidecar, "START_MARKED must be true in the pod of a task, and only there"


@CHECKS.add
def sidecars_report_to_the_statsd_exporter(render: Render) -> Iterator[Fault]:
    """Find the Service that the report of each drain is sent to: datagrams are lost in silence."""
    services = {
        f"{service.name}.{render.namespace}": str(port["port"])
        for service in filter(is_ours, render.all("Service"))
        for port in service.at("spec", "ports", default=())
        if port.get("protocol") == "UDP"
    }
    for sidecar in sidecars(render):
        environment = _environment(sidecar)
        host, port = environment.get("STATSD_HOST"), environment.get("STATSD_PORT")
        if services and (host not in services or services[host] != port):
            yield (
                sidecar,
                f"STATSD_HOST and STATSD_PORT must be one of {services}, not {host}:{port}",
            )
        if not services and host:
            yield sidecar, f"STATSD_HOST names {host}, but there is no Service"
        prefix = environment.get("STATSD_PREFIX")
        for mapping in render.embedded("StatsdMapping"):
            if prefix != prefix_of(mapping.document):
                yield sidecar, f"STATSD_PREFIX is {prefix}, which {mapping} does not know"


@CHECKS.add
def a_missing_config_map_or_secret_costs_logs_and_no_task(render: Render) -> Iterator[Fault]:
    """Keep what the sidecar mounts optional: no container of the pod would start without it."""
    for sidecar in sidecars(render):
        for name, volume in _volumes_of_ours(sidecar.pod):
            for source in ("configMap", "secret"):
                if source in volume and volume[source].get("optional") is not True:
                    yield sidecar, f"the volume {name} must be optional"


@CHECKS.add
def scratch_data_of_the_sidecar_is_bounded(render: Render) -> Iterator[Fault]:
    """Keep Vector's files in a volume of their own with a limit, so that no node's disk fills up.

    Pods with more than one task keep them beside their logs, which outlive the container.
    """
    for sidecar in sidecars(render):
        volume = sidecar.pod.volumes().get(DATA_VOLUME)
        if volume is not None and not (volume.get("emptyDir") or {}).get("sizeLimit"):
            yield sidecar, f"the volume {DATA_VOLUME} must be an emptyDir with a sizeLimit"


_SECRETS: Facts = {
    "secret loki type": ("exec", "drain.sh hands the credentials over as this backend reads them"),
    "secret loki command": (("cat", "/proc/self/fd/3"), "it is the pipe from drain.sh"),
}
# The keys of a Secret for TLS (https://kubernetes.io/docs/concepts/configuration/secret/#tls-secrets).
_TLS_KEYS = {"LOKI_CLIENT_CERTIFICATE": "tls.crt", "LOKI_CLIENT_KEY": "tls.key"}
# What each of Vector's options for credentials must name.
_OPTIONS = {
    "auth token": "LOKI_TOKEN",
    "auth user": "LOKI_USERNAME",
    "auth password": "LOKI_PASSWORD",
    "tls crt_file": "LOKI_CLIENT_CERTIFICATE",
    "tls key_file": "LOKI_CLIENT_KEY",
}
_SECRET_OF_LOKI = re.compile(r"SECRET\[loki\.(\w+)\]")


@CHECKS.add
def credentials_reach_vector_and_are_in_no_file(render: Render) -> Iterator[Fault]:
    """Compare what Vector's configuration asks for with the variables that drain.sh hands over.

    Vector follows a link that a task makes to a mounted file, and sends the file to Loki. The
    certificate of an authority is no secret, so it is mounted.
    """
    for configuration in render.embedded("VectorConfig"):
        sink = configuration.document["sinks"]["loki"]
        for option, name in _OPTIONS.items():
            if at(sink, option) not in (MISSING, f"SECRET[loki.{name}]"):
                yield configuration, f"sinks.loki: {option} must be SECRET[loki.{name}]"
        texts = [str(text) for part in ("auth", "tls") for text in (sink.get(part) or {}).values()]
        asked = {name for text in texts for name in _SECRET_OF_LOKI.findall(text)}
        if asked:
            for fault in contradictions(configuration.document, _SECRETS):
                yield configuration, fault
        for sidecar in sidecars(render):
            if _source(sidecar, CONFIG_VOLUME) != configuration.owner.name:
                continue
            given = {
                str(variable["name"]): variable["valueFrom"]["secretKeyRef"]
                for variable in sidecar.document.get("env") or ()
                if "secretKeyRef" in (variable.get("valueFrom") or {})
                and variable["name"].startswith("LOKI_")
            }
            for name in sorted(asked - set(given)):
                yield sidecar, f"{configuration} asks for {name}, which no Secret gives"
            for name in sorted(set(given) - asked):
                yield sidecar, f"has {name}, for which {configuration} does not ask"
            for name, reference in given.items():
                if reference.get("optional") is not True:
                    yield sidecar, f"the Secret of {name} must be optional"
                if reference["key"] != _TLS_KEYS.get(name, reference["key"]):
                    yield sidecar, f"{name} must be the key {_TLS_KEYS[name]} of its Secret"
            mounts = {mount["name"]: mount for mount in sidecar.document.get("volumeMounts") or ()}
            for name, volume in sidecar.pod.volumes().items():
                if "secret" in volume and name in mounts and name != _CA_VOLUME:
                    yield sidecar, f"mounts the Secret {name}, which a task can make Vector send"
            ca_file = at(configuration.document, "sinks loki tls ca_file")
            place = mounts.get(_CA_VOLUME, {}).get("mountPath")
            if (ca_file is MISSING) != (place is None):
                yield sidecar, f"must mount {_CA_VOLUME} if and only if {configuration} reads it"
            elif place is not None and f"{ca_file}".rpartition("/")[0] != place:
                yield sidecar, f"{configuration} reads {ca_file}, where no Secret is mounted"
            if place not in (None, _CA_DIRECTORY):
                yield sidecar, f"the volume {_CA_VOLUME} must be mounted at {_CA_DIRECTORY}"


@CHECKS.add
def captured_output_goes_through_our_program(render: Render) -> Iterator[Fault]:
    """Compare the command of a task with what capture-output.sh needs, where that is on."""
    program = f"{CONFIG_DIRECTORY}/capture-output.sh"
    launch = f'if [ -r {program} ]; then exec /bin/sh {program} "$@"; fi; shift; exec "$@"'
    for pod in render.pods():
        base = pod.containers().get("base")
        if base is None or at(base.document, f"volumeMounts {CONFIG_VOLUME}") is MISSING:
            continue
        if at(base.document, f"volumeMounts {CONFIG_VOLUME} mountPath") != CONFIG_DIRECTORY:
            yield base, f"must mount {CONFIG_VOLUME} at {CONFIG_DIRECTORY}"
        logs = at(base.document, "volumeMounts logs mountPath")
        match base.document.get("command"):
            case ("/bin/sh", "-c", started, "sh", copy, *entrypoint):
                if started != launch:
                    yield base, f"command must be {launch}"
                if copy != f"{logs}/.output/output.log":
                    yield base, f"command must keep the output in {logs}/.output/output.log"
                if not entrypoint:
                    yield base, "command must end with the entrypoint of the image"
            case command:
                yield base, f"command must begin with /bin/sh -c, and is {command}"


@CHECKS.add
def the_pre_puller_keeps_the_image_of_the_sidecar(render: Render) -> Iterator[Fault]:
    """Keep the very image of the sidecars on every node, and nothing running but a sleep."""
    images = {sidecar.document.get("image") for sidecar in sidecars(render)}
    if len(images) > 1:
        yield render.name, f"all sidecars must run one image, not {', '.join(map(str, images))}"
    facts: Facts = {
        "command": (("sleep", "2147483647"), "an image that a running pod uses is kept"),
        "imagePullPolicy": ("IfNotPresent", "the image is pulled once, and on every node"),
    }
    for pod in filter(is_ours, render.pods()):
        if pod.owner.kind != "DaemonSet":
            continue
        container = pod.containers().get("vector-image")
        if container is None:
            yield pod, "has no container vector-image"
            continue
        if images and container.document.get("image") not in images:
            yield container, f"image must be that of the sidecars, {', '.join(map(str, images))}"
        for fault in contradictions(container.document, facts):
            yield container, fault
        owner: Facts = {
            "spec template spec terminationGracePeriodSeconds": (0, "a sleep has nothing to end"),
        }
        for fault in contradictions(pod.owner.document, owner):
            yield pod, fault


@CHECKS.add
def pod_monitors_scrape_long_lived_sidecars_only(render: Render) -> Iterator[Fault]:
    """Leave the pods of single tasks out: they are gone between two scrapes."""
    for monitor in filter(is_ours, render.all("PodMonitor")):
        if monitor.labels.get("app.kubernetes.io/component") != "task-logs":
            continue
        release = monitor.labels.get("app.kubernetes.io/instance")
        wanted: Mapping[str, Any] = {
            "matchLabels": {"tier": "airflow", "release": release},
            "matchExpressions": (
                {"key": "component", "operator": "In", "values": ("worker", "triggerer")},
                {"key": "kubernetes_executor", "operator": "DoesNotExist"},
            ),
        }
        if monitor.at("spec", "selector") != wanted:
            yield monitor, f"spec.selector must be {wanted}"
        ports = [endpoint.get("port") for endpoint in monitor.at("spec", "podMetricsEndpoints")]
        if ports != ["vector-metrics"]:
            yield monitor, f"spec.podMetricsEndpoints must scrape vector-metrics, and not {ports}"
        names = monitor.at("spec", "namespaceSelector", "matchNames", default=())
        if tuple(names) != (render.namespace,):
            yield monitor, f"spec.namespaceSelector.matchNames must be {render.namespace}"


def _environment(container: Container) -> dict[str, str]:
    return {
        variable["name"]: str(variable["value"])
        for variable in container.document.get("env") or ()
        if "value" in variable
    }


def _source(container: Container, volume: str) -> str | None:
    """Return the name of the ConfigMap behind a volume of the container's pod."""
    config_map = (container.pod.volumes().get(volume) or {}).get("configMap") or {}
    name: str | None = config_map.get("name")
    return name


def _volumes_of_ours(pod: Pod) -> list[tuple[str, Mapping[str, Any]]]:
    return [(n, volume) for n, volume in pod.volumes().items() if n.startswith("task-logs-")]


_FACTORS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def _bytes(quantity: object) -> float:
    """Return a Kubernetes quantity of memory in bytes; infinity for one of another form."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kMG]i?|Ki)?", str(quantity))
    return float(found[1]) * _FACTORS[found[2] or ""] if found else float("inf")
