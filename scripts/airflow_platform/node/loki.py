"""A real Loki on loopback."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from airflow_platform.support import processes
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.ports import free_ports
from airflow_platform.support.tools import tool

_CONFIG = Path(str(files(__package__) / "loki.yaml"))
_READY_SECONDS = 60.0
_POLL_SECONDS = 0.1
_SHOWN_CHARACTERS = 2000


@contextmanager
def local_loki(directory: Path, *, tenants: bool = False) -> Iterator[str]:
    """Run a Loki with its data and its log in ``directory``; give its URL.

    With ``tenants`` each request has to name one (X-Scope-OrgID). PlatformError when Loki cannot be
    built or does not start.
    """
    binary = tool("loki")
    port, grpc_port = free_ports(2)
    environment = {
        **os.environ,
        "LOKI_DIRECTORY": str(directory),
        "LOKI_PORT": str(port),
        "LOKI_GRPC_PORT": str(grpc_port),
        "LOKI_TENANTS": str(tenants).lower(),
    }
    command: processes.Command = [binary, f"-config.file={_CONFIG}", "-config.expand-env"]
    log = directory / "loki.log"
    url = f"http://127.0.0.1:{port}"
    with (
        log.open("wb") as output,
        processes.started(command, env=environment, output=output) as process,
    ):
        give_up = time.monotonic() + _READY_SECONDS
        while not _ready(url):
            if process.poll() is not None or time.monotonic() > give_up:
                said = log.read_text(encoding="utf-8", errors="replace")[-_SHOWN_CHARACTERS:]
                what = "has ended" if process.poll() is not None else "does not become ready"
                raise PlatformError(f"Loki {what}. Its log, {log}, ends with:\n{said}")
            time.sleep(_POLL_SECONDS)
        yield url


def _ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/ready", timeout=5):
            return True
    except (URLError, OSError):
        return False
