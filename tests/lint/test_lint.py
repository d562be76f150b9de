import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_platform.lint import chart_lock
from airflow_platform.lint import steps as lint
from airflow_platform.rendering import helm
from airflow_platform.rendering.upstream import pinned_dependency
from airflow_platform.support import strict_yaml
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import ROOT

OFFICIAL = pinned_dependency()["version"]


def test_chart_lock_belongs_to_chart_yaml():
    assert chart_lock.problems() == []


@pytest.fixture
def dependent(tmp_path) -> Path:
    """A chart with two local dependencies that use each field of a dependency."""
    for name in ("one", "two", "dependent"):
        (tmp_path / name).mkdir()
        chart: dict[str, Any] = {"apiVersion": "v2", "name": name, "version": "0.1.0"}
        if name == "dependent":
            chart["dependencies"] = [
                {
                    "name": "one",
                    "version": "0.1.0",
                    "repository": "file://../one",
                    "alias": "first",
                    "condition": "one.enabled",
                    "tags": ["b", "a"],
                    "import-values": ["<data>", {"parent": "here", "child": "there.é"}],
                },
                {"name": "two", "version": ">=0.1.0", "repository": "file://../two"},
            ]
        (tmp_path / name / "Chart.yaml").write_text(yaml.safe_dump(chart))
    return tmp_path / "dependent"


@pytest.mark.parametrize("major", helm.MAJORS)
def test_the_digest_is_the_one_helm_writes(dependent, major):
    done = helm.run(major, ["dependency", "update", str(dependent)])
    assert done.returncode == 0, done.stderr
    chart = strict_yaml.load_file(dependent / "Chart.yaml")
    lock = strict_yaml.load_file(dependent / "Chart.lock")
    assert chart_lock.digest(chart, lock) == lock["digest"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("condition: airflow.enabled", "condition: airflow.on", r"set:\ndigest: sha256:"),
        (f"version: {OFFICIAL}", "version: 9.9.9", f"Chart.lock locks .*{OFFICIAL}.* pins .*9.9.9"),
    ],
)
def test_a_chart_lock_that_is_out_of_step_is_found(tmp_path, old, new, message):
    shutil.copy(ROOT / "Chart.lock", tmp_path)
    text = (ROOT / "Chart.yaml").read_text()
    assert old in text
    (tmp_path / "Chart.yaml").write_text(text.replace(old, new))
    (problem,) = chart_lock.problems(tmp_path)
    assert re.search(message, problem)


def refusing() -> list[str]:
    raise PlatformError("set this")


def test_lint_reports_every_check_and_fails_when_one_does(monkeypatch, capsys):
    checks = [("good", list), ("bad", lambda: ["this", "that\nand more"]), ("refused", refusing)]
    monkeypatch.setattr(lint, "_steps_for_repository", lambda _: checks)
    assert not lint.lint()
    assert capsys.readouterr().out.splitlines() == [
        "ok     good",
        "FAILED bad",
        "  this",
        "  that",
        "  and more",
        "FAILED refused",
        "  set this",
    ]
    monkeypatch.setattr(lint, "_steps_for_repository", lambda _: checks[:1])
    assert lint.lint()


@pytest.mark.official_chart
def test_lint_looks_at_a_file_of_the_users_own(tmp_path, capsys):
    file = tmp_path / "mine.yaml"
    file.write_text("airflow: {wrokers: {}}\nglobal: {tasklogs: {}}\n")
    assert not lint.lint([file])
    said = capsys.readouterr().out
    assert 'airflow.wrokers: the official chart has no such key (did you mean "workers"' in said
    assert "tasklogs" in said


@pytest.mark.parametrize("major", helm.MAJORS)
def test_helm_lint_says_what_is_wrong_with_a_chart(tmp_path, major):
    (tmp_path / "Chart.yaml").write_text("{apiVersion: v2, name: broken}")
    (problem, *_) = lint._helm_lint(major, tmp_path)
    assert "version" in problem


def test_a_python_check_that_is_not_installed_says_how_to_get_it():
    (problem,) = lint._python_module("no_such_linter")
    assert "pip install -e '.[lint]'" in problem
