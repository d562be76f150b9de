"""What is tried in each release."""

import signal
import subprocess
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from airflow_platform.node.sidecar.pods import container_id, has_ended, terminated
from airflow_platform.node.sidecar.task_pod import Task
from airflow_platform.node.sidecar.trials import TRIALS
from airflow_platform.verify_logs.attempts import UNMAPPED, Attempt, Run


@pytest.mark.parametrize(("releases", "pods"), [(1, 20), (6, 4), (30, 1)])
def test_a_crowd_is_shared_by_the_releases(releases, pods):
    (attempts,) = TRIALS["20 pods"].shared(releases).attempts

    assert attempts.mapped == pods


def test_what_is_no_crowd_is_tried_whole_in_each_release():
    assert TRIALS["mapped"].shared(6) is TRIALS["mapped"]


def test_a_task_of_two_halves_goes_on_after_sigterm(tmp_path):
    task = Task(Attempt(Run("d", "r"), "t", UNMAPPED, 1), "halves", 8, "3.1.7", datetime.now(UTC))
    arguments = task.arguments
    log = Path(tmp_path, "attempt=1.log")
    arguments[arguments.index(task.log)] = str(log)
    with subprocess.Popen(arguments) as process:
        while not log.exists() or log.read_text().count("\n") < 4:
            time.sleep(0.05)
        time.sleep(0.2)
        assert log.read_text().splitlines() == replace(task, lines=4).written()
        process.send_signal(signal.SIGTERM)

    assert process.returncode == 0
    assert log.read_text().splitlines() == task.written()


ENDED = {"terminated": {"exitCode": 3, "message": "why"}}


@pytest.mark.parametrize(
    "states", [{"state": ENDED}, {"state": {"waiting": {}}, "lastState": ENDED}]
)
def test_a_container_has_ended_also_when_it_waits_for_its_next_start(states):
    status = {"name": "vector", "containerID": "containerd://abc", **states}
    pod = {"status": {"phase": "Running", "initContainerStatuses": [status]}}

    assert terminated(pod, "vector") == ENDED["terminated"]
    assert container_id(pod, "vector") == "abc"
    assert terminated(pod, "base") is None
    assert container_id(pod, "base") == ""
    assert not has_ended(pod)
