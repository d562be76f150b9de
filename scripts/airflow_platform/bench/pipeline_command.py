"""The command bench pipeline."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_platform.bench.figures import mebibytes
from airflow_platform.bench.options import positive
from airflow_platform.bench.vector import measured_vector
from airflow_platform.support.progress import progress
from airflow_platform.support.table import table

if TYPE_CHECKING:
    from airflow_platform.bench.pipeline import Cost

CHUNK_SIZE = "64"  # as in drain.sh

_DESCRIPTION = """\
Let a real Vector (VECTOR, or on PATH) read a log file of Airflow 3 and send it to the Loki that is
built into the command: with the chart's configuration, without each of its steps, and with the file
source alone. Other work on the machine makes the numbers larger, so compare those of one run.

Columns: microseconds of processor time for each line (the least of all runs, without the start of
Vector), the same in relation to the file source alone, and the peak of anonymous memory.
"""


def add_to(benchmarks: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the benchmarks."""
    parser = benchmarks.add_parser(
        "pipeline",
        help="measure what a log line costs the sidecar",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--lines", type=positive, default=50_000, metavar="N", help="default: %(default)s")
    add("--repeat", type=positive, default=3, metavar="N", help="default: %(default)s")
    add(
        "--chunk-size",
        action="append",
        metavar="N",
        help=f"VECTOR_CHUNK_SIZE_EVENTS, may be repeated; default: {CHUNK_SIZE}",
    )
    add(
        "--also",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="measure another vector.yaml as well, from a directory with its programs",
    )
    add("--output", choices=("table", "json"), default="table", help="default: %(default)s")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from airflow_platform.bench.capture.loki import built_in_loki
    from airflow_platform.bench.pipeline import measure, variants
    from airflow_platform.bench.sidecar_files import sidecar_files
    from airflow_platform.support import strict_yaml

    vector = measured_vector()
    shipped = sidecar_files()
    configurations = [
        (shipped, name, config)
        for name, config in variants(strict_yaml.load_file(shipped / "vector.yaml")).items()
    ] + [(also, str(also), strict_yaml.load_file(also / "vector.yaml")) for also in options.also]
    costs: dict[tuple[str, str], Cost] = {}
    for turn in range(options.repeat):
        for directory, name, config in configurations:
            for chunk_size in options.chunk_size or [CHUNK_SIZE]:
                with (
                    progress(f"{name}, {turn + 1} of {options.repeat}"),
                    built_in_loki() as url,
                ):
                    cost = measure(config, directory, vector, url, options.lines, chunk_size)
                known = costs.get((name, chunk_size), cost)
                costs[name, chunk_size] = min(cost, known, key=lambda each: each.microseconds)
    if options.output == "json":
        records = [
            {"configuration": name, "chunk_size": int(chunk_size), **asdict(cost)}
            for (name, chunk_size), cost in costs.items()
        ]
        print(json.dumps(records, indent=2))
    else:
        print(_table(costs))
    return 0


def _table(costs: Mapping[tuple[str, str], "Cost"]) -> str:
    alone = {size: cost for (name, size), cost in costs.items() if name == "file source alone"}
    rows = [
        (
            name,
            size,
            f"{cost.microseconds:.1f}",
            f"{cost.microseconds / alone[size].microseconds:.1f}",
            mebibytes(cost.anonymous_bytes),
        )
        for (name, size), cost in costs.items()
    ]
    return table(("CONFIGURATION", "CHUNK", "US/LINE", "RATIO", "MEMORY"), rows)
