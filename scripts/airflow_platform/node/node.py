"""A real node beside the local control plane.

kubelet, containerd and runc run in namespaces of their own for mounts and processes, so that all
containers and mounts end with them, however they end. Pods have the network of this machine.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path

import yaml

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.cluster.control_plane import (
    NODE,
    NodeKind,
    local_control_plane,
)
from airflow_platform.cluster.credentials import Credentials
from airflow_platform.cluster.programs import FRUGAL_GO, Programs
from airflow_platform.node import cgroups
from airflow_platform.node.containerd import Containerd, Event
from airflow_platform.node.image import Image
from airflow_platform.node.requirements import ALONE, require
from airflow_platform.support.ports import free_ports
from airflow_platform.support.tools import tool

_FILES = Path(str(files(__package__)))
_SANDBOX = "airflow-platform/sandbox:1"
_SANDBOX_IMAGE = Image(shell=True, entrypoint=("/bin/sleep", "infinity"))


@dataclass(frozen=True)
class Node:
    """A cluster whose only node is this machine; ``name`` is that of the node's cgroup."""

    cluster: Cluster
    directory: Path
    containerd: Containerd
    name: str

    def add_image(self, name: str, image: Image) -> None:
        """Make an image known by the name that manifests have."""
        self.containerd.add_image(name, image)

    def events(self) -> list[Event]:
        """Return what containerd has told of since the node was started, in order."""
        return list(self.containerd.events())

    def cgroup(self, container: str) -> cgroups.Cgroup | None:
        """Return the cgroup of the container with this id; None when it has ended."""
        return cgroups.cgroup_of(self.name, container)


@contextmanager
def local_node(directory: Path) -> Iterator[Node]:
    """Run a control plane and a node; ``directory`` gets their logs, which stay.

    NodeMissingError when this machine cannot run a node, PlatformError when it does not start.
    """
    require()
    started: list[Node] = []

    def start(programs: Programs, data: Path, cluster: Cluster, credentials: Credentials) -> None:
        started.append(_start(programs, data, cluster, credentials))

    with local_control_plane(directory, node=NodeKind(("kubelet",), start)):
        yield started[0]


def _start(programs: Programs, data: Path, cluster: Cluster, credentials: Credentials) -> Node:
    for name in ("rights", "pods"):
        cluster.kubectl("apply", f"--filename={_FILES / name}.yaml")
    # The guard of the directory removes cgroups that are called like it.
    own, name = data / "node", data.name
    (own / "cni").mkdir(parents=True)
    shutil.copy(_FILES / "cni.json", own / "cni" / "none.conflist")
    config = (_FILES / "containerd.toml").read_text(encoding="utf-8")
    (own / "containerd.toml").write_text(config.replace("DIRECTORY", str(own)), encoding="utf-8")
    kubelet_config = yaml.safe_dump(_kubelet(own, name, credentials))
    (own / "kubelet.yaml").write_text(kubelet_config, encoding="utf-8")

    programs.call_after(partial(cgroups.remove, name))
    cgroups.make(name)
    kubelet = (
        *(tool("kubelet"), f"--config={own / 'kubelet.yaml'}", f"--root-dir={own / 'kubelet'}"),
        *(f"--kubeconfig={credentials.node}", f"--hostname-override={NODE}"),
    )
    environment = {**FRUGAL_GO, **os.environ}
    programs.start("kubelet", [*ALONE, "sh", _FILES / "node.sh", own, *kubelet], environment)
    containerd = Containerd(own / "containerd.sock", programs.log("events"))
    programs.wait("containerd", containerd.answers)
    programs.start("events", [*containerd.command, "events"])
    containerd.add_image(_SANDBOX, _SANDBOX_IMAGE)
    return Node(cluster, programs.directory, containerd, name)


def _kubelet(own: Path, cgroup: str, credentials: Credentials) -> dict[str, object]:
    """Return the configuration of kubelet, with what depends on where the node runs."""
    config: dict[str, object] = yaml.safe_load((_FILES / "kubelet.yaml").read_text("utf-8"))
    score = Path("/proc/self/oom_score_adj").read_text()
    (port,) = free_ports(1)
    (own / "resolv.conf").touch()
    return {
        **config,
        "port": port,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(credentials.authority)},
        },
        "tlsCertFile": str(credentials.certificate),
        "tlsPrivateKeyFile": str(credentials.key),
        "containerRuntimeEndpoint": f"unix://{own / 'containerd.sock'}",
        "cgroupRoot": f"/{cgroup}",
        "resolvConf": str(own / "resolv.conf"),
        "podLogsDir": str(own / "pod-logs"),
        "volumePluginDir": str(own / "volume-plugins"),
        "oomScoreAdj": max(int(score), 0),
    }
