"""Secrets and ConfigMaps that jobs refer to are declared by the values of the release."""

import json
from pathlib import Path

import pytest

from airflow_jobs.problems import Problem
from airflow_platform import cli
from airflow_platform.jobs.references import undeclared
from airflow_platform.jobs.specifications import load
from airflow_platform.manifests import Render
from airflow_platform.support import strict_yaml

from .conftest import EXAMPLES, change, text_at
from .mistakes import LOAD, ORDERS, REPORT, WORKFLOW

# All that the examples refer to, as the release makes it.
SECRETS = """\
apiVersion: v1
kind: Secret
metadata: {name: shop-database}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: warehouse-of-vault, namespace: jobs}
spec: {target: {name: warehouse}}
"""
CONFIG_MAP = """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: shop-database, namespace: jobs}
"""


def _adapter(secrets: str = "", config_maps: str = "", namespace: str = "jobs") -> str:
    return f"""\
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: airflow-jobs-adapter
  annotations:
    airflow-platform/secrets: "{secrets}"
    airflow-platform/config-maps: "{config_maps}"
data:
  platform.json: '{{"namespace": "{namespace}"}}'
"""


def _found(workflows: Path, *manifests: str) -> list[Problem]:
    render = Render.from_text("\n".join(manifests), namespace="jobs")
    return list(undeclared(load(workflows).specifications, render))


def test_what_the_release_makes_is_declared(workflows: Path) -> None:
    assert _found(workflows, SECRETS, CONFIG_MAP) == []


def test_what_the_values_list_is_declared(workflows: Path) -> None:
    assert _found(workflows, _adapter("shop-database,warehouse", "shop-database")) == []


def test_a_warning_has_the_place_and_what_to_paste(workflows: Path) -> None:
    (problem,) = _found(workflows, CONFIG_MAP, _adapter("shop-database,other"))
    assert (problem.file, problem.level, problem.rule) == (
        workflows / "sales" / LOAD,
        "warning",
        "undeclared",
    )
    assert text_at(problem).startswith("warehouse, key: token")
    assert 'no Secret "warehouse"' in problem.message
    paste = problem.message.partition("add to them: ")[2]
    assert strict_yaml.load(paste, "message") == {
        "jobs": {"secrets": ["shop-database", "other", "warehouse"]}
    }
    again = _found(workflows, CONFIG_MAP, _adapter("shop-database,other,warehouse"))
    assert again == []


def test_a_release_without_jobs_is_told_to_have_them(workflows: Path) -> None:
    found = _found(workflows, SECRETS)
    assert [text_at(each).partition(",")[0] for each in found] == ["shop-database"]
    assert "jobs: {enabled: true, configMaps: [shop-database]}" in found[0].message


def test_one_paste_declares_all(workflows: Path) -> None:
    change(workflows / "sales" / REPORT, "claim: sales-reports", 'secret: "007"')
    found = _found(workflows, _adapter("other"))
    pastes = {each.message.partition("add to them: ")[2] for each in found}
    (paste,) = pastes
    jobs = strict_yaml.load(paste, "message")["jobs"]
    assert jobs == {
        "secrets": ["other", "007", "shop-database", "warehouse"],
        "configMaps": ["shop-database"],
    }
    assert _found(workflows, _adapter(",".join(jobs["secrets"]), "shop-database")) == []


def test_volumes_and_defaults_refer_as_well(workflows: Path) -> None:
    change(workflows / "sales" / REPORT, "claim: sales-reports", "secret: sales-reports")
    change(workflows / "sales" / WORKFLOW, "json", "{config_map: {name: formats, key: log}}")
    found = _found(workflows, SECRETS, CONFIG_MAP, _adapter())
    assert {
        (each.file.name, text_at(each).partition("}")[0].partition(",")[0]) for each in found
    } == {
        ("report.yaml", "sales-reports"),
        ("workflow.yaml", "formats"),
    }


def test_an_optional_reference_may_be_to_nothing(workflows: Path) -> None:
    change(workflows / "sales" / LOAD, "key: token", "key: token, optional: true")
    assert _found(workflows, CONFIG_MAP, _adapter("shop-database")) == []


def test_a_secret_of_another_namespace_is_not_there(workflows: Path) -> None:
    found = _found(workflows, SECRETS, CONFIG_MAP, _adapter(namespace="elsewhere"))
    assert [each.file.name for each in found] == [Path(ORDERS).name] * 2 + [Path(LOAD).name]
    assert all("in jobs, but the job runs in elsewhere" in each.message for each in found)
    change(workflows / "sales" / WORKFLOW, "deadline: 6h", "namespace: other")
    assert "runs in other" in _found(workflows, SECRETS, CONFIG_MAP)[0].message


def test_the_command_renders_only_when_it_is_asked_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["jobs", "validate", str(EXAMPLES), "--output", "json"]
    assert cli.main(command) == 0
    assert json.loads(capsys.readouterr().out) == []
    values = tmp_path / "mine.yaml"
    values.write_text("airflow: {extraSecrets: {shop-database: {stringData: 'password: x'}}}")
    assert cli.main([*command, "--environment", "dev", "-f", str(values)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {(each["level"], each["rule"]) for each in found} == {("warning", "undeclared")}
    assert [Path(each["file"]).name for each in found] == ["extract-orders.yaml", "load.yaml"]
    assert 'no ConfigMap "shop-database"' in found[0]["message"]
    assert 'no Secret "warehouse"' in found[1]["message"]
