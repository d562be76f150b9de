"""What the wrapper knows about the keys of the official chart, and that it refuses no right one."""

from collections.abc import Mapping
from typing import Any

import pytest

from airflow_platform.rendering.render import render
from airflow_platform.rendering.upstream import find_upstream
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON, ROOT

DEAD_KEYS = strict_yaml.load_file(ROOT / "files" / "dead-keys.yaml")


@pytest.fixture(scope="module")
def official() -> Mapping[str, Any]:
    """The values of the official chart."""
    chart = find_upstream()
    values: Mapping[str, Any] = strict_yaml.load(chart.read("values.yaml"), str(chart.path))
    return values


def at(values: Any, path: str) -> Any:
    for key in path.split("."):
        values = values[key]
    return values


@pytest.mark.official_chart
@pytest.mark.parametrize("dead", DEAD_KEYS, ids=lambda dead: str(dead["key"]))
def test_dead_keys_are_keys_of_the_official_chart_with_its_defaults(
    dead: Mapping[str, Any], official: Mapping[str, Any]
) -> None:
    assert at(official, dead["key"]) == dead["default"]


@pytest.mark.official_chart
def test_every_setting_of_the_official_exporter_is_known_to_be_dead(
    official: Mapping[str, Any],
) -> None:
    named = {dead["key"].split(".")[1] for dead in DEAD_KEYS if dead["key"].startswith("statsd.")}
    assert named == official["statsd"].keys() - {"enabled"}


@pytest.mark.parametrize(
    "key",
    [dead[kind] for dead in DEAD_KEYS for kind in ("instead", "see") if kind in dead],
)
def test_the_keys_that_are_named_instead_exist(key: str) -> None:
    addon = strict_yaml.load_file(ADDON / "values.yaml")
    at({"observability": addon}, key)


@pytest.mark.official_chart
def test_the_whole_values_file_of_the_official_chart_is_accepted(
    official: Mapping[str, Any],
) -> None:
    """But for what the wrapper has another default for, and for the passwords in it."""
    ours = strict_yaml.load_file(ROOT / "values.yaml")["airflow"]
    keys = ("fernetKey", "apiSecretKey", "webserverSecretKey", "jwt")
    secrets = {f"{key}SecretName": key.lower() for key in keys}
    own = {**secrets, "executor": ours["executor"]}
    accepted = {"secrets": {"refuseInValues": False}, "createUserJob": {"enabled": False}}
    wrapper = {"airflow": {**ours, **own}, **accepted}
    assert render("prod", values=[{"airflow": official}, wrapper]).manifests
