"""The command jobs validate."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from airflow_jobs.problems import Problem
from airflow_platform.jobs.specifications import Workflows
from airflow_platform.rendering import options
from airflow_platform.support.project import environments

_DESCRIPTION = """\
Look for everything that is wrong in the workflows of a folder, and say where and what to write.

With --environment or -f the chart is rendered, and there is a warning of each Secret and ConfigMap
that a job refers to, but that the values do not declare: that are neither rendered nor listed in
jobs.secrets or jobs.configMaps. Without them nothing is rendered, and there are no such warnings.

Exit codes:
  0  nothing is wrong (there may be warnings)
  1  something is wrong
  2  wrong usage
"""


def add_to(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = actions.add_parser(
        "validate",
        help="find everything that is wrong",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR", help="workflows, or one of them")
    add(
        "--output",
        choices=("text", "json", "sarif"),
        default="text",
        help="sarif is for code review, such as GitHub's; default: %(default)s",
    )
    known = ", ".join(environments())
    add("--environment", metavar="ENV", help=f"compare with the values of one of: {known}")
    options.add_to(parser)
    parser.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    from airflow_platform.jobs import reports
    from airflow_platform.jobs.specifications import load

    workflows = load(chosen.folder)
    if chosen.environment or chosen.values or chosen.sets:
        workflows = workflows.with_problems(_undeclared(workflows, chosen))
    match chosen.output:
        case "json":
            reports.as_json(workflows.problems, sys.stdout)
        case "sarif":
            reports.as_sarif(workflows.problems, sys.stdout)
        case _:
            reports.as_text(workflows.problems, workflows.specifications, sys.stdout)
    return 1 if workflows.errors else 0


def _undeclared(workflows: Workflows, chosen: argparse.Namespace) -> Iterable[Problem]:
    from airflow_platform.jobs.references import undeclared
    from airflow_platform.jobs.release import render_release

    release = render_release(chosen, chosen.sets, chosen.kube_version)
    return undeclared(workflows.specifications, release)
