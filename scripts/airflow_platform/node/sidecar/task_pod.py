"""Pods of tasks, made of the rendered pod template as KubernetesExecutor makes them."""

import copy
import hashlib
import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from airflow_platform.node.sidecar.release import Object, container
from airflow_platform.verify_logs.attempts import UNMAPPED, Attempt

EXECUTOR_LABEL = "kubernetes_executor"

_SHAPES = Path(str(files(__package__) / "shapes"))
_LOGS = "/opt/airflow/logs"
# For printf: the milliseconds and the number of a line.
_AIRFLOW_3 = (
    '{{"timestamp":"{at:%Y-%m-%dT%H:%M:%S}.%03d000Z","level":"info","event":"line %d of {of}",'
    '"logger":"task.stdout"}}'
)
_AIRFLOW_2 = "[{at:%Y-%m-%dT%H:%M:%S}.%03d+0000] {{task.py:1}} INFO - line %d of {of}"
_LABEL_CHARACTERS = 63


@dataclass(frozen=True)
class Task:
    """What runs in a pod: an attempt that writes ``lines`` lines as a program of shapes/ does.

    The lines have times in the second that ``at`` (UTC) begins.
    """

    attempt: Attempt
    shape: str
    lines: int
    airflow: str
    at: datetime

    @property
    def log(self) -> str:
        """The path of the log file in the container."""
        run = self.attempt.run
        index = self.attempt.map_index
        mapped = "" if index == UNMAPPED else f"map_index={index}/"
        return (
            f"{_LOGS}/dag_id={run.dag_id}/run_id={run.run_id}/task_id={self.attempt.task_id}/"
            f"{mapped}attempt={self.attempt.try_number}.log"
        )

    def written(self) -> list[str]:
        """Return the lines of the log file."""
        return [self._format % (number % 1000, number) for number in range(1, self.lines + 1)]

    @property
    def _format(self) -> str:
        form = _AIRFLOW_2 if self.airflow.startswith("2.") else _AIRFLOW_3
        return form.format(at=self.at, of=f"{self.attempt.task} {self.attempt.try_number}")

    @property
    def arguments(self) -> list[str]:
        """The program that takes the place of Airflow in the container of the task."""
        text = "".join(
            (_SHAPES / f"{name}.sh").read_text(encoding="utf-8") for name in ("lines", self.shape)
        )
        return ["/bin/sh", "-c", text, self.shape, self.log, self._format, str(self.lines)]


def task_pod(template: Object, task: Task) -> Object:
    """Return the pod of a task."""
    pod = copy.deepcopy(template)
    attempt = task.attempt
    ids = {
        "dag_id": attempt.run.dag_id,
        "task_id": attempt.task_id,
        "run_id": attempt.run.run_id,
        "try_number": str(attempt.try_number),
    }
    if attempt.map_index != UNMAPPED:
        ids["map_index"] = str(attempt.map_index)
    words = f"{attempt.run.dag_id}-{attempt.task_id}-{uuid.uuid4().hex[:8]}"
    metadata = pod["metadata"]
    metadata["name"] = re.sub(r"[^a-z0-9-]+", "-", words.lower())
    metadata["annotations"] = {**metadata.get("annotations", {}), **ids}
    metadata["labels"] = {
        **metadata.get("labels", {}),
        **{name: _label(value) for name, value in ids.items()},
        "airflow-worker": "1",
        "airflow_version": task.airflow,
        EXECUTOR_LABEL: "True",
    }
    base = container(pod, "base")
    base["args"] = task.arguments
    base["env"] = [*base.get("env", ()), {"name": "AIRFLOW_IS_K8S_EXECUTOR_POD", "value": "True"}]
    return pod


def _label(value: str) -> str:
    """Return an id as Airflow makes it a label (make_safe_label_value)."""
    safe = re.sub(r"^[^a-z0-9A-Z]*|[^a-zA-Z0-9_\-.]|[^a-z0-9A-Z]*$", "", value)
    if safe == value and len(safe) <= _LABEL_CHARACTERS:
        return safe
    digest = hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()[:9]
    return f"{safe[: _LABEL_CHARACTERS - len(digest) - 1]}-{digest}"
