"""The comments of a values file: what it says about each of its keys."""

from collections.abc import Iterator, Sequence
from itertools import groupby, takewhile
from pathlib import Path

import yaml

KeyPath = tuple[str, ...]


def comments(file: Path) -> dict[KeyPath, str]:
    """Return the comment of each key of ``file`` that has one, by the key's path.

    A comment stands above its key, or behind it on the same line. Its paragraphs, which an empty
    comment line separates, are one line each; indented lines are an example and stay as they are.
    """
    text = file.read_text(encoding="utf-8")
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    found = _comments(root, (), text.splitlines()) if root else ()
    return {path: comment for path, comment in found if comment}


def _comments(
    node: yaml.Node, parent: KeyPath, lines: Sequence[str]
) -> Iterator[tuple[KeyPath, str]]:
    # A mapping in braces is one value: its keys have no lines, so no comments, of their own.
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        for key, value in node.value:
            path = (*parent, key.value)
            yield path, _text([*_above(key, lines), *_behind(key, value, lines)])
            yield from _comments(value, path, lines)


def _above(key: yaml.Node, lines: Sequence[str]) -> list[str]:
    """Return the comment lines directly above ``key``, indented as it is."""
    start = " " * key.start_mark.column + "#"
    above = takewhile(lambda line: line.startswith(start), reversed(lines[: key.start_mark.line]))
    return [_content(line) for line in above][::-1]


def _behind(key: yaml.Node, value: yaml.Node, lines: Sequence[str]) -> list[str]:
    """Return the comment behind ``key`` and its value, where the value is on the same line."""
    one_line = value.end_mark.line == key.start_mark.line
    end = value.end_mark if one_line else key.end_mark
    rest = lines[end.line][end.column :].lstrip(": ")
    return [_content(rest)] if rest.startswith("#") else []


def _content(comment: str) -> str:
    return comment.strip().removeprefix("#").removeprefix(" ")


def _text(lines: Sequence[str]) -> str:
    blocks = []
    for (blank, example), block in groupby(lines, lambda line: (not line, line.startswith(" "))):
        if not blank:
            blocks.append(("\n" if example else " ").join(block))
    return "\n\n".join(blocks)
