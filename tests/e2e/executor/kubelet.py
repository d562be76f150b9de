"""What a kubelet does with the containers of task pods whose images nobody has."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow_platform.cluster.cluster import Cluster

from ...processes import Processes
from ..direct import direct
from .configuration import EXIT_CODE, RUNS_FOR

_TASKS = "kubernetes_executor=True"
_POLL_SECONDS = 0.3
_DRAIN_SECONDS = 1.0


class Kubelet(threading.Thread):
    """Runs the arguments of the containers `base` as programs; kwok ends their pods after them."""

    def __init__(
        self, cluster: Cluster, namespace: str, environment: Mapping[str, str], logs: Path
    ) -> None:
        super().__init__(daemon=True)
        self.pods: dict[str, dict[str, Any]] = {}  # all that were seen, by uid, as they were last
        self._cluster = cluster
        self._namespace = namespace
        self._environment = environment
        self._programs = Processes(logs)
        self._taken: set[str] = set()
        self._ended: set[str] = set()
        self._ending = threading.Event()

    def run(self) -> None:
        while not self._ending.wait(_POLL_SECONDS):
            found = direct(self._cluster).list("pods", self._namespace, _TASKS)
            for pod in found:
                self._take_care_of(pod)

    def _take_care_of(self, pod: dict[str, Any]) -> None:
        uid = pod["metadata"]["uid"]
        self.pods[uid] = pod
        if pod["status"]["phase"] != "Running" or uid in self._ended:
            return
        name = pod["metadata"]["name"]
        if uid not in self._taken:
            self._taken.add(uid)
            (base,) = (c for c in pod["spec"]["containers"] if c["name"] == "base")
            self._programs.start(name, base["args"], self._environment_of(base))
        elif (code := self._programs.exit_code(name)) is not None:
            self._ended.add(uid)
            self._programs.end(name)  # and what it has left running
            annotations = (f"{EXIT_CODE}={code}", f"{RUNS_FOR}={_DRAIN_SECONDS:.0f}s")
            self._cluster.kubectl(
                *("annotate", "pod", name, f"--namespace={self._namespace}"),
                *("--overwrite", *annotations),
            )

    def _environment_of(self, base: dict[str, Any]) -> Mapping[str, str]:
        """The environment of the scheduler; the connection to the database as the pod has it."""
        own = {variable["name"] for variable in base["env"]}
        return {
            name: value
            for name, value in self._environment.items()
            if name in own or not name.endswith("SQL_ALCHEMY_CONN")
        }

    def stop(self) -> None:
        """End all programs."""
        self._ending.set()
        self.join()
        self._programs.stop()
