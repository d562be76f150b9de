"""The logs of a DAG run as Loki has them."""

from datetime import datetime

from airflow_platform.loki.client import Entry, Loki, quoted
from airflow_platform.verify_logs.attempts import Attempt, Run, attempt_of
from airflow_platform.verify_logs.records import records


def logs(
    loki: Loki, run: Run, start: datetime, end: datetime, selector: str | None = None
) -> dict[Attempt, list[list[str]]]:
    """Return the records of each attempt, in the order of the log file.

    There is one list for each pod, because each pod has a file of its own: a deferred task
    continues in a new pod. ``selector`` replaces the selector of streams by dag_id.
    """
    dag = f"dag_id={quoted(run.dag_id)}"
    query = f"{selector or f'{{{dag}}}'} | {dag} | run_id={quoted(run.run_id)}"
    pods: dict[Attempt, dict[str, list[Entry]]] = {}
    for entry in loki.entries(query, start, end):
        fields = dict(entry.fields)
        attempt = attempt_of(fields)
        pods.setdefault(attempt, {}).setdefault(fields.get("pod", ""), []).append(entry)
    return {
        attempt: [_file(entries) for entries in of_pod.values()] for attempt, of_pod in pods.items()
    }


def _file(entries: list[Entry]) -> list[str]:
    """Return the records of a log file: parts joined, in the order of their offsets."""

    def place(entry: Entry) -> tuple[int, int, int]:
        fields = dict(entry.fields)
        return int(fields.get("offset", 0)), int(fields.get("part", 1)), entry.time

    texts: list[str] = []
    for entry in sorted(entries, key=place):
        if int(dict(entry.fields).get("part", 1)) > 1 and texts:
            texts[-1] += entry.line
        else:
            texts.append(entry.line)
    return records(line for text in texts for line in text.split("\n"))
