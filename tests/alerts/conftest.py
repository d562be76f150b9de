"""The alerts as the chart renders them, and promtool to check and to run them."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.manifests import Manifest, Render
from airflow_platform.rendering.render import render
from airflow_platform.support import strict_yaml
from airflow_platform.support.frozen import thaw
from airflow_platform.support.project import ADDON, RELEASE

Rule = Mapping[str, Any]

RAW_FILES = tuple(sorted((ADDON / "files" / "alerts").glob("*.rules.yaml")))

_ALL_ON = {"legacyNames": {"enabled": True}, "alerts": {"DagRunFailed": {"enabled": True}}}


def _rendered(settings: Mapping[str, Any], **arguments: Any) -> Render:
    own = {
        "prometheusRule": {"enabled": True, **settings},
        "serviceMonitor": {"enabled": True},
    }
    return render(chart="add-on", values=[own, *arguments.pop("values", ())], **arguments)


@pytest.fixture(scope="session")
def prometheus_rule() -> Callable[..., Manifest]:
    """Render the PrometheusRule with values of ``prometheusRule``, and whatever render() takes."""

    def run(settings: Mapping[str, Any], **arguments: Any) -> Manifest:
        name = f"{arguments.get('release', RELEASE)}-alerts"
        return _rendered(settings, **arguments).get("PrometheusRule", name)

    return run


@pytest.fixture(scope="session")
def all_on_render() -> Render:
    """The add-on with every rule of ours."""
    return _rendered(_ALL_ON)


@pytest.fixture(scope="session")
def all_on(all_on_render: Render) -> Manifest:
    """The PrometheusRule with every rule of ours."""
    return all_on_render.get("PrometheusRule", f"{RELEASE}-alerts")


@pytest.fixture(scope="session")
def alerts(all_on: Manifest) -> Mapping[str, Rule]:
    """Every alert by name, as rendered."""
    return {rule["alert"]: rule for rule in _rules(all_on) if "alert" in rule}


@pytest.fixture(scope="session")
def raw_alerts() -> Mapping[str, Rule]:
    """Every alert by name, as in the chart's files."""
    return {
        rule["alert"]: rule
        for file in RAW_FILES
        for group in strict_yaml.load_file(file)["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }


@pytest.fixture(scope="session")
def promtool(program: Callable[[str], Path]) -> Callable[..., str]:
    """Run promtool; return what it prints, and fail the test when it reports a fault."""

    def run(*arguments: object, directory: Path | None = None) -> str:
        command = [str(program("promtool")), *map(str, arguments)]
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def unit_test(
    tmp_path_factory: pytest.TempPathFactory, promtool: Callable[..., str]
) -> Callable[[Path, Manifest], None]:
    """Run a file of promtool unit tests on the rules of a PrometheusRule.

    ``rule_files`` names files of the chart; a file's group is named after it. As in the chart's
    files, the series carry the job only, and get the namespace here.
    """

    def run(file: Path, rules: Manifest) -> None:
        directory = tmp_path_factory.mktemp(file.stem)
        for group in thaw(rules.at("spec", "groups")):
            name = group["name"].removeprefix("airflow-")
            path = directory / f"{name}.rules.yaml"
            path.write_text(json.dumps({"groups": [group]}), encoding="utf-8")
        text = file.read_text(encoding="utf-8")
        series = re.sub(r'(job="[^"]*")', rf'\1,namespace="{rules.namespace}"', text)
        (directory / file.name).write_text(series, encoding="utf-8")
        promtool("test", "rules", file.name, directory=directory)

    return run


def _rules(rules: Manifest) -> Iterator[Rule]:
    for group in rules.at("spec", "groups"):
        yield from group["rules"]
