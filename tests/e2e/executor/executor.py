"""The driver of an Airflow's KubernetesExecutor, configured as the chart configures Airflow."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.manifests import Render
from airflow_platform.rendering.render import render
from airflow_platform.support import processes
from airflow_platform.support.frozen import thaw
from airflow_platform.support.project import RELEASE

from ...airflow_install import AirflowVersion, airflow_environment, install

RUN = "manual__2026-01-01T00:00:00+00:00"
DAG = "executor.shapes"

_HERE = Path(__file__).parent
_SECONDS = 30.0
_POLL_SECONDS = 0.1
_SHOWN_CHARACTERS = 3000
_RUNS_FOR = "kwok.airflow-platform/runs-for"


States = dict[str, str | None]  # by task instance


@dataclass
class Executor:
    """A KubernetesExecutor that acts as the scheduler's ServiceAccount."""

    airflow: AirflowVersion
    rendered: Render
    cluster: Cluster  # of an administrator
    scheduler: Cluster  # of the scheduler's ServiceAccount
    namespace: str
    log: Path
    _process: "Popen[bytes]"

    @property
    def template(self) -> dict[str, Any]:
        """The pod template that the chart renders."""
        (template,) = self.rendered.embedded("Pod")
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
        found = self.cluster.list("pods", self.namespace, "kubernetes_executor=True")
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
        arguments = ("annotate", "pod", name, f"{_RUNS_FOR}=0s", "--overwrite")
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
        found = self.cluster.get("pod", pod, self.namespace)
        return found is not None and _phase(found) == "Running"


def _phase(pod: dict[str, Any]) -> str:
    return str(pod["status"]["phase"])


def task_of(pod: dict[str, Any]) -> str:
    """Return what driver.py calls the task instance of a pod."""
    annotations = pod["metadata"]["annotations"]
    index = annotations.get("map_index")
    return str(annotations["task_id"]) + (f"[{index}]" if index else "")


def render_for(airflow: AirflowVersion, namespace: str) -> Render:
    """Render prod for a version of Airflow."""
    values = {
        "airflow": {"airflowVersion": airflow.version, "defaultAirflowTag": airflow.version},
        "global": {"metrics": {"airflowVersion": airflow.version}},
    }
    return render("prod", values=[values], namespace=namespace)


@contextmanager
def running(
    airflow: AirflowVersion, cluster: Cluster, namespace: str, directory: Path
) -> Iterator[Executor]:
    """Start a driver that has read its DAG; ``directory`` is for its files."""
    installed = install(airflow)
    rendered = render_for(airflow, namespace)
    kinds = ("ConfigMap", "Role", "RoleBinding", "ServiceAccount")
    objects = [thaw(m.document) for m in rendered.manifests if m.kind in kinds]
    cluster.apply(objects, f"--namespace={namespace}")
    scheduler = _as_service_account(
        cluster, f"{RELEASE}-scheduler", namespace, directory / "kubeconfig"
    )
    (config,) = rendered.embedded("AirflowConfig")
    (template,) = rendered.embedded("Pod")
    (directory / "airflow.cfg").write_text(config.text, encoding="utf-8")
    _write_templates(directory, thaw(template.document))
    shutil.copy(installed / "airflow.db", directory)
    options = {
        "CORE__DAGS_FOLDER": str(_HERE / "dags"),
        "CORE__FERNET_KEY": "",
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{directory}/airflow.db",
        "API_AUTH__JWT_SECRET": "a secret of this test, which is long enough for every algorithm",
        "KUBERNETES_EXECUTOR__POD_TEMPLATE_FILE": str(directory / "pod_template.yaml"),
        "KUBERNETES_EXECUTOR__IN_CLUSTER": "False",
        "KUBERNETES_EXECUTOR__CONFIG_FILE": str(scheduler.kubeconfig),
        "LOGGING__BASE_LOG_FOLDER": str(directory / "logs"),
        "METRICS__STATSD_ON": "False",
    }
    environment = {
        **airflow_environment(installed, directory, options),
        "AIRFLOW_CONFIG": str(directory / "airflow.cfg"),
        "BROKEN_TEMPLATES": str(directory),
    }
    log = directory / "driver.log"
    command = (installed / "venv" / "bin" / "python", _HERE / "driver.py", log)
    process = processes.start(command, env=environment, stdin=PIPE)
    with process:  # closes the pipes
        try:
            yield Executor(airflow, rendered, cluster, scheduler, namespace, log, process)
        finally:
            processes.end(process)


def _as_service_account(cluster: Cluster, name: str, namespace: str, kubeconfig: Path) -> Cluster:
    """Return the same cluster for a ServiceAccount."""
    view = cluster.kubectl("config", "view", "--minify", "--flatten", "--raw", "--output=json")
    config = json.loads(view)
    token = cluster.kubectl("create", "token", name, f"--namespace={namespace}").strip()
    for user in config["users"]:
        user["user"] = {"token": token}
    kubeconfig.write_text(json.dumps(config), encoding="utf-8")
    return Cluster(kubeconfig)


def _write_templates(directory: Path, rendered: dict[str, Any]) -> None:
    """Write the template, with which pods run until they are ended, and those with faults."""
    rendered["metadata"].setdefault("annotations", {})[_RUNS_FOR] = "1h"
    text = json.dumps(rendered)
    (directory / "pod_template.yaml").write_text(text, encoding="utf-8")
    for name, break_ in BROKEN.items():
        broken = json.loads(text)
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
