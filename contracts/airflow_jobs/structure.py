"""Whether a document has the shape that the contract's JSON Schemas describe."""

from __future__ import annotations

import copy
import difflib
import json
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


@cache
def _validator(kind: str) -> Draft202012Validator:
    resources = (Resource.from_contents(schema(each)) for each in KINDS)
    return Draft202012Validator(schema(kind), registry=resources @ Registry())


def examine(document: Document, kind: str) -> tuple[list[Problem], Part | None]:
    """Return what the schema of ``kind`` says against a document, and the part of it that is right.

    So the rest can be looked at further. The part is None when nothing is left.
    """
    errors = [*_validator(kind).iter_errors(document.value)]
    found = [problem for error in errors for problem in _explained(document, error)]
    right = copy.deepcopy(document.value)
    while errors := [each for each in errors if not _is_of_the_whole(each)]:
        for error in sorted(errors, key=lambda each: -len(each.absolute_path)):
            _leave_out(right, error)
        errors = [*_validator(kind).iter_errors(right)]
    usable = isinstance(right, dict) and isinstance(right.get(kind), dict)
    return found, Part(document, _as_written(document, kind, right[kind])) if usable else None


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
        for key in wanted:
            if key not in found:
                about = part.get("properties", {}).get(key, {})
                message = f"{name} has no {key}{_for_example(key, about)}"
                yield document.problem("missing-key", message, at)
    elif _is_name(error):
        yield document.problem("bad-name", _message(error, name), at, key=str(error.instance))
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
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    instead = f'did you mean "{near[0]}"?' if near else f"known are: {', '.join(known)}"
    return f'{name} has no key "{key}"; {instead}'


def _for_example(key: str, about: Mapping[str, Any]) -> str:
    examples = about.get("examples")
    return f"; write for example {key}: {json.dumps(examples[0])}" if examples else ""


def _message(error: ValidationError, name: str) -> str:
    part, wanted = _schema(error), _wanted(error)
    value = json.dumps(error.instance, ensure_ascii=False)
    value = value if len(value) <= 60 else f"{value[:57]}..."
    if error.validator == "type":
        types = [wanted] if isinstance(wanted, str) else [*wanted]
        kinds = " or ".join(_TYPES[each] for each in types)
        how = f": {part['errorMessage']}" if "errorMessage" in part else ""
        return f"{name} is {value}, but must be {kinds}{how}"
    if "errorMessage" in part:
        return f"{name} is {value}: {part['errorMessage']}"
    if error.validator in ("enum", "const"):
        allowed = wanted if error.validator == "enum" else [wanted]
        return f"{name} is {value}, but must be {' or '.join(map(str, allowed))}"
    if error.validator == "uniqueItems":
        return f"{name} has an item twice"
    if error.validator in ("minItems", "minLength", "minProperties"):
        return f"{name} is empty"
    if error.validator in ("minimum", "maximum"):
        most = "at least" if error.validator == "minimum" else "at most"
        return f"{name} is {value}, but must be {most} {wanted}"
    return f"{name}: {error.message}"


def _name(at: tuple[Any, ...]) -> str:
    """Return a path as people write it: job.volumes[0].name."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in at)
    return text.lstrip(".") or "the file"
