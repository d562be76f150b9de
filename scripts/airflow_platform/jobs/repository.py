"""What git says about files; NoRepositoryError where a folder is in no repository."""

from collections.abc import Iterator
from pathlib import Path

from airflow_platform.support import processes

_STATES = {"??": "is not in git; git add it", "!!": "is ignored by git, so it is not in it"}


class NoRepositoryError(Exception):
    """A folder is in no git repository, or git is not there; the message says which."""


def root(folder: Path) -> Path:
    """Return the folder of the repository that ``folder`` is in."""
    return Path(_git(folder, "rev-parse", "--show-toplevel").rstrip("\n"))


def files(folder: Path, pattern: str) -> list[Path]:
    """Return the files below a folder that fit a pattern and that git does not ignore."""
    listed = _git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard", pattern)
    found = (folder / name for name in listed.split("\0") if name)
    return sorted({file for file in found if file.is_file()})


def differences(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file below a folder that is not in git as it is, and why."""
    top = root(folder)
    command = ("status", "--porcelain", "-z", "--untracked-files=all", "--ignored", "--no-renames")
    for entry in _git(folder, *command, "--", ".").split("\0"):
        if entry:
            state, name = entry[:2], entry[3:]
            yield top / name, _STATES.get(state, "has changes that are not committed")


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = processes.run(["git", "-C", str(folder), *arguments])
    except OSError:
        raise NoRepositoryError("git is not installed") from None
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise NoRepositoryError(said[0] if said else "git fails") from None
    return done.stdout
