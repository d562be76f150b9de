"""Cgroups of both versions, as the kernel shows them."""

import os
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.node import cgroups, requirements
from airflow_platform.node.cgroups import Cgroup, cgroup_of
from airflow_platform.support.errors import PlatformError

CONTAINER = "0123abcd"


@pytest.fixture(params=[1, 2])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands for /sys/fs/cgroup."""
    for module in (cgroups, requirements):
        monkeypatch.setattr(module, "CGROUPS", tmp_path)
    if request.param == 2:
        (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n", encoding="utf-8")
    for each in _hierarchies(tmp_path):
        each.mkdir(exist_ok=True)
        (each / "cgroup.procs").touch()
        (each / "cgroup.subtree_control").touch()
    return tmp_path


def _hierarchies(root: Path) -> list[Path]:
    if (root / "cgroup.controllers").exists():
        return [root]
    return [root / name for name in ("cpuacct", "memory", "pids")]


def test_what_is_made_is_removed_with_all_that_is_in_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The kernel's files go with their directory.
    monkeypatch.setattr(cgroups, "_initialise", lambda *_: None)
    cgroups.make("node-1")
    for each in _hierarchies(root):
        (each / "node-1" / "kubepods" / "pod1" / CONTAINER).mkdir(parents=True)
    assert cgroup_of("node-1", CONTAINER)
    assert cgroup_of("node-1", "another") is None
    cgroups.remove("node-1")
    assert not list(root.rglob("node-1"))


def test_another_container_may_end_meanwhile(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in _hierarchies(root):
        (each / "node-1" / "gone").mkdir(parents=True)
    read = os.scandir

    def scandir(path: str) -> Any:
        if path.endswith("/gone"):
            raise FileNotFoundError(path)
        return read(path)

    monkeypatch.setattr(os, "scandir", lambda path: scandir(os.fspath(path)))
    assert cgroup_of("node-1", CONTAINER) is None


def test_processes_that_stay_are_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "_initialise", lambda *_: None)
    monkeypatch.setattr(cgroups, "_EMPTY_SECONDS", 0.0)
    cgroup = _hierarchies(root)[0] / "node-1"

    cgroups.make("node-1")
    (cgroup / "in-use").touch()  # rmdir fails, as it does where there are processes
    with pytest.raises(PlatformError, match=r"still have processes: .*node-1"):
        cgroups.remove("node-1")


def test_usage_is_in_seconds_and_bytes(root: Path) -> None:
    values = {
        "cpu.stat": "usage_usec 1500000\nuser_usec 1\n",
        "memory.current": "5000",
        "memory.peak": "9000",
        "cpuacct.usage": "1500000000",
        "memory.usage_in_bytes": "5000",
        "memory.max_usage_in_bytes": "9000",
        "memory.stat": "inactive_file 1000\ntotal_inactive_file 1000\n",
        "cgroup.procs": "7\n8\n",
    }
    for each in _hierarchies(root):
        (each / "pod").mkdir()
        for name, text in values.items():
            (each / "pod" / name).write_text(text, encoding="utf-8")
    cgroup = Cgroup("pod")
    assert cgroup.cpu_seconds() == 1.5
    assert cgroup.memory_bytes() == 4000
    assert cgroup.peak_memory_bytes() == 9000
    assert cgroup.processes() == [7, 8]
