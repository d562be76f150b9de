"""The release of an environment, as far as its task pods need it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from airflow_platform.checks.references import POD_TEMPLATE_FILE, references
from airflow_platform.cluster.throwaway_secrets import throwaway_secrets
from airflow_platform.manifests import Container, Pod, Render
from airflow_platform.rendering.render import render
from airflow_platform.support.frozen import thaw

Object = dict[str, Any]

VALUES = Path(str(files(__package__) / "values"))

# The values for each version of Airflow, by its major version; the environments have the newest.
AIRFLOWS: Mapping[str, Sequence[Path]] = {"3": (), "2": (VALUES / "airflow-2.yaml",)}

# In the render; each copy of the release has others in place of them.
_NAMESPACE = "sidecar-trials"
_LOKI = "http://loki.sidecar-trials.invalid"  # in values/release.yaml


@dataclass(frozen=True)
class Release:
    """A release: ``template`` is the pod template, ``objects`` are those that its pods need."""

    template: Object
    objects: Sequence[Object]

    @property
    def base(self) -> Object:
        """The container of the task in the pod template."""
        return container(self.template, "base")

    @property
    def sidecar(self) -> Object:
        """The container of the sidecar in the pod template."""
        return container(self.template, "vector")

    @property
    def airflow(self) -> str:
        """The version of Airflow, such as "3.1.7"."""
        return str(self.base["image"].rpartition(":")[2])

    @property
    def drain_seconds(self) -> float:
        """The most seconds that the sidecar takes after its SIGTERM."""
        (timeout,) = (v for v in self.sidecar["env"] if v["name"] == "DRAIN_TIMEOUT_SECONDS")
        return float(timeout["value"])

    def images(self) -> dict[str, str]:
        """Return the images of the containers in the pod template, by the names of these."""
        return {each["name"]: each["image"] for each in containers(self.template)}

    def objects_in(self, namespace: str, loki: str) -> list[Object]:
        """Return the objects as they are in ``namespace``, with a Loki at the URL ``loki``."""
        text = json.dumps(list(self.objects)).replace(_LOKI, loki).replace(_NAMESPACE, namespace)
        placed: list[Object] = json.loads(text)
        for each in placed:
            each["metadata"]["namespace"] = namespace
        return placed

    def template_in(self, namespace: str) -> Object:
        """Return the pod template as it is in ``namespace``."""
        template: Object = json.loads(json.dumps(self.template).replace(_NAMESPACE, namespace))
        template["metadata"]["namespace"] = namespace
        return template


def containers(pod: Object) -> list[Object]:
    """Return all containers of a pod, init containers first."""
    return [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]


def container(pod: Object, name: str) -> Object:
    """Return a container of a pod by its name."""
    (found,) = (each for each in containers(pod) if each["name"] == name)
    return found


@cache
def release(environment: str, airflow: str, *values: Path) -> Release:
    """Render a release for an environment and a key of AIRFLOWS, with further ``values``."""
    files_ = (VALUES / "release.yaml", *AIRFLOWS[airflow], *values)
    rendered = render(environment, values=files_, namespace=_NAMESPACE)
    (template,) = (each for each in rendered.embedded("Pod") if each.key == POD_TEMPLATE_FILE)
    pod = thaw(template.document)
    return Release(pod, list(_needed(rendered, pod)))


def _needed(rendered: Render, pod: Object) -> Iterator[Object]:
    """Yield the objects that a task pod names; Secrets that nobody renders are made up."""
    named = {(each.kind, each.name) for each in references(rendered) if _in_template(each.holder)}
    named.add(("ServiceAccount", pod["spec"]["serviceAccountName"]))
    made = throwaway_secrets(rendered, (), anything=True)
    for each in (*(manifest.document for manifest in rendered.manifests), *made):
        if (each["kind"], each["metadata"]["name"]) in named:
            yield thaw(each)


def _in_template(holder: object) -> bool:
    pod = holder.pod if isinstance(holder, Container) else holder
    return isinstance(pod, Pod) and pod.key == POD_TEMPLATE_FILE
