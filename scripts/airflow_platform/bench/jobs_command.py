"""The command bench jobs."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from airflow_platform.bench.options import positive

_DESCRIPTION = """\
Measure the processor time that a DAG processor needs for specifications of container jobs: the
first time, and again, when nothing has changed. Without --python no DAGs are made, only read.
"""


def add_to(benchmarks: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the benchmarks."""
    parser = benchmarks.add_parser(
        "jobs",
        help="measure what specifications of jobs cost a DAG processor",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--workflows", type=positive, default=100, metavar="N", help="default: %(default)s")
    add("--python", type=Path, default=Path(sys.executable), help="the Python of an Airflow")
    add("--output", choices=("table", "json"), default="table", help="default: %(default)s")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from airflow_platform.bench.jobs import measure
    from airflow_platform.support.table import table

    cost = measure(options.workflows, options.python)
    if options.output == "json":
        print(json.dumps(asdict(cost), indent=2))
    else:
        row = (cost.specifications, f"{cost.first:.2f}", f"{cost.again:.2f}")
        print(table(("jobs", "first s", "again s"), [row]))
    return 0
