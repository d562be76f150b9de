"""The command bench node."""

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_platform.bench.circumstances import import_seconds, machine
from airflow_platform.bench.node.methods import METHODS
from airflow_platform.bench.node.shapes import SHAPES
from airflow_platform.bench.options import positive
from airflow_platform.support.progress import progress

if TYPE_CHECKING:
    from airflow_platform.bench.node.runner import Bench, Result

_DESCRIPTION = """\
Run pods of the rendered pod template on a real node (kubelet, containerd and runc, as root) with a
real Loki and a real Vector (VECTOR, or on PATH), and count the lines that arrive in Loki: with the
chart's sidecar, and with what people use in its place.

First tables: each shape and method. ADDED is the time from the end of the task's container to the
end of the sidecar, as containerd tells it; CPU the processor time of a sidecar; IDLE what it uses
while the task has not written anything; PEAK the most memory that it had at any time; EXIT its exit
codes. Below the table is what a sidecar says when lines are missing.

Second table: pods one after the other, whose task writes 20 lines at once. START is the time from
the creation of the sandbox to the start of the task, WHOLE that to the end of the pod.

Times, CPU and IDLE are medians. All takes about half an hour; other work on the machine makes the
numbers larger.
"""


def add_to(benchmarks: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the benchmarks."""
    shapes = "\n".join(f"  {name:<12} {shape.about}" for name, shape in SHAPES.items())
    methods = "\n".join(f"  {name:<12} {method.about}" for name, method in METHODS.items())
    parser = benchmarks.add_parser(
        "node",
        help="measure the sidecar for task logs on a real node, and what people use in its place",
        description=_DESCRIPTION,
        epilog=f"shapes:\n{shapes}\n\nmethods:\n{methods}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--shape", action="append", choices=SHAPES, metavar="NAME", help="may be repeated")
    add("--method", action="append", choices=METHODS, metavar="NAME", help="may be repeated")
    add("--repeat", type=positive, default=3, metavar="N", help="of a shape; default: %(default)s")
    add("--pods", type=positive, default=100, metavar="N", help="in a row; default: %(default)s")
    add("--output", choices=("table", "json"), default="table")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from airflow_platform.bench.node.report import pods_table, shapes_table

    methods = options.method or list(METHODS)
    about = _about(options.repeat)
    with _bench() as measuring:
        shapes = _shapes(measuring, options.shape or list(SHAPES), methods, options.repeat)
        pods = _pods(measuring, methods, options.pods)
    if options.output == "json":
        found = {"about": about, "shapes": list(_records(shapes)), "pods": _pod_records(pods)}
        print(json.dumps(found, indent=2))
    else:
        print("\n".join(f"{name}: {value}" for name, value in about.items()), end="\n\n")
        print(shapes_table(shapes), end="\n\n")
        print(pods_table(pods))
    return 0


@contextmanager
def _bench() -> "Iterator[Bench]":
    from airflow_platform.bench.node.runner import bench
    from airflow_platform.node.loki import local_loki
    from airflow_platform.node.node import local_node

    with (
        tempfile.TemporaryDirectory(prefix="bench-") as logs,
        tempfile.TemporaryDirectory(prefix="bench-loki-") as data,
        local_loki(Path(data)) as loki,
        local_node(Path(logs)) as node,
        bench(node, loki) as made,
    ):
        yield made


def _about(repeat: int) -> dict[str, str]:
    """Return the circumstances on which the numbers depend."""
    from airflow_platform.bench.vector import vector_version
    from airflow_platform.support.tools import TOOLS
    from airflow_platform.support.vector import find_vector

    return {
        "Vector": vector_version(find_vector()),
        "OpenTelemetry Collector": TOOLS["otelcol"].version,
        "Loki": TOOLS["loki"].version,
        "kubelet": TOOLS["kubelet"].version,
        "machine": machine(),
        "runs": f"{repeat} of each shape; a log begins 5 to 7 s after the start of the task",
    }


def _shapes(
    bench: "Bench", shapes: Sequence[str], methods: Sequence[str], repeat: int
) -> "Mapping[tuple[str, str], Sequence[Result]]":
    """Run each shape with each method that has a sidecar, in turn."""
    with_sidecar = [name for name in methods if METHODS[name].has_sidecar]
    results: dict[tuple[str, str], list[Result]] = {
        names: [] for names in product(shapes, with_sidecar)
    }
    for turn, (shape, method) in product(range(repeat), results):
        with progress(f"{shape}, {method}, {turn + 1} of {repeat}"):
            result = bench.run(SHAPES[shape], METHODS[method], import_seconds(turn, repeat))
        results[shape, method].append(result)
    return results


def _pods(bench: "Bench", methods: Sequence[str], pods: int) -> "Mapping[str, Sequence[Result]]":
    results = {}
    for method in methods:
        with progress(f"{pods} pods, {method}"):
            results[method] = bench.run_in_a_row(SHAPES["instant"], METHODS[method], pods)
    return results


def _records(
    results: "Mapping[tuple[str, str], Sequence[Result]]",
) -> Iterator[dict[str, Any]]:
    for (shape, method), runs in results.items():
        for run in runs:
            yield {"shape": shape, "method": method, **asdict(run)}


def _pod_records(results: "Mapping[str, Sequence[Result]]") -> list[dict[str, Any]]:
    return [{"method": method, **asdict(run)} for method, runs in results.items() for run in runs]
