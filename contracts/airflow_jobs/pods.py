"""The Pod that a job runs in."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from airflow_jobs.amounts import duration
from airflow_jobs.workflows import Workflow

# Where a job writes its outputs: a file that each container has, and of which Kubernetes keeps so
# many bytes in the Pod's status.
OUTPUT_FILE = "/dev/termination-log"
OUTPUT_BYTES = 4096
CONTAINER = "base"  # the name that KubernetesPodOperator looks for

_RESOURCES: Mapping[str, Any] = {"cpu": "250m", "memory": "512Mi"}
_NAMES = {"ephemeral_storage": "ephemeral-storage"}  # in Kubernetes, where it is not the contract's
_LONGEST_NAME = 50  # a suffix makes it unique


@dataclass(frozen=True)
class Platform:
    """Where and as whom jobs run that do not say it themselves."""

    namespace: str | None = None
    service_account: str | None = None
    image_pull_secrets: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


def platform() -> Platform:
    """Return what platform.json beside this module says. The chart puts it there."""
    file = Path(__file__).with_name("platform.json")
    return platform_of(file.read_text(encoding="utf-8")) if file.is_file() else Platform()


def platform_of(text: str) -> Platform:
    """Return what a platform.json says. It may be newer than this module, and know more."""
    found = json.loads(text)
    known = (each.name for each in fields(Platform))
    return Platform(**{name: found[name] for name in known if name in found})


def pod(
    workflow: Workflow, name: str, where: Platform, write: Callable[[str], str] = str
) -> dict[str, Any]:
    """Return the manifest of a job's Pod.

    ``write`` is called with each text in which template variables may be.
    """
    job = workflow.job(name)
    placement = job.get("placement", {})
    spec = {
        "restartPolicy": "Never",
        "serviceAccountName": job.get("service_account", where.service_account),
        "imagePullSecrets": [{"name": each} for each in where.image_pull_secrets],
        "nodeSelector": placement.get("node_selector"),
        "tolerations": placement.get("tolerations"),
        "activeDeadlineSeconds": _seconds(job.get("timeout")),
        "securityContext": _security(job.get("user")),
        "containers": [_container(job, write)],
        "volumes": [_volume(each) for each in job.get("volumes", ())],
    }
    metadata = {
        "name": _name(workflow.name, name),
        "namespace": workflow.settings.get("namespace", where.namespace),
        "labels": _labels(workflow, name, job, where),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _given(metadata),
        "spec": _given(spec),
    }


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, [], {})}


def _name(workflow: str, job: str) -> str:
    text = re.sub(r"[^a-z0-9]+", "-", f"{workflow}-{job}".lower())
    return text[:_LONGEST_NAME].strip("-")


def _labels(
    workflow: Workflow, name: str, job: Mapping[str, Any], where: Platform
) -> dict[str, str]:
    own = {
        "app.kubernetes.io/component": "job",
        "app.kubernetes.io/managed-by": "airflow",
        "workflow-orchestration/workflow": workflow.name,
        "workflow-orchestration/job": name,
    }
    if owner := workflow.settings.get("owner"):
        own["workflow-orchestration/owner"] = owner
    # What network policies select by is not for jobs to change.
    return {**job.get("labels", {}), **where.labels, **own}


def _security(user: int | None) -> dict[str, Any]:
    """Return what the restricted Pod Security Standard wants of a Pod."""
    secure: dict[str, Any] = {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    return {**secure, **({"runAsUser": user, "runAsGroup": user, "fsGroup": user} if user else {})}


def _container(job: Mapping[str, Any], write: Callable[[str], str]) -> dict[str, Any]:
    env = [_variable(name, value, write) for name, value in job.get("env", {}).items()]
    container = {
        "name": CONTAINER,
        "image": job["image"],
        "command": [write(word) for word in job.get("command", ())],
        "args": [write(word) for word in job.get("args", ())],
        "resources": _resources(job.get("resources", _RESOURCES)),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [_mount(each) for each in job.get("volumes", ())],
    }
    if job.get("outputs"):
        env.append({"name": "OUTPUT_FILE", "value": OUTPUT_FILE})
    return _given({**container, "env": env})


def _variable(name: str, value: Any, write: Callable[[str], str]) -> dict[str, Any]:
    if isinstance(value, str):
        return {"name": name, "value": write(value)}
    ((kind, reference),) = value.items()
    source = {"secret": "secretKeyRef", "config_map": "configMapKeyRef"}[kind]
    return {"name": name, "valueFrom": {source: dict(reference)}}


def _resources(given: Mapping[str, Any]) -> dict[str, Any]:
    short = {key: given[key] for key in ("cpu", "memory") if key in given}
    requests = short | given.get("requests", {})
    limits = {key: given[key] for key in ("memory",) if key in given} | given.get("limits", {})
    found = {
        kind: {_NAMES.get(name, name): amount for name, amount in amounts.items()}
        for kind, amounts in (("requests", requests), ("limits", limits))
    }
    return _given(found)


def _volume(volume: Mapping[str, Any]) -> dict[str, Any]:
    name = {"name": volume["name"]}
    if "claim" in volume:
        return {**name, "persistentVolumeClaim": {"claimName": volume["claim"]}}
    if "secret" in volume:
        return {**name, "secret": {"secretName": volume["secret"]}}
    if "config_map" in volume:
        return {**name, "configMap": {"name": volume["config_map"]}}
    return {**name, "emptyDir": {"sizeLimit": volume["scratch"]}}


def _mount(volume: Mapping[str, Any]) -> dict[str, Any]:
    mount = {"name": volume["name"], "mountPath": volume["mount_path"]}
    return {**mount, "readOnly": True} if volume.get("read_only") else mount


def _seconds(text: str | None) -> int | None:
    return max(1, math.ceil(duration(text).total_seconds())) if text else None
