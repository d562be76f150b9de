"""The command bench metrics."""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from airflow_platform.bench.options import positive

if TYPE_CHECKING:
    from airflow_platform.bench.cardinality import Size
    from airflow_platform.bench.metrics import Cost

_LINES = 200_000  # take a few seconds of processor time, which the kernel counts in hundredths

_DESCRIPTION = """\
Send the StatsD lines of N DAGs with M tasks each, run again and again, through statsd_exporter with
our mapping, with the official chart's where that chart is found, and with none.

Columns: lines per second of processor time, and per second; all series, and those that are neither
buckets nor quantiles; memory; events that a rule dropped, that no rule matched, and that were
refused; lines lost when all are sent by UDP, 100,000 a second. The last number depends on what else
the machine does.

With --cardinality: send one run of each DAG, as Airflow 3.1 and our sidecars report it, through
statsd_exporter with our mapping, once for each value of `mapping.cardinality`, and tell the number
of series, the length of the page that Prometheus scrapes, the time it takes to make it, and the
resident memory.
"""


def add_to(benchmarks: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the benchmarks."""
    parser = benchmarks.add_parser(
        "metrics",
        help="measure what a mapping of Airflow's metrics costs",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--cardinality", action="store_true", help="measure series and memory")
    add("--dags", type=positive, metavar="N", help="default: 50; 300 with --cardinality")
    add("--tasks", type=positive, default=20, metavar="M", help="default: %(default)s")
    add("--output", choices=("table", "json"), default="table", help="default: %(default)s")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.cardinality:
        return _run_cardinality(options)
    from airflow_platform.bench.metrics import mappings, measure, workload
    from airflow_platform.rendering.output import announce_stand_in
    from airflow_platform.rendering.upstream import find_upstream

    upstream = find_upstream()
    announce_stand_in(upstream)
    lines = workload(options.dags or 50, options.tasks, _LINES)
    costs = [measure(name, mapping, lines) for name, mapping in mappings(upstream).items()]
    if options.output == "json":
        print(json.dumps([asdict(cost) for cost in costs], indent=2))
    else:
        print(_table(costs))
    return 0


def _run_cardinality(options: argparse.Namespace) -> int:
    from airflow_platform.bench.cardinality import CARDINALITIES, measure

    sizes = [measure(each, options.dags or 300, options.tasks) for each in CARDINALITIES]
    if options.output == "json":
        print(json.dumps([asdict(size) for size in sizes], indent=2))
    else:
        print(_sizes(sizes))
    return 0


def _sizes(sizes: "list[Size]") -> str:
    from airflow_platform.support.table import table

    return table(
        ("cardinality", "DAGs", "tasks per DAG", "series", "scrape MiB", "scrape s", "memory MiB"),
        (
            (
                size.cardinality,
                size.dags,
                size.tasks_per_dag,
                size.series,
                f"{size.scrape_bytes / 1024**2:.1f}",
                f"{size.scrape_seconds:.2f}",
                f"{size.memory_mib:.0f}",
            )
            for size in sizes
        ),
    )


def _table(costs: "list[Cost]") -> str:
    from airflow_platform.support.table import table

    headings = ("mapping", "lines", "lines/CPU s", "lines/s", "series", "plain series", "MiB")
    return table(
        (*headings, "dropped", "unmapped", "refused", "lost by UDP"),
        (
            (
                cost.mapping,
                cost.lines,
                f"{cost.lines_per_cpu_second:.0f}",
                f"{cost.lines_per_second:.0f}",
                cost.series,
                cost.plain_series,
                f"{cost.memory_mib:.0f}",
                cost.dropped,
                cost.unmapped,
                cost.refused,
                cost.lost,
            )
            for cost in costs
        ),
    )
