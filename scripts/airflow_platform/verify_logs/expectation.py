"""The lines to expect in Loki: from Airflow, from log files, or from a list."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_platform.support import strict_yaml
from airflow_platform.support.errors import PlatformError
from airflow_platform.verify_logs.airflow import Airflow
from airflow_platform.verify_logs.attempts import UNMAPPED, Attempt, Run
from airflow_platform.verify_logs.records import Form, as_printed, as_written, records

_LOG_FILE = re.compile(
    r"dag_id=(?P<dag_id>[^/]+)/run_id=(?P<run_id>[^/]+)/task_id=(?P<task_id>[^/]+)/"
    r"(?:map_index=(?P<map_index>-?[0-9]+)/)?attempt=(?P<try_number>[0-9]+)\.log"
)


@dataclass(frozen=True)
class Expectation:
    """The lines to expect of each log; ``form`` gives the records in Loki the same form.

    The lines of a log are None if the source does not know them. If they are not ``complete``, Loki
    has other lines as well.
    """

    logs: Mapping[Attempt, list[str] | None]
    form: Form
    complete: bool = True


def from_airflow(airflow: Airflow, run: Run) -> Expectation:
    """Return the lines of ``run`` in Airflow's own log view; PlatformError if no task has run."""
    logs = {attempt: airflow.log(attempt) for attempt in airflow.attempts(run)}
    if not logs:
        raise PlatformError(f"No task of {run.run_id} of {run.dag_id} has run.")
    return Expectation(logs, airflow.form)


def from_log_files(
    directory: Path, dag_id: str | None = None, run_id: str | None = None
) -> Expectation:
    """Return the lines of the log files below ``directory``, of one DAG or run if it is given.

    PlatformError when there is no such file.
    """
    logs: dict[Attempt, list[str]] = defaultdict(list)
    for path in sorted(directory.rglob("attempt=*.log*")):
        identity = _LOG_FILE.search(path.as_posix())
        if not identity or not path.is_file():
            continue
        run = Run(identity["dag_id"], identity["run_id"])
        if dag_id not in (None, run.dag_id) or run_id not in (None, run.run_id):
            continue
        map_index, try_number = identity["map_index"] or UNMAPPED, identity["try_number"]
        attempt = Attempt(run, identity["task_id"], int(map_index), int(try_number))
        text = path.read_bytes().decode(errors="replace").removesuffix("\n")
        logs[attempt] += records(text.split("\n")) if text else []
    if not logs:
        raise PlatformError(
            f"{directory} has no log file of the run in Airflow's layout:"
            " dag_id=.../run_id=.../task_id=.../attempt=1.log"
        )
    return Expectation(logs, as_written)


def from_list(file: Path, run: Run) -> Expectation:
    """Return the lines of ``run`` that ``file`` lists; PlatformError if the file is malformed.

    The file is a list of {task_id, map_index, try_number, lines, count}: see
    examples/dags/hello_world.expected.yaml.
    """
    logs: dict[Attempt, list[str]] = defaultdict(list)
    items = strict_yaml.load_file(file)
    for item in items if items and isinstance(items, list) else [items]:
        if not _is_valid(item):
            raise PlatformError(
                f"{file}: an item is not of the form\n"
                "  {task_id: hello, map_index: 0, try_number: 1, count: 1, lines: [hello]}\n"
                f"of which only task_id and lines are needed: {item}"
            )
        map_index, try_number = item.get("map_index", UNMAPPED), item.get("try_number", 1)
        log = logs[Attempt(run, item["task_id"], map_index, try_number)]
        for n in range(1, item.get("count", 1) + 1):
            log += [str(line).replace("{n}", str(n)) for line in item["lines"]]
    return Expectation(logs, as_printed, complete=False)


def _is_valid(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    numbers = {key: value for key, value in item.items() if key not in ("task_id", "lines")}
    return (
        isinstance(item.get("task_id"), str)
        and isinstance(item.get("lines"), list)
        and numbers.keys() <= {"map_index", "try_number", "count"}
        and all(isinstance(number, int) for number in numbers.values())
    )
