"""A double of Loki: takes pushes in JSON, keeps the entries, has the faults a test asks for."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_LINE_SIZE = 262_144


@dataclass(frozen=True, order=True)
class Entry:
    """One stored line. Loki keeps an entry that it gets twice only once."""

    nanoseconds: int
    line: str
    labels: tuple[tuple[str, str], ...]
    metadata: tuple[tuple[str, str], ...]

    @property
    def fields(self) -> dict[str, str]:
        """Labels and structured metadata together."""
        return dict(self.labels) | dict(self.metadata)


@dataclass
class Loki:
    """The state of a Loki, and how it answers."""

    url: str = ""
    entries: set[Entry] = field(default_factory=set)
    requests: int = 0
    seconds: float = 0.0  # before each answer
    status: int | None = None  # instead of storing anything
    failures: int = 0  # so many answers with `status`, then it is well
    poison: str | None = (
        None  # a line with this text is refused with 400, the rest of its request is stored
    )
    lock: threading.Lock = field(default_factory=threading.Lock)

    def push(self, body: bytes) -> int:
        """Stores a push; returns the HTTP status."""
        time.sleep(self.seconds)
        with self.lock:
            self.requests += 1
            if self.status is not None and (self.failures == 0 or self.requests <= self.failures):
                return self.status
            status = 204
            for stream in json.loads(body)["streams"]:
                labels = tuple(sorted(stream["stream"].items()))
                for nanoseconds, line, metadata in stream["values"]:
                    if len(line.encode()) > MAX_LINE_SIZE or (self.poison and self.poison in line):
                        status = 400
                        continue
                    values = tuple(sorted(metadata.items()))
                    self.entries.add(Entry(int(nanoseconds), line, labels, values))
            return status


@contextmanager
def loki() -> Iterator[Loki]:
    """A Loki on a port of its own of this host."""
    state = Loki()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            self.send_response(state.push(body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
