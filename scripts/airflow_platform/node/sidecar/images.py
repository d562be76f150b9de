"""The images of the containers in a task pod, made of files of this machine."""

from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path

from airflow_platform.node.image import Image
from airflow_platform.support.vector import find_vector

_FILES = Path(str(files(__package__) / "images"))


def task() -> Image:
    """Return an image that runs its arguments, as Airflow's does, but has a shell only."""
    return Image(shell=True, entrypoint=("/bin/env",))


def git_sync() -> Image:
    """Return an image that does what git-sync does with an empty repository."""
    program = "/git-sync.sh"
    return Image(
        files={program: _FILES / "git-sync.sh"}, shell=True, entrypoint=("/bin/sh", program)
    )


def vector() -> Image:
    """Return an image with the Vector of this machine. PlatformError when there is none."""
    return Image(programs={"/usr/local/bin/vector": find_vector()}, shell=True)


def broken() -> Image:
    """Return an image whose programs the node cannot run."""
    return Image(files={"/bin/sh": _FILES / "not-a-program"})


# Those of the containers beside the sidecar, by the containers' names.
OTHERS: Mapping[str, Callable[[], Image]] = {"base": task, "git-sync-init": git_sync}
