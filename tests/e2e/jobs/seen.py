"""Pods that come and go."""

import threading
from typing import Any

from airflow_platform.cluster.cluster import Cluster

from ..direct import direct

_POLL_SECONDS = 0.2


class SeenPods(threading.Thread):
    """Remembers each pod of a namespace, as it was last."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        super().__init__(daemon=True)
        self._pods: dict[str, dict[str, Any]] = {}
        self._cluster = cluster
        self._namespace = namespace
        self._ending = threading.Event()

    def run(self) -> None:
        while not self._ending.wait(_POLL_SECONDS):
            for pod in direct(self._cluster).list("pods", self._namespace):
                self._pods[pod["metadata"]["uid"]] = pod

    def stop(self) -> list[dict[str, Any]]:
        """Stop looking; return the pods in the order in which they were made."""
        self._ending.set()
        self.join()
        return list(self._pods.values())
