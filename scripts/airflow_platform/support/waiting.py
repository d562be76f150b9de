"""Waits for what comes by itself."""

import time
from collections.abc import Callable
from typing import TypeVar

from airflow_platform.support.errors import PlatformError

_T = TypeVar("_T")


def eventually(
    look: "Callable[[], _T | None]", seconds: float, otherwise: str, *, poll: float = 1.0
) -> _T:
    """Return the first result of ``look`` that is not empty; look each ``poll`` seconds.

    PlatformError ``otherwise`` after ``seconds``.
    """
    give_up = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > give_up:
            raise PlatformError(otherwise)
        time.sleep(poll)
    return found
