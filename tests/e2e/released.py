"""A release on the API, and what can be seen of it there."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.cluster.release import Release, Values
from airflow_platform.cluster.throwaway_secrets import throwaway_secrets
from airflow_platform.rendering.render import Chart, render
from airflow_platform.rendering.staging import stage, stage_addon, stage_upstream
from airflow_platform.rendering.upstream import UpstreamChart, find_upstream
from airflow_platform.support.project import RELEASE, values_file

from .direct import direct

READY = ("--wait", "--wait-for-jobs", "--timeout=60s")

# With it, the API refuses each container that does not say what it needs.
QUOTA: Mapping[str, Any] = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "all-containers"},
    "spec": {
        "hard": {"requests.cpu": "100", "requests.memory": "400Gi", "limits.memory": "800Gi"},
    },
}

# For tests of what Helm does: they would learn nothing from more pods, but wait for them.
ONE_REPLICA: Mapping[str, Any] = {
    "airflow": {
        component: {"replicas": 1}
        for component in ("apiServer", "scheduler", "dagProcessor", "triggerer")
    }
}

_WORKLOADS = "deployments,statefulsets,daemonsets,cronjobs,jobs"


def airflow_image(tag: str) -> Mapping[str, Any]:
    """Return values with another image of Airflow; one with the tag "missing" never starts."""
    return {"airflow": {"defaultAirflowTag": tag}}


@dataclass(frozen=True)
class Released:
    """A release with the chart and the values that it was installed with."""

    release: Release
    chart: Path
    values: tuple[Values, ...]
    upstream: UpstreamChart
    before: frozenset[str] | None  # what was in the namespace before the installation

    @property
    def cluster(self) -> Cluster:
        """The cluster of the release."""
        return self.release.cluster

    @property
    def namespace(self) -> str:
        """The namespace of the release."""
        return self.release.namespace

    def status(self) -> str:
        """Return Helm's word for the state of the newest revision, such as "deployed"."""
        selector = f"owner=helm,name={self.release.name}"
        records = direct(self.cluster).list("secrets", self.namespace, selector)
        labels = [each["metadata"]["labels"] for each in records]
        return str(max(labels, key=lambda each: int(each["version"]))["status"])

    def upgrade(
        self, *values: Values, chart: Path | None = None, options: Sequence[str] = ()
    ) -> None:
        """Upgrade with the values of the installation and ``values``, perhaps to another chart."""
        # That they fit the schemas is what installations have shown.
        options = ("--disable-openapi-validation", *options)
        self.release.upgrade(chart or self.chart, *self.values, *values, options=options)

    def objects(self, kinds: str) -> list[dict[str, Any]]:
        """Return the objects of some kinds that Helm has made for this release."""
        return [
            each
            for each in direct(self.cluster).list(kinds, self.namespace)
            if _annotations(each).get("meta.helm.sh/release-name") == self.release.name
        ]

    def names(self, kind: str) -> list[str]:
        """Return the names of its objects of a kind."""
        return [each["metadata"]["name"] for each in self.objects(kind)]

    def left(self) -> set[str]:
        """Return what is in the namespace by the installation, but for what something else owns.

        The garbage collector removes that when its owner is gone. Only for one that was installed
        with ``look_before``.
        """
        assert self.before is not None
        return things(self.cluster, self.namespace) - self.before

    def specs(self) -> dict[str, str]:
        """Return the specs of its workloads as JSON, by kind and name.

        That of a Job is empty: its name has a hash of what it runs, and Kubernetes adds to it.
        """
        return {
            f"{each['kind']}/{each['metadata']['name']}": json.dumps(
                {} if each["kind"] == "Job" else each["spec"]
            )
            for each in self.objects(_WORKLOADS)
        }

    def pod_templates(self) -> dict[str, str]:
        """Return the pod templates in ``specs``: pods start anew where one has changed.

        Those of Jobs and CronJobs are left out.
        """
        return {
            name: json.dumps(json.loads(spec)["template"])
            for name, spec in self.specs().items()
            if not name.startswith(("Job/", "CronJob/"))
        }

    def running(self) -> set[str]:
        """Return the names of the namespace's pods that are there to stay.

        A pod that is made anew has another name, but in a StatefulSet: so each has its uid as well.
        """
        return {
            f"{pod['metadata']['name']} {pod['metadata']['uid']}"
            for pod in direct(self.cluster).list("pods", self.namespace)
            if pod["spec"]["restartPolicy"] == "Always"
            and "deletionTimestamp" not in pod["metadata"]
        }


def install(
    cluster: Cluster,
    namespace: str,
    environment: str | None = None,
    *values: Values,
    chart: Chart = "wrapper",
    upstream: UpstreamChart | None = None,
    name: str = RELEASE,
    major: int = 4,
    options: Sequence[str] = (),
    look_before: bool = False,
) -> Released:
    """Install a chart in ``namespace``, which gets the Secrets that it needs.

    Arguments are those of ``render``; ``options`` are Helm's; ``look_before`` is for
    ``Released.left``. PlatformError when it fails.
    """
    upstream = upstream or find_upstream()
    sources = (values_file(environment), *values) if environment else values
    make_secrets(cluster, namespace, *sources, chart=chart, upstream=upstream, name=name)
    match chart:
        case "wrapper":
            directory = stage(upstream)
        case "official":
            directory = stage_upstream(upstream)
        case "add-on":
            directory = stage_addon()
    before = frozenset(things(cluster, namespace)) if look_before else None
    release = Release(cluster, namespace, name, major)
    release.install(directory, *sources, options=options)
    return Released(release, directory, tuple(sources), upstream, before)


def make_secrets(
    cluster: Cluster,
    namespace: str,
    *values: Values,
    chart: Chart = "wrapper",
    upstream: UpstreamChart | None = None,
    name: str = RELEASE,
) -> None:
    """Make the Secrets that a release needs and that are not there yet."""
    # Not for the namespace: which Secrets it needs is the same, so it is rendered once for all.
    rendered = render(
        chart=chart,
        values=values,
        upstream=upstream if chart != "add-on" else None,
        release=name,
    )
    there = {each["metadata"]["name"] for each in direct(cluster).list("secrets", namespace)}
    made = throwaway_secrets(rendered, there, anything=True)
    direct(cluster).apply(made, namespace)


def things(cluster: Cluster, namespace: str) -> set[str]:
    """Return the kinds and names of the objects of a namespace that no other object owns."""
    return {
        f"{each['kind']}/{each['metadata']['name']}"
        for each in direct(cluster).lasting(namespace)
        if "ownerReferences" not in each["metadata"]
    }


def _annotations(each: Mapping[str, Any]) -> Mapping[str, str]:
    return each["metadata"].get("annotations") or {}
