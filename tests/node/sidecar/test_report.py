"""The table of trials."""

import json
import re
from dataclasses import replace

from airflow_platform.node.sidecar.report import as_records, as_text

from .rows import PASSED

FAILED = replace(
    PASSED,
    trial="20 pods",
    environment="dev",
    airflow="2.11.2",
    pods=20,
    written=600,
    in_loki=599,
    added_ms=None,
    sidecar_codes=(0, None),
    messages=("", "task logs: 1 missing\nsecond line\n"),
    faults=("1 of 600 lines are missing", "no end"),
)


def test_a_row_has_the_numbers_and_the_verdict():
    _, passed, failed, *_ = as_text([PASSED, FAILED]).splitlines()

    assert re.sub(" +", " ", passed) == "fast prod 3.1.7 30 30 412 ms 0 0 all lines PASS"
    assert re.sub(" +", " ", failed) == "20 pods dev 2.11.2 600 599 ? 0 0, - all lines FAIL"


def test_faults_and_messages_follow_the_table():
    assert as_text([PASSED, FAILED]).splitlines()[3:] == [
        "FAIL  20 pods, dev, Airflow 2.11.2: 1 of 600 lines are missing",
        "FAIL  20 pods, dev, Airflow 2.11.2: no end",
        "20 pods: task logs: 1 missing",
    ]


def test_json_has_all_of_it():
    passed, failed = json.loads(json.dumps(as_records([PASSED, FAILED])))

    assert (passed["trial"], passed["verdict"], passed["faults"]) == ("fast", "PASS", [])
    assert failed["verdict"] == "FAIL"
    assert failed["sidecar_codes"] == [0, None]
    assert failed["messages"] == list(FAILED.messages)
