"""DAG runs and attempts of tasks, which identify a log."""

from collections.abc import Mapping
from dataclasses import dataclass

UNMAPPED = -1


@dataclass(frozen=True, order=True)
class Run:
    """A DAG run."""

    dag_id: str
    run_id: str


@dataclass(frozen=True, order=True)
class Attempt:
    """One attempt of a task instance; ``map_index`` is -1 if the task is not mapped."""

    run: Run
    task_id: str
    map_index: int
    try_number: int

    @property
    def task(self) -> str:
        """The task instance, as in "hello" or "mapped[2]"."""
        return self.task_id if self.map_index == UNMAPPED else f"{self.task_id}[{self.map_index}]"


def attempt_of(fields: Mapping[str, str]) -> Attempt:
    """Return the attempt that a line in Loki is of, by its labels and structured metadata."""
    return Attempt(
        Run(fields.get("dag_id", ""), fields.get("run_id", "")),
        fields.get("task_id", ""),
        int(fields.get("map_index") or UNMAPPED),
        int(fields.get("try_number") or 0),
    )
