"""Reading workflows for Airflow: what was read is kept, and one that fails stops no other."""

import shutil
import tempfile
from pathlib import Path

import pytest

from airflow_jobs import cache
from airflow_jobs.cache import read_all
from airflow_jobs.loading import Files, Specification, load

from .conftest import change
from .mistakes import ORDERS


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


def _never(_: Files) -> Specification:
    raise AssertionError("read as YAML")


def test_what_has_not_changed_is_not_read_again(
    workflows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = read_all(workflows)
    monkeypatch.setattr(cache, "load", _never)
    assert read_all(workflows) == first


def test_what_has_changed_is_read_again(workflows: Path) -> None:
    read_all(workflows)
    change(workflows / "sales" / ORDERS, "1.4.2", "1.4.3")
    (read,) = read_all(workflows)
    assert read.workflow.jobs["extract-orders"]["image"].endswith(":1.4.3")


def test_problems_are_kept_as_well(workflows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(workflows / "sales" / ORDERS, "1.4.2", "latest")
    (first,) = read_all(workflows)
    assert first.errors
    monkeypatch.setattr(cache, "load", _never)
    assert read_all(workflows) == [first]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"key": 1}'])
def test_what_is_broken_is_read_again(workflows: Path, temporary: Path, content: str) -> None:
    first = read_all(workflows)
    (kept,) = temporary.glob("*/*.json")
    kept.write_text(content)
    assert read_all(workflows) == first


def test_a_folder_that_others_can_write_to_is_not_trusted(
    workflows: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_all(workflows)
    (folder,) = temporary.iterdir()
    folder.chmod(0o777)
    monkeypatch.setattr(cache, "load", _never)
    assert "read as YAML" in read_all(workflows)[0].errors[0].message


def test_without_a_folder_all_is_read(
    workflows: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    assert read_all(workflows)[0].workflow.jobs


def test_one_that_cannot_be_read_stops_no_other_and_is_not_kept(
    workflows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(workflows / "sales", workflows / "other")

    def fails_once(files: Files) -> Specification:
        if files.name == "other":
            raise OSError("gone")
        return load(files)

    with monkeypatch.context() as patched:
        patched.setattr(cache, "load", fails_once)
        other, sales = read_all(workflows)
    assert "gone" in other.errors[0].message
    assert not sales.errors
    assert not any(read.errors for read in read_all(workflows))
