"""The command bench injection."""

import argparse
import json
from dataclasses import asdict

from airflow_platform.bench.options import positive

_DESCRIPTION = """\
Create pods on a control plane of its own, with the policy that adds the sidecar and without it.
Nothing but the API server and etcd has work with these pods. Pods of all kinds are created in turn,
so other work on the machine is shared by all.

Columns: milliseconds from the request to the answer.
"""


def add_to(benchmarks: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the benchmarks."""
    parser = benchmarks.add_parser(
        "injection",
        help="measure what the policy that adds the sidecar costs the Kubernetes API",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--pods", type=positive, default=1000, metavar="N", help="default: %(default)s")
    add("--output", choices=("table", "json"), default="table", help="default: %(default)s")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from airflow_platform.bench.injection import measure
    from airflow_platform.support.table import table

    found = measure(options.pods)
    if options.output == "json":
        print(json.dumps([asdict(each) for each in found], indent=2))
        return 0
    numbers = ((f"{n:.2f}" for n in (each.mean, each.median, each.p95)) for each in found)
    rows = [(each.pods, each.creations, *row) for each, row in zip(found, numbers, strict=True)]
    print(table(("pods", "created", "mean ms", "median ms", "95 % ms"), rows))
    return 0
