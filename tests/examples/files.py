"""Where the examples are, and what is in them."""

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ROOT

EXAMPLES = ROOT / "examples"
FLUX = EXAMPLES / "flux"
ARGO_CD = EXAMPLES / "argocd"
TERRAFORM = EXAMPLES / "terraform"
SITE = EXAMPLES / "site"

# Each kustomization with a release, and the environment whose values the release has.
RELEASES = {"dev": "dev", "staging": "staging", "prod": "prod", "homelab": "dev"}
KUSTOMIZATIONS = (*RELEASES, "database")


def object_files() -> list[Path]:
    """The files with objects of an API; kustomize itself reads the others."""
    found = [path for folder in (FLUX, ARGO_CD) for path in folder.rglob("*.yaml")]
    return sorted(path for path in found if path.name not in ("kustomization.yaml", "names.yaml"))


def objects_in(path: Path) -> list[Any]:
    return strict_yaml.load_all(path.read_text(encoding="utf-8"), str(path))


def applications_of(application_set: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each Application that Argo CD makes of an ApplicationSet with a list of elements."""
    spec = application_set["spec"]
    template = json.dumps(spec["template"])
    for generator in spec["generators"]:
        for element in generator["list"]["elements"]:
            text = re.sub(r"{{ \.(\w+) }}", partial(_parameter, element), template)
            application = {"apiVersion": application_set["apiVersion"], "kind": "Application"}
            yield application | json.loads(text)


def _parameter(element: dict[str, str], name: re.Match[str]) -> str:
    return element[name[1]]
