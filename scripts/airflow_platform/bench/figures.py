"""How figures are printed."""

import math

_MIB = 2**20


def share(part: int, whole: int) -> str:
    """Return ``part`` in per cent; 100 only when it is all."""
    return f"{math.floor(1000 * part / whole) / 10:.1f} %"


def mebibytes(count: float) -> str:
    """Return a number of bytes in MiB."""
    return f"{count / _MIB:.0f} MiB"
