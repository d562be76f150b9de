"""Steps, what came of them, and how that is printed."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TextIO, TypeVar

from airflow_platform.support.errors import UNEXPECTED_ANSWERS, PlatformError

T = TypeVar("T")  # what is tried


class SkippedError(Exception):
    """A step does not apply; the text says why."""


@dataclass(frozen=True)
class Step(Generic[T]):
    """``run`` returns what it has seen; it raises a PlatformError that says what is wrong.

    Without a ``vital`` step there is no use in those after it.
    """

    name: str
    run: Callable[[T], str]
    vital: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of a step: what was seen, what is wrong and what to do, or why it was skipped."""

    step: str
    result: Literal["PASS", "FAIL", "SKIP"]
    text: str
    seconds: float = 0.0


def outcomes(steps: Sequence[Step[T]], trial: T) -> Iterator[Outcome]:
    """Run the steps one after the other."""
    missing = ""
    for step in steps:
        if missing:
            yield Outcome(step.name, "SKIP", f'needs the step "{missing}"')
            continue
        outcome = _outcome(step, trial)
        if step.vital and outcome.result == "FAIL":
            missing = step.name
        yield outcome


def _outcome(step: Step[T], trial: T) -> Outcome:
    start = time.monotonic()
    try:
        seen = step.run(trial)
        return Outcome(step.name, "PASS", seen, time.monotonic() - start)
    except SkippedError as reason:
        return Outcome(step.name, "SKIP", str(reason))
    except PlatformError as error:
        wrong = str(error)
    except UNEXPECTED_ANSWERS as error:
        wrong = f"an answer in a form that is not known: {error!r}"
    return Outcome(step.name, "FAIL", wrong, time.monotonic() - start)


def show(outcome: Outcome, to: TextIO) -> None:
    """Print an outcome: one line, and below it what to do."""
    first, *more = outcome.text.splitlines() or [""]
    took = f" ({outcome.seconds:.0f} s)" if outcome.seconds >= 1 else ""
    print(f"{outcome.result}  {outcome.step}{took}: {first}", file=to)
    for line in more:
        print(f"      {line}", file=to)
    to.flush()
