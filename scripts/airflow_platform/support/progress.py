"""Says on stderr what takes long, so that nobody wonders whether the command hangs."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_QUIET_SECONDS = 2.0
_REPEAT_SECONDS = {True: 1.0, False: 30.0}  # on a terminal, in a log


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Show ``what`` and the seconds it has taken, once it takes longer than two seconds.

    On a terminal one line is rewritten each second; in a log a line is added each half minute.
    """
    done = threading.Event()
    reporter = threading.Thread(target=_report, args=(what, done), daemon=True)
    reporter.start()
    try:
        yield
    finally:
        done.set()
        reporter.join()


def _report(what: str, done: threading.Event) -> None:
    start = time.monotonic()
    if done.wait(_QUIET_SECONDS):
        return
    terminal = sys.stderr.isatty()
    begin, end = ("\r", "") if terminal else ("", "\n")
    while True:
        print(f"{begin}{what} ... {time.monotonic() - start:.0f} s", end=end, file=sys.stderr)
        sys.stderr.flush()
        if done.wait(_REPEAT_SECONDS[terminal]):
            break
    print(f"{begin}{what} took {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
