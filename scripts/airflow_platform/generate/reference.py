"""docs/values.md: a reference of all values."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping

from airflow_platform.generate.keys import NO_DEFAULT, Key, all_keys
from airflow_platform.generate.markdown import anchor, code, prose, value
from airflow_platform.rendering.upstream import pinned_dependency

_INTRODUCTION = """\
<!-- Made by `airflow-platform generate` from values.yaml and values.schema.json of both charts. -->

# Values

Every value of airflow-platform by its full name, as `--set` wants it. `<name>` in it stands for a
name of your own, `[]` for each item of a list.

Where the [add-on](../chart/README.md) is installed alone, its keys do not begin with
`observability`; `global` is the same. Below `airflow`, every
[value of the official chart][official] can be set: here are those that have another default in this
chart. The values files of the environments, in [values](../values), set more.

[official]: https://airflow.apache.org/docs/helm-chart/{version}/parameters-ref.html"""


def text() -> str:
    """Return the text of docs/values.md."""
    keys = all_keys()
    introduction = _INTRODUCTION.format(version=pinned_dependency()["version"])
    blocks = [introduction, "\n".join(_contents(keys)), *_blocks(keys)]
    return "\n\n".join(blocks) + "\n"


def _contents(keys: Iterable[Key]) -> Iterator[str]:
    """Yield a list of links to the sections of the two uppermost levels."""
    for key in keys:
        if key.keys and len(key.path) <= 2:
            indent = "  " * (len(key.path) - 1)
            yield f"{indent}- [{_name(key)}](#{anchor(_name(key))})"
            yield from _contents(key.keys)


def _blocks(keys: Iterable[Key]) -> Iterator[str]:
    """Yield a list of the keys that have none below them, and a section for each other."""
    keys = list(keys)
    if items := [_item(key) for key in keys if not key.keys]:
        yield "\n".join(items)
    for key in keys:
        if key.keys:
            level = min(len(key.path) + 1, 4)
            yield f"{'#' * level} {_name(key)}"
            yield from filter(None, (prose(key.description), _sentence(_facts(key))))
            yield from _blocks(key.keys)


def _item(key: Key) -> str:
    parts = (": ".join(filter(None, (f"**{_name(key)}**", _facts(key)))), prose(key.description))
    return textwrap.indent("\\\n".join(filter(None, parts)), "  ").replace("  ", "- ", 1)


def _facts(key: Key) -> str:
    """Return type and limits of a key and its default, where they say anything."""
    is_section = key.constraints == "map" and key.keys
    facts = [] if is_section or not key.constraints else [key.constraints]
    if key.required:
        facts.append("required")
    if key.default is not NO_DEFAULT and not (isinstance(key.default, Mapping) and key.keys):
        facts.append(f"default {value(key.default)}")
    return "; ".join(facts)


def _sentence(facts: str) -> str:
    return f"{facts[0].upper()}{facts[1:]}." if facts else ""


def _name(key: Key) -> str:
    return code(".".join(name.replace(".", "\\.") for name in key.path))
