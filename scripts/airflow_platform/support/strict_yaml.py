"""YAML as Kubernetes and Helm read it, but with duplicate keys refused.

PyYAML keeps the last of two equal keys without a word, and so does Helm: a values file then says
two things of which one is ignored. ``y`` is true and ``1e3`` a number, as they are in Helm; dates
and ``12:30`` stay strings.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from airflow_platform.support.errors import PlatformError

try:
    from yaml import CSafeLoader as _BaseLoader
except ImportError:  # PyYAML built without libyaml: the same result, only slower
    from yaml import SafeLoader as _BaseLoader  # type: ignore[assignment]

_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_BOOL = re.compile(r"([yYnN]|(?i:yes|no|true|false|on|off))$")
_INT = re.compile(r"[-+]?(0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)$")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9][0-9_]*|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?$"
    r"|[-+]?\.(?i:inf)$|\.(?i:nan)$"
)


class _Loader(_BaseLoader):
    def construct_document(self, node: yaml.Node) -> Any:
        _refuse_duplicate_keys(node)
        return super().construct_document(node)


_Loader.bool_values = {**_BaseLoader.bool_values, "y": True, "n": False}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag in (f"{_TAG}null", _MERGE)]
    for first, resolvers in _BaseLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(f"{_TAG}bool", _BOOL, list("yYnNtTfFoO"))
_Loader.add_implicit_resolver(f"{_TAG}int", _INT, list("-+0123456789"))
_Loader.add_implicit_resolver(f"{_TAG}float", _FLOAT, list("-+.0123456789"))


def _refuse_duplicate_keys(root: yaml.Node) -> None:
    todo, seen = [root], set()
    while todo:
        node = todo.pop()
        if id(node) in seen:  # reached again through an alias
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            todo.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            first_lines: dict[tuple[str, str], int] = {}
            for key, value in node.value:
                todo.append(value)
                if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                    continue
                identity = (key.tag, key.value)
                if identity in first_lines:
                    raise yaml.constructor.ConstructorError(
                        problem=f'duplicate key "{key.value}" (first on line '
                        f"{first_lines[identity]}); remove one of the two",
                        problem_mark=key.start_mark,
                    )
                first_lines[identity] = key.start_mark.line + 1


def load_all(text: str, source: str) -> list[Any]:
    """Return the documents in ``text``; empty documents are left out.

    ``source`` names the text in messages. PlatformError when the text is not YAML or repeats a key.
    """
    try:
        return [doc for doc in yaml.load_all(text, Loader=_Loader) if doc is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{source}, line {mark.line + 1}" if mark else source
        detail = ", ".join(part for part in (error.context, error.problem) if part)
        raise PlatformError(f"{where}: {detail}") from None
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise PlatformError(f"{source}: {error}".splitlines()[0]) from None


def load(text: str, source: str) -> Any:
    """Return the only document in ``text`` (None when there is none); errors as ``load_all``."""
    documents = load_all(text, source)
    if len(documents) > 1:
        raise PlatformError(f"{source}: one YAML document expected, found {len(documents)}")
    return documents[0] if documents else None


class _Dumper(yaml.SafeDumper):
    """Quotes what Kubernetes and Helm would not read as text, and repeats what is shared."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


_Dumper.yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers
_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        f"{_TAG}str", text, style="|" if "\n" in text else None
    ),
)


def dump(value: Any) -> str:
    """Return ``value`` as YAML that ``load`` reads as the same; the order of keys stays."""
    return yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100, indent=2
    )


def load_file(path: Path) -> Any:
    """Return the only document of the file ``path``; PlatformError also when it is unreadable."""
    return load(read_file(path), str(path))


def read_file(path: Path) -> str:
    """Return the text of the file ``path``; PlatformError when it is unreadable."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise PlatformError(f"{path}: cannot be read as YAML: {reason}") from None
