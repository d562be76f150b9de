"""The command jobs."""

import argparse
import json
import sys
from pathlib import Path

from airflow_platform.jobs import run
from airflow_platform.support.errors import PlatformError

_DESCRIPTION = """\
Check specifications of container jobs: the files in workflows/<workflow>/ that
contracts/workflow-orchestration.md describes.
"""
_VALIDATE = """\
Look for everything that is wrong in the workflows of a folder, and say where and what to write.

Exit codes:
  0  nothing is wrong (there may be warnings)
  1  something is wrong
  2  wrong usage
"""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "jobs", help="check specifications of container jobs", description=_DESCRIPTION
    )
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    validate = actions.add_parser(
        "validate",
        help="find everything that is wrong",
        description=_VALIDATE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    validate.add_argument("folder", type=Path, metavar="DIR", help="workflows, or one of them")
    validate.add_argument(
        "--output",
        choices=("text", "json", "sarif"),
        default="text",
        help="sarif is for code review, such as GitHub's; default: %(default)s",
    )
    validate.set_defaults(run=_validate)

    schema = actions.add_parser("schema", help="print the JSON Schema of a file, for editors")
    schema.add_argument("kind", choices=("job", "workflow"), help="which file")
    schema.set_defaults(run=_schema)

    run.add_to(actions)


def _validate(chosen: argparse.Namespace) -> int:
    from airflow_jobs.loading import load_all
    from airflow_jobs.problems import SpecificationError
    from airflow_platform.jobs import reports

    try:
        specifications = load_all(chosen.folder)
    except SpecificationError as error:
        raise PlatformError(str(error)) from None
    problems = [problem for each in specifications for problem in each.problems]
    match chosen.output:
        case "json":
            reports.as_json(problems, sys.stdout)
        case "sarif":
            reports.as_sarif(problems, sys.stdout)
        case _:
            reports.as_text(problems, specifications, sys.stdout)
    return 1 if any(problem.level == "error" for problem in problems) else 0


def _schema(chosen: argparse.Namespace) -> int:
    from airflow_jobs.structure import bundled

    print(json.dumps(bundled(chosen.kind), indent=2, ensure_ascii=False))
    return 0
