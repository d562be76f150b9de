"""The driver of an Airflow's KubernetesExecutor, configured as the chart configures Airflow."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.support import processes
from airflow_platform.support.frozen import thaw

from ..direct import direct
from .configuration import RUNS_FOR, Configuration

# As in driver.py, which runs without this module.
RUN = "manual__2026-01-01T00:00:00+00:00"
DAG = "executor.shapes"

_HERE = Path(__file__).parent
_SECONDS = 30.0
_POLL_SECONDS = 0.1
_SHOWN_CHARACTERS = 3000

States = dict[str, str | None]  # by task instance


@dataclass
class Executor:
    """A KubernetesExecutor that acts as the scheduler's ServiceAccount."""

    configuration: Configuration
    log: Path
    _process: "Popen[bytes]"

    @property
    def cluster(self) -> Cluster:
        """The cluster, for an administrator."""
        return self.configuration.cluster

    @property
    def namespace(self) -> str:
        """The namespace of the pods."""
        return self.configuration.namespace

    @property
    def template(self) -> dict[str, Any]:
        """The pod template that the chart renders."""
        (template,) = self.configuration.rendered.embedded("Pod")
        return dict(thaw(template.document))

    def call(self, method: str, *arguments: object) -> Any:
        """Call a method of driver.Driver."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([method, *arguments]).encode() + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the driver has ended: {self._end_of_log()}"
        return json.loads(answer)

    def launch(self, *tasks: str) -> dict[str, dict[str, Any]]:
        """Queue task instances, let the executor make their pods; return the pods that run."""
        self.call("queue", *tasks)
        self.call("heartbeat")
        return self.running_pods(*tasks)

    def heartbeats_until(self, holds: Callable[[States], bool]) -> States:
        """Let the executor work until something holds of the states that it has told of."""
        told: States = {}
        deadline = time.monotonic() + _SECONDS
        while True:
            told |= self.call("heartbeat")
            if holds(told):
                return told
            assert time.monotonic() < deadline, f"told: {told}; log: {self.log}"
            time.sleep(_POLL_SECONDS)

    def pods(self, *tasks: str) -> list[dict[str, Any]]:
        """Return the stored pods of task instances."""
        found = direct(self.cluster).list("pods", self.namespace, "kubernetes_executor=True")
        return [pod for pod in found if task_of(pod) in tasks]

    def running_pods(self, *tasks: str) -> dict[str, dict[str, Any]]:
        """Return the stored pod of each of the task instances when all of them run."""
        found: dict[str, dict[str, Any]] = {}

        def all_run() -> bool:
            pods = self.pods(*tasks)
            found.update((task_of(pod), pod) for pod in pods if _phase(pod) == "Running")
            return len(found) == len(tasks)

        self.wait(all_run, f"the pods of {tasks} run")
        return found

    def end(self, pod: dict[str, Any]) -> None:
        """Let a pod end."""
        name = pod["metadata"]["name"]
        arguments = ("annotate", "pod", name, f"{RUNS_FOR}=0s", "--overwrite")
        self.cluster.kubectl(*arguments, f"--namespace={self.namespace}")
        self.wait(lambda: not self._runs(name), f"{name} has ended")

    def wait(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + _SECONDS
        while not holds():
            assert time.monotonic() < deadline, f"not within {_SECONDS:.0f} s: {what}"
            time.sleep(_POLL_SECONDS)

    def _end_of_log(self) -> str:
        assert self._process.stderr
        processes.end(self._process)
        imports = self._process.stderr.read().decode()
        return (imports + self.log.read_text(encoding="utf-8"))[-_SHOWN_CHARACTERS:]

    def _runs(self, pod: str) -> bool:
        found = direct(self.cluster).get("pod", pod, self.namespace)
        return found is not None and _phase(found) == "Running"


def _phase(pod: dict[str, Any]) -> str:
    return str(pod["status"]["phase"])


def task_of(pod: dict[str, Any]) -> str:
    """Return what driver.py calls the task instance of a pod."""
    annotations = pod["metadata"]["annotations"]
    index = annotations.get("map_index")
    return str(annotations["task_id"]) + (f"[{index}]" if index else "")


@contextmanager
def running(configuration: Configuration) -> Iterator[Executor]:
    """Start a driver that has read its DAG."""
    directory = configuration.directory
    _write_broken_templates(directory)
    log = directory / "driver.log"
    environment = {**configuration.environment, "BROKEN_TEMPLATES": str(directory)}
    command = (configuration.python, _HERE / "driver.py", log)
    process = processes.start(command, env=environment, stdin=PIPE)
    with process:  # closes the pipes
        try:
            yield Executor(configuration, log, process)
        finally:
            processes.end(process)


def _write_broken_templates(directory: Path) -> None:
    for name, break_ in BROKEN.items():
        broken = json.loads((directory / "pod_template.yaml").read_text(encoding="utf-8"))
        (sidecar,) = (c for c in broken["spec"]["initContainers"] if c["name"] == "vector")
        break_(broken, sidecar)
        (directory / f"{name}.yaml").write_text(json.dumps(broken), encoding="utf-8")


def _without_restart_policy(template: dict[str, Any], sidecar: dict[str, Any]) -> None:
    del sidecar["restartPolicy"]


def _reads_a_label(template: dict[str, Any], sidecar: dict[str, Any]) -> None:
    (variable,) = (v for v in sidecar["env"] if v["name"] == "RUN_ID")
    variable["valueFrom"] = {"fieldRef": {"fieldPath": "metadata.labels['run_id']"}}


def _among_the_containers(template: dict[str, Any], sidecar: dict[str, Any]) -> None:
    template["spec"]["initContainers"].remove(sidecar)
    del sidecar["restartPolicy"]
    template["spec"]["containers"].append(sidecar)


# Pod templates with faults, by the name of the task that has one.
BROKEN: dict[str, Callable[[dict[str, Any], dict[str, Any]], None]] = {
    "broken_without_restart_policy": _without_restart_policy,
    "broken_reads_a_label": _reads_a_label,
    "broken_among_the_containers": _among_the_containers,
}
