"""Faults, findings and examinations."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from airflow_platform.doctor.facts import Facts

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Fault:
    """A kind of thing that can be wrong. Its ``id`` never changes: scripts know it.

    error: something does not work; warning: something will not work, or may be lost; note: good
    to know.
    """

    id: str
    severity: Severity
    title: str


@dataclass(frozen=True)
class Mend:
    """How to put something right: a sentence, commands for a shell, and values as YAML."""

    text: str
    commands: tuple[str, ...] = ()
    values: str = ""


@dataclass(frozen=True)
class Finding:
    """A fault of an object (``subject``, such as "Pod x"): what was seen, and what follows."""

    fault: Fault
    subject: str
    wrong: str
    means: str
    mend: Mend


class NotSeenError(Exception):
    """Something could not be looked at, so nobody knows whether it is sound; the text says why."""


class DoesNotApplyError(Exception):
    """The release has nothing of what an examination looks at; the text says why."""


Look = Callable[["Facts"], Iterable[Finding]]


@dataclass(frozen=True)
class Examination:
    """Looks at one thing; ``look`` yields what is wrong with it, of the ``faults`` only.

    ``look`` raises NotSeenError or DoesNotApplyError, perhaps after some findings.
    """

    name: str
    looks_at: str
    faults: tuple[Fault, ...]
    look: Look


EXAMINATIONS: dict[str, Examination] = {}


def examination(*faults: Fault) -> Callable[[Look], Look]:
    """Add a function to EXAMINATIONS; the first line of its docstring is what it looks at."""

    def add(look: Look) -> Look:
        name = look.__name__.replace("_", "-")
        looks_at = (look.__doc__ or "").partition("\n")[0].removesuffix(".")
        EXAMINATIONS[name] = Examination(name, looks_at, faults, look)
        return look

    return add


@dataclass(frozen=True)
class Outcome:
    """What came of an examination: its findings, and why it saw nothing, or not all.

    ``result``: "sound", "faults", "not seen" or "does not apply"; the last two have a ``reason``.
    Findings there may be with "not seen" as well.
    """

    examination: Examination
    result: Literal["sound", "faults", "not seen", "does not apply"]
    findings: tuple[Finding, ...] = ()
    reason: str = ""
