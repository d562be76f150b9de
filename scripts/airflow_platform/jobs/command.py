"""The command jobs."""

import argparse
import json

from airflow_platform.jobs import check_command, explain_command, run_command, validate_command

_DESCRIPTION = """\
Check specifications of container jobs: the files in workflows/<workflow>/ that
contracts/workflow-orchestration.md describes.
"""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "jobs", help="check specifications of container jobs", description=_DESCRIPTION
    )
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    validate_command.add_to(actions)
    check_command.add_to(actions)
    explain_command.add_to(actions)
    run_command.add_to(actions)

    schema = actions.add_parser("schema", help="print the JSON Schema of a file, for editors")
    schema.add_argument("kind", choices=("job", "workflow"), help="which file")
    schema.set_defaults(run=_schema)


def _schema(chosen: argparse.Namespace) -> int:
    from airflow_jobs.structure import bundled

    print(json.dumps(bundled(chosen.kind), indent=2, ensure_ascii=False))
    return 0
