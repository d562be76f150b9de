"""A double of S3, in memory: objects can be put, got, looked for and listed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

_MODIFIED = "2026-01-01T00:00:00.000Z"


@dataclass
class Store:
    """The store at ``url``, its objects by bucket and key, and who has asked for them."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    authorizations: set[str] = field(default_factory=set)


@contextmanager
def store() -> Iterator[Store]:
    """Run a store on loopback."""
    running = Store()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if "aws-chunked" in self.headers.get("Content-Encoding", ""):
                body = _unchunked(body)
            running.objects[self._key()] = body
            self._answer(200)

        def do_HEAD(self) -> None:
            self._answer(200 if self._key() in running.objects else 404)

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            if "list-type" in query:
                bucket = self._key().rstrip("/")
                prefix = query.get("prefix", [""])[0]
                self._answer(200, _listing(bucket, prefix, running.objects))
            elif self._key() in running.objects:
                self._answer(200, running.objects[self._key()])
            else:
                self._answer(404)

        def _key(self) -> str:
            running.authorizations.add(self.headers.get("Authorization", ""))
            return unquote(urlsplit(self.path).path).removeprefix("/")

        def _answer(self, status: int, body: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _unchunked(body: bytes) -> bytes:
    """Return the content of chunks, each after its length in hexadecimal."""
    content = b""
    while (header := re.match(rb"([0-9a-f]+)[^\r]*\r\n", body)) and int(header[1], 16):
        length = int(header[1], 16)
        content += body[header.end() : header.end() + length]
        body = body[header.end() + length + 2 :]
    return content


def _listing(bucket: str, prefix: str, objects: dict[str, bytes]) -> bytes:
    keys = [each.removeprefix(f"{bucket}/") for each in objects if each.startswith(f"{bucket}/")]
    found = [
        f"<Contents><Key>{escape(key)}</Key><LastModified>{_MODIFIED}</LastModified></Contents>"
        for key in sorted(keys)
        if key.startswith(prefix)
    ]
    return (
        "<ListBucketResult><IsTruncated>false</IsTruncated>"
        f"<Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(found)}</KeyCount>"
        f"{''.join(found)}</ListBucketResult>"
    ).encode()
