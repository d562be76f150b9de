"""A real node runs pods as clusters do, and leaves nothing on its machine."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.node.image import Image
from airflow_platform.node.node import Node, local_node

from . import keep_node
from .leftovers import leftovers

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("node")]

_IMAGE = "example.com/shell:1"
_SECONDS = 60.0
_SETTINGS = ("vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops")
# What the restricted Pod Security Standard asks for.
_RESTRICTED = {
    "runAsNonRoot": True,
    "runAsUser": 50000,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with local_node(tmp_path_factory.mktemp("node")) as running:
        running.add_image(_IMAGE, Image(shell=True))
        yield running


def run(node: Node, name: str, script: str, **spec: Any) -> dict[str, Any]:
    """Run a script in a container of a pod; return the pod as it is when it has ended."""
    container = {
        "name": "base",
        "image": _IMAGE,
        "command": ["/bin/sh", "-c", script],
        "securityContext": _RESTRICTED,
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"restartPolicy": "Never", "containers": [container], **spec},
    }
    node.cluster.apply([pod])
    give_up = time.monotonic() + _SECONDS
    while time.monotonic() < give_up:
        found = node.cluster.get("pod", name, "default")
        if found and found["status"].get("phase") in ("Succeeded", "Failed"):
            return found
        time.sleep(0.2)
    raise AssertionError(found)


def terminated(status: dict[str, Any]) -> dict[str, Any]:
    return dict(status["state"]["terminated"])


def test_a_container_ends_as_its_program_does(node: Node) -> None:
    pod = run(node, "fails", "echo said; echo why >/dev/termination-log; exit 3")
    (status,) = pod["status"]["containerStatuses"]
    assert terminated(status)["exitCode"] == 3
    assert terminated(status)["message"] == "why\n"
    assert node.cluster.kubectl("logs", "fails", "--namespace=default") == "said\n"


def test_events_say_when_a_container_ends(node: Node) -> None:
    pod = run(node, "sleeps", "sleep 1")
    (status,) = pod["status"]["containerStatuses"]
    container = status["containerID"].removeprefix("containerd://")
    at = {event.topic: event.at for event in node.events() if event.container == container}
    assert 1.0 <= (at["/tasks/exit"] - at["/tasks/start"]) / 1e9 < 3.0


def test_a_service_is_found_on_loopback_by_its_name(node: Node) -> None:
    pod = run(node, "asks", "grep -w 127.0.0.1 /etc/hosts >/dev/termination-log")
    (status,) = pod["status"]["containerStatuses"]
    names = terminated(status)["message"].split()
    assert {"airflow-statsd-exporter", "airflow-statsd-exporter.default"} <= {*names}


def test_a_native_sidecar_ends_after_the_others(node: Node) -> None:
    sidecar = {
        "name": "sidecar",
        "image": _IMAGE,
        "restartPolicy": "Always",
        "command": ["/bin/sh", "-c", "trap 'exit 5' TERM; while :; do sleep 1 & wait; done"],
        "securityContext": _RESTRICTED,
    }
    pod = run(node, "with-sidecar", "sleep 1", initContainers=[sidecar])
    (status,) = pod["status"]["initContainerStatuses"]
    assert terminated(status)["exitCode"] == 5


def test_usage_of_a_container_is_seen(node: Node) -> None:
    node.cluster.apply(
        [
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "busy", "namespace": "default"},
                "spec": {
                    "terminationGracePeriodSeconds": 0,
                    "containers": [
                        {
                            "name": "busy",
                            "image": _IMAGE,
                            "command": ["/bin/sh", "-c", "while :; do :; done"],
                        }
                    ],
                },
            }
        ]
    )
    ready = ("wait", "--for=condition=Ready", "pod/busy", "--namespace=default")
    node.cluster.kubectl(*ready)
    pod = node.cluster.get("pod", "busy", "default")
    assert pod
    container = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    cgroup = node.cgroup(container)
    assert cgroup
    before = cgroup.cpu_seconds()
    time.sleep(1)
    assert cgroup.cpu_seconds() > before
    assert 0 < cgroup.memory_bytes() <= cgroup.peak_memory_bytes()
    assert cgroup.processes()
    node.cluster.kubectl("delete", "pod", "busy", "--namespace=default", "--wait")
    give_up = time.monotonic() + _SECONDS
    while node.cgroup(container) and time.monotonic() < give_up:
        time.sleep(0.2)
    assert node.cgroup(container) is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left(tmp_path: Path, number: signal.Signals) -> None:
    before = {name: Path("/proc/sys", name).read_text() for name in _SETTINGS}
    with subprocess.Popen(
        [sys.executable, keep_node.__file__, tmp_path], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        name = process.stdout.readline().strip()
        assert leftovers(name), "it runs"
        assert {name: Path("/proc/sys", name).read_text() for name in _SETTINGS} == before
        process.send_signal(number)
    give_up = time.monotonic() + _SECONDS
    while leftovers(name) and time.monotonic() < give_up:  # after SIGKILL, others clean up
        time.sleep(0.2)
    assert not leftovers(name)
