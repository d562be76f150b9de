"""Compares the expected lines of a log with those that were found."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_REDACTED = "***"


@dataclass(frozen=True)
class Comparison:
    """Numbers of expected and found lines, and the lines that only one side has, in order."""

    expected: int
    found: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether Loki has each line as often as it was written."""
        return not self.missing and not self.extra


def compare(expected: Sequence[str], found: Sequence[str], *, complete: bool = True) -> Comparison:
    """Compare how often each line is on each side; the order of the lines does not matter.

    A found line that contains ``***`` equals an expected line that has other text in that place. If
    ``expected`` is not ``complete``, found lines that it does not contain are left out.
    """
    known = set(expected)
    missing = dict(enumerate(_without(expected, found)))
    extra = []
    for line in _without(found, expected):
        original = next((k for k, text in missing.items() if _is_redaction_of(text, line)), None)
        if original is not None:
            del missing[original]
        elif complete or line in known:
            extra.append(line)
    found_count = len(expected) - len(missing) + len(extra)
    return Comparison(len(expected), found_count, tuple(missing.values()), tuple(extra))


def _without(lines: Sequence[str], others: Sequence[str]) -> list[str]:
    """Return ``lines`` without one equal line for each of ``others``."""
    counts = Counter(others)
    left = []
    for line in lines:
        if counts[line]:
            counts[line] -= 1
        else:
            left.append(line)
    return left


def _is_redaction_of(original: str, line: str) -> bool:
    """Say whether ``line`` is ``original`` with ``***`` in place of some of its text."""
    if _REDACTED not in line:
        return False
    start, *middle, end = line.split(_REDACTED)
    if not original.startswith(start):
        return False
    position = len(start)
    for piece in middle:
        position = original.find(piece, position)
        if position < 0:
            return False
        position += len(piece)
    return original.endswith(end) and position <= len(original) - len(end)
