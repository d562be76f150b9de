"""Writes the lines of tasks: for people, in colours on a terminal, or as JSON for programs."""

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from airflow_platform.logs.records import Record
from airflow_platform.verify_logs.attempts import UNMAPPED, Attempt

_BUFFERED_CHARACTERS = 1_000_000

_RESET, _BOLD, _FAINT = "\x1b[0m", "\x1b[1m", "\x1b[2m"
_COLOURS = {
    "debug": "\x1b[34m",
    "info": "\x1b[32m",
    "warning": "\x1b[33m",
    "error": "\x1b[31m",
    "critical": "\x1b[1;31m",
}
_COLOUR_CODE = re.compile(r"(\x1b\[[0-9;:]*m)")
# Other control sequences: of cursors and screens, and of titles and links, which end in BEL or ST.
_CONTROL_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-Z\\^_`-~]"
)
_CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_PLAIN_VALUE = re.compile(r"[^\s\"=\x00-\x1f]+")


def as_json(record: Record) -> str:
    """Return a line of JSON that says what a line of a log says."""
    attempt = record.attempt
    said: dict[str, Any] = {
        "time": _written(record.time, "microseconds"),
        "dag_id": attempt.run.dag_id,
        "run_id": attempt.run.run_id,
        "task_id": attempt.task_id,
        "map_index": None if attempt.map_index == UNMAPPED else attempt.map_index,
        "try_number": attempt.try_number,
        "level": record.level or None,
        "text": record.text,
        "keys": record.keys,
        "traceback": record.traceback,
    }
    return _encodable(json.dumps(said, ensure_ascii=False))


def as_text(record: Record, *, coloured: bool) -> str:
    """Return time (UTC), level and text of a line, the keys of its author, and its traceback."""
    time = _written(record.time, "milliseconds")
    level = f"{_safe(record.level, coloured=False).upper():<8}"
    text = _safe(record.text, coloured=coloured)
    keys = "".join(f" {_value(key)}={_value(value)}" for key, value in record.keys.items())
    if coloured:
        time = f"{_FAINT}{time}{_RESET}"
        level = f"{_COLOURS.get(record.level, '')}{level}{_RESET}"
        keys = f"{_FAINT}{keys}{_RESET}" if keys else ""
        text = f"{text}{_RESET}" if "\x1b" in text else text
    lines = [f"{time} {level} {text}{keys}".rstrip()]
    if record.traceback is not None:
        lines.append(_safe(record.traceback, coloured=coloured))
    return _encodable("\n".join(lines))


def header(attempt: Attempt, *, coloured: bool) -> str:
    """Return the line above the lines of a try of a task."""
    text = f"==> {attempt.task} try {attempt.try_number}, run {attempt.run.run_id} <=="
    text = _safe(text, coloured=False)
    return f"{_BOLD}{text}{_RESET}" if coloured else text


def with_headers(records: Iterable[Record], *, coloured: bool) -> Iterator[str]:
    """Yield the texts of ``records``, with a header wherever another task or try goes on."""
    current: Attempt | None = None
    for record in records:
        if record.attempt != current:
            if current is not None:
                yield ""
            current = record.attempt
            yield header(current, coloured=coloured)
        yield as_text(record, coloured=coloured)


def by_attempt(records: Iterable[Record], *, coloured: bool) -> Iterator[str]:
    """Yield the texts of ``records``, those of each try of a task together, below its header.

    The try that begins first is yielded as its lines come. Those of the others wait in temporary
    files, for logs can be longer than the memory.
    """
    first: Attempt | None = None
    with tempfile.TemporaryDirectory(prefix="airflow-platform-logs-") as directory:
        others = _Files(Path(directory))
        for record in records:
            text = as_text(record, coloured=coloured)
            if first is None:
                first = record.attempt
                yield header(first, coloured=coloured)
            if record.attempt == first:
                yield text
            else:
                others.add(record.attempt, text)
        for attempt, texts in others.read():
            yield ""
            yield header(attempt, coloured=coloured)
            yield from texts


class _Files:
    """Lines by attempt, in a file for each in ``directory``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._buffers: dict[Attempt, list[str]] = {}  # in the order in which attempts began
        self._characters = 0

    def add(self, attempt: Attempt, text: str) -> None:
        self._buffers.setdefault(attempt, []).append(text)
        self._characters += len(text)
        if self._characters > _BUFFERED_CHARACTERS:
            self._write()

    def read(self) -> Iterator[tuple[Attempt, Iterator[str]]]:
        self._write()
        for number, attempt in enumerate(self._buffers):
            yield attempt, self._lines(number)

    def _write(self) -> None:
        for number, texts in enumerate(self._buffers.values()):
            if texts:
                with self._file(number).open("a", encoding="utf-8", newline="\n") as file:
                    file.writelines(f"{text}\n" for text in texts)
                texts.clear()
        self._characters = 0

    def _lines(self, number: int) -> Iterator[str]:
        with self._file(number).open(encoding="utf-8", newline="\n") as file:
            for line in file:
                yield line.removesuffix("\n")

    def _file(self, number: int) -> Path:
        return self._directory / str(number)


def _written(time: datetime, precision: str) -> str:
    return time.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def _value(value: object) -> str:
    if isinstance(value, str) and _PLAIN_VALUE.fullmatch(value):
        return _safe(value, coloured=False)
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _CONTROL_CHARACTER.sub(_escaped, written)


def _encodable(text: str) -> str:
    """Return ``text`` with halves of characters, which JSON can hold, escaped as in JSON."""
    return text.encode("utf-8", "backslashreplace").decode()


def _safe(text: str, *, coloured: bool) -> str:
    r"""Return ``text`` without what would move a terminal's cursor, or change its settings.

    Colours stay if ``coloured``. Other control characters are shown as \x07, for example.
    """
    if text.isprintable():
        return text
    pieces = _COLOUR_CODE.split(text)
    for number in range(0, len(pieces), 2):
        piece = _CONTROL_SEQUENCE.sub("", pieces[number]).replace("\r\n", "\n")
        pieces[number] = _CONTROL_CHARACTER.sub(_escaped, piece)
    if not coloured:
        pieces = pieces[::2]
    return "".join(pieces)


def _escaped(match: re.Match[str]) -> str:
    return f"\\x{ord(match[0]):02x}"


def is_coloured(environment: Mapping[str, str], *, terminal: bool) -> bool:
    """Say whether to write in colours: on a terminal, unless NO_COLOR (https://no-color.org)."""
    return terminal and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
