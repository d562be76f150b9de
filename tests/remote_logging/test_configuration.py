"""Log files stay as they are when they are uploaded, and what fails breaks nothing."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest

from airflow_platform.support.project import ROOT

PROGRAM = ROOT / "files" / "airflow-config" / "remote_task_logs.py"
FILE = "dag_id=a/run_id=b/task_id=c/attempt=1.log"


@attrs.define
class Emptying:
    """As providers of remote logging do it: what is uploaded is emptied."""

    base_log_folder: Path
    uploaded: dict[str, str]

    def upload(self, path: str, ti: Any = None) -> None:
        file = self.base_log_folder / path
        if file.is_file():
            self.uploaded[path] = file.read_text()
            file.write_text("")

    def read(self, path: str, ti: Any = None) -> str:
        return self.uploaded[path]


def load(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> ModuleType:
    """Import the program beside a stand-in for Airflow's own configuration."""
    names = (
        "airflow",
        "airflow.config_templates",
        "airflow.config_templates.airflow_local_settings",
    )
    modules = {name: ModuleType(name) for name in names}
    own = modules[names[-1]]
    handlers = {"task": {"class": "emptying.TaskHandler"}}
    vars(own).update({"DEFAULT_LOGGING_CONFIG": {"handlers": handlers}, **settings})
    modules[names[1]].airflow_local_settings = own  # type: ignore[attr-defined]
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    spec = importlib.util.spec_from_file_location("remote_task_logs", PROGRAM)
    assert spec
    assert spec.loader
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program


@pytest.fixture
def remote(tmp_path: Path) -> Emptying:
    file = tmp_path / FILE
    file.parent.mkdir(parents=True)
    file.write_text("a line\n")
    return Emptying(tmp_path, {})


@pytest.mark.parametrize("absolute", [True, False])
def test_what_is_uploaded_stays_in_its_file(
    monkeypatch: pytest.MonkeyPatch, remote: Emptying, absolute: bool
) -> None:
    program = load(monkeypatch, REMOTE_TASK_LOG=remote, DEFAULT_REMOTE_CONN_ID="aws_default")
    file = remote.base_log_folder / FILE
    program.REMOTE_TASK_LOG.upload(file if absolute else FILE, None)
    assert remote.uploaded == {FILE: "a line\n"}
    assert file.read_text() == "a line\n"
    assert program.REMOTE_TASK_LOG.read(FILE) == "a line\n"
    assert program.DEFAULT_REMOTE_CONN_ID == "aws_default"


def test_a_file_that_is_not_there_is_not_uploaded(
    monkeypatch: pytest.MonkeyPatch, remote: Emptying
) -> None:
    load(monkeypatch, REMOTE_TASK_LOG=remote).REMOTE_TASK_LOG.upload("other/attempt=1.log")
    assert remote.uploaded == {}


def test_the_handler_of_airflow_2_keeps_files_too(
    monkeypatch: pytest.MonkeyPatch, remote: Emptying
) -> None:
    class Handler:
        def __init__(self) -> None:
            self.io = remote

    loading = ModuleType("airflow.utils.module_loading")
    loading.import_string = {"emptying.TaskHandler": Handler}.get  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "airflow.utils", ModuleType("airflow.utils"))
    monkeypatch.setitem(sys.modules, "airflow.utils.module_loading", loading)
    program = load(monkeypatch)
    assert program.LOGGING_CONFIG["handlers"]["task"]["class"] == "remote_task_logs.TaskHandler"
    program.TaskHandler().io.upload(FILE, None)
    assert remote.uploaded == {FILE: "a line\n"}
    assert (remote.base_log_folder / FILE).read_text() == "a line\n"


def test_an_airflow_that_is_built_otherwise_has_its_own_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = load(monkeypatch, REMOTE_TASK_LOG=object())
    assert not isinstance(other.REMOTE_TASK_LOG, other.KeepsFiles)
    without_parts = load(monkeypatch)  # neither an uploader nor a module that loads handlers
    assert without_parts.LOGGING_CONFIG == {"handlers": {"task": {"class": "emptying.TaskHandler"}}}
