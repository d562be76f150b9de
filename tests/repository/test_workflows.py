"""What the GitHub workflows must not give away, beyond what actionlint looks at."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ROOT

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))

EACH = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def workflow(file: Path) -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = strict_yaml.load_file(file)
    return loaded


def steps(file: Path) -> Iterator[Mapping[str, Any]]:
    for job in workflow(file)["jobs"].values():
        yield from job.get("steps", ())


def test_the_workflows_are_there() -> None:
    assert {file.stem for file in FILES} == {"ci", "manifests-diff", "release"}


@EACH
def test_every_action_is_pinned_to_a_commit_and_names_its_version(file: Path) -> None:
    uses = re.findall(r"^ *(?:- )?uses: (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    pinned = re.compile(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    ours = re.compile(r"\./\.github/workflows/[\w-]+\.yaml")
    assert uses
    assert [each for each in uses if not (pinned.fullmatch(each) or ours.fullmatch(each))] == []


def test_every_action_has_one_version() -> None:
    used = {step["uses"] for file in FILES for step in steps(file) if "uses" in step}
    names = [each.partition("@")[0].removesuffix("/restore") for each in used]
    by_version = {each.partition("@")[2] for each in used}
    assert len(by_version) == len(set(names))


@EACH
def test_a_job_has_the_permissions_that_it_names_and_no_others(file: Path) -> None:
    assert workflow(file)["permissions"] == {}
    for name, job in workflow(file)["jobs"].items():
        assert "contents" in job["permissions"], name


def test_only_the_release_may_write() -> None:
    writing = {
        file.stem
        for file in FILES
        for job in workflow(file)["jobs"].values()
        if "write" in job["permissions"].values()
    }
    assert writing == {"release"}


@EACH
def test_nothing_runs_with_more_rights_than_its_author_has(file: Path) -> None:
    """These two run what a stranger proposes with the rights of the repository."""
    text = file.read_text(encoding="utf-8")
    assert re.findall(r"pull_request_target|workflow_run", text) == []


@EACH
def test_no_script_has_an_expression_that_could_carry_a_command(file: Path) -> None:
    assert [step["run"] for step in steps(file) if "${{" in step.get("run", "")] == []


@EACH
def test_the_token_is_not_left_in_the_work_tree(file: Path) -> None:
    for step in steps(file):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@EACH
def test_every_job_ends(file: Path) -> None:
    for name, job in workflow(file)["jobs"].items():
        assert "uses" in job or job["timeout-minutes"] <= 90, name


@EACH
def test_the_scripts_that_it_runs_are_there(file: Path) -> None:
    for step in steps(file):
        for script in re.findall(r"\.ci/[\w-]+", step.get("run", "")):
            assert os.access(ROOT / script, os.X_OK) or f"bash {script}" in step["run"], script
