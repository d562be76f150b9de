"""A Prometheus that has a series of each metric that the mapping makes."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON


@contextmanager
def prometheus_double() -> Iterator[str]:
    """Give its URL."""
    metrics = strict_yaml.load_file(ADDON / "files" / "metrics" / "metric-labels.yaml")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            (query,) = parse_qs(urlsplit(self.path).query)["query"]
            name = query.partition("{")[0].removesuffix("_count")
            result = [{"value": [0, "1"]}] if name in metrics else []
            body = json.dumps({"status": "success", "data": {"result": result}})
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
