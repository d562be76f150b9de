"""The command jobs explain."""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

from airflow_platform.support.errors import PlatformError

_DESCRIPTION = """\
Print one workflow as Markdown: when it runs and whose it is, a table of its jobs, and a graph for
Mermaid, which GitHub and GitLab draw.
"""


def add_to(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = actions.add_parser(
        "explain", help="print a workflow as a table and a graph", description=_DESCRIPTION
    )
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR", help="the workflow, such as workflows/sales")
    add("--output", choices=("markdown", "json"), default="markdown", help="default: %(default)s")
    parser.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    from airflow_platform.jobs import explain
    from airflow_platform.jobs.specifications import load

    workflows = load(chosen.folder)
    if workflows.errors:
        raise PlatformError("\n".join(map(str, workflows.errors)))
    if len(workflows.specifications) > 1:
        names = ", ".join(each.name for each in workflows.specifications)
        raise PlatformError(
            f"{chosen.folder} has several workflows: name the folder of one ({names})."
        )
    workflow = workflows.specifications[0].workflow
    now = datetime.now(UTC)
    if chosen.output == "json":
        print(json.dumps(explain.as_data(workflow, now), indent=2, ensure_ascii=False))
    else:
        print(explain.as_markdown(workflow, now))
    return 0
