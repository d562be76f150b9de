"""The command jobs check."""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_platform.support.errors import PlatformError

if TYPE_CHECKING:
    from airflow_platform.jobs.checklist import Item

_DESCRIPTION = """\
Go through the checklist of the contract (contracts/workflow-orchestration.md, section "Checklist"),
and print for each item whether it passes, and what proves it. SKIP: there is nothing to look at.

Exit codes:
  0  no item fails
  1  an item fails
  2  wrong usage
"""


def add_to(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = actions.add_parser(
        "check",
        help="go through the checklist of the contract",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR", help="workflows, or one of them")
    add(
        "--code",
        type=Path,
        metavar="DIR",
        help="code of the jobs; default: the git repository of the workflows, or what is beside",
    )
    add("--output", choices=("text", "json"), default="text", help="default: %(default)s")
    parser.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    from airflow_platform.jobs.checklist import checklist
    from airflow_platform.jobs.specifications import load

    if chosen.code and not chosen.code.is_dir():
        raise PlatformError(f"There is no folder {chosen.code}. Name the one with the jobs' code.")
    items = checklist(chosen.folder, load(chosen.folder), chosen.code)
    if chosen.output == "json":
        _print_json(items)
    else:
        _print_text(items)
    return 1 if any(item.result == "FAIL" for item in items) else 0


def _print_text(items: "Sequence[Item]") -> None:
    for item in items:
        print(f"{item.result}  {item.key}: {item.asked}")
        for each in item.evidence:
            print(f"      {each}")
    results = Counter(item.result for item in items)
    print(f"passed: {results['PASS']}, failed: {results['FAIL']}, skipped: {results['SKIP']}")


def _print_json(items: "Sequence[Item]") -> None:
    found = [
        {
            "item": item.key,
            "asked": item.asked,
            "result": item.result,
            "evidence": [
                {"message": each}
                if isinstance(each, str)
                else {
                    "file": each.file.as_posix(),
                    "line": each.line,
                    "column": each.column,
                    "message": each.message,
                }
                for each in item.evidence
            ],
        }
        for item in items
    ]
    print(json.dumps(found, indent=2, ensure_ascii=False))
