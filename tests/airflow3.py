"""Lines as Airflow 3 writes them, with exceptions as structlog describes them."""

import json
from traceback import walk_tb
from typing import Any


def line(event: str, level: str = "info", time: str = "08:07:48.726991", **keys: object) -> str:
    """Return a line with the keys of the task's author."""
    timestamp = f"2026-11-21T{time}Z"
    logged = {"timestamp": timestamp, "level": level, "event": event, "logger": "task", **keys}
    return json.dumps(logged, separators=(",", ":"), ensure_ascii=False)


def error_detail(error: BaseException) -> list[dict[str, Any]]:
    """Describe an exception as structlog's ExceptionDictTransformer does without locals."""
    found: list[dict[str, Any]] = []
    current: BaseException | None = error
    is_cause = False
    while current:
        syntax = isinstance(current, SyntaxError) and {
            "offset": current.offset or 0,
            "filename": current.filename or "?",
            "line": current.text or "",
            "lineno": current.lineno or 0,
            "msg": current.msg,
        }
        group = current.exceptions if isinstance(current, BaseExceptionGroup) else ()
        found.append(
            {
                "exc_type": type(current).__name__,
                "exc_value": str(current),
                "exc_notes": list(getattr(current, "__notes__", ())),
                "syntax_error": syntax or None,
                "is_cause": is_cause,
                "frames": [
                    {"filename": f.f_code.co_filename, "lineno": n, "name": f.f_code.co_name}
                    for f, n in walk_tb(current.__traceback__)
                ],
                "is_group": bool(group),
                "exceptions": [error_detail(each) for each in group],
            }
        )
        is_cause = current.__cause__ is not None
        hidden = current.__suppress_context__ and not is_cause
        current = current.__cause__ or (None if hidden else current.__context__)
    return found
