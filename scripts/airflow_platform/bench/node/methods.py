"""What delivers the log of a task pod: the chart's sidecar, another in its place, or nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path

from airflow_platform.node.sidecar.release import Object, container
from airflow_platform.support.tools import TOOLS

SIDECAR = "vector"  # the name of its container, also of one that is in its place
COLLECTOR_IMAGE = f"airflow-platform/otelcol:{TOOLS['otelcol'].version}"
CONFIGURATIONS = Path(str(files(__package__) / "configurations"))

_CONFIG = "bench-configurations"  # a ConfigMap
_CONFIG_DIRECTORY = "/etc/bench"
_SLEEP_SECONDS = 1


@dataclass(frozen=True)
class Method:
    """A way to deliver logs. ``change`` makes a task pod such that it has it.

    ``change`` gets the pod and the URL of Loki. ``selector`` selects the streams in Loki that it
    makes, where they have no label dag_id.
    """

    about: str
    change: Callable[[Object, str], None]
    selector: str | None = None

    @property
    def has_sidecar(self) -> bool:
        """Whether a task pod has a sidecar with it."""
        return self.change is not _without_sidecar


def configurations(namespace: str) -> Object:
    """Return the ConfigMap with the configurations that sidecars in place of the chart's read."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": _CONFIG, "namespace": namespace},
        "data": {file.name: file.read_text("utf-8") for file in CONFIGURATIONS.glob("*.yaml")},
    }


def _as_rendered(_pod: Object, _loki: str) -> None:
    pass


def _without_sidecar(pod: Object, _loki: str) -> None:
    pod["spec"]["initContainers"].remove(container(pod, SIDECAR))


def _exchanged(
    pod: Object,
    loki: str,
    *,
    command: tuple[str, ...],
    image: str | None = None,
    environment: Mapping[str, str],
) -> None:
    """Let another sidecar take the place of the chart's, with the rights of that one.

    It has no limit of memory, so that what it needs is seen.
    """
    sidecar = container(pod, SIDECAR)
    mounts = [each for each in sidecar["volumeMounts"] if each["name"] != "task-logs-config"]
    variables = {"LOKI_URL": loki, **environment}
    sidecar |= {
        "command": list(command),
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "image": image or sidecar["image"],
        "lifecycle": {"preStop": {"sleep": {"seconds": _SLEEP_SECONDS}}},
        "resources": {"requests": sidecar["resources"]["requests"]},
        "volumeMounts": [
            *mounts,
            {"name": _CONFIG, "mountPath": _CONFIG_DIRECTORY, "readOnly": True},
        ],
    }
    del sidecar["workingDir"]  # it is that of the mount which is gone
    pod["spec"]["volumes"].append({"name": _CONFIG, "configMap": {"name": _CONFIG}})


METHODS: Mapping[str, Method] = {
    "none": Method("No sidecar, and no log in Loki.", _without_sidecar),
    "drain": Method("The chart's sidecar, as it is rendered.", _as_rendered),
    "baseline": Method(
        "Vector with its default file source, and `sleep 1` as preStop hook.",
        partial(
            _exchanged,
            command=("vector", "--config", f"{_CONFIG_DIRECTORY}/baseline.yaml"),
            # Else Vector would leave ${LOKI_URL} as it is.
            environment={"VECTOR_DANGEROUSLY_ALLOW_ENV_VAR_INTERPOLATION": "true"},
        ),
    ),
    "otelcol": Method(
        "The OpenTelemetry Collector, and `sleep 1` as preStop hook.",
        partial(
            _exchanged,
            command=("otelcol", f"--config={_CONFIG_DIRECTORY}/otelcol.yaml"),
            image=COLLECTOR_IMAGE,
            environment={},
        ),
        selector='{service_name="airflow-task-logs"}',
    ),
}
