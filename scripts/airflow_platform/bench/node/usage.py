"""What a container uses of processors and memory, from its cgroup."""

import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from airflow_platform.node.cgroups import Cgroup

_SAMPLE_SECONDS = 0.02
_SETTLED_NANOSECONDS = 2 * 10**9  # a sidecar that has started for so long waits for lines


@dataclass(frozen=True)
class Sample:
    """Processor time and memory that a container has used at a time in nanoseconds since 1970."""

    at: int
    cpu_seconds: float
    memory_bytes: int


@dataclass(frozen=True)
class Usage:
    """What a sidecar has used.

    ``cpu_seconds`` from its start to its end; ``idle_cpu`` as a share of a processor and
    ``idle_bytes`` (median) while the task has not written anything; ``peak_bytes`` at any time.
    """

    cpu_seconds: float
    idle_cpu: float
    idle_bytes: float
    peak_bytes: int


def usage(samples: Sequence[Sample], idle_from: int, idle_to: int) -> Usage:
    """Return what ``samples`` tell. The sidecar idles between two times in nanoseconds since 1970.

    ValueError when there are no samples of that time.
    """
    begin = idle_from + _SETTLED_NANOSECONDS
    idle = [sample for sample in samples if begin <= sample.at <= idle_to]
    if len(idle) < 2:
        raise ValueError("there are no samples of the time in which the sidecar idles")
    seconds = (idle[-1].at - idle[0].at) / 1e9
    return Usage(
        cpu_seconds=samples[-1].cpu_seconds,
        idle_cpu=(idle[-1].cpu_seconds - idle[0].cpu_seconds) / seconds,
        idle_bytes=statistics.median(sample.memory_bytes for sample in idle),
        peak_bytes=max(sample.memory_bytes for sample in samples),
    )


@contextmanager
def sampled(cgroup: Cgroup) -> Iterator[Sequence[Sample]]:
    """Give the samples that are taken of a cgroup until it is gone, or the block ends."""
    samples: list[Sample] = []
    over = threading.Event()

    def take() -> None:
        with suppress(OSError):  # the cgroup is gone
            while not over.wait(_SAMPLE_SECONDS):
                cpu, memory = cgroup.cpu_seconds(), cgroup.memory_bytes()
                samples.append(Sample(time.time_ns(), cpu, memory))

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()
