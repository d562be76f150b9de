"""Ways to deliver the end of a log when the kubelet stops the sidecar."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_platform.bench.sidecar_files import place, sidecar_files
from airflow_platform.support import strict_yaml


@dataclass(frozen=True)
class Pod:
    """Directory with the files of a pod, binary of its Vector, and the Loki that gets its lines."""

    directory: Path
    vector: Path
    loki_url: str
    compression: str

    @property
    def logs(self) -> Path:
        """Directory of log files."""
        return self.directory / "logs"

    @property
    def data(self) -> Path:
        """Data directory of Vector."""
        return self.directory / "data"

    @property
    def programs(self) -> Path:
        """Directory of the sidecar's programs."""
        return self.directory / "programs"


@dataclass(frozen=True)
class Sidecar:
    """What the sidecar's container runs; its preStop hook sleeps for ``pre_stop_seconds``."""

    command: tuple[str, ...]
    config: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict)
    pre_stop_seconds: float = 0.0


Method = Callable[[Pod], Sidecar]


def baseline(pod: Pod) -> Sidecar:
    """Run Vector with its default file source, and `sleep 1` as preStop hook."""
    config = _config(pod)
    tuned_source = config["sources"]["task_logs"]
    config["sources"]["task_logs"] = {
        key: value
        for key, value in tuned_source.items()
        if key in ("type", "include", "exclude", "offset_key")
    }
    del config["sinks"]["loki"]["acknowledgements"]
    return Sidecar((str(pod.vector),), config, pre_stop_seconds=1)


def tuned(pod: Pod) -> Sidecar:
    """Run Vector with the chart's vector.yaml, and `sleep 1` as preStop hook."""
    return Sidecar((str(pod.vector),), _config(pod), {"VECTOR_THREADS": "1"}, pre_stop_seconds=1)


def drain(pod: Pod) -> Sidecar:
    """Run the chart's drain.sh with its vector.yaml, without a preStop hook."""
    environment = {
        "LOG_ROOT": str(pod.logs),
        "DATA_DIR": str(pod.data),
        "TERMINATION_LOG": str(pod.directory / "termination-log"),
        "VECTOR_BIN": str(pod.vector),
    }
    return Sidecar(("sh", str(pod.programs / "drain.sh")), _config(pod), environment)


METHODS: dict[str, Method] = {method.__name__: method for method in (baseline, tuned, drain)}


def _config(pod: Pod) -> dict[str, Any]:
    """Return the chart's vector.yaml with the paths of ``pod``."""
    shipped = strict_yaml.load_file(sidecar_files() / "vector.yaml")
    config = place(sidecar_files(), shipped, pod.programs, logs=pod.logs, data=pod.data)
    config["sinks"]["loki"] |= {"endpoint": pod.loki_url, "compression": pod.compression}
    return config
