"""A proxy in front of Loki, which makes Loki as bad as a network or an overload would."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOST = "127.0.0.1"

_KEPT_HEADERS = ("Content-Type", "Content-Encoding", "X-Scope-OrgID", "Authorization")
_TIMEOUT_SECONDS = 60.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Behaviour:
    """How Loki behaves.

    ``away``: connections are refused, until ``LokiProxy.come_back``. Each answer takes
    ``delay_seconds``. The first ``refusals`` pushes are answered by 429 (too many requests).
    """

    away: bool = False
    delay_seconds: float = 0.0
    refusals: int = 0


class LokiProxy:
    """A Loki at ``url`` that behaves as it is told to."""

    def __init__(self, loki: str, behaviour: Behaviour) -> None:
        self._refusals = behaviour.refusals
        self._lock = threading.Lock()
        self._server = _Server((HOST, 0), self._handler(loki, behaviour.delay_seconds))
        # A port that is bound and not listened to refuses connections, and nobody else can take it.
        self._server.server_bind()
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True
        )
        self.url = f"http://{HOST}:{self._server.server_port}"
        if not behaviour.away:
            self.come_back()

    def come_back(self) -> None:
        """Take connections from now on."""
        self._server.server_activate()
        self._thread.start()

    def close(self) -> None:
        """Take no connections any more."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()

    def _refuses(self) -> bool:
        with self._lock:
            self._refusals -= 1
            return self._refusals >= 0

    def _handler(self, loki: str, delay: float) -> type[BaseHTTPRequestHandler]:
        address = urlsplit(loki).netloc
        refuses = self._refuses

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                time.sleep(delay)
                if refuses():
                    self._answer(429, b"too many requests\n")
                else:
                    self._forward(body)

            def do_GET(self) -> None:
                time.sleep(delay)
                self._forward(b"")

            def _forward(self, body: bytes) -> None:
                kept = {name: self.headers[name] for name in _KEPT_HEADERS if name in self.headers}
                connection = HTTPConnection(address, timeout=_TIMEOUT_SECONDS)
                try:
                    connection.request(self.command, self.path, body, kept)
                    answer = connection.getresponse()
                    self._answer(answer.status, answer.read())
                except OSError:
                    self._answer(502, b"Loki does not answer\n")
                finally:
                    connection.close()

            def _answer(self, status: int, body: bytes) -> None:
                with suppress(ConnectionError):  # a Vector that is killed does not wait
                    self.send_response(status)
                    if status != 204:
                        self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    if status != 204:
                        self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = socket.SOMAXCONN

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler, bind_and_activate=False)


@contextmanager
def loki_proxy(loki: str, behaviour: Behaviour) -> Iterator[LokiProxy]:
    """Run a proxy in front of the Loki at the URL ``loki``."""
    proxy = LokiProxy(loki, behaviour)
    try:
        yield proxy
    finally:
        proxy.close()
