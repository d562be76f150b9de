"""The redaction of task logs as stages of Grafana Alloy, whose regular expressions are RE2."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import indent
from typing import Any

from airflow_platform.support import strict_yaml

# Stands for what is hidden until the last stage. The pattern for harmless values knows this
# character, so that a secret that is hidden already is not looked at again.
_MARK = "\U0010f800"

_MODULE = """\
// Written by `airflow-platform generate` from chart/files/task-logs/redaction-patterns.yaml. The
// stages do what redact.vrl does in the sidecar, in its order. Alloy sees a line of JSON as it is,
// and not string by string.
declare "redact" {{
  argument "forward_to" {{ }}

  export "receiver" {{
    value = loki.process.redact.receiver
  }}

  loki.process "redact" {{
    forward_to = argument.forward_to.value

{stages}
  }}
}}
"""


def redaction(table: Path) -> str:
    """Return a module in Alloy's syntax that declares the component ``redact``.

    ``table`` is redaction-patterns.yaml. ValueError for a pattern that Alloy's syntax cannot hold.
    """
    data = strict_yaml.load_file(table)
    gate = _re2(_joined(kind["gate"] for kind in data["patterns"]))
    stages = "\n".join(_match(gate, _stages(data)))
    return _MODULE.format(stages=indent(stages, "    "))


def _stages(data: Mapping[str, Any]) -> Iterator[str]:
    parts: Mapping[str, str] = data["parts"]
    for_json: list[tuple[str, str]] = []
    for_text: list[tuple[str, str]] = []
    tokens: list[str] = []
    for kind in data["patterns"]:
        for each in kind["patterns"]:
            pattern = _filled(each["pattern"], parts)
            keep = [_filled(kept, parts) for kept in each.get("keep", ())]
            if not keep and "replacement" not in each:
                tokens.append(pattern)
                continue
            stage = _replace(pattern, each.get("replacement", "***"), keep)
            (for_json if each.get("json") else for_text).append((kind["name"], stage))
    yield from _match(r"^\x00*\{", _commented(for_json))
    yield from ("// tokens, which are secret as a whole", _replace(_joined(tokens), "***", ()))
    yield from _commented(for_text)
    yield _replace(_MARK, "***", (), mark="***")


def _commented(stages: Sequence[tuple[str, str]]) -> Iterator[str]:
    for name, stage in stages:
        yield f"// {name}"
        yield stage


def _match(pattern: str, stages: Iterator[str]) -> Iterator[str]:
    """Apply ``stages`` to lines that match ``pattern``."""
    selector = f'{{job=~".+"}} |~ {_quoted(pattern)}'
    yield "stage.match {"
    yield f"  selector = {_raw(selector)}"
    yield from (indent(stage, "  ") for stage in stages)
    yield "}"


def _replace(pattern: str, replacement: str, keep: Sequence[str], mark: str = _MARK) -> str:
    """Return a stage that replaces what matches, unless it matches one of ``keep`` as well.

    A stage replaces what its groups match. So there is one group around all, and the template does
    the replacement.
    """
    expression = _re2(pattern)
    text = json.dumps(replacement.replace("***", mark), ensure_ascii=False)
    template = f"{{{{ regexReplaceAll {_quoted(expression)} .Value {text} }}}}"
    for kept in reversed(keep):
        condition = f"{{{{ if regexMatch {_quoted(_re2(kept))} .Value }}}}"
        template = f"{condition}{{{{ .Value }}}}{{{{ else }}}}{template}{{{{ end }}}}"
    return "\n".join(
        (
            "stage.replace {",
            f"  expression = {_raw(f'({_without_groups(expression)})')}",
            f"  replace    = {_raw(template)}",
            "}",
        )
    )


def _filled(pattern: str, parts: Mapping[str, str]) -> str:
    """Put the parts in, which can have parts themselves."""
    for _ in range(2):
        for name, part in parts.items():
            pattern = pattern.replace(f"{{{name}}}", part)
    return pattern


def _joined(patterns: Iterable[str]) -> str:
    return "|".join(dict.fromkeys(patterns))


def _re2(pattern: str) -> str:
    """Return the pattern of Rust in RE2, which has no flag for Unicode: it always knows it."""

    def flags(match: re.Match[str]) -> str:
        on, off = match[1].replace("u", ""), (match[2] or "").replace("u", "")
        return f"(?{on}{f'-{off}' if off else ''}:"

    return re.sub(r"\(\?([a-z]*)(?:-([a-z]+))?:", flags, pattern)


def _without_groups(pattern: str) -> str:
    """Make no group of ``pattern`` a capturing one."""
    inside_class = False
    found = []
    for token in re.findall(r"\\.|\[\^?\]?|.", pattern, re.DOTALL):
        if inside_class:
            inside_class = token != "]"
        elif token.startswith("["):
            inside_class = True
        elif token == "(":
            token = "(?:"
        found.append(token)
    return "".join(found).replace("(?:?", "(?")


def _quoted(pattern: str) -> str:
    """Return a text in Go's syntax."""
    return json.dumps(pattern, ensure_ascii=False)


def _raw(text: str) -> str:
    """Return a text in Alloy's syntax for texts without escapes."""
    if "`" in text:
        raise ValueError(f"Write \\x60 for a backquote in {text}")
    return f"`{text}`"
