"""The node's containerd, by its program ctr."""

import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from airflow_platform.node.image import Image
from airflow_platform.support import processes
from airflow_platform.support.errors import PlatformError

_NAMESPACE = "k8s.io"  # where kubelet's containers are
# 2026-01-31 10:20:30.123456789 +0000 UTC k8s.io /tasks/exit {"container_id":"...
_EVENT = re.compile(r"^(\S+ \S+?)(?:\.(\d+))? \+0000 UTC \S+ (/\S+) (\{.*\})$")


@dataclass(frozen=True)
class Event:
    """Something that containerd has told of.

    ``at`` is when, in nanoseconds since 1970; ``topic`` is, for example, "/tasks/exit".
    """

    at: int
    topic: str
    about: dict[str, Any]

    @property
    def container(self) -> str:
        """The id of the container, empty when it is about none."""
        return str(self.about.get("container_id") or self.about.get("id") or "")

    @property
    def is_of_another_process(self) -> bool:
        """Whether it is about a program that `exec` has started in a container, such as a probe."""
        return str(self.about.get("id") or self.container) != self.container


@dataclass(frozen=True)
class Containerd:
    """The containerd that listens on ``socket``; ``log`` has its events."""

    socket: Path
    log: Path

    @property
    def command(self) -> tuple[str, ...]:
        """How ctr is called."""
        return ("ctr", f"--address={self.socket}", f"--namespace={_NAMESPACE}")

    def run(self, *arguments: str) -> str:
        """Return what ctr prints. PlatformError when it fails."""
        done = processes.run([*self.command, *arguments])
        if done.returncode:
            raise PlatformError(f"ctr {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def answers(self) -> bool:
        """Return whether containerd is ready."""
        answers = [*self.command, "version"]
        return self.socket.exists() and processes.run(answers).returncode == 0

    def add_image(self, name: str, image: Image) -> None:
        """Make an image known by the name that manifests have."""
        with tempfile.TemporaryDirectory() as directory:
            archive = Path(directory, "image.tar")
            image.save(full_name(name), archive)
            self.run("images", "import", str(archive))

    def events(self) -> Iterator[Event]:
        """Return what containerd has told of since the node was started, in order."""
        for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines():
            if found := _EVENT.match(line):
                time, fraction, topic, about = found.groups()
                seconds = int(datetime.fromisoformat(f"{time}+00:00").timestamp())
                at = seconds * 10**9 + int((fraction or "0").ljust(9, "0"))
                yield Event(at, topic, json.loads(about))


def full_name(name: str) -> str:
    """Return the name with what stands for itself in front of it, as kubelet completes it."""
    first, slash, _ = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return name
    return f"docker.io/{name}" if slash else f"docker.io/library/{name}"
