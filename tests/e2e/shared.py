"""One control plane for all workers of a run: another one would start as much again."""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.cluster.control_plane import local_control_plane


@contextmanager
def shared_control_plane(directory: Path, kubernetes: str) -> Iterator[Cluster]:
    """Give the control plane of ``directory``, which the first worker that asks for it starts.

    That one ends it when no other worker uses it any more; with a worker, its locks go. Errors are
    those of ``local_control_plane``.
    """
    directory.mkdir(exist_ok=True)
    runs = directory / "runs"  # holds the path of the kubeconfig
    with ExitStack() as stack:
        turn, users = (
            stack.enter_context((directory / name).open("w")) for name in ("turn", "users")
        )
        fcntl.flock(turn, fcntl.LOCK_EX)
        if runs.exists():
            cluster = Cluster(Path(runs.read_text(encoding="utf-8")))
        else:
            cluster = stack.enter_context(local_control_plane(directory, kubernetes))
            runs.write_text(str(cluster.kubeconfig), encoding="utf-8")
            stack.callback(fcntl.flock, users, fcntl.LOCK_EX)
            stack.callback(runs.unlink)
            stack.callback(fcntl.flock, turn, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        fcntl.flock(turn, fcntl.LOCK_UN)
        yield cluster
