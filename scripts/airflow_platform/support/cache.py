"""The harness's cache directory, and how several processes share it without a lock."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

_UNUSED_AFTER_SECONDS = 7 * 24 * 3600


def cache_dir(*parts: str) -> Path:
    """Return ``$XDG_CACHE_HOME/airflow-platform/<parts>`` (~/.cache by default), created.

    Nobody else can read it, because renders hold what the user's values hold.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "airflow-platform"
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = cache.joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


def publish(target: Path, build: Callable[[Path], None]) -> Path:
    """Return ``target``, a file or directory named by its content, after building it if missing.

    ``build`` fills a path next to it that is then renamed: others see all of it or nothing, and
    when two processes build the same content, the first one wins.
    """
    if target.exists():
        os.utime(target)
        return target
    _remove_unused(target.parent)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as scratch:
        built = Path(scratch, target.name)
        build(built)
        try:
            built.rename(target)
        except OSError:
            if not target.exists():
                raise
    return target


@cache
def _remove_unused(directory: Path) -> None:
    """Remove what no process asked for in a week, so that the cache does not grow for ever.

    Once for each process: to look at tens of thousands of renders takes longer than some renders.
    """
    limit = time.time() - _UNUSED_AFTER_SECONDS
    for path in directory.iterdir():
        with suppress(FileNotFoundError):  # another process removed or renamed it
            if path.stat().st_mtime >= limit:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
