"""What is a fault of a trial."""

from dataclasses import replace

import pytest

from airflow_platform.node.sidecar.judging import End, Seen, faults
from airflow_platform.node.sidecar.trials import ALL, REPORTED, SAYS_WHY
from airflow_platform.verify_logs.attempts import UNMAPPED, Attempt, Run

FIRST = Attempt(Run("d", "r"), "t", UNMAPPED, 1)
SECOND = replace(FIRST, try_number=2)
LINES = ["line 1", "line 2", "line 3"]
GOOD = End(task_code=0, expected_code=0, sidecar_code=0, message="", added_ms=400)
MISSING = (
    "task logs: 1 files, 90 bytes written, 0 delivered, 90 missing, 0 refused\n"
    "90 of 90 bytes missing: attempt=1.log"
)
BAD = replace(GOOD, sidecar_code=1, message=MISSING)


def judged(expected, *ends, written=LINES, found=LINES):
    return faults(Seen(8, list(ends), {FIRST: list(written)}, {FIRST: list(found)}), expected)


def test_all_as_expected():
    assert judged(ALL, GOOD) == []
    assert judged(REPORTED, BAD, found=[]) == []


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (["line 1", "line 3"], "1 of 3 lines are missing, first: line 2"),
        ([*LINES, "line 2"], "1 lines that were not written so, first: line 2"),
        (["line 1", "line 2", "line 3 and more"], "1 of 3 lines are missing, first: line 3"),
        ([], "3 of 3 lines are missing"),
    ],
)
def test_lines_are_compared_by_number_and_by_content(found, said):
    assert any(said in fault for fault in judged(ALL, GOOD, found=found))


def test_lines_of_one_attempt_do_not_stand_for_those_of_another():
    written = {FIRST: LINES, SECOND: LINES}
    found = {FIRST: LINES * 2}

    told = faults(Seen(8, [GOOD, GOOD], written, found), ALL)

    assert any("attempt 1, Loki has 3 lines that were not written so" in each for each in told)
    assert any("attempt 2, 3 of 3 lines are missing" in each for each in told)


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (replace(GOOD, task_code=1), "the task ended with 1, not 0"),
        (replace(GOOD, task_code=None), "the task ended with None, not 0"),
        (replace(GOOD, sidecar_code=1), "the sidecar ended with 1, not 0"),
        (replace(GOOD, message="x"), 'the sidecar says "x"'),
        (replace(GOOD, added_ms=None), "containerd does not tell"),
        (replace(GOOD, added_ms=13_001), "13001 ms after the task, later than 13000 ms"),
    ],
)
def test_each_pod_has_to_end_well(end, said):
    (fault,) = judged(ALL, GOOD, end)

    assert said in fault


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (replace(BAD, sidecar_code=0), "ended with 0, as if all were well"),
        (replace(BAD, message=""), "the sidecar says nothing"),
        (replace(BAD, message=MISSING.replace("90 missing", "0 missing")), "the sidecar says"),
        (replace(BAD, added_ms=60_000), "60000 ms after the task"),
    ],
)
def test_a_loss_has_to_be_reported(end, said):
    (fault,) = judged(REPORTED, end, found=[])

    assert said in fault


def test_a_missing_configmap_has_to_be_named():
    said = "ConfigMap airflow-task-logs is missing: task logs are not shipped\n"

    assert judged(SAYS_WHY, replace(BAD, message=said), found=[]) == []
    assert judged(SAYS_WHY, BAD, found=[])
