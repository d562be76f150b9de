"""A Kubernetes API that a kubeconfig leads to, by kubectl."""

import json
import re
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_platform.support import processes
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.tools import tool

Object = Mapping[str, Any]

_TIMEOUT_SECONDS = 120.0
_UNAUTHORIZED = "You must be logged in to the server"  # which kubectl says in place of the reason
_REASON = re.compile(r"^Error from server \((\w+)\)", re.MULTILINE)
_FORWARD_SECONDS = 30.0
_POLL_SECONDS = 0.1


class ApiError(PlatformError):
    """kubectl fails: ``said`` is what it says of it.

    ``reason`` is the API server's own word, such as "Forbidden"; it is empty for other failures.
    """

    def __init__(self, command: str, said: str) -> None:
        super().__init__(f"{command}: {said}")
        self.said = said
        found = _REASON.search(said)
        self.reason = found[1] if found else ""
        if _UNAUTHORIZED in said:
            self.reason = "Unauthorized"


class NoAnswerError(PlatformError):
    """The API server keeps silent."""


@dataclass(frozen=True)
class Cluster:
    """The cluster and the user that are current in a kubeconfig.

    Without a ``kubeconfig`` kubectl looks for one; ``context`` is another than the current one.
    ``timeout`` is how many seconds kubectl may take.
    """

    kubeconfig: Path | None
    context: str = ""
    timeout: float = _TIMEOUT_SECONDS

    @property
    def options(self) -> tuple[str, ...]:
        """The options that lead kubectl to this cluster."""
        return (
            *([f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []),
            *([f"--context={self.context}"] if self.context else []),
        )

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        """Return what kubectl prints; ``given`` is its standard input. ApiError on failure."""
        done = self._run(arguments, given)
        if done.returncode:
            raise ApiError(f"kubectl {' '.join(arguments)}", done.stderr.strip())
        return done.stdout

    def succeeds(self, *arguments: str) -> bool:
        """Return whether kubectl succeeds."""
        return self._run(arguments, None).returncode == 0

    def apply(self, objects: Iterable[Object], *options: str) -> str:
        """Create or change objects, strictly validated by the server; return what kubectl says."""
        if not (items := list(objects)):
            return ""
        manifests = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        arguments = ("apply", "--server-side", "--validate=strict", "--filename=-", *options)
        return self.kubectl(*arguments, given=manifests)

    def get(self, kind: str, name: str, namespace: str = "") -> dict[str, Any] | None:
        """Return an object, None when there is none of that name."""
        found = self.kubectl(
            "get", kind, name, "--ignore-not-found", "--output=json", *_in(namespace)
        )
        return dict(json.loads(found)) if found else None

    def list(
        self, kinds: str, namespace: str | None, selector: str = "", fields: str = ""
    ) -> list[dict[str, Any]]:
        """Return the objects of some kinds, "pods,jobs" for example, that have the labels.

        Without a ``namespace``, those of all of them. ``fields`` is a selector of fields.
        """
        where = _in(namespace) if namespace else ["--all-namespaces"]
        wanted = [f"--selector={selector}"] if selector else []
        wanted += [f"--field-selector={fields}"] if fields else []
        found = self.kubectl("get", kinds, "--output=json", *where, *wanted)
        return list(json.loads(found)["items"])

    def version(self) -> str:
        """Return the version of the API server, such as "1.36.3"."""
        server = json.loads(self.kubectl("version", "--output=json"))["serverVersion"]
        return str(server["gitVersion"]).removeprefix("v").partition("+")[0].partition("-")[0]

    @contextmanager
    def forwarded(self, namespace: str, service: str, port: int) -> Iterator[int]:
        """Forward a free port of localhost, which is given, to the port of a Service.

        PlatformError when kubectl ends, for example because no pod of the Service runs.
        """
        command = self._command(
            ["port-forward", f"--namespace={namespace}", f"service/{service}", f":{port}"]
        )
        with tempfile.TemporaryFile() as output, processes.started(command, output=output) as it:
            give_up = time.monotonic() + _FORWARD_SECONDS
            while True:
                output.seek(0)
                said = output.read().decode(errors="replace")
                if found := re.search(r"Forwarding from \S+:(\d+) ->", said):
                    break
                if it.poll() is not None or time.monotonic() > give_up:
                    raise PlatformError(
                        f"kubectl port-forward to {service} in {namespace}: {said.strip()}"
                    )
                time.sleep(_POLL_SECONDS)
            yield int(found[1])

    def _command(self, arguments: Iterable[str]) -> processes.Command:
        return [tool("kubectl"), *self.options, *arguments]

    def _run(
        self, arguments: Iterable[str], given: str | None
    ) -> "subprocess.CompletedProcess[str]":
        try:
            return processes.run(self._command(arguments), given=given, timeout=self.timeout)
        except subprocess.TimeoutExpired:
            of = f" of {self.kubeconfig}" if self.kubeconfig else ""
            raise NoAnswerError(
                f"The API server{of} did not answer in {self.timeout:.0f} s."
            ) from None


def _in(namespace: str) -> list[str]:
    return [f"--namespace={namespace}"] if namespace else []
