"""A small Loki in this process: it accepts every push and answers the queries of verify-logs."""

import gzip
import json
import re
import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice, takewhile
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

_COMPARISON = re.compile(r'(\w+)\s*=(~?)\s*("(?:[^"\\]|\\.)*")')


class Entry(NamedTuple):
    """A line in Loki, at a time in nanoseconds.

    ``labels`` are those of its stream, ``metadata`` is its structured metadata.
    """

    nanoseconds: int
    line: str
    labels: tuple[tuple[str, str], ...]
    metadata: tuple[tuple[str, str], ...]

    @property
    def fields(self) -> dict[str, str]:
        """Labels and structured metadata, which a query returns together."""
        return dict(self.labels + self.metadata)


class BuiltInLoki:
    """What was pushed. Like Loki it keeps an entry that it gets twice only once.

    Pushes (JSON, with gzip or uncompressed) are taken apart when they are asked for, so as not to
    take time from what is measured.
    """

    def __init__(self) -> None:
        self._bodies: list[bytes] = []
        self._stored: list[Entry] = []  # in order
        self._lock = threading.Lock()

    def push(self, body: bytes) -> int:
        """Take the body of a push; return the status of the answer."""
        with self._lock:
            self._bodies.append(body)
        return 204

    def query(self, query: str, start: int, end: int, limit: int) -> list[dict[str, Any]]:
        """Return the first entries from ``start`` to before ``end`` (nanoseconds) as streams.

        Of LogQL it knows comparisons by ``=`` and ``=~``, in the selector as after it.
        """
        wanted = [
            (name, re.compile(json.loads(value) if sign else re.escape(json.loads(value))))
            for name, sign, value in _COMPARISON.findall(query)
        ]
        entries = self.entries()
        later = islice(entries, bisect_left(entries, (start,)), None)
        within = takewhile(lambda entry: entry.nanoseconds < end, later)
        found = (entry for entry in within if _matches(entry.fields, wanted))
        return [
            {"stream": entry.fields, "values": [[str(entry.nanoseconds), entry.line]]}
            for entry in islice(found, limit)
        ]

    def labels(self) -> list[str]:
        """Return the names of the labels of all streams."""
        return sorted({name for entry in self.entries() for name, _ in entry.labels})

    def entries(self) -> list[Entry]:
        """Return all that is stored, ordered by time."""
        with self._lock:
            if self._bodies:
                new = (entry for body in self._bodies for entry in _entries(body))
                self._stored = sorted({*self._stored, *new})
                self._bodies.clear()
            return self._stored


def _matches(fields: Mapping[str, str], wanted: list[tuple[str, re.Pattern[str]]]) -> bool:
    return all(pattern.fullmatch(fields.get(name, "")) for name, pattern in wanted)


def _entries(body: bytes) -> Iterator[Entry]:
    for stream in json.loads(body)["streams"]:
        labels = _sorted(stream["stream"])
        for time, line, *metadata in stream["values"]:
            yield Entry(int(time), line, labels, _sorted(metadata[0] if metadata else {}))


def _sorted(fields: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(fields.items()))


@contextmanager
def built_in_loki(loki: BuiltInLoki | None = None) -> Iterator[str]:
    """Serve ``loki``, a new one if none is given; yield its URL."""
    served = loki or BuiltInLoki()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            compressed = self.headers.get("Content-Encoding") == "gzip"
            self._answer(served.push(gzip.decompress(body) if compressed else body), b"")

        def do_GET(self) -> None:
            asked = {name: value for name, [value] in parse_qs(urlsplit(self.path).query).items()}
            data: Any
            if urlsplit(self.path).path.endswith("/labels"):
                data = served.labels()
            else:
                start, end, limit = (int(asked[name]) for name in ("start", "end", "limit"))
                result = served.query(asked["query"], start, end, limit)
                data = {"resultType": "streams", "result": result}
            self._answer(200, json.dumps({"status": "success", "data": data}).encode())

        def _answer(self, status: int, body: bytes) -> None:
            with suppress(ConnectionError):  # a Vector that is killed does not wait for its answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
