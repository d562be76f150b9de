"""The command bench capture."""

import argparse
import json
import shutil
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_platform.bench.capture.methods import METHODS
from airflow_platform.bench.capture.shapes import SHAPES
from airflow_platform.bench.circumstances import import_seconds, machine
from airflow_platform.bench.figures import mebibytes, share
from airflow_platform.bench.options import positive
from airflow_platform.bench.vector import measured_vector, vector_version
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.progress import progress
from airflow_platform.support.table import table

if TYPE_CHECKING:
    from airflow_platform.bench.capture.runner import Result

    Results = Mapping[tuple[str, str], Sequence[Result]]

_HEADINGS = (
    "SHAPE",
    "METHOD",
    "WRITTEN",
    "DELIVERED",
    "EXTRA",
    "DRAIN MEDIAN",
    "MAX",
    "CPU",
    "MEMORY",
)


def add_to(benchmarks: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the benchmarks."""
    shapes = "\n".join(f"  {shape.name:<14} {shape.about}" for shape in SHAPES.values())
    methods = "\n".join(f"  {name:<14} {method.__doc__}" for name, method in METHODS.items())
    parser = benchmarks.add_parser(
        "capture",
        help="measure what the sidecar for task logs delivers, and what it costs",
        description="Run task shapes next to a real Vector (VECTOR, or on PATH), and count the"
        " lines that arrive in Loki. All shapes and methods take about half an hour.",
        epilog=f"shapes:\n{shapes}\n\nmethods:\n{methods}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--shape", action="append", choices=SHAPES, metavar="NAME", help="may be repeated")
    add("--method", action="append", choices=METHODS, metavar="NAME", help="may be repeated")
    add("--repeat", type=positive, default=3, metavar="N", help="default: %(default)s")
    add("--loki", metavar="URL", help="a Loki without authentication; default: one built in")
    add("--output", choices=("table", "json"), default="table")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from airflow_platform.bench.capture.runner import run

    vector = measured_vector()
    results: dict[tuple[str, str], list[Result]] = {}
    complaint = ""
    with _loki(options.loki) as (url, loki, compression):
        about = _about(vector, loki, options.repeat)
        measure = partial(run, vector=vector, loki_url=url, compression=compression)
        names = product(options.shape or SHAPES, options.method or METHODS, range(options.repeat))
        for shape, method, turn in names:
            begin = import_seconds(turn, options.repeat)
            with progress(f"{shape}, {method}, {turn + 1} of {options.repeat}"):
                result = measure(SHAPES[shape], METHODS[method], import_seconds=begin)
            results.setdefault((shape, method), []).append(result)
            if result.complaint:
                complaint = f"{shape}, {method}: nothing was delivered. {result.complaint}"
                break
    if options.output == "json":
        print(json.dumps({"about": about, "results": list(_records(results))}, indent=2))
    else:
        print("\n".join(f"{name}: {value}" for name, value in about.items()), end="\n\n")
        print(table(_HEADINGS, [_row(*names, runs) for names, runs in results.items()]))
    if complaint:
        raise PlatformError(complaint)
    return 0


@contextmanager
def _loki(url: str | None) -> Iterator[tuple[str, str, str]]:
    """Yield the URL of a Loki, a description of it, and the compression of requests to it."""
    from airflow_platform.bench.capture.loki import built_in_loki
    from airflow_platform.support.rest import Server

    if not url:
        with built_in_loki() as built_in:
            yield built_in, "built in, without compression", "none"
        return
    server = Server(url, headers={}, ca_file=None, unreachable="", refused="")
    version = server.get("/loki/api/v1/status/buildinfo")["version"]
    yield url, f"{version} at {url}, snappy", "snappy"


def _about(vector: Path, loki: str, repeat: int) -> dict[str, str]:
    """Return the circumstances on which the numbers depend."""
    return {
        "Vector": vector_version(vector),
        "Loki": loki,
        "machine": machine(),
        "shell": str(Path(shutil.which("sh") or "sh").resolve()),
        "runs": f"{repeat} of each; a log begins 5 to 7 s after its sidecar, as with Airflow",
    }


def _records(results: "Results") -> Iterator[dict[str, Any]]:
    for (shape, method), runs in results.items():
        for result in runs:
            yield {"shape": shape, "method": method, **asdict(result)}


def _row(shape: str, method: str, runs: Sequence["Result"]) -> tuple[object, ...]:
    written = sum(result.written for result in runs)
    delivered = sum(result.delivered for result in runs)
    drains = [result.drain_seconds for result in runs]
    return (
        shape,
        method,
        written,
        share(delivered, written),
        sum(result.extra for result in runs),
        f"{statistics.median(drains):.2f} s",
        f"{max(drains):.2f} s",
        f"{statistics.median(result.cpu_seconds for result in runs):.2f} s",
        mebibytes(max(result.anonymous_bytes for result in runs)),
    )
