"""Makes pods, and knows what the API server tells of them, up to their last state."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.support import processes
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.tools import tool

Pod = dict[str, Any]
PodKey = tuple[str, str]  # namespace and name

_WATCH_SECONDS = 24 * 60 * 60  # by default the API server ends a watch after half an hour
_OVER = "The watch of pods has ended."
_STATUSES = ("initContainerStatuses", "containerStatuses")


class PodWatch:
    """The pods with a label (``name=value``), as they were last, also when they are gone.

    To ask for them again and again would miss the last state of a pod that is deleted.
    """

    def __init__(self, cluster: Cluster, label: str) -> None:
        self._pods: dict[PodKey, Pod] = {}
        self._changed = threading.Condition()
        self._over = False
        path = f"/api/v1/pods?watch=true&labelSelector={label}&timeoutSeconds={_WATCH_SECONDS}"
        self._process = processes.start([tool("kubectl"), *cluster.options, "get", f"--raw={path}"])
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        processes.end(self._process)
        self._reader.join()
        with self._process:  # closes the pipes
            pass

    def get(self, key: PodKey) -> Pod | None:
        """Return a pod; None before the API server has told of it.

        PlatformError when the watch has ended: nothing is news any more.
        """
        with self._changed:
            if self._over:
                raise PlatformError(_OVER)
            return self._pods.get(key)

    def of(self, namespace: str) -> list[Pod]:
        """Return the pods of a namespace, those that are gone too."""
        with self._changed:
            return [pod for (where, _), pod in self._pods.items() if where == namespace]

    def wait(self, key: PodKey, holds: Callable[[Pod], bool], what: str, seconds: float) -> Pod:
        """Return the pod once something holds of it. PlatformError when it takes too long."""
        give_up = time.monotonic() + seconds
        with self._changed:
            while True:
                pod = self._pods.get(key)
                if pod and holds(pod):
                    return pod
                left = give_up - time.monotonic()
                if left <= 0 or self._over:
                    why = _OVER if self._over else f"It has not come within {seconds:.0f} s."
                    raise PlatformError(f"It is not so that {what}. {why} {_state(pod)}")
                self._changed.wait(left)

    def _read(self) -> None:
        try:
            self._read_events()
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()

    def _read_events(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            if not line.endswith(b"\n"):  # kubectl was killed
                break
            event = json.loads(line)
            if event["type"] not in ("ADDED", "MODIFIED", "DELETED"):
                break
            pod = event["object"]
            with self._changed:
                self._pods[pod["metadata"]["namespace"], pod["metadata"]["name"]] = pod
                self._changed.notify_all()


def create(cluster: Cluster, objects: Iterable[Mapping[str, Any]]) -> None:
    """Create objects. Without a look at their schemas, kubectl takes a quarter of the time."""
    items = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    cluster.kubectl("create", "--filename=-", "--validate=false", given=json.dumps(items))


def statuses(pod: Pod) -> dict[str, dict[str, Any]]:
    """Return the statuses of the containers by their names."""
    found = [each for field in _STATUSES for each in pod["status"].get(field, ())]
    return {each["name"]: each for each in found}


def terminated(pod: Pod, container: str) -> dict[str, Any] | None:
    """Return how a container has ended, the last time that it did; None when it has not."""
    status = statuses(pod).get(container, {})
    for state in ("state", "lastState"):
        if found := status.get(state, {}).get("terminated"):
            return dict(found)
    return None


def has_ended(pod: Pod) -> bool:
    """Say whether the pod is complete."""
    return pod["status"].get("phase") in ("Succeeded", "Failed")


def container_id(pod: Pod, container: str) -> str:
    """Return the id of a container in containerd, "" when it has none yet."""
    return str(statuses(pod).get(container, {}).get("containerID", "")).partition("://")[2]


def _state(pod: Pod | None) -> str:
    """Return what a pod waits for."""
    if not pod:
        return "The API server tells of no such pod."
    states = {name: status.get("state") for name, status in statuses(pod).items()}
    conditions = [
        condition["message"]
        for condition in pod["status"].get("conditions", ())
        if condition["status"] == "False" and condition.get("message")
    ]
    return f"Its state: {json.dumps(states)} {' '.join(conditions)}".rstrip()
