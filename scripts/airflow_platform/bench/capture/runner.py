"""Runs a task shape next to a sidecar, as the kubelet would, and measures what is delivered."""

import os
import tempfile
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow_platform.bench.capture.container import Container
from airflow_platform.bench.capture.methods import Method, Pod
from airflow_platform.bench.capture.shapes import Shape
from airflow_platform.loki.client import Loki
from airflow_platform.verify_logs.expectation import from_log_files
from airflow_platform.verify_logs.verify import verify


@dataclass(frozen=True)
class Result:
    """What one run delivered, and what it cost.

    ``written``, ``delivered`` and ``extra`` are numbers of lines. ``drain_seconds`` is the time
    from the end of the task to the end of the sidecar. ``anonymous_bytes`` is the peak of Vector's
    anonymous memory (RssAnon), without the pages of its binary, which the pods of a node share.
    ``complaint`` is what the sidecar said when nothing was delivered, "" otherwise.
    """

    written: int
    delivered: int
    extra: int
    drain_seconds: float
    cpu_seconds: float
    anonymous_bytes: int
    complaint: str = ""


def run(
    shape: Shape,
    method: Method,
    vector: Path,
    loki_url: str,
    *,
    compression: str = "snappy",
    import_seconds: float,
) -> Result:
    """Run the task and its sidecar once, with the binary ``vector``, and wait until both end.

    The task writes its first line ``import_seconds`` after the sidecar has started.
    """
    begun = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        pod = Pod(Path(directory), vector, loki_url, compression)
        pod.logs.mkdir()
        pod.data.mkdir()
        sidecar = method(pod)
        with Container(pod, sidecar) as container:
            time.sleep(import_seconds)
            deleted = _Task(shape, pod.logs).run(container)
            ended = time.monotonic()
            # The preStop hook begins when the pod is deleted. SIGTERM follows hook and task.
            pre_stop_end = (deleted or ended) + sidecar.pre_stop_seconds
            time.sleep(max(0.0, pre_stop_end - ended))
            container.stop()
            drain_seconds = time.monotonic() - ended
        complaint = container.complaint()
        expectation = from_log_files(pod.logs)
    loki = Loki(loki_url, os.environ, tenant="", ca_file=None)
    margin = timedelta(minutes=1)
    verdicts = verify(expectation, loki, None, begun - margin, datetime.now(UTC) + margin)
    comparisons = [verdict.comparison for verdict in verdicts if verdict.comparison]
    missing = sum(len(comparison.missing) for comparison in comparisons)
    delivered = shape.written - missing
    return Result(
        written=shape.written,
        delivered=delivered,
        extra=sum(len(comparison.extra) for comparison in comparisons),
        drain_seconds=drain_seconds,
        cpu_seconds=container.cpu_seconds,
        anonymous_bytes=container.anonymous_bytes,
        complaint="" if delivered else complaint,
    )


class _Task:
    """Writes the log files of a shape, in Airflow 3's format."""

    def __init__(self, shape: Shape, logs: Path) -> None:
        self._shape = shape
        task = logs / "dag_id=bench" / f"run_id=bench__{uuid.uuid4()}" / f"task_id={shape.name}"
        self._files = [task / f"map_index={n}" / "attempt=1.log" for n in range(shape.files)]

    def run(self, container: Container) -> float | None:
        """Write all lines; return the time.monotonic() of the pod's deletion, if it was deleted."""
        deleted = None
        for number, step in enumerate(self._shape.steps, start=1):
            time.sleep(step.seconds)
            for file in self._files:
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open("a", encoding="utf-8") as log:
                    log.write(self._text(number, step.lines))
            if number == self._shape.killed_after:
                container.kill_vector()
            if number == self._shape.deleted_after:
                deleted = time.monotonic()
        return deleted

    def _text(self, step: int, lines: int) -> str:
        text = "".join(self._line(f"step {step}, line {line}") for line in range(lines))
        last = step == len(self._shape.steps)
        return text[:-1] if last and not self._shape.final_newline else text

    def _line(self, event: str) -> str:
        time_ = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        start = f'{{"timestamp":"{time_}","level":"info","logger":"task.stdout","event":"{event} '
        return start.ljust(self._shape.line_bytes, "x") + '"}\n'
