"""What is said where a node cannot run."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from airflow_platform.node import requirements
from airflow_platform.node.requirements import ALONE, NodeMissingError, require
from airflow_platform.support import processes


def test_all_that_is_missing_is_named_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda name: None if name in ("ctr", "runc") else name)
    monkeypatch.setattr(requirements, "CGROUPS", tmp_path)
    (tmp_path / "cgroup.controllers").write_text("cpu io pids\n", encoding="utf-8")
    with pytest.raises(NodeMissingError) as error:
        require()
    message = str(error.value)
    assert "root" in message
    assert "cpuset" in message
    assert "packages containerd runc (" in message
    assert "memory" in message
    assert "pids" not in message


@pytest.mark.parametrize("version", [1, 2])
def test_nothing_is_missing_where_all_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: int
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(processes, "run", lambda _: SimpleNamespace(returncode=0))
    monkeypatch.setattr(requirements, "CGROUPS", tmp_path)
    if version == 2:
        (tmp_path / "cgroup.controllers").write_text("cpu cpuset memory pids\n", encoding="utf-8")
    else:
        for name in ("cpu", "cpuset", "memory", "pids"):
            (tmp_path / name).mkdir()
    require()


def test_a_root_without_the_right_to_make_namespaces_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(processes, "run", lambda _: SimpleNamespace(returncode=1))
    with pytest.raises(NodeMissingError, match=f"{' '.join(ALONE)} true has to succeed"):
        require()
