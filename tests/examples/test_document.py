"""What docs/gitops.md says to add to an example can be added."""

import json
import re
from typing import Any

import pytest

from airflow_platform.checks.kubeconform import default_versions, faults
from airflow_platform.manifests import Render
from airflow_platform.rendering.values import merged
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ROOT

from .files import ARGO_CD, FLUX, objects_in

SECTIONS = (ROOT / "docs" / "gitops.md").read_text(encoding="utf-8").split("\n## ")
EXAMPLES = {"Flux": FLUX / "base" / "release.yaml", "Argo CD": ARGO_CD / "application.yaml"}


def blocks(section: str) -> list[Any]:
    (text,) = (each for each in SECTIONS if each.startswith(f"{section}\n"))
    found = re.findall(r"^( *)```yaml\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL)
    return [
        strict_yaml.load(re.sub(rf"^{indent}", "", block, flags=re.M), section)
        for indent, block in found
    ]


@pytest.mark.parametrize("section", EXAMPLES)
def test_every_block_fits_the_example(section: str) -> None:
    (example,) = objects_in(EXAMPLES[section])
    assert blocks(section)
    for block in blocks(section):
        changed = Render.from_text(json.dumps(merged(example, block)))
        assert list(faults(changed, default_versions()[-1:])) == []
