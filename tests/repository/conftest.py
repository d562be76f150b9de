"""The files of this repository."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_platform.support.project import ROOT


@pytest.fixture(scope="session")
def tracked_files(program: Callable[[str], Path]) -> tuple[str, ...]:
    """The paths of all files in git, relative to the repository."""
    listing = subprocess.run(
        [
            program("git"),
            "-C",
            ROOT,
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    names = listing.stdout.rstrip("\0").split("\0")
    return tuple(name for name in names if (ROOT / name).is_file())
