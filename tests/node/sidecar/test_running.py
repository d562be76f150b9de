"""When the containers of a pod have ended, by what containerd tells."""

from typing import Any, cast

import pytest

from airflow_platform.node.containerd import Event
from airflow_platform.node.node import Node
from airflow_platform.node.sidecar import running

MS = 10**6


def start(container: str, at: int = 0) -> Event:
    return Event(at * MS, "/tasks/start", {"container_id": container})


def end(container: str, at: int, process: str = "") -> Event:
    about = {"container_id": container, "id": process or container}
    return Event(at * MS, "/tasks/exit", about)


BEGIN = [start("sidecar-id"), start("task-id")]


def pod(*names: str) -> dict[str, Any]:
    """A pod that has ended, with containers of which the API tells."""
    ids = {"base": "task-id", "vector": "sidecar-id"}
    found = [
        {
            "name": name,
            "containerID": f"containerd://{ids[name]}",
            "state": {"terminated": {"exitCode": 0}},
        }
        for name in names
    ]
    return {"status": {"containerStatuses": found}}


class ToldNode:
    """A node whose containerd tells of one more of some events each time that it is asked."""

    def __init__(self, *events: Event) -> None:
        self.told = 0
        self.known = events

    def events(self) -> list[Event]:
        self.told += 1
        return list(self.known[: self.told])


def added(
    monkeypatch: pytest.MonkeyPatch, *events: Event, names: tuple[str, ...], patience: float = 30
) -> int | None:
    monkeypatch.setattr(running, "_POLL_SECONDS", 0)
    monkeypatch.setattr(running, "_EVENT_SECONDS", patience)
    ended = pod(*names)
    exits = running._exits(cast(Node, ToldNode(*events)), [ended])
    return running._end(ended, 0, exits).added_ms


BOTH = ("vector", "base")


def test_the_sidecar_adds_the_time_after_the_end_of_the_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = [*BEGIN, end("task-id", 100), end("other-id", 900), end("sidecar-id", 512)]
    assert added(monkeypatch, *events, names=BOTH) == 412


@pytest.mark.parametrize("ended", ["task-id", "sidecar-id"])
def test_the_time_is_not_known_when_an_end_is_not_told(
    monkeypatch: pytest.MonkeyPatch, ended: str
) -> None:
    assert added(monkeypatch, *BEGIN, end(ended, 100), names=BOTH, patience=0.1) is None


def test_a_sidecar_that_never_ran_adds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    events = [start("task-id"), end("task-id", 100)]
    assert added(monkeypatch, *events, names=BOTH) == 0


def test_the_end_of_a_probe_is_not_that_of_its_container(monkeypatch: pytest.MonkeyPatch) -> None:
    probe = end("sidecar-id", 50, process="probe")
    events = [*BEGIN, probe, end("task-id", 100), probe]
    assert added(monkeypatch, *events, end("sidecar-id", 300), names=BOTH) == 200
    assert added(monkeypatch, *events, names=BOTH, patience=0.1) is None
