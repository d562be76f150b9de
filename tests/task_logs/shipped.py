"""The sidecar as a render holds it: the files of its ConfigMap, and its container."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_platform.rendering.render import render
from airflow_platform.support import strict_yaml
from airflow_platform.support.frozen import thaw
from airflow_platform.support.project import ADDON

RUN_ID = "manual__2026-11-21T08:06:43+00:00"
# What the pod of a task says about itself. Kubernetes takes an absent annotation for an empty one.
POD: Mapping[str, str] = {
    "metadata.name": "probe-happy-abc",
    "metadata.namespace": "airflow",
    "metadata.uid": "3a1b",
    "spec.nodeName": "node-1",
    "metadata.annotations['dag_id']": "",
    "metadata.annotations['task_id']": "",
    "metadata.annotations['run_id']": "",
    "metadata.annotations['try_number']": "",
    "metadata.annotations['map_index']": "",
}
# The defaults but for what the tests must see, and what their Loki cannot read.
OBSERVABLE: Mapping[str, Any] = {
    "logLevel": "info",
    "metadataFields": [
        *strict_yaml.load_file(ADDON / "values.yaml")["global"]["taskLogs"]["metadataFields"],
        "file",
    ],
    "loki": {"compression": "gzip"},
}


@dataclass(frozen=True)
class Shipped:
    """One rendered sidecar, and the ``task`` container next to it.

    ``files`` are by their name in the ConfigMap, ``config`` is vector.yaml.
    """

    files: Mapping[str, str]
    config: Mapping[str, Any]
    container: Mapping[str, Any]
    task: Mapping[str, Any]

    def environment(self, pod: Mapping[str, str] = POD) -> dict[str, str]:
        """The variables of the container, in a pod that has these fields. Secrets are missing."""
        return {
            variable["name"]: variable["value"]
            if "value" in variable
            else pod[variable["valueFrom"]["fieldRef"]["fieldPath"]]
            for variable in self.container["env"]
            if "secretKeyRef" not in variable.get("valueFrom", {})
        }

    def program(self, transform: str) -> str:
        """The VRL of a transform, from where Vector would read it."""
        remap = self.config["transforms"][transform]
        if "source" in remap:
            return str(remap["source"])
        names = remap["files"] if "files" in remap else [remap["file"]]
        return "\n".join(self.files[name] for name in names)


def shipped(task_logs: Mapping[str, Any] | None = None, *, metrics: bool = True) -> Shipped:
    """The sidecar that the add-on makes of these settings below ``global.taskLogs``.

    Its pod template is the one that the add-on brings for an Airflow of the user's own.
    """
    values = {
        "global": {"taskLogs": task_logs or {}, "metrics": {"enabled": metrics}},
        "podTemplate": {"enabled": True},
    }
    rendered = render(chart="add-on", values=[values])
    (config,) = rendered.embedded("VectorConfig")
    (pod,) = (pod for pod in rendered.pods() if pod.key == "pod_template_file.yaml")
    return Shipped(
        files=config.owner.at("data"),
        config=thaw(config.document),
        container=thaw(pod.containers()["vector"].document),
        task=thaw(pod.containers()["base"].document),
    )
