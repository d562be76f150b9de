"""Problems of job specifications, for people and for programs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from airflow_jobs.loading import Specification
from airflow_jobs.problems import Problem


def as_text(
    problems: Sequence[Problem], specifications: Sequence[Specification], stream: TextIO
) -> None:
    """Write a line for each problem, as compilers do, and then how much was looked at."""
    for problem in problems:
        warning = "warning: " if problem.level == "warning" else ""
        where = f"{problem.file}:{problem.line}:{problem.column}"
        print(f"{where}: {warning}{problem.message}", file=stream)
    jobs = sum(len(each.jobs) for each in specifications)
    errors = sum(problem.level == "error" for problem in problems)
    print(
        f"workflows: {len(specifications)}, jobs: {jobs}, errors: {errors},"
        f" warnings: {len(problems) - errors}",
        file=stream,
    )


def as_json(problems: Sequence[Problem], stream: TextIO) -> None:
    """Write a list of the problems."""
    found = [
        {
            "file": problem.file.as_posix(),
            "line": problem.line,
            "column": problem.column,
            "rule": problem.rule,
            "level": problem.level,
            "message": problem.message,
        }
        for problem in problems
    ]
    print(json.dumps(found, indent=2, ensure_ascii=False), file=stream)


def as_sarif(problems: Sequence[Problem], stream: TextIO) -> None:
    """Write the problems in the format of code review.

    https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
    """
    rules = [{"id": rule} for rule in sorted({problem.rule for problem in problems})]
    driver = {"name": "airflow-platform jobs validate", "rules": rules}
    results = [
        {
            "ruleId": problem.rule,
            "level": problem.level,
            "message": {"text": problem.message},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": _uri(problem.file)},
                        "region": {"startLine": problem.line, "startColumn": problem.column},
                    }
                }
            ],
        }
        for problem in problems
    ]
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
        ],
    }
    print(json.dumps(log, indent=2, ensure_ascii=False), file=stream)


def _uri(file: Path) -> str:
    """Return a file as the reviewer finds it: below the folder that the command runs in."""
    here = Path.cwd()
    file = file.resolve()
    return file.relative_to(here).as_posix() if file.is_relative_to(here) else file.as_uri()
