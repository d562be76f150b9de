import shutil
from pathlib import Path

import pytest

from airflow_jobs.problems import Problem, SpecificationError
from airflow_platform.jobs.specifications import load
from airflow_platform.support.project import ROOT

EXAMPLES = ROOT / "examples" / "workflows"


@pytest.fixture
def workflows(tmp_path: Path) -> Path:
    """A copy of the example workflows, to be changed."""
    return Path(shutil.copytree(EXAMPLES, tmp_path / "workflows"))


def problems(folder: Path) -> list[Problem]:
    """Return all problems of a folder of workflows."""
    try:
        return list(load(folder).problems)
    except SpecificationError as error:
        return list(error.problems)


def change(file: Path, old: str, new: str) -> None:
    """Write ``new`` where ``old`` is first in a file."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


