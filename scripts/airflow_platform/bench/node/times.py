"""Times of a pod, from the events of containerd."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile

from airflow_platform.node.containerd import Event

_NANOSECONDS_PER_MS = 10**6


@dataclass(frozen=True)
class Times:
    """Times of a pod in milliseconds.

    ``start`` is from the creation of the sandbox, before all containers, to the start of the task's
    container. ``added`` is from the end of that container to the end of the sidecar, None without a
    sidecar. ``whole`` is from the creation of the sandbox to the end of the last container.
    ``task_started_at`` is in nanoseconds since 1970.
    """

    start: float
    added: float | None
    whole: float
    task_started_at: int


def times(events: Iterable[Event], task: str, sidecar: str | None) -> Times | None:
    """Return the times of the pod with these container ids; None as long as some are not known.

    ``events`` are those of pods that run one after the other, so the container that is created
    before a pod's first one is its sandbox.
    """
    own = {task, sidecar} if sidecar else {task}
    created: dict[str, int] = {}
    started: dict[str, int] = {}
    ended: dict[str, int] = {}
    for event in events:
        match event.topic:
            case "/containers/create":
                created[event.container] = event.at
            case "/tasks/start":
                started[event.container] = event.at
            case "/tasks/exit" if not event.is_of_another_process:
                ended[event.container] = event.at
    others = list(takewhile(lambda container: container not in own, created))
    if not (others and task in started and own <= created.keys() & ended.keys()):
        return None
    begun = created[others[-1]]
    return Times(
        start=_ms(started[task] - begun),
        added=_ms(ended[sidecar] - ended[task]) if sidecar else None,
        whole=_ms(max(ended[each] for each in own) - begun),
        task_started_at=started[task],
    )


def _ms(nanoseconds: int) -> float:
    return nanoseconds / _NANOSECONDS_PER_MS
