"""Task shapes: how tasks write their logs, and how they end."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """Silence for some seconds, then lines written at once."""

    seconds: float
    lines: int


@dataclass(frozen=True)
class Shape:
    """A task as its log files show it.

    Each step writes its lines to each of the ``files``. After step ``killed_after`` Vector is
    killed, as the kernel does when memory runs out. After step ``deleted_after`` the pod is
    deleted, and the task goes on. Steps count from 1.
    """

    name: str
    about: str
    steps: tuple[Step, ...]
    files: int = 1
    line_bytes: int = 100
    final_newline: bool = True
    killed_after: int | None = None
    deleted_after: int | None = None

    @property
    def written(self) -> int:
        """The number of lines that the task writes."""
        return self.files * sum(step.lines for step in self.steps)


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("instant", "20 lines in 0.1 s", (Step(0, 10), Step(0.1, 10))),
        Shape("short", "100 lines in 0.9 s", (Step(0, 10),) + 9 * (Step(0.1, 10),)),
        Shape("end", "2.5 s, and 1,000 lines at its end", (Step(0, 10), Step(2.5, 1000))),
        Shape("silent-5", "silent for 5 s, then 30 last lines", (Step(0, 10), Step(5, 30))),
        Shape("silent-12", "silent for 12 s, then 30 last lines", (Step(0, 10), Step(12, 30))),
        Shape("burst-50k", "50,000 lines at the end", (Step(0, 10), Step(1, 50_000))),
        Shape("burst-100k", "100,000 lines at the end", (Step(0, 10), Step(1, 100_000))),
        Shape("steady", "10 s with 100 lines/s", 100 * (Step(0.1, 10),)),
        Shape("no-newline", "3 lines, no newline at the end", (Step(0, 3),), final_newline=False),
        Shape("long-lines", "5 lines of 300 KB", (Step(0, 5),), line_bytes=300_000),
        Shape("many-files", "200 files of 20 lines", (Step(0, 10), Step(1, 10)), files=200),
        Shape(
            "vector-killed",
            "Vector is killed between two times 1,000 lines",
            (Step(0, 1000), Step(1, 0), Step(2, 1000)),
            killed_after=2,
        ),
        Shape(
            "pod-deleted",
            "pod deleted, the task writes for 4 s more",
            (Step(0, 5), Step(1, 5), Step(2, 5), Step(2, 5)),
            deleted_after=2,
        ),
    )
}
