"""Task shapes: how tasks write their logs."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """A task that writes ``lines`` lines as ``program``, one of node/sidecar/shapes/, does.

    With ``loki_away`` Loki refuses all connections.
    """

    about: str
    program: str
    lines: int
    loki_away: bool = False


SHAPES: Mapping[str, Shape] = {
    "instant": Shape("20 lines at once", "fast", 20),
    "silent": Shape("a line, 11 s of silence, and 30 lines at the end", "silent", 31),
    "no-newline": Shape("3 lines, no newline at the end", "no-newline", 3),
    "burst-100k": Shape("100,000 lines at the end", "fast", 100_000),
    "loki-away": Shape("20 lines at once, and Loki refuses connections", "fast", 20, True),
}
