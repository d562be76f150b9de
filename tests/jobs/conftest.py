import shutil
from pathlib import Path

import pytest

from airflow_jobs.problems import Problem
from airflow_platform.jobs.specifications import load
from airflow_platform.support.project import ROOT

EXAMPLES = ROOT / "examples" / "workflows"


@pytest.fixture
def workflows(tmp_path: Path) -> Path:
    """A copy of the example workflows, to be changed."""
    return Path(shutil.copytree(EXAMPLES, tmp_path / "workflows"))


def problems(folder: Path) -> list[Problem]:
    """Return all problems of a folder of workflows."""
    return list(load(folder).problems)


def change(file: Path, old: str, new: str) -> None:
    """Write ``new`` where ``old`` is first in a file."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def text_at(problem: Problem) -> str:
    """Return what a problem's file has from its line and column on."""
    lines = problem.file.read_text(encoding="utf-8").split("\n")[problem.line - 1 :]
    return "\n".join([lines[0][problem.column - 1 :], *lines[1:]])
