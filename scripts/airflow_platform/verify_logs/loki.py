"""Reads log lines from Loki."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from airflow_platform.support.errors import PlatformError
from airflow_platform.support.rest import Server, basic_auth, bearer_auth
from airflow_platform.verify_logs.attempts import UNMAPPED, Attempt, Run
from airflow_platform.verify_logs.records import records

_PAGE_LINES = 1000
_WINDOW = timedelta(days=1)  # Loki limits the time that one query may cover
_NANOSECONDS = 10**9


@dataclass(frozen=True)
class Entry:
    """A line in Loki. ``time`` is in nanoseconds; ``fields`` are labels and structured metadata."""

    time: int
    line: str
    fields: tuple[tuple[str, str], ...]


class Loki:
    """A Loki, or the gateway in front of it.

    ``environment`` has the variables that logcli reads
    (https://grafana.com/docs/loki/latest/query/logcli/).
    """

    def __init__(
        self, url: str, environment: Mapping[str, str], *, tenant: str, ca_file: Path | None
    ) -> None:
        headers = {"X-Scope-OrgID": tenant} if tenant else {}
        if token := environment.get("LOKI_BEARER_TOKEN"):
            headers |= bearer_auth(token)
        elif username := environment.get("LOKI_USERNAME"):
            headers |= basic_auth(username, environment.get("LOKI_PASSWORD", ""))
        self._server = Server(
            url,
            headers=headers,
            ca_file=ca_file,
            unreachable=_port_forward(url),
            refused="Set LOKI_USERNAME and LOKI_PASSWORD, or LOKI_BEARER_TOKEN, and --tenant.",
        )

    def logs(
        self, run: Run, start: datetime, end: datetime, selector: str | None = None
    ) -> dict[Attempt, list[list[str]]]:
        """Return the records of each attempt, in the order of the log file.

        There is one list for each pod, because each pod has a file of its own: a deferred task
        continues in a new pod. ``selector`` replaces the selector of streams by dag_id.
        """
        dag = f"dag_id={_quoted(run.dag_id)}"
        query = f"{selector or f'{{{dag}}}'} | {dag} | run_id={_quoted(run.run_id)}"
        pods: dict[Attempt, dict[str, list[Entry]]] = {}
        for entry in self._entries(query, start, end):
            fields = dict(entry.fields)
            attempt = Attempt(
                run,
                fields.get("task_id", ""),
                int(fields.get("map_index") or UNMAPPED),
                int(fields.get("try_number") or 0),
            )
            pods.setdefault(attempt, {}).setdefault(fields.get("pod", ""), []).append(entry)
        return {
            attempt: [_file(entries) for entries in of_pod.values()]
            for attempt, of_pod in pods.items()
        }

    def _entries(self, query: str, start: datetime, end: datetime) -> Iterator[Entry]:
        while start < end:
            yield from self._window(query, start, min(start + _WINDOW, end))
            start += _WINDOW

    def _window(self, query: str, start: datetime, end: datetime) -> Iterator[Entry]:
        """Page through a window of time, oldest first."""
        since, until = (int(time.timestamp()) * _NANOSECONDS for time in (start, end))
        seen: set[Entry] = set()  # entries of the time at which the page begins
        while True:
            page = self._page(query, since, until)
            yield from (entry for entry in page if entry not in seen)
            if len(page) < _PAGE_LINES:
                return
            last = page[-1].time
            if last == since:
                raise PlatformError(f"Loki has more than {_PAGE_LINES} lines of one nanosecond.")
            since, seen = last, {entry for entry in page if entry.time == last}

    def _page(self, query: str, since: int, until: int) -> list[Entry]:
        answer = self._server.get(
            "/loki/api/v1/query_range",
            query=query,
            start=since,
            end=until,
            limit=_PAGE_LINES,
            direction="forward",
        )
        entries = (
            Entry(int(time), line, tuple(sorted(stream["stream"].items())))
            for stream in answer["data"]["result"]
            for time, line, *_ in stream["values"]
        )
        return sorted(entries, key=lambda entry: entry.time)


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


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _port_forward(url: str) -> str:
    """Return a message that says how to reach a Loki inside the cluster."""
    inside = re.match(r"https?://([^.:/]+)\.([^.:/]+)\.svc[^:/]*(?::(\d+))?", url)
    service, namespace, port = inside.groups("80") if inside else ("loki-gateway", "monitoring", 80)
    return (
        "If it is inside the cluster, run\n"
        f"  kubectl --namespace {namespace} port-forward service/{service} 3100:{port}\n"
        "in another terminal, and use\n"
        "  --loki http://localhost:3100"
    )
