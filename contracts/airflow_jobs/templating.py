"""The contract's template variables: a closed list.

``{{ name }}`` is all of the language: no expressions, filters or statements, so that every
orchestrator can fill in the same.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterator

VARIABLES = (
    "ds",
    "ds_nodash",
    "logical_date",
    "data_interval_start",
    "data_interval_end",
    "run_id",
    "workflow",
    "job",
    "attempt",
)
_FAMILIES = ("params.<name>", "outputs.<job>.<name>", "item")

# What ends with }} may be JSON, and ${#name} is of a shell.
_BRACES = re.compile(r"\{\{(.*?)\}\}|((?<!\$)\{[%#])", re.DOTALL)
_HALF = re.compile(r"\{\{ *[A-Za-z_.-]*|(?<![{$])\{ *[A-Za-z_][A-Za-z0-9_.-]* *\}\}")
_PARAMETER = re.compile(r"params\.([A-Za-z_][A-Za-z0-9_]*)")
_OUTPUT = re.compile(r"outputs\.([A-Za-z0-9][A-Za-z0-9_.-]*)\.([A-Za-z_][A-Za-z0-9_]*)")


def names(text: str) -> list[str]:
    """Return what is between ``{{`` and ``}}``, in order; "" for other braces of a template."""
    return [(found[1] or "").strip() for found in _BRACES.finditer(text)]


def fill(text: str, value: Callable[[str], str]) -> str:
    """Return the text with what ``value`` returns for each name between ``{{`` and ``}}``."""
    return _BRACES.sub(lambda found: value((found[1] or "").strip()), text)


def parameter(name: str) -> str | None:
    """Return the parameter that a variable names, None for another variable."""
    found = _PARAMETER.fullmatch(name)
    return found[1] if found else None


def output(name: str) -> tuple[str, str] | None:
    """Return the job and the output that a variable names, None for another variable."""
    found = _OUTPUT.fullmatch(name)
    return (found[1], found[2]) if found else None


def faults(text: str, parameters: Collection[str] | None, *, item: bool) -> Iterator[str]:
    """Yield what is wrong with the template variables of a text.

    ``parameters`` are those that the job knows, None if that is not known; ``item``: it runs once
    for each of a list. Outputs are left to whoever knows the jobs.
    """
    if half := _HALF.search(_BRACES.sub("", text)):
        yield f'"{half[0].strip()}" is half of a template variable; write for example {{{{ ds }}}}'
    for name in names(text):
        wanted = parameter(name)
        if wanted is not None and (parameters is None or wanted in parameters):
            continue
        if wanted is not None and parameters is not None:
            near = difflib.get_close_matches(wanted, parameters, n=1)
            hint = f'did you mean "params.{near[0]}"?' if near else "add it below params:"
            yield f'there is no parameter "{wanted}"; {hint}'
        elif name == "item" and not item:
            yield '"{{ item }}" is for jobs that the workflow lists below for_each:'
        elif not name or not (wanted or name == "item" or name in VARIABLES or output(name)):
            near = difflib.get_close_matches(name, [*VARIABLES, "item"], n=1)
            known = ", ".join([*VARIABLES, *_FAMILIES])
            hint = f'did you mean "{{{{ {near[0]} }}}}"?' if near else f"known are: {known}"
            what = f'"{{{{ {name} }}}}"' if name else "this"
            yield f"{what} is no template variable; {hint}"
