"""Compares the expected lines with those in Loki."""

from dataclasses import dataclass
from datetime import datetime

from airflow_platform.loki.client import Loki
from airflow_platform.verify_logs.attempts import Attempt
from airflow_platform.verify_logs.comparison import Comparison, compare
from airflow_platform.verify_logs.expectation import Expectation
from airflow_platform.verify_logs.loki import logs


@dataclass(frozen=True)
class Verdict:
    """The result for one log; ``comparison`` is None if the expected lines are not known."""

    attempt: Attempt
    found: int
    comparison: Comparison | None

    @property
    def result(self) -> str:
        """PASS, FAIL or UNKNOWN."""
        if self.comparison is None:
            return "UNKNOWN"
        return "PASS" if self.comparison.passed else "FAIL"


def verify(
    expectation: Expectation, loki: Loki, selector: str | None, start: datetime, end: datetime
) -> list[Verdict]:
    """Return a verdict on each expected log.

    ``selector`` selects the streams in Loki; the default selects by the label dag_id. Only lines
    with a time between ``start`` and ``end`` are read.
    """
    verdicts = []
    for run in sorted({attempt.run for attempt in expectation.logs}):
        in_loki = logs(loki, run, start, end, selector)
        for attempt, expected in sorted(expectation.logs.items()):
            if attempt.run != run:
                continue
            found = [line for file in in_loki.get(attempt, ()) for line in expectation.form(file)]
            if expected is None:
                verdicts.append(Verdict(attempt, len(found), None))
                continue
            comparison = compare(expected, found, complete=expectation.complete)
            verdicts.append(Verdict(attempt, comparison.found, comparison))
    return verdicts
