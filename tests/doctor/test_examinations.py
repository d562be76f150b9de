"""Each fault is found where it is, and is not found next to it."""

import pytest

from airflow_platform.doctor.examining import examine
from airflow_platform.doctor.facts import Facts
from airflow_platform.doctor.model import EXAMINATIONS, Finding, NotSeenError, Outcome
from airflow_platform.rendering.upstream import find_upstream
from airflow_platform.rendering.values import unknown_keys
from airflow_platform.support import strict_yaml

from .cases import CASES
from .objects import facts

_FAULTS = {fault.id: each for each in EXAMINATIONS.values() for fault in each.faults}
# What a command may begin with.
_PROGRAMS = {"kubectl", "helm", "flux", "git", "timedatectl", "airflow-platform", "sh"}


def _findings(seen: Facts) -> list[Finding]:
    return [finding for outcome in examine(seen) for finding in outcome.findings]


def _outcome(seen: Facts, name: str) -> Outcome:
    (outcome,) = [each for each in examine(seen) if each.examination.name == name]
    return outcome


def test_each_fault_has_a_case() -> None:
    assert CASES.keys() == _FAULTS.keys()


def test_nothing_is_wrong_with_a_sound_release() -> None:
    outcomes = {each.examination.name: each for each in examine(facts())}
    assert not [each for each in outcomes.values() if each.findings]
    assert {name: each.reason for name, each in outcomes.items() if each.result == "not seen"} == {}


@pytest.mark.parametrize("fault", CASES)
def test_a_fault_is_found_where_it_is(fault: str) -> None:
    case = CASES[fault]
    found = [each for each in _FAULTS[fault].look(case.fires) if each.fault.id == fault]
    assert found, _findings(case.fires)
    assert case.says in found[0].wrong
    mend = found[0].mend
    assert case.mend in "\n".join((mend.text, *mend.commands, mend.values))


@pytest.mark.parametrize("fault", CASES)
def test_a_fault_is_not_found_next_to_it(fault: str) -> None:
    outcome = _outcome(CASES[fault].near, _FAULTS[fault].name)
    assert fault not in {each.fault.id for each in outcome.findings}
    assert outcome.result != "not seen", outcome.reason


@pytest.mark.parametrize("fault", CASES)
def test_a_mend_can_be_used(fault: str) -> None:
    """Its commands are commands, and its values are values of the chart."""
    for finding in _FAULTS[fault].look(CASES[fault].fires):
        for command in finding.mend.commands:
            assert command.split()[0] in _PROGRAMS, command
        values = strict_yaml.load(finding.mend.values or "{}", fault)
        if "loki" not in values:  # those are of Loki's own chart
            assert not unknown_keys(values.get("airflow") or {}, find_upstream())
            assert values.keys() <= {"airflow", "global", "observability", "migrateDatabaseJob"}


@pytest.mark.parametrize("name", EXAMINATIONS)
def test_what_could_not_be_read_is_never_sound(name: str) -> None:
    """Whoever may read nothing learns of each examination that it has not seen all."""
    blind = NotSeenError("you may not")
    kinds = dict.fromkeys(facts().objects, blind)
    seen = facts(
        objects=kinds,
        version="",
        clock=blind,
        loki=blind,
        prometheus=blind,
    )
    without_record = Facts(**{**vars(seen), "record": None, "no_record": "you may not"})
    outcome = _outcome(without_record, name)
    assert outcome.result == "not seen", outcome
    assert outcome.reason
