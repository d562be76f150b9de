"""The Vector of this machine, which no package registry has."""

import os
import shutil
from pathlib import Path

from airflow_platform.support.errors import PlatformError


class NoVectorError(PlatformError):
    """There is no Vector."""


def find_vector() -> Path:
    """Return Vector's binary; NoVectorError, which says how to name it, where there is none."""
    found = shutil.which(os.environ.get("VECTOR") or "vector")
    if not found:
        raise NoVectorError("There is no Vector: set VECTOR to its binary, or put it on PATH.")
    return Path(found).absolute()
