"""Problems of job specifications, for people and for programs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

from airflow_jobs.loading import Specification
from airflow_jobs.problems import Problem

# Kinds of problems, for those who read many of them.
RULES = {
    "airflow": "Airflow makes no DAG of a workflow.",
    "bad-name": "A name has characters that it cannot have.",
    "bad-value": "A value is none of those that are possible.",
    "cycle": "Jobs wait for each other.",
    "date": "A day is not there, or days do not fit together.",
    "duplicate-key": "A key is there twice.",
    "duplicate-name": "Two jobs of a workflow, or two workflows, have one name.",
    "duration": "A time is too short or too long.",
    "for-each": "A job does the same for each item of a list.",
    "image": "An image is not pinned, or has no possible name.",
    "label": "A label is one of the platform's own.",
    "missing-key": "A key is missing.",
    "no-job": "A workflow has no job.",
    "no-workflow": "A folder has no workflow.",
    "not-read": "A file or folder is not read.",
    "number": "A number is not passed on as it is written.",
    "output": "An output is not there when it is used.",
    "plain-secret": "A secret is in plain text.",
    "resources": "Requests and limits do not fit together.",
    "retry": "A setting of retries has no effect.",
    "schedule": "A schedule cannot be.",
    "template": "A template variable is not known, or not where it is filled in.",
    "time-zone": "A time zone is not known.",
    "toleration": "A toleration is one that Kubernetes refuses.",
    "two-files": "A workflow has two files of settings.",
    "undeclared": "The values do not declare a Secret or ConfigMap.",
    "unknown-job": "A name is that of no job.",
    "unknown-key": "A key is not known.",
    "unreadable": "Files of a workflow cannot be read.",
    "volume": "Two volumes have one name or path.",
    "yaml": "A file cannot be read as YAML.",
}


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
    rules = [
        {"id": rule, "shortDescription": {"text": RULES[rule]}}
        for rule in sorted({problem.rule for problem in problems})
    ]
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
    if not file.is_relative_to(here):
        return file.as_uri()
    return quote(file.relative_to(here).as_posix())
