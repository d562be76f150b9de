"""The table of docs/doctor.md: each examination, and each fault that it finds."""

from collections.abc import Iterator

from airflow_platform.doctor.examinations import in_order
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import ROOT

FILE = ROOT / "docs" / "doctor.md"

_BEGIN = "<!-- begin: made by airflow-platform generate -->\n"
_END = "<!-- end -->\n"


def text() -> str:
    """Return docs/doctor.md with its table anew; PlatformError when it has no place for that."""
    before, begin, rest = FILE.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise PlatformError(f"{FILE} has no lines {_BEGIN.strip()} and {_END.strip()}")
    return "".join((before, begin, "\n", *_table(), "\n", end, after))


def _table() -> Iterator[str]:
    yield "| examination | finding | severity | what is wrong |\n|---|---|---|---|\n"
    for examination in in_order():
        for number, fault in enumerate(examination.faults):
            first = f"`{examination.name}`: {examination.looks_at}" if number == 0 else ""
            yield f"| {first} | `{fault.id}` | {fault.severity} | {fault.title} |\n"
