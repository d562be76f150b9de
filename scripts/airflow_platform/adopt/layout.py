"""Writes values as people would: with a comment above what needs one."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_platform.adopt.paths import Path
from airflow_platform.support import strict_yaml

_WIDTH = 100


def as_yaml(values: Mapping[str, Any], comments: Mapping[Path, str]) -> str:
    """Return ``values`` as YAML, with the comments at their paths."""
    return "".join(_lines(values, comments, ()))


def comment(text: str, indent: str = "") -> str:
    """Return ``text`` as comment lines."""
    start = f"{indent}# "
    return "".join(
        f"{line}\n"
        for paragraph in text.splitlines()
        for line in textwrap.wrap(
            paragraph,
            _WIDTH,
            initial_indent=start,
            subsequent_indent=start,
            break_long_words=False,
            break_on_hyphens=False,
        )
        or [start.rstrip()]
    )


def _lines(values: Mapping[str, Any], comments: Mapping[Path, str], above: Path) -> Iterator[str]:
    indent = "  " * len(above)
    for key, value in values.items():
        path = (*above, key)
        if path in comments:
            yield comment(comments[path], indent)
        if isinstance(value, Mapping) and value:
            written, _, _ = strict_yaml.dump({key: None}).rpartition(" ")
            yield f"{indent}{written}\n"
            yield from _lines(value, comments, path)
        else:
            yield textwrap.indent(strict_yaml.dump({key: value}), indent)
