"""CustomResourceDefinitions out of the pinned Go modules of their operators (tools/crds.yaml)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from airflow_platform.support import processes, strict_yaml
from airflow_platform.support.cache import cache_dir
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.progress import progress
from airflow_platform.support.project import ROOT
from airflow_platform.support.tools import go, go_environment

CRDS_FILE = ROOT / "tools" / "crds.yaml"


@dataclass(frozen=True)
class CrdModule:
    """A Go module that holds CustomResourceDefinitions of one API group: ``files`` by kind.

    ``kubernetes`` is the oldest minor version of Kubernetes that takes them.
    """

    group: str
    module: str
    version: str
    sum: str
    files: Mapping[str, str]
    kubernetes: int = 0


@cache
def crd_modules() -> tuple[CrdModule, ...]:
    """Return what tools/crds.yaml lists."""
    return tuple(CrdModule(**entry) for entry in strict_yaml.load_file(CRDS_FILE))


def crds(module: CrdModule) -> dict[str, Any]:
    """Return the module's CustomResourceDefinitions by kind.

    PlatformError when the module cannot be had, or a file holds another kind.
    """
    source = _download(module)
    found = {kind: strict_yaml.load_file(source / path) for kind, path in module.files.items()}
    for kind, crd in found.items():
        if (crd["spec"]["group"], crd["spec"]["names"]["kind"]) != (module.group, kind):
            raise PlatformError(
                f"{CRDS_FILE}: {module.files[kind]} of {module.module} is not {kind} of"
                f" {module.group}."
            )
    return found


def _download(module: CrdModule) -> Path:
    """Return the directory of the Go module, downloaded and compared with its pinned checksum."""
    wanted = f"{module.module}@{module.version}"
    with progress(f"Downloading CustomResourceDefinitions ({wanted})"):
        done = processes.run(
            [str(go()), "mod", "download", "-json", wanted],
            cwd=cache_dir("schemas"),  # outside of any Go module
            env={**go_environment(), "GOSUMDB": "off"},  # the checksum is pinned here
        )
    answer = json.loads(done.stdout or "{}")
    if done.returncode or "Dir" not in answer:
        reason = answer.get("Error") or done.stderr.strip()
        raise PlatformError(
            f"The CustomResourceDefinitions of {module.group} are in the Go module {wanted}, which"
            f" could not be downloaded: {reason}\nLet Go reach its module proxy (GOPROXY)."
        )
    if answer["Sum"] != module.sum:
        raise PlatformError(
            f"{wanted} has the checksum {answer['Sum']}, but {CRDS_FILE} pins {module.sum}."
            " If the version was changed on purpose, change `sum` as well."
        )
    return Path(answer["Dir"])
