"""What is tried: shapes of tasks, and what goes wrong around them, and what has to come of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path

from airflow_platform.node.image import Image
from airflow_platform.node.loki_proxy import Behaviour
from airflow_platform.node.sidecar import faults, images
from airflow_platform.node.sidecar.faults import Running
from airflow_platform.node.sidecar.release import VALUES


@dataclass(frozen=True)
class Place:
    """A namespace with a release and a Loki of its own.

    ``values`` are added to those of the environment; ``image`` makes the sidecar's. ``without`` is
    an object that is not there, by kind and name.
    """

    name: str
    loki: Behaviour = field(default_factory=Behaviour)
    values: tuple[Path, ...] = ()
    image: Callable[[], Image] = images.vector
    without: tuple[str, str] | None = None


@dataclass(frozen=True)
class Expected:
    """What has to come of a trial; the task's own exit code stays as it is, whatever happens.

    ``about`` says it in words. With ``delivered`` Loki has every line once, and no other. With
    ``clean`` the sidecar ends with code 0. ``message`` is a pattern that the sidecar's termination
    message has to match from its beginning to its end.
    """

    about: str
    delivered: bool
    clean: bool
    message: str


ALL = Expected("all lines", delivered=True, clean=True, message="")
REPORTED = Expected(
    "reports what is missing", delivered=False, clean=False, message=r".* [1-9]\d* missing, .*"
)
SAYS_WHY = Expected(
    "says why", delivered=False, clean=False, message="ConfigMap .* is missing: .*not shipped.*"
)
# Nobody is there who could say why.
TASK_RUNS = Expected("the task runs", delivered=False, clean=False, message=".*")


@dataclass(frozen=True)
class Attempts:
    """Pods of a task that are there at the same time.

    Each runs the program ``shape``, whose container ends with ``code``. A task that is ``mapped``
    has one for each of so many values.
    """

    shape: str
    code: int = 0
    mapped: int = 0


@dataclass(frozen=True)
class Trial:
    """Something that is tried. Each of ``attempts`` follows when the one before has ended.

    Each pod writes ``lines`` lines. ``meanwhile`` is called with each pod once it exists. A trial
    that is a ``crowd`` has so many pods in all releases together, while nothing else is tried.
    """

    name: str
    about: str
    place: Place
    attempts: tuple[Attempts, ...]
    lines: int = 30
    expected: Expected = ALL
    meanwhile: Callable[[Running], None] | None = None
    crowd: int = 0

    def shared(self, releases: int) -> "Trial":
        """Return what each of so many releases has of the trial."""
        if not self.crowd:
            return self
        mapped = ceil(self.crowd / releases)
        return replace(self, attempts=tuple(replace(e, mapped=mapped) for e in self.attempts))


HEALTHY = Place("healthy")
_FAST = (Attempts("fast"),)

TRIALS: Mapping[str, Trial] = {
    trial.name: trial
    for trial in (
        Trial(
            "20 pods",
            "20 tasks at the same moment",
            HEALTHY,
            _FAST,
            crowd=20,
        ),
        Trial(
            "Loki away",
            "Loki refuses connections all the time",
            Place("away", Behaviour(away=True)),
            _FAST,
            expected=REPORTED,
        ),
        Trial(
            "Secret missing",
            "the credentials for Loki are in no Secret",
            Place("no-secret", values=(VALUES / "credentials.yaml",)),
            _FAST,
            expected=REPORTED,
        ),
        Trial(
            "silent",
            "11 s without a line, then the last lines",
            HEALTHY,
            (Attempts("silent"),),
        ),
        Trial(
            "Loki comes back",
            "Loki is away until 1 s after the end of the task",
            Place("back", Behaviour(away=True)),
            _FAST,
            meanwhile=faults.bring_loki_back,
        ),
        Trial(
            "Loki slow",
            "Loki takes 3 s for each answer",
            Place("slow", Behaviour(delay_seconds=3)),
            _FAST,
        ),
        Trial(
            "Loki busy",
            "Loki answers 429 to the first three requests",
            Place("busy", Behaviour(refusals=3)),
            _FAST,
        ),
        Trial(
            "deleted",
            "the pod is deleted while the task writes, and the task writes on",
            HEALTHY,
            (Attempts("halves"),),
            lines=60,
            meanwhile=faults.delete_pod,
        ),
        Trial(
            "Vector killed",
            "SIGKILL for Vector while the task writes",
            HEALTHY,
            (Attempts("halves"),),
            lines=60,
            meanwhile=faults.kill_vector,
        ),
        Trial(
            "retried",
            "the first attempt fails, the second succeeds",
            HEALTHY,
            (Attempts("fails", code=1), Attempts("fast")),
        ),
        Trial(
            "image broken",
            "the node cannot run the programs of the sidecar's image",
            Place("no-image", values=(VALUES / "broken-image.yaml",), image=images.broken),
            _FAST,
            expected=TASK_RUNS,
        ),
        Trial(
            "ConfigMap missing",
            "the ConfigMap of the sidecar is missing",
            Place("no-config", without=("ConfigMap", "airflow-task-logs")),
            _FAST,
            expected=SAYS_WHY,
        ),
        Trial(
            "killed",
            "SIGKILL for the task",
            HEALTHY,
            (Attempts("hangs", code=137),),
            meanwhile=faults.kill_task,
        ),
        Trial("burst", "10,000 lines at once", HEALTHY, _FAST, lines=10_000),
        Trial("mapped", "three mapped tasks", HEALTHY, (Attempts("fast", mapped=3),)),
        Trial("no newline", "no newline at the end", HEALTHY, (Attempts("no-newline"),)),
        Trial("fast", "all lines at once, and the end", HEALTHY, _FAST),
    )
}
