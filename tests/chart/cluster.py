"""What Helm says about values in a dry run that asks a cluster, where `lookup` finds Secrets."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from airflow_platform.rendering import helm
from airflow_platform.rendering.staging import stage
from airflow_platform.rendering.upstream import UpstreamChart, stand_in
from airflow_platform.support.project import NAMESPACE, values_file

from ..doubles.kubernetes_api import KubernetesApi, kubernetes_api

Values = Mapping[str, Any]
Secret = Mapping[str, Any]


def owned(release: str = "airflow", namespace: str = NAMESPACE, **more: str) -> Secret:
    """A Secret that Helm has made for a release, with more annotations."""
    names = {"release-name": release, "release-namespace": namespace}
    annotations = {f"meta.helm.sh/{k}": v for k, v in names.items()} | more
    labels = {"app.kubernetes.io/managed-by": "Helm"}
    return {"metadata": {"annotations": annotations, "labels": labels}}


def key(value: str, release: str = "airflow") -> Secret:
    """A Secret with a fernet key, as the official chart makes it."""
    encoded = base64.b64encode(value.encode()).decode()
    metadata = owned(release, **{"helm.sh/hook": "pre-install"})["metadata"]
    metadata = {**metadata, "labels": {**metadata["labels"], "release": release}}
    return {"metadata": metadata, "data": {"fernet-key": encoded}}


class Cluster:
    """A namespace with some Secrets, into which the wrapper is to be installed."""

    def __init__(self, api: KubernetesApi) -> None:
        self.api = api

    def says(
        self,
        values: Values,
        environment: str = "prod",
        *,
        major: int = 4,
        release: str = "airflow",
        upstream: UpstreamChart | None = None,
        kinds: Sequence[str] = (),
    ) -> str:
        """Return the error of Helm in a dry run with the values, nothing when it accepts them.

        In a dry run Helm 3 knows those kinds only of which ``kinds`` tell it.
        The values may have keys and passwords in any environment.
        """
        own = self.api.kubeconfig.with_name("mine.yaml")
        allowed = {"secrets": {"refuseInValues": False}}
        own.write_text(yaml.safe_dump({**allowed, **values}), encoding="utf-8")
        arguments = ["template", release, str(stage(upstream or stand_in()))]
        arguments += ["--namespace", NAMESPACE, "--kubeconfig", str(self.api.kubeconfig)]
        arguments += ["--dry-run=server", "-f", str(values_file(environment)), "-f", str(own)]
        arguments += [word for kind in kinds for word in ("--api-versions", kind)]
        done = helm.run(major, arguments)
        assert (done.returncode == 0) == bool(done.stdout.strip())
        if done.returncode == 0:
            return ""
        assert done.stderr.strip()
        return done.stderr


@contextmanager
def cluster_with(secrets: Mapping[str, Secret], directory: Path) -> Iterator[Cluster]:
    with kubernetes_api(secrets, directory) as api:
        yield Cluster(api)
