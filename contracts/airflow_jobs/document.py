"""A YAML file whose values know where they stand.

Only ``true`` and ``false`` are booleans, and dates, times and ``yes`` are text, as in YAML 1.2:
what people write in a job is mostly text for a program.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from airflow_jobs import syntax
from airflow_jobs.problems import Problem, SpecificationError

try:
    from yaml import CSafeLoader as _BaseLoader
except ImportError:  # PyYAML built without libyaml: the same result, only slower
    from yaml import SafeLoader as _BaseLoader  # type: ignore[assignment]

Keys = Sequence["str | int"]  # keys and indexes that lead to a value

_TAG = "tag:yaml.org,2002:"
_LONGEST_FILE_BYTES = 1_000_000
_MOST_VALUES = 100_000
_ENDLESS = 10**9  # an alias of something that holds it
_SCALARS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "null": "nothing",
    "str": "text",
}
_TAGS = {f"{_TAG}{name}" for name in (*_SCALARS, "map", "seq", "merge")}


class _Loader(_BaseLoader):
    pass


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag in (f"{_TAG}null", f"{_TAG}merge")]
    for first, resolvers in _BaseLoader.yaml_implicit_resolvers.items()
}
for _name, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(f"(?:{_pattern})$"), list(_first))


@dataclass(frozen=True)
class Document:
    """The content of ``file``: ``value`` is made of dicts, lists and scalars."""

    file: Path
    value: Any
    _root: yaml.Node

    def problem(
        self, rule: str, message: str, at: Keys = (), *, key: str = "", level: str = "error"
    ) -> Problem:
        """Return a problem of the value ``at`` its keys, or of a ``key`` of the mapping there."""
        mark = (self._key_node(at, key) if key else self._node(at)).start_mark
        return Problem(self.file, mark.line + 1, mark.column + 1, rule, message, level)

    def text(self, at: Keys) -> str:
        """Return a scalar as it is written, so that the version 1.10 stays 1.10."""
        return str(self._node(at).value)

    def _node(self, at: Keys) -> yaml.Node:
        node = self._root
        for step in at:
            if isinstance(step, int):
                node = node.value[step]
            else:
                node = next((v for k, v in _pairs(node) if k.value == step), node)
        return node

    def _key_node(self, at: Keys, key: str) -> yaml.Node:
        node = self._node(at)
        return next((k for k, _ in _pairs(node) if k.value == key), node)


def read(file: Path) -> Document:
    """Return the document in ``file``; SpecificationError when there is not exactly one.

    A key that is there twice is an error as well: YAML would keep the last without a word.
    """
    try:
        if file.stat().st_size > _LONGEST_FILE_BYTES:
            raise _unreadable(file, f"it is longer than {_LONGEST_FILE_BYTES:,} bytes")
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise _unreadable(file, reason(file, error)) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise _unreadable(file, "it is not UTF-8 text: save it as UTF-8", line) from None
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            raise _unreadable(file, "it is empty: write what it is for, or remove it")
        if _size(root, {}) > _MOST_VALUES:
            what = f"it has more than {_MOST_VALUES:,} values, with aliases written out"
            raise _unreadable(file, what)
        if wrong := [*_wrong_keys(file, root), *_wrong_values(file, root, loader)]:
            raise SpecificationError(wrong)
        return Document(file, loader.construct_document(root), root)
    except yaml.MarkedYAMLError as error:
        line, column, what = syntax.place_and_advice(text, error)
        raise SpecificationError([Problem(file, line, column, "yaml", what)]) from None
    except yaml.reader.ReaderError as error:
        character = error.character
        found = chr(character) if isinstance(character, int) else str(character)
        line = text.count("\n", 0, max(text.find(found), 0)) + 1
        raise _unreadable(file, f"it has the character {found!r}: remove it", line) from None
    except RecursionError:
        raise _unreadable(file, "its values are nested too deep") from None
    except (yaml.YAMLError, ValueError) as error:
        raise _unreadable(file, str(error).splitlines()[0]) from None
    finally:
        loader.dispose()


def reason(path: Path, error: OSError) -> str:
    """Return why a file or folder cannot be read."""
    is_broken = isinstance(error, FileNotFoundError) and path.is_symlink()
    return "it is a link to nothing" if is_broken else str(error.strerror)


def _unreadable(file: Path, why: str, line: int = 1) -> SpecificationError:
    return SpecificationError([Problem(file, line, 1, "yaml", f"cannot be read: {why}")])


def _pairs(node: yaml.Node) -> Sequence[tuple[yaml.Node, yaml.Node]]:
    """Return keys and values of a mapping, what wins first: PyYAML puts merged ones ahead."""
    return node.value[::-1] if isinstance(node, yaml.MappingNode) else ()


def _nodes(root: yaml.Node) -> Iterator[yaml.Node]:
    """Yield all nodes but the keys of mappings, each once."""
    todo, seen = [root], set()
    while todo:
        node = todo.pop()
        if id(node) in seen:  # reached again through an alias
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, yaml.SequenceNode):
            todo.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            todo.extend(value for _, value in node.value)


def _wrong_keys(file: Path, root: yaml.Node) -> Iterator[Problem]:
    """Yield keys that are there twice, or are no words. The others become texts."""
    for node in _nodes(root):
        lines: dict[str, int] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode):
                what = 'a key is a word, not a list or mapping; put {{ .. }} in quotes: "{{ ds }}"'
                yield _problem("yaml", what, file, key)
            elif key.tag not in _TAGS:
                yield _problem("yaml", _no_such_tag(key), file, key)
            elif key.value in lines:
                what = f'"{key.value}" is there twice, first on line {lines[key.value]}: remove one'
                yield _problem("duplicate-key", what, file, key)
            else:
                lines[key.value] = key.start_mark.line + 1
                if key.tag != f"{_TAG}merge":
                    key.tag = f"{_TAG}str"


def _wrong_values(file: Path, root: yaml.Node, loader: _Loader) -> Iterator[Problem]:
    """Yield values that are not what their tag says, or whose tag means nothing."""
    for node in _nodes(root):
        name = node.tag.replace(_TAG, "", 1)
        if node.tag not in _TAGS:
            yield _problem("yaml", _no_such_tag(node), file, node)
        elif isinstance(node, yaml.ScalarNode) and name in _SCALARS:
            try:
                value = loader.construct_object(node)
            except (ValueError, KeyError):
                value = math.nan
            if isinstance(value, float) and not math.isfinite(value):
                what = f'"{node.value[:40]}" is not {_SCALARS[name]}: write text in quotes'
                yield _problem("yaml", what, file, node)


def _no_such_tag(node: yaml.Node) -> str:
    tag = node.tag.replace(_TAG, "!!", 1)
    return f"the tag {tag} means nothing here: write the value without a tag"


def _problem(rule: str, what: str, file: Path, node: yaml.Node) -> Problem:
    mark = node.start_mark
    return Problem(file, mark.line + 1, mark.column + 1, rule, what)


def _size(node: yaml.Node, sizes: dict[int, int]) -> int:
    """Return how many values a node has when its aliases are written out."""
    if id(node) not in sizes:
        sizes[id(node)] = _ENDLESS
        below = node.value if isinstance(node, yaml.CollectionNode) else ()
        parts = (part for each in below for part in (each if isinstance(each, tuple) else (each,)))
        sizes[id(node)] = 1 + sum(_size(part, sizes) for part in parts)
    return min(sizes[id(node)], _ENDLESS)
