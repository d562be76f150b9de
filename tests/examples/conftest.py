"""What the kustomizations of examples/flux build."""

import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from airflow_platform.manifests import Render

Build = Callable[[Path], Render]


@pytest.fixture(scope="session")
def build(program: Callable[[str], Path]) -> Build:
    """Build a kustomization as Flux does, which reads files outside of its folder as well."""

    @cache
    def kustomize(folder: Path) -> Render:
        arguments = ["kustomize", "--load-restrictor", "LoadRestrictionsNone", str(folder)]
        done = subprocess.run([program("kubectl"), *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return Render.from_text(done.stdout, name=folder.name)

    return kustomize
