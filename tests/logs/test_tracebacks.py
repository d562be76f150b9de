"""Tracebacks look as Python prints them."""

import re
import traceback

import pytest

from airflow_platform.logs.tracebacks import traceback_text

from .. import exceptions
from ..airflow3 import error_detail

# What Airflow's description of an exception lacks: the source below each frame, with its marks.
FRAME = re.compile(r'(?P<margin>[ |]*)  File ".+", line \d+, in .+')


def printed(error: BaseException) -> str:
    """What Python prints of an exception, without the source."""
    kept: list[str] = []
    margin: str | None = None  # of the frame whose source may follow
    for line in "".join(traceback.format_exception(error)).splitlines():
        if margin is None or not line.startswith(f"{margin}    "):
            frame = FRAME.fullmatch(line)
            margin = frame["margin"] if frame else None
            kept.append(line)
    return "\n".join(kept)


@pytest.mark.parametrize("name", exceptions.ALL)
def test_it_is_what_python_prints(name):
    error = exceptions.raised(exceptions.ALL[name])
    assert traceback_text(error_detail(error)) == printed(error)


def test_frames_that_airflow_leaves_out_are_mentioned():
    detail = error_detail(exceptions.raised(exceptions.plain))
    detail[0]["frames"].append({"filename": "", "lineno": -1, "name": "Skipped frames: 160"})
    assert "\n  [Skipped frames: 160]\nValueError: first line" in traceback_text(detail)


@pytest.mark.parametrize(
    "other", [None, [], "text", 5, {"exc_type": "E"}, ["text"], [{"exc_type": "E"}], [[]]]
)
def test_what_is_no_description_of_an_exception_has_no_traceback(other):
    assert traceback_text(other) is None
