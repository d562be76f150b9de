"""The release that is tried, and what is known about it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.cluster.release import Release, Values
from airflow_platform.manifests import Render
from airflow_platform.verify_logs.attempts import Run


@dataclass(frozen=True)
class Addresses:
    """URLs that the user gave; the others are looked for in the cluster."""

    airflow: str | None = None
    loki: str | None = None
    prometheus: str | None = None
    tenant: str = ""
    ca_file: Path | None = None


@dataclass
class Trial:
    """A release in a namespace of its own.

    ``made`` (the namespace, Secrets), ``installed`` and ``runs`` say what was done so far.
    ``simulated``: nothing runs in the pods, as on the local control plane. ``patience`` is how many
    seconds something may take that depends on pods.
    """

    release: Release
    chart: Path
    values: tuple[Values, ...]
    options: tuple[str, ...]
    render: Render
    addresses: Addresses
    simulated: bool
    patience: int
    objects: tuple[Path, ...] = ()
    made: set[str] = field(default_factory=set)
    installed: bool = False
    runs: list[Run] = field(default_factory=list)

    @property
    def cluster(self) -> Cluster:
        """The cluster of the release."""
        return self.release.cluster

    @property
    def namespace(self) -> str:
        """The namespace of the release."""
        return self.release.namespace

    @property
    def kubectl(self) -> str:
        """How a person looks at the namespace."""
        return f"kubectl --kubeconfig {self.cluster.kubeconfig} --namespace {self.namespace}"

    def pods(self) -> list[dict[str, Any]]:
        """Return the pods of the namespace as they are."""
        return self.cluster.list("pods", self.namespace)
