"""What a schema demands of a value, in words."""

import re
from collections.abc import Iterator

from airflow_platform.generate.markdown import code, value
from airflow_platform.generate.schema import Schema, entries, resolved
from airflow_platform.support.errors import PlatformError

_TYPES = {"object": "map", "array": "list"}  # the words of YAML for those of JSON

_LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "{} or more characters",
    "maxLength": "{} or fewer characters",
    "minItems": "{} or more items",
    "maxItems": "{} or fewer items",
    "minProperties": "{} or more keys",
    "maxProperties": "{} or fewer keys",
}

# What the phrases below are made of, and what constrains nothing.
_OTHER = {"type", "enum", "const", "items", "contains", "uniqueItems", "required"} | {
    *("properties", "patternProperties", "additionalProperties", "propertyNames"),
    *("pattern", "allOf", "anyOf", "description", "title", "$comment"),
}


def constraints(schema: Schema, root: Schema) -> str:
    """Return the type and the limits that ``schema`` sets, "" when it takes any value.

    ``root`` is the document with the definitions. PlatformError for a keyword without words here,
    so that no constraint stays unmentioned.
    """
    return ", ".join(_phrases(schema, root))


def _phrases(schema: Schema, root: Schema, several: bool = False) -> Iterator[str]:
    """Yield the kind of value, in the plural for ``several``, and then each limit."""
    schema = resolved(schema, root)
    if unknown := sorted(set(schema) - set(_LIMITS) - _OTHER):
        raise PlatformError(
            f"docs/values.md has no words for {', '.join(unknown)} of the values schema: add them"
            f" to {__name__}."
        )
    for part in schema.get("allOf", ()):
        yield from _phrases(part, root, several)
    if "anyOf" in schema:
        yield " or ".join(_nested(part, root, several) for part in schema["anyOf"])
    if kind := _kind(schema, root, several):
        yield kind
    if "pattern" in schema:
        yield f"matching {code(schema['pattern'])}"
    for keyword, phrase in _LIMITS.items():
        if keyword in schema:
            yield phrase.format(schema[keyword])
    if schema.get("uniqueItems"):
        yield "without duplicates"
    if "contains" in schema:
        yield f"containing {_nested(schema['contains'], root)}"
    # What has a description of its own says there that it is required.
    required = [
        key for key in schema.get("required", ()) if key not in schema.get("properties", {})
    ]
    if required:
        yield f"with {' and '.join(map(code, required))}"
    if "propertyNames" in schema:
        yield f"names {', '.join(_phrases(schema['propertyNames'], root, several=True))}"
    if "patternProperties" in schema:
        yield f"names {', '.join(map(_names, schema['patternProperties']))}"


def _kind(schema: Schema, root: Schema, several: bool) -> str:
    if "const" in schema:
        return value(schema["const"])
    if "enum" in schema:
        choices = ", ".join(map(value, schema["enum"]))
        return choices if several else f"one of {choices}"
    types = schema.get("type", [])
    names = [_TYPES.get(name, name) for name in ([types] if isinstance(types, str) else types)]
    kind = " or ".join(f"{name}s" if several else name for name in names)
    contents = [*entries(schema), *([schema["items"]] if "items" in schema else [])]
    words = filter(None, [_nested(content, root, several=True) for content in contents])
    return " of ".join(filter(None, (kind, " or ".join(words))))


def _names(pattern: str) -> str:
    """Return the names that ``pattern`` lists, as in ``^(A|B)$``, or else what they must match."""
    listed = re.fullmatch(r"\^\(([\w|]+)\)\$", pattern)
    return ", ".join(map(code, listed[1].split("|"))) if listed else f"matching {code(pattern)}"


def _nested(schema: Schema, root: Schema, several: bool = False) -> str:
    kind, *limits = [*_phrases(schema, root, several)] or [""]
    return f"{kind} ({', '.join(limits)})" if limits else kind
