"""What a task can learn of the credentials for Loki, with a real Vector."""

from __future__ import annotations

import base64
import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from .marks import real_vector
from .shipped import OBSERVABLE, Shipped, shipped
from .sidecar import Sidecar
from .test_drain import assert_all_delivered, lines

pytestmark = real_vector

PASSWORD = 'a: b #c "quoted" back\\slash'


@pytest.fixture
def rendered() -> Shipped:
    loki = {**OBSERVABLE["loki"], "auth": {"secretName": "loki-credentials"}}
    return shipped({**OBSERVABLE, "loki": loki}, metrics=False)


@contextmanager
def guarded(sidecar: Sidecar) -> Iterator[set[str | None]]:
    """Puts a proxy before the sidecar's Loki that notes the credentials of each request."""
    seen: set[str | None] = set()

    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.add(self.headers["Authorization"])
            self.send_response(sidecar.loki.push(gzip.decompress(body)))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sidecar.config["sinks"]["loki"]["endpoint"] = f"http://127.0.0.1:{server.server_port}"
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()


def test_each_vector_has_the_credentials(sidecar: Sidecar) -> None:
    sidecar.environment |= {"LOKI_USERNAME": "airflow\n", "LOKI_PASSWORD": f"{PASSWORD}\n"}
    with guarded(sidecar) as seen:
        sidecar.start()
        sidecar.up()
        sidecar.task_log().write_text(lines(5))
        assert_all_delivered(sidecar)
        encoded = base64.b64encode(f"airflow:{PASSWORD}".encode()).decode()
        assert seen == {f"Basic {encoded}"}


def test_credentials_of_more_than_a_pipe_holds_at_once(sidecar: Sidecar) -> None:
    sidecar.environment |= {"LOKI_USERNAME": "airflow", "LOKI_PASSWORD": "long" * 4000}
    with guarded(sidecar) as seen:
        sidecar.start()
        sidecar.up()
        sidecar.task_log().write_text(lines(5))
        assert_all_delivered(sidecar)
        assert len(seen) == 1


def test_no_link_of_a_task_leads_to_the_credentials(sidecar: Sidecar) -> None:
    # A newline in the middle, because Vector sends only lines that have an end.
    sidecar.environment |= {"LOKI_USERNAME": "airflow", "LOKI_PASSWORD": "hidden\nword"}
    with guarded(sidecar) as seen:
        log = sidecar.task_log()
        log.write_text(lines(5))
        sidecar.start()
        assert sidecar.process is not None
        first = f"/proc/{sidecar.process.pid}"
        log.with_name("attempt=2.log").symlink_to(f"{first}/environ")
        log.with_name("attempt=3.log").symlink_to("/proc/self/environ")
        sidecar.up()
        sidecar.acknowledged(log)
        [vector] = sidecar.vectors()
        # These are pipes, which Vector cannot read as log files.
        assert (
            Path(f"{first}/fd/0").read_bytes() == Path(f"/proc/{vector}/fd/3").read_bytes() == b""
        )
        for process in (sidecar.process.pid, vector):
            environment = Path(f"/proc/{process}/environ").read_text()
            assert "DRAIN_TIMEOUT_SECONDS" in environment
            assert "hidden" not in environment
            assert "word" not in environment
        sidecar.stop()
        assert seen != {None}
        sent = "".join(entry.line for entry in sidecar.loki.entries())
        assert "hidden" not in sent
        assert "word" not in sent
