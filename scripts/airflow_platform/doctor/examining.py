"""Makes the examinations."""

from collections.abc import Collection

from airflow_platform.doctor.examinations import in_order
from airflow_platform.doctor.facts import Facts
from airflow_platform.doctor.model import (
    DoesNotApplyError,
    Examination,
    Finding,
    NotSeenError,
    Outcome,
)
from airflow_platform.support.errors import UNEXPECTED_ANSWERS


def examine(facts: Facts, skip: Collection[str] = ()) -> list[Outcome]:
    """Return what comes of all examinations but those whose names are in ``skip``."""
    return [_outcome(each, facts) for each in in_order() if each.name not in skip]


def _outcome(examination: Examination, facts: Facts) -> Outcome:
    findings: list[Finding] = []
    try:
        for finding in examination.look(facts):
            findings.append(finding)
    except NotSeenError as reason:
        return Outcome(examination, "not seen", tuple(findings), str(reason))
    except DoesNotApplyError as reason:
        return Outcome(examination, "does not apply", (), str(reason))
    except UNEXPECTED_ANSWERS as error:
        unknown = f"an object has a form that is not known: {error!r}"
        return Outcome(examination, "not seen", tuple(findings), unknown)
    return Outcome(examination, "faults" if findings else "sound", tuple(findings))
