"""Problems as code review reads them."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from airflow_platform import cli
from airflow_platform.jobs import reports
from airflow_platform.support.project import ROOT

from .conftest import change
from .mistakes import MISTAKES, ORDERS, WORKFLOW

PACKAGES = (ROOT / "contracts" / "airflow_jobs", ROOT / "scripts" / "airflow_platform" / "jobs")


def _sarif(capsys: pytest.CaptureFixture[str], folder: str) -> Any:
    cli.main(["jobs", "validate", folder, "--output", "sarif"])
    return json.loads(capsys.readouterr().out)


def test_sarif_has_what_its_standard_requires(
    workflows: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html, sections 3.13 to 3.30."""
    sales = workflows / "sales"
    change(sales / ORDERS, "1.4.2", "latest")
    change(sales / ORDERS, 'cpu: "1000m"', "cpu: 1000")
    change(sales / WORKFLOW, "Europe/Berlin", "Berlin")
    (sales / "jobs" / "straße #1 %20.yaml").write_text("[")
    monkeypatch.chdir(workflows.parent)
    log = _sarif(capsys, "workflows")
    assert log["version"] == "2.1.0"
    assert urlsplit(log["$schema"]).scheme == "https"
    (run,) = log["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    driver = run["tool"]["driver"]
    assert driver["name"]
    rules = [rule["id"] for rule in driver["rules"]]
    assert len(set(rules)) == len(rules)
    assert all(rule["shortDescription"]["text"].endswith(".") for rule in driver["rules"])
    levels = {}
    for result in run["results"]:
        assert result["ruleId"] in rules
        assert result["level"] in ("none", "note", "warning", "error")
        levels[result["ruleId"]] = result["level"]
        assert result["message"]["text"]
        (location,) = result["locations"]
        place = location["physicalLocation"]
        uri = place["artifactLocation"]["uri"]
        assert re.fullmatch(r"(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+", uri)
        assert not uri.startswith("/")
        assert (workflows.parent / unquote(uri)).is_file()
        assert place["region"]["startLine"] >= 1
        assert place["region"]["startColumn"] >= 1
    assert levels == {
        "image": "error",
        "resources": "warning",
        "time-zone": "error",
        "yaml": "error",
    }


def test_sarif_of_files_elsewhere_has_their_whole_address(
    workflows: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    change(workflows / "sales" / ORDERS, "1.4.2", "latest")
    (workflows.parent / "elsewhere").mkdir()
    monkeypatch.chdir(workflows.parent / "elsewhere")
    (result,) = _sarif(capsys, "../workflows")["runs"][0]["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == (workflows / "sales" / ORDERS).as_uri()


def test_sarif_without_problems(workflows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run,) = _sarif(capsys, str(workflows))["runs"]
    assert run["results"] == []
    assert run["tool"]["driver"]["rules"] == []


def test_each_rule_is_described() -> None:
    written = re.compile(r'problem\(\s*"([a-z-]+)"|Problem\([^"]*"([a-z-]+)"')
    sources = (file.read_text() for package in PACKAGES for file in package.glob("*.py"))
    found = {first or second for text in sources for first, second in written.findall(text)}
    of_checklist = {"containers", "no-orchestrator", "only-triggers", "in-git", "configuration"}
    of_checklist |= {"retries", "metrics-and-logs", "python"}
    assert {mistake.rule for mistake in MISTAKES} <= found
    assert found - of_checklist == set(reports.RULES)
