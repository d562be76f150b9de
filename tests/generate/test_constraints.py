import pytest

from airflow_platform.generate.constraints import constraints
from airflow_platform.support.errors import PlatformError

ROOT = {
    "$defs": {
        "port": {"type": "integer", "minimum": 1, "maximum": 65535},
        "ports": {"type": "array", "items": {"$ref": "#/$defs/port"}, "minItems": 1},
    }
}

WORDS = {
    "nothing": ({}, ""),
    "one of several types": (
        {"type": ["string", "null"], "minLength": 1},
        "string or null, 1 or more characters",
    ),
    "a definition": (
        {"$ref": "#/$defs/port", "description": "A port."},
        "integer, at least 1, at most 65535",
    ),
    "a list": (
        {"$ref": "#/$defs/ports"},
        "list of integers (at least 1, at most 65535), 1 or more items",
    ),
    "all of": (
        {"allOf": [{"$ref": "#/$defs/ports"}, {"contains": {"const": 80}}]},
        "list of integers (at least 1, at most 65535), 1 or more items, containing `80`",
    ),
    "any of": ({"anyOf": [{"type": "boolean"}, {"enum": ["auto"]}]}, "boolean or one of `auto`"),
    "names of a map": (
        {
            "type": "object",
            "propertyNames": {"pattern": "^a"},
            "additionalProperties": {"type": "string"},
        },
        "map of strings, names matching `^a`",
    ),
    "listed names": (
        {
            "type": "object",
            "patternProperties": {"^(A|B)$": {"type": "string"}, "^c": {"type": "string"}},
        },
        "map of strings, names `A`, `B`, matching `^c`",
    ),
    "required keys": ({"type": "object", "required": ["a", "b"]}, "map, with `a` and `b`"),
}


@pytest.mark.parametrize(("schema", "words"), WORDS.values(), ids=WORDS)
def test_a_schema_in_words(schema, words):
    assert constraints(schema, ROOT) == words


def test_a_keyword_without_words_is_refused():
    with pytest.raises(PlatformError, match="no words for multipleOf"):
        constraints({"type": "array", "items": {"multipleOf": 2}}, ROOT)
