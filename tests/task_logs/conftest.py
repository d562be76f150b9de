"""Sidecars as a render has them, each with a Loki of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..conftest import IN_CI
from ..doubles import loki, vector
from .shipped import OBSERVABLE, Shipped, shipped
from .sidecar import Sidecar

# Everything that the sidecar may call: with busybox, nothing else is on its PATH.
TOOLS = (
    *("sh", "awk", "cat", "cp", "date", "find", "fold", "grep", "head", "ls", "mkdir", "mkfifo"),
    *("mv", "rm", "sed", "sleep", "stat", "tail", "tee", "timeout", "tr", "wc", "xargs"),
)


@pytest.fixture(scope="session")
def busybox_path(program: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH with busybox's tools and nothing else."""
    busybox = program("busybox")
    lacking = pytest.fail if IN_CI else pytest.skip
    directory = tmp_path_factory.mktemp("busybox")
    for tool in TOOLS:
        (directory / tool).symlink_to(busybox)
    has = subprocess.run([busybox, "--list"], capture_output=True, text=True).stdout.split()
    if absent := set(TOOLS).difference(has):
        lacking(f"{busybox} has no {', '.join(absent)} (Debian: apt-get install busybox)")
    # Such a shell would neither call the programs that the tests put on PATH nor, on Alpine, nc -u.
    own = directory / "own"
    own.mkdir()
    (own / "nc").write_text("#!/bin/sh\necho from PATH\n")
    (own / "nc").chmod(0o755)
    call = [str(directory / "sh"), "-c", "nc -u"]
    if subprocess.run(call, env={"PATH": str(own)}, capture_output=True).stdout != b"from PATH\n":
        lacking(
            f"the shell of {busybox} prefers its own programs to those on PATH, and its nc has no"
            " -u (Debian: apt-get install busybox, not busybox-static)"
        )
    return str(directory)


@pytest.fixture(params=["busybox", "dash"])
def shell(
    request: pytest.FixtureRequest, program: Callable[[str], Path]
) -> tuple[tuple[str, ...], str]:
    """A shell's command line and the PATH that goes with it."""
    if request.param == "busybox":
        path = request.getfixturevalue("busybox_path")
        return (f"{path}/sh",), path
    return (str(program("dash")),), os.defpath


@pytest.fixture(scope="session")
def double(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The double of Vector as a program."""
    return vector.install(tmp_path_factory.mktemp("double"))


@pytest.fixture(params=["double", "vector"])
def vector_program(request: pytest.FixtureRequest) -> Path:
    """What runs as Vector: the double, and Vector itself where there is one."""
    found: Path = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def rendered() -> Shipped:
    """The sidecar as the chart makes it, without metrics: no drain waits to send them."""
    return shipped(OBSERVABLE, metrics=False)


@pytest.fixture
def sidecar(
    tmp_path: Path,
    shell: tuple[tuple[str, ...], str],
    vector_program: Path,
    program: Callable[[str], Path],
    rendered: Shipped,
) -> Iterator[Sidecar]:
    """A sidecar that is not started yet. Each Vector gets one signal at most."""
    command, path = shell
    with loki.faulty_loki() as state:
        pod = Sidecar(tmp_path, command, path, vector_program, rendered, state, program)
        yield pod
        if pod.process is not None:
            pod.kill()
    terminated = [record["pid"] for record in pod.journal("signal")]
    assert len(terminated) == len(set(terminated)), "a Vector got a second signal"
