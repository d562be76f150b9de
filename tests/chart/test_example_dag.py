"""dev has the example DAG where Airflow reads DAGs, and nowhere else."""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest

from airflow_platform.manifests import Render
from airflow_platform.rendering.render import render
from airflow_platform.support.project import ROOT, environments

OFF = {"exampleDag": {"enabled": False}}
NAME = "airflow-example-dag"


def mounts(rendered: Render, container: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the path and the ConfigMap volume of each mount of the example DAG."""
    for pod in rendered.pods():
        volumes = {volume["name"]: volume for volume in pod.spec.get("volumes", ())}
        for name, found in pod.containers().items():
            for mount in found.document.get("volumeMounts", ()):
                if name == container and mount["name"] == "example-dag":
                    yield mount["mountPath"], volumes["example-dag"]["configMap"]


def test_the_config_map_has_the_dag_of_the_examples() -> None:
    data = render("dev").get("ConfigMap", NAME).at("data")
    source = (ROOT / "examples" / "dags" / "hello_world.py").read_text(encoding="utf-8")
    assert data["hello_world.py"].strip() == source.strip()


def test_airflow_does_not_come_to_a_directory_of_the_volume_twice() -> None:
    """Kubernetes links the files to `..data`, and that to `..2026_11_26_08_00_00.123`."""
    data = render("dev").get("ConfigMap", NAME).at("data")
    (pattern,) = data[".airflowignore"].split()
    for ignored in ("..data", "..2026_11_26_08_00_00.123"):
        assert re.search(pattern, f"example/{ignored}"), "the syntax regexp"
        assert fnmatchcase(ignored, pattern), "the syntax glob"
    assert not re.search(pattern, "example/hello_world.py")
    assert not fnmatchcase("hello_world.py", pattern)


AIRFLOW_2 = ("airflow.airflowVersion=2.11.0", "airflow.defaultAirflowTag=2.11.0")


@pytest.mark.official_chart
@pytest.mark.parametrize(
    ("container", "sets"),
    [
        ("dag-processor", ()),
        ("base", ()),
        ("base", AIRFLOW_2),
        ("scheduler", AIRFLOW_2),
    ],
)
def test_what_reads_dags_has_it_in_the_dags_folder(container: str, sets: tuple[str, ...]) -> None:
    rendered = render("dev", sets=sets)
    (config,) = rendered.embedded("AirflowConfig")
    folder = config.document["core"]["dags_folder"]
    found = list(mounts(rendered, container))
    assert found
    for path, config_map in found:
        assert path == f"{folder}/example"
        assert config_map["name"] == NAME
        assert config_map["optional"] is True, "a pod must start without it"


def test_two_releases_in_one_namespace_have_one_each() -> None:
    rendered = render("dev", release="etl")
    assert rendered.get("ConfigMap", "etl-example-dag")
    assert {config_map["name"] for _, config_map in mounts(rendered, "base")} == {"etl-example-dag"}


def test_one_key_switches_it_off() -> None:
    names = {each.name for each in render("dev", values=[OFF]).all("ConfigMap")}
    assert NAME not in names


@pytest.mark.parametrize("way", ["gitSync", "persistence"])
def test_a_volume_with_dags_gets_nothing_mounted_into_it(way: str) -> None:
    """Into a volume that is mounted read-only nothing can be, and the pod would not start."""
    own = {"airflow": {"dags": {way: {"enabled": True}}}}
    for path, _ in mounts(render("dev", values=[OFF, own]), "base"):
        assert not path.startswith("/opt/airflow/dags")


@pytest.mark.parametrize("environment", sorted({*environments()} - {"dev"}))
def test_no_other_environment_has_it(environment: str) -> None:
    rendered = render(environment)
    assert NAME not in {each.name for each in rendered.all("ConfigMap")}
    assert not list(mounts(rendered, "base"))
