"""What to write where a file is no YAML. What the parser says is about tokens, not about files."""

from __future__ import annotations

import re

import yaml

# Parts of what the parser says, and what to do. The first that fits is taken.
_ADVICE = (
    ("another document", "a file has one document: write what follows --- to another file"),
    ("could not determine a constructor", "<< is a key: write text in quotes"),
    ("unknown escape", "in double quotes, \\ has a meaning: use single quotes, or write \\\\"),
    ("undefined alias", "* begins an alias, and there is no such anchor: put text in quotes"),
    ("scanning an alias", "* begins an alias: put text in quotes"),
    ("scanning an anchor", "& begins an anchor: put text in quotes"),
    ("could not find expected ':'", 'write "key: value", or "- item" with a space, here'),
    ("did not find expected key", "this does not continue the lines above: indent it as they are"),
    ("did not find expected '-'", "this does not continue the list above: indent it as its items"),
    ("for merging", "<< takes a mapping, such as *anchor"),
    ("expected node content", "there is a value missing, or a bracket that closes nothing"),
)
_ENDLESS_TEXT = "scanning a quoted scalar"
_ENDLESS_LIST = re.compile(r"parsing a flow (sequence|mapping)")


def place_and_advice(text: str, error: yaml.MarkedYAMLError) -> tuple[int, int, str]:
    """Return line, column (both from 1) and what to do about an error in the ``text`` of a file."""
    said = ", ".join(part for part in (error.context, error.problem) if part)
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    opened = error.context_mark
    if opened and _ENDLESS_TEXT in said and "end of stream" in said:
        return opened.line + 1, opened.column + 1, "the text that begins here has no closing quote"
    if opened and _ENDLESS_LIST.search(said):
        bracket = "[" if "sequence" in said else "{"
        missing = f'the "{bracket}" here is not closed, or a comma is missing'
        before = f" before line {line + 1}" if line != opened.line else ""
        return opened.line + 1, opened.column + 1, f"{missing}{before}"
    if begun := _text_over_lines(text, line, column):
        what = f"the text that begins here ends only on line {line + 1}: a closing quote is missing"
        return begun.line + 1, begun.column + 1, what
    if opened and ("could not find expected ':'" in said or "scanning an a" in said):
        line, column = opened.line, opened.column
    return line + 1, column + 1, _advice(text.splitlines(), line, column, said)


def _text_over_lines(text: str, line: int, column: int) -> yaml.Mark | None:
    """Return where a text in quotes begins that ends right before, but on a later line."""
    last = None
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if token.start_mark.line > line:
                break
            if isinstance(token, yaml.ScalarToken) and token.style in ("'", '"'):
                last = token
    except yaml.YAMLError:
        pass  # the error that is being explained
    if last and last.start_mark.line < last.end_mark.line == line:
        return last.start_mark if last.end_mark.column <= column else None
    return None


def _advice(lines: list[str], line: int, column: int, said: str) -> str:
    here = lines[line] if line < len(lines) else ""
    if "\t" in re.match(r"[\s-]*", here)[0]:  # type: ignore[index]  # it fits everything
        return "there is a tab in the indentation: indent with spaces"
    if re.search(r"[:,-] *\[?\{\{", here):
        return 'put a value with {{ .. }} in quotes: "{{ ds }}"'
    if "mapping values are not allowed" in said:
        return _colon(lines, line)
    if "expected key" in said and here[column : column + 1] == ",":
        return "a list is in brackets: write [a, b]"
    if "cannot start any token" in said:
        return f"no value begins with {here[column : column + 1]}: put text in quotes"
    return next((advice for part, advice in _ADVICE if part in said), said)


def _colon(lines: list[str], line: int) -> str:
    if lines[line].count(": ") + lines[line].rstrip().endswith(":") > 1:
        return 'put text that has ": " in it in quotes'
    above = next((each for each in reversed(lines[:line]) if each.strip()), "")
    if ":" not in above:
        return f'"{above.strip()}" above has no ":": write "key: value" there'
    return "this is indented, but the key above has a value already: indent it as the lines above"
