"""The built-in Loki with the faults that a test asks for."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from airflow_platform.bench.capture.loki import BuiltInLoki, built_in_loki

MAX_LINE_SIZE = 262_144  # bytes: the default of Loki's limits_config.max_line_size


class FaultyLoki(BuiltInLoki):
    """A Loki that is well until a test says otherwise.

    ``seconds`` pass before each answer. The first ``hanging`` requests get none for a minute.
    ``connections`` counts requests that have come, ``requests`` those that were answered.
    ``status`` is answered, and nothing stored, to the first ``failures`` requests, or to all when
    that is 0. Lines with ``poison`` in them, and lines that are too long, are refused with 400; as
    in Loki, the other lines of their request are stored.
    """

    def __init__(self) -> None:
        super().__init__()
        self.url = ""
        self.seconds = 0.0
        self.status: int | None = None
        self.failures = 0
        self.poison: str | None = None
        self.requests = 0
        self.hanging = 0
        self.connections = 0
        self._count = threading.Lock()

    def push(self, body: bytes) -> int:
        with self._count:
            self.connections += 1
            hangs = self.connections <= self.hanging
        time.sleep(60 if hangs else self.seconds)
        with self._count:
            self.requests += 1
            number = self.requests
        if self.status is not None and (self.failures == 0 or number <= self.failures):
            return self.status
        streams = json.loads(body)["streams"]
        accepted = [
            {**stream, "values": [value for value in stream["values"] if self._takes(value[1])]}
            for stream in streams
        ]
        super().push(json.dumps({"streams": accepted}).encode())
        return 204 if accepted == streams else 400

    def _takes(self, line: str) -> bool:
        poisonous = self.poison is not None and self.poison in line
        return not poisonous and len(line.encode()) <= MAX_LINE_SIZE


@contextmanager
def faulty_loki() -> Iterator[FaultyLoki]:
    """Run a FaultyLoki."""
    loki = FaultyLoki()
    with built_in_loki(loki) as loki.url:
        yield loki
