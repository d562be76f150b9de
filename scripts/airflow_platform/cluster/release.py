"""A Helm release in a cluster."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.rendering import helm
from airflow_platform.rendering.render import values_texts
from airflow_platform.support.project import RELEASE

Values = Path | Mapping[str, Any]


@dataclass(frozen=True)
class Release:
    """A release by its name, made by Helm ``helm`` (the major version), installed or not."""

    cluster: Cluster
    namespace: str
    name: str = RELEASE
    helm: int = 4

    def install(self, chart: Path, *values: Values, options: Sequence[str] = ()) -> str:
        """Install the chart directory ``chart`` and return what Helm prints.

        Later ``values``, files or their content, win; ``options`` are Helm's own. PlatformError
        with what Helm says when it fails, as in all methods.
        """
        return self._from_chart("install", chart, values, options)

    def upgrade(self, chart: Path, *values: Values, options: Sequence[str] = ()) -> str:
        """Upgrade to ``chart`` with ``values``; as ``install``."""
        return self._from_chart("upgrade", chart, values, options)

    def test(self, *options: str) -> str:
        """Run the chart's tests in the cluster."""
        return self._run("test", self.name, *options)

    def rollback(self, revision: int, *options: str) -> str:
        """Go back to ``revision``."""
        return self._run("rollback", self.name, str(revision), *options)

    def uninstall(self, *options: str) -> str:
        """Remove all that Helm removes."""
        return self._run("uninstall", self.name, *options)

    def _from_chart(
        self, command: str, chart: Path, values: Sequence[Values], options: Sequence[str]
    ) -> str:
        with tempfile.TemporaryDirectory() as directory:
            arguments = [command, self.name, str(chart), *options]
            for number, text in enumerate(values_texts(values)):
                file = Path(directory, f"{number}.yaml")
                file.write_text(text, encoding="utf-8")
                arguments += ["--values", str(file)]
            return self._run(*arguments, chart=chart)

    def _run(self, *arguments: str, chart: Path | None = None) -> str:
        where = ["--namespace", self.namespace, "--kubeconfig", str(self.cluster.kubeconfig)]
        return helm.checked(self.helm, [*arguments, *where], chart).stdout
