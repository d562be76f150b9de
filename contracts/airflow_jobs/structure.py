"""Whether a document has the shape that the contract's JSON Schemas describe."""

from __future__ import annotations

import copy
import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry, Resource

from airflow_jobs.document import Document, Keys
from airflow_jobs.problems import Problem

KINDS = ("job", "workflow")
API_VERSION = "workflow-orchestration/v1"

NOT_FILLED_IN = "template variables are filled in only in command, args, env and params"

_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


@dataclass(frozen=True)
class Part:
    """What of a document has the right shape: ``content`` is that of its key job or workflow.

    Words for a program, values of variables and quantities are texts there, as they are written.
    """

    document: Document
    content: Mapping[str, Any]
    left_out: frozenset[str] = frozenset()  # keys of the content that were not right, or not all


@cache
def schema(kind: str) -> Mapping[str, Any]:
    """Return the JSON Schema of a kind: "job" or "workflow"."""
    text = (files("airflow_jobs") / f"{kind}.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def bundled(kind: str) -> Mapping[str, Any]:
    """Return the JSON Schema of a kind with all that it refers to."""
    others = {each: schema(each) for each in KINDS if each != kind}
    return {**schema(kind), "$defs": {**schema(kind)["$defs"], **others}}


def fault_of_name(name: str) -> str:
    """Return why no workflow and no job can have a name, "" when they can."""
    about = schema("job")["properties"]["job"]["properties"]["name"]
    return "" if re.fullmatch(about["pattern"], name) else str(about["errorMessage"])


@cache
def _validator(kind: str) -> Draft202012Validator:
    resources = (Resource.from_contents(schema(each)) for each in KINDS)
    return Draft202012Validator(schema(kind), registry=resources @ Registry())


def examine(document: Document, kind: str) -> tuple[list[Problem], Part | None]:
    """Return what the schema of ``kind`` says against a document, and the part of it that is right.

    So the rest can be looked at further. The part is None when nothing is left.
    """
    errors = _errors(kind, document.value)
    if isinstance(document.value, dict) and kind not in document.value:
        return [_without(kind, document)], None
    found = [problem for error in errors for problem in _explained(document, error)]
    left_out: set[str] = set()
    right = copy.deepcopy(document.value)
    while errors := [each for each in errors if not _is_of_the_whole(each)]:
        for error in sorted(errors, key=lambda each: -len(each.absolute_path)):
            left_out.update(_key_of_content(error))
            _leave_out(right, error)
        errors = _errors(kind, right)
    usable = isinstance(right, dict) and isinstance(right.get(kind), dict)
    if not usable:
        return found, None
    content = _as_written(document, kind, right[kind])
    return found, Part(document, content, frozenset(left_out))


# What is text however it is written, below a job or the defaults of a workflow.
_TEXTS = {"command", "args", "env", "resources", "volumes"}
_SWITCHES = ("optional", "read_only")


def _as_written(document: Document, kind: str, content: dict[str, Any]) -> dict[str, Any]:
    """Turn scalars into the text that they are in the file, so that the version 1.10 stays 1.10."""
    at = (kind,) if kind == "job" else (kind, "defaults")
    holder = content if kind == "job" else content.get("defaults", {})
    for key in _TEXTS & holder.keys():
        holder[key] = _text(document, holder[key], (*at, key))
    for name, items in content.get("for_each", {}).items() if kind == "workflow" else ():
        content["for_each"][name] = _text(document, items, (kind, "for_each", name))
    return content


def _text(document: Document, value: Any, at: Keys) -> Any:
    if isinstance(value, dict):
        return {key: _text(document, each, (*at, key)) for key, each in value.items()}
    if isinstance(value, list):
        return [_text(document, each, (*at, index)) for index, each in enumerate(value)]
    return value if at[-1] in _SWITCHES else document.text(at)


def _errors(kind: str, value: Any) -> list[ValidationError]:
    """Return what is wrong with a value, each mistake once.

    Of what has the wrong type only that is, and a choice is not missing where a key is misspelt.
    """
    errors = [*_validator(kind).iter_errors(value)]
    of_all = {(tuple(each.absolute_path), each.validator) for each in errors}

    def is_said(error: ValidationError) -> bool:
        at = tuple(error.absolute_path)
        is_choice = error.validator == "oneOf" and (at, "additionalProperties") in of_all
        return is_choice or (error.validator != "type" and (at, "type") in of_all)

    return [error for error in errors if not is_said(error)]


def _without(kind: str, document: Document) -> Problem:
    """Return the one problem of a document without the key that all is below."""
    keys = [str(key) for key in document.value]
    own = schema(kind)["properties"]
    near = [key for key in keys if key not in own and _meant(key, [kind])]
    if near:
        return document.problem("unknown-key", _unknown(near[0], [kind], "the file"), key=near[0])
    moved = [key for key in keys if key not in own and key in own[kind]["properties"]]
    if moved:
        what = f"write {kind}: above {', '.join(moved)}, and indent them"
        return document.problem("missing-key", what, key=moved[0])
    there = f"; there is {', '.join(keys)}" if keys else ""
    what = f"the file has no {kind}: all of it is below this key{there}"
    return document.problem("missing-key", what)


def _key_of_content(error: ValidationError) -> Iterator[str]:
    """Yield the key of a job or workflow that an error is of: of an unknown one, what was meant."""
    at = [*error.absolute_path]
    if len(at) > 1:
        yield str(at[1])
    elif at and error.validator == "additionalProperties":
        known = [*_schema(error).get("properties", ())]
        instance: Any = error.instance
        for key in instance:
            if key not in known:
                yield from _meant(key, known) or known


def _is_of_the_whole(error: ValidationError) -> bool:
    """Return whether nothing can be left out for an error: something is missing, or all wrong."""
    outermost = len(error.absolute_path) < 2
    return outermost and (error.validator == "required" or not error.absolute_path)


def _leave_out(value: Any, error: ValidationError) -> None:
    """Remove from ``value`` what an error is about; of a list all, for the rest would move up."""
    at = [*error.absolute_path]
    index = next((n for n, step in enumerate(at) if isinstance(step, int)), None)
    try:
        if index is not None:
            del _inside(value, at[: index - 1])[at[index - 1]]
        elif error.validator == "additionalProperties":
            part = _inside(value, at)
            for key in [key for key in part if key not in _schema(error).get("properties", ())]:
                del part[key]
        elif _is_name(error):
            del _inside(value, at)[error.instance]
        else:
            del _inside(value, at[:-1])[at[-1]]
    except (KeyError, IndexError, TypeError):
        pass  # left out already, with something that holds it


def _inside(value: Any, at: list[Any]) -> Any:
    for step in at:
        value = value[step]
    return value


def _explained(document: Document, error: ValidationError) -> Iterator[Problem]:
    at = tuple(error.absolute_path)
    name = _name(at)
    part, wanted = _schema(error), _wanted(error)
    found: Any = error.instance
    if error.validator == "additionalProperties":
        known = [*part.get("properties", ())]
        for key in found:
            if key not in known:
                yield document.problem("unknown-key", _unknown(key, known, name), at, key=key)
    elif error.validator == "required":
        known = [*part.get("properties", {})]
        meant = [each for key in found if key not in known for each in _meant(key, known)]
        for key in wanted:
            if key not in found and key not in meant:
                about = part.get("properties", {}).get(key, {})
                message = f"{name} has no {key}{_for_example(key, about)}"
                yield document.problem("missing-key", message, at)
    elif _is_name(error):
        message = _message(error, f"a key of {name}")
        yield document.problem("bad-name", message, at, key=str(error.instance))
    else:
        yield document.problem("bad-value", _message(error, name), at)


def _schema(error: ValidationError) -> Mapping[str, Any]:
    """Return the part of the schema that an error is of."""
    part: Any = error.schema
    return dict(part)


def _wanted(error: ValidationError) -> Any:
    """Return the value of the keyword that an error is of."""
    wanted: Any = error.validator_value
    return wanted


def _is_name(error: ValidationError) -> bool:
    """Return whether an error is about a key of a mapping, and not about a value."""
    return "propertyNames" in [*error.absolute_schema_path][-3:-1]


def _unknown(key: str, known: list[str], name: str) -> str:
    meant = _meant(key, known)
    instead = f'did you mean "{meant[0]}"?' if meant else f"known are: {', '.join(known)}"
    if meant and key.startswith(f"{meant[0]}:"):
        instead = 'write a space after ":"'
    return f'{name} has no key "{key}"; {instead}'


def _meant(key: str, known: list[str]) -> list[str]:
    """Return the known key that an unknown one is likely to be, or nothing."""
    before, colon, _ = key.partition(":")
    return [before] if colon and before in known else difflib.get_close_matches(key, known, n=1)


def _for_example(key: str, about: Mapping[str, Any]) -> str:
    examples = about.get("examples")
    return f"; write for example {key}: {json.dumps(examples[0])}" if examples else ""


def _message(error: ValidationError, name: str) -> str:
    part, wanted = _schema(error), _wanted(error)
    value = json.dumps(error.instance, ensure_ascii=False)
    value = value if len(value) <= 60 else f"{value[:57]}..."
    if error.instance is None and error.validator == "type":
        return f"{name} has no value: write {_kinds(wanted)}, or remove the key"
    if "{{" in value and "{{" not in part.get("errorMessage", "") and error.validator == "pattern":
        return f"{name} is {value}: {NOT_FILLED_IN}"
    if error.validator == "type":
        how = f": {part['errorMessage']}" if "errorMessage" in part else ""
        return f"{name} is {value}, but must be {_kinds(wanted)}{how}"
    if "errorMessage" in part:
        return f"{name} is {value}: {part['errorMessage']}"
    if error.validator in ("enum", "const"):
        allowed = wanted if error.validator == "enum" else [wanted]
        return f"{name} is {value}, but must be {' or '.join(map(str, allowed))}"
    if error.validator == "uniqueItems":
        items: Any = error.instance
        twice = next(each for n, each in enumerate(items) if each in items[:n])
        return f"{name} has {json.dumps(twice)} twice: remove one"
    if error.validator in ("minItems", "minLength", "minProperties"):
        return f"{name} is empty: write a value, or remove the key"
    if error.validator in ("minimum", "maximum"):
        most = "at least" if error.validator == "minimum" else "at most"
        return f"{name} is {value}, but must be {most} {wanted}"
    return f"{name}: {error.message}"


def _kinds(wanted: Any) -> str:
    types = [wanted] if isinstance(wanted, str) else [*wanted]
    return " or ".join(_TYPES[each] for each in types)


def _name(at: tuple[Any, ...]) -> str:
    """Return a path as people write it: job.volumes[0].name."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in at)
    return text.lstrip(".") or "the file"
