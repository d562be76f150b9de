"""The whole input of a render. All that Helm is told is in it, so its hash can name the result."""

import hashlib
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Literal

from airflow_platform.support.project import KUBE_VERSION, NAMESPACE, RELEASE


@dataclass(frozen=True)
class RenderRequest:
    """What Helm renders a chart from.

    ``chart`` is a directory that is named by its content (see ``staging``), ``values`` are the
    texts of values files and ``sets`` are ``key=value`` as for --set; later ones win.
    ``api_versions`` are what the cluster offers besides Kubernetes' own APIs. ``helm`` is the major
    version, and ``helm_build`` tells one build of that Helm from another. With the ``command``
    install Helm prints what it would print after an installation: the notes as well.
    """

    chart: Path
    values: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    release: str = RELEASE
    namespace: str = NAMESPACE
    kube_version: str = KUBE_VERSION
    api_versions: tuple[str, ...] = ()
    helm: int = 4
    helm_build: str = ""
    command: Literal["template", "install"] = "template"

    @property
    def key(self) -> str:
        """A hash of all fields: two requests with the same key have the same result."""
        return hashlib.sha256(repr(astuple(self)).encode()).hexdigest()
