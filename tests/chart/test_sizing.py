"""docs/sizing.md says what the environments request."""

import re

import pytest

from airflow_platform.manifests import Container, Pod, Render
from airflow_platform.rendering.render import render
from airflow_platform.support.project import ROOT, environments

UNITS = {"m": 0.001, "Mi": 1 / 1024, "Gi": 1.0, "": 1.0}
ROW = re.compile(
    r"^\| `(\w+)` \| ([\d.]+) \| ([\d.]+) GiB \| (\d+) GiB \| (\d+)m \| (\d+) MiB \|$", re.MULTILINE
)
TABLE = {
    row[0]: [float(number) for number in row[1:]]
    for row in ROW.findall((ROOT / "docs" / "sizing.md").read_text(encoding="utf-8"))
}


def quantity(text: object) -> float:
    """Cores, or GiB."""
    found = re.fullmatch(r"([\d.]+)(m|Mi|Gi|)", str(text))
    assert found, text
    return float(found[1]) * UNITS[found[2]]


def requested(pod: Pod, resource: str) -> float:
    """The sum over the containers that run together."""

    def of(container: Container) -> float:
        return quantity(container.document["resources"]["requests"][resource])

    return sum(of(each) for each in pod.containers().values() if each.role != "init")


def asked_for(release: Render) -> list[float]:
    """What the table has of a release, in its order."""
    cpu = memory = volumes = 0.0
    for kind in ("Deployment", "StatefulSet"):
        for manifest in release.all(kind):
            replicas = manifest.at("spec", "replicas", default=1)
            (pod,) = (each for each in release.pods() if each.owner == manifest and not each.key)
            cpu += replicas * requested(pod, "cpu")
            memory += replicas * requested(pod, "memory")
            for claim in manifest.at("spec", "volumeClaimTemplates", default=()):
                size = claim["spec"]["resources"]["requests"]["storage"]
                volumes += replicas * quantity(size)
    (task,) = (pod for pod in release.pods() if pod.key)
    of_task = (requested(task, "cpu") * 1000, requested(task, "memory") * 1024)
    return [round(cpu, 1), round(memory, 1), *(round(number) for number in (volumes, *of_task))]


def test_the_table_has_every_environment() -> None:
    assert set(TABLE) == set(environments())


@pytest.mark.official_chart
@pytest.mark.parametrize("environment", TABLE)
def test_what_an_environment_asks_for(environment: str) -> None:
    assert asked_for(render(environment)) == TABLE[environment]
