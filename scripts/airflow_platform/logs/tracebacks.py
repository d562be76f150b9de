"""Tracebacks of Airflow 3, as Python prints them.

Airflow 3 writes an exception as the list ``error_detail``: the exception raised last, then its
cause or context (``is_cause`` says which), then that one's, and so on
(https://www.structlog.org/en/stable/api.html#structlog.tracebacks.ExceptionDictTransformer).
Python prints that list from its end. The source of the lines is not in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_CAUSE = "\nThe above exception was the direct cause of the following exception:\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n"

Chain = Sequence[Mapping[str, Any]]


def traceback_text(error_detail: object) -> str | None:
    """Return the text of an ``error_detail``; None for anything else of that name."""
    if not isinstance(error_detail, list) or not error_detail:
        return None
    try:
        return "\n".join(_Printer().chain(error_detail))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return None


class _Printer:
    """Prints exceptions; ``_depth`` is the number of exception groups around the printed one."""

    def __init__(self) -> None:
        self._depth = 0
        self._open = False  # whether the frame around a group still lacks its last line

    def chain(self, exceptions: Chain) -> Iterator[str]:
        for position in range(len(exceptions) - 1, -1, -1):
            yield from self._exception(exceptions[position])
            if position:
                is_cause = exceptions[position]["is_cause"]
                yield from self._within(_CAUSE if is_cause else _CONTEXT)

    def _exception(self, exception: Mapping[str, Any]) -> Iterator[str]:
        group: Sequence[Chain] = exception.get("exceptions") or ()
        outermost = bool(group) and self._depth == 0
        if outermost:
            self._depth = 1
        if exception["frames"]:
            title = "Exception Group Traceback" if group else "Traceback"
            first = f"{title} (most recent call last):"
            yield from self._within(first, "+" if outermost else "|")
        for line in (*_frames(exception), *_last_lines(exception)):
            yield from self._within(line)
        if group:
            yield from self._group(group)
        if outermost:
            self._depth = 0

    def _group(self, group: Sequence[Chain]) -> Iterator[str]:
        for number, exceptions in enumerate(group, start=1):
            self._open = number == len(group)
            corner = "+-" if number == 1 else "  "
            yield f"{self._indent()}{corner}+---------------- {number} ----------------"
            self._depth += 1
            yield from self.chain(exceptions)
            if self._open and number == len(group):
                yield f"{self._indent()}+------------------------------------"
                self._open = False
            self._depth -= 1

    def _within(self, text: str, margin: str = "|") -> Iterator[str]:
        begin = f"{self._indent()}{margin} " if self._depth else ""
        for line in text.split("\n"):
            yield f"{begin}{line}"

    def _indent(self) -> str:
        return "  " * self._depth


def _frames(exception: Mapping[str, Any]) -> Iterator[str]:
    for frame in exception["frames"]:
        if frame["filename"]:
            yield f'  File "{frame["filename"]}", line {frame["lineno"]}, in {frame["name"]}'
        else:  # in the place of frames that Airflow has left out
            yield f"  [{frame['name']}]"


def _last_lines(exception: Mapping[str, Any]) -> Iterator[str]:
    said = str(exception["exc_value"])
    if syntax := exception.get("syntax_error"):
        said = syntax["msg"]
        yield f'  File "{syntax["filename"]}", line {syntax["lineno"]}'
        if code := syntax["line"].strip():
            yield f"    {code}"
            left_out = len(syntax["line"]) - len(syntax["line"].lstrip())
            if (column := syntax["offset"] - 1 - left_out) >= 0:
                yield f"    {' ' * column}^"
    yield f"{exception['exc_type']}: {said}" if said else str(exception["exc_type"])
    yield from exception.get("exc_notes") or ()
