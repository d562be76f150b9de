"""The command logs."""

import argparse
import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from airflow_platform.logs.levels import LEVELS
from airflow_platform.loki import options as loki_options
from airflow_platform.support.durations import duration
from airflow_platform.support.errors import UNEXPECTED_ANSWERS, PlatformError

if TYPE_CHECKING:
    from airflow_platform.logs.reading import Wanted

_MAPPED = re.compile(r"(.+)\[(\d+)\]")

_DESCRIPTION = """\
Read the logs of a DAG's tasks from Loki, oldest line first.

Each try of each task has a header. Times are in UTC. A line of Airflow 3 is shown as its text, the
keys that its author gave as key=value, and its traceback as Python prints it.

Exit codes:
  0  there are lines
  1  there are none
  2  wrong usage
  3  Loki cannot be reached, or refuses
"""
_ENVIRONMENT = f"""\
environment variables (the same as for logcli and verify-logs):
{loki_options.ENVIRONMENT}\
  NO_COLOR                                    no colours on a terminal
"""


class CannotReadError(PlatformError):
    """Nobody knows whether there are lines."""

    exit_code = 3


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "logs",
        help="read the logs of tasks from Loki",
        description=_DESCRIPTION,
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("dag_id", metavar="DAG", help="the DAG's id")
    add("--run", dest="run_id", metavar="RUN_ID", help="default: all runs")
    add("--task", metavar="TASK_ID", help="or TASK_ID[3] of a mapped task; default: all tasks")
    add("--try", dest="try_number", type=int, metavar="N", help="default: all tries")
    add("--level", choices=LEVELS, help="the lowest level; leaves out lines without one, too")
    add(
        "--since",
        type=duration,
        default="24h",
        metavar="TIME",
        help="how far to look back, such as 90m or 7d; default: 24h",
    )
    add("--follow", action="store_true", help="go on with the lines that come, until Ctrl-C")
    add("--groups", action="store_true", help="show the lines ::group:: and ::endgroup::, too")
    loki_options.add_to(parser, "by the label dag_id")
    add("--output", choices=("text", "json"), default="text", help="json: an object a line")
    parser.set_defaults(run=partial(_run, parser))


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if not options.loki:
        parser.error(loki_options.MISSING_URL)
    try:
        found = _read(options)
    except PlatformError as error:
        raise CannotReadError(str(error)) from None
    except UNEXPECTED_ANSWERS as error:
        raise CannotReadError(
            f"Loki has answered in a form that logs does not know ({error!r}). Look whether the URL"
            " leads to it, and not to a page of a proxy."
        ) from error
    if found:
        return 0
    print(_nothing(options), file=sys.stderr)
    return 1


def _read(options: argparse.Namespace) -> bool:
    """Write the lines; say whether there were any."""
    from airflow_platform.logs import output
    from airflow_platform.logs.reading import entries, follow
    from airflow_platform.logs.records import record

    loki = loki_options.connect(options)
    read = follow if options.follow else entries
    since = datetime.now(UTC) - options.since
    records = (record(entry) for entry in read(loki, _wanted(options), since))
    shown = (each for each in records if options.groups or not each.is_group_marker)
    coloured = output.is_coloured(os.environ, terminal=sys.stdout.isatty())
    lines: Iterator[str]
    if options.output == "json":
        lines = map(output.as_json, shown)
    elif options.follow:
        lines = output.with_headers(shown, coloured=coloured)
    else:
        lines = output.by_attempt(shown, coloured=coloured)
    found = False
    for line in lines:
        print(line, flush=options.follow)
        found = True
    return found


def _wanted(options: argparse.Namespace) -> "Wanted":
    from airflow_platform.logs.reading import Wanted

    mapped = _MAPPED.fullmatch(options.task or "")
    return Wanted(
        options.dag_id,
        options.run_id,
        mapped[1] if mapped else options.task,
        int(mapped[2]) if mapped else None,
        options.try_number,
        options.level,
        options.selector,
    )


def _nothing(options: argparse.Namespace) -> str:
    return (
        f"Loki has no such line of the last {_shown(options.since)}. Look further back with"
        " --since, or elsewhere with --tenant and --selector; leave out what narrows it down"
        " (--run, --task, --try, --level)."
    )


def _shown(length: timedelta) -> str:
    hours, seconds = divmod(int(length.total_seconds()), 3600)
    return f"{hours}h" if not seconds else f"{length}"
