"""The values keep what the environments promise, whether there is the official chart or not.

test_environments.py looks at what the official chart makes of these values.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.rendering.render import render
from airflow_platform.rendering.upstream import UpstreamChart
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ROOT, environments, values_file

from .conftest import SECRETS
from .promises import COLUMNS, OPTIONS, RESOURCES, VALUES, as_text, at, values_of

# Values that promise nothing by themselves, and why.
NO_PROMISE = {
    "airflow.podTemplate": "test_pod_template.py looks at the pod that it makes",
    "airflow.createUserJob.env": "the test of the administrator's password looks at it",
    "airflow.labels.app.kubernetes.io/name": "people find pods by it, as test_kubectl.py does",
    "airflow.dags.gitSync.repo": "an example, which everybody replaces",
    **{
        f"airflow.{component}.{key}": "test_example_dag.py and test_long_lived_pods.py look at them"
        for component in ("dagProcessor", "scheduler", "triggerer", "workers")
        for key in ("extraInitContainers", "extraVolumeMounts", "extraVolumes")
    },
    "global.metrics": "empty in values.yaml, as the next two",
    "global.taskLogs": "see above",
    "observability": "empty in values.yaml; what environments set below it are promises",
}


def leaves(values: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The keys of all values that hold no other."""
    if isinstance(values, Mapping) and values:
        for key, value in values.items():
            yield from leaves(value, (*path, key))
    else:
        yield ".".join(path)


def test_every_environment_has_promises() -> None:
    assert set(environments()) == set(COLUMNS)


@pytest.mark.parametrize("key", VALUES)
def test_value(key: str) -> None:
    assert {environment: at(values_of(environment), key) for environment in COLUMNS} == VALUES[key]


@pytest.mark.parametrize("key", RESOURCES)
def test_resources(key: str) -> None:
    resources = {name: as_text(at(values_of(name), f"{key}.resources")) for name in COLUMNS}
    assert resources == RESOURCES[key]


@pytest.mark.parametrize("key", OPTIONS)
def test_option_of_airflow_cfg(key: str, upstream: UpstreamChart) -> None:
    section, option = key.split(".")
    options = {}
    for environment in COLUMNS:
        (config,) = render(environment, upstream=upstream).embedded("AirflowConfig")
        options[environment] = config.document.get(section, {}).get(option)
    assert options == OPTIONS[key]


@pytest.mark.parametrize(
    "file", [ROOT / "values.yaml", *map(values_file, environments())], ids=lambda file: file.stem
)
def test_every_value_that_is_set_is_a_promise(file: Path) -> None:
    promised = (
        *VALUES,
        *(f"{key}.resources" for key in RESOURCES),
        *(f"airflow.config.{key}" for key in OPTIONS),
    )
    keys = set(leaves(strict_yaml.load_file(file)))
    assert keys
    silent = {
        key
        for key in keys - NO_PROMISE.keys()
        if not any(f"{key}.".startswith(f"{start}.") for start in promised)
    }
    assert not silent, "promise these in promises.yaml"


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_the_administrator_password_comes_from_a_secret(environment: str) -> None:
    (variable,) = at(values_of(environment), "airflow.createUserJob.env")
    assert variable == {
        "name": "AIRFLOW_ADMIN_PASSWORD",
        "valueFrom": {"secretKeyRef": {"name": "airflow-admin", "key": "password"}},
    }


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_the_values_file_lists_the_secrets_to_create(environment: str) -> None:
    columns = (
        re.split(" {2,}", line.removeprefix("#").strip())
        for line in values_file(environment).read_text(encoding="utf-8").splitlines()
        if line.startswith("#   airflow-")
    )
    listed = {name: set(keys.split(" (")[0].split(", ")) for name, keys, *_ in columns}
    assert listed == SECRETS


@pytest.mark.parametrize("environment", environments())
def test_prometheus_scrapes_metrics_every_30_seconds(environment: str) -> None:
    monitors = render(environment).all("ServiceMonitor")
    assert bool(monitors) == VALUES["observability.serviceMonitor.enabled"][environment]
    for monitor in monitors:
        assert [endpoint["interval"] for endpoint in monitor.at("spec", "endpoints")] == ["30s"]
