"""A registry for OCI artifacts on loopback, without TLS and without users."""

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

from airflow_platform.support import processes
from airflow_platform.support.ports import free_ports

_READY_SECONDS = 30.0


@contextmanager
def oci_registry(binary: Path, directory: Path) -> Iterator[str]:
    """Run a registry with its data in ``directory``; yield its host and port."""
    (port,) = free_ports(1)
    host = f"127.0.0.1:{port}"
    config = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(directory / "data")}},
        "http": {"addr": host, "secret": "of no use outside of this test"},
    }
    file = directory / "registry.yaml"
    file.write_text(json.dumps(config), encoding="utf-8")
    log = directory / "registry.log"
    with (
        log.open("wb") as output,
        processes.started([binary, "serve", file], output=output),
    ):
        give_up = time.monotonic() + _READY_SECONDS
        while not _answers(f"http://{host}/v2/"):
            assert time.monotonic() < give_up, log.read_text(encoding="utf-8")
            time.sleep(0.05)
        yield host


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url).close()
    except URLError:
        return False
    return True
