"""Writes what comes of the examinations, for people and for programs."""

import json
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from airflow_platform.doctor.facts import Facts, as_of
from airflow_platform.doctor.model import Finding, Outcome, Severity

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
# The form of the JSON. It grows by new keys only; anything else makes it another version.
FORMAT = 1

_WIDTH = 100


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """Return 1 for an error or warning, else 3 when something was not seen, else 0."""
    if any(finding.fault.severity != "note" for finding in _findings(outcomes)):
        return 1
    return 3 if any(outcome.result == "not seen" for outcome in outcomes) else 0


def _findings(outcomes: Sequence[Outcome]) -> list[Finding]:
    """Return the findings, errors first, each kind in the order of the examinations."""
    found = [finding for outcome in outcomes for finding in outcome.findings]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.fault.severity))


def as_json(facts: Facts, outcomes: Sequence[Outcome]) -> str:
    """Return everything as JSON, which docs/doctor.md describes."""
    record = facts.record
    document = {
        "format": FORMAT,
        "release": {
            "name": facts.name,
            "namespace": facts.namespace,
            "chart": record and record.chart,
            "version": record and record.chart_version,
            "revision": record and record.revision,
            "status": record and record.status,
        },
        "healthy": exit_code(outcomes) == 0,
        "findings": [_finding(finding) for finding in _findings(outcomes)],
        "examinations": [
            {
                "name": outcome.examination.name,
                "result": outcome.result,
                "reason": outcome.reason or None,
            }
            for outcome in outcomes
        ],
    }
    return json.dumps(document, indent=2)


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.fault.id,
        "severity": finding.fault.severity,
        "subject": finding.subject,
        "title": finding.fault.title,
        "wrong": finding.wrong,
        "means": finding.means,
        "mend": {
            "text": finding.mend.text,
            "commands": list(finding.mend.commands),
            "values": finding.mend.values or None,
        },
    }


def as_text(facts: Facts, outcomes: Sequence[Outcome]) -> str:
    """Return the findings, each with its mend, what was not seen, and a last line."""
    parts = [_heading(facts), ""]
    for finding in _findings(outcomes):
        parts += [*_lines(finding), ""]
    for outcome in outcomes:
        if outcome.result == "not seen":
            parts.append(_wrapped(f"NOT SEEN  {outcome.examination.name}: {outcome.reason}", 10))
    if any(outcome.result == "not seen" for outcome in outcomes):
        parts.append("")
    parts.append(_summary(outcomes))
    return "\n".join(parts)


def _heading(facts: Facts) -> str:
    record = facts.record
    known = (
        f"{record.chart} {record.chart_version}, revision {record.revision}, {record.status}"
        if record
        else facts.no_record
    )
    return f"{facts.name} in {facts.namespace}: {known}"


def _lines(finding: Finding) -> Iterator[str]:
    fault = finding.fault
    yield f"{fault.severity.upper()}  {finding.subject}: {fault.title} [{fault.id}]"
    yield _wrapped(f"  {finding.wrong}", 2)
    yield _wrapped(f"  {finding.means}", 2)
    yield _wrapped(f"  Mend: {finding.mend.text}", 2)
    for command in finding.mend.commands:
        yield textwrap.indent(command, "    ")
    if finding.mend.values:
        yield "  Values:"
        yield textwrap.indent(finding.mend.values, "    ")


def _wrapped(text: str, indent: int) -> str:
    begin = text[: len(text) - len(text.lstrip())]
    return textwrap.fill(
        text.strip(),
        _WIDTH,
        initial_indent=begin,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _summary(outcomes: Sequence[Outcome]) -> str:
    found = _findings(outcomes)
    counts = [
        as_of(number, severity)
        for severity in SEVERITIES
        if (number := sum(finding.fault.severity == severity for finding in found))
    ]
    sound = sum(outcome.result == "sound" for outcome in outcomes)
    unseen = sum(outcome.result == "not seen" for outcome in outcomes)
    said = f"{', '.join(counts) or 'Nothing is wrong'}; {as_of(sound, 'examination')} found nothing"
    return said + (f", {unseen} could not see all." if unseen else ".")
