"""Queries Loki: pages of log lines, oldest first."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow_platform.support.errors import PlatformError
from airflow_platform.support.rest import Server, basic_auth, bearer_auth

_PAGE_LINES = 1000
_MOST_LINES = 5000  # of one answer, by Loki's default max_entries_limit_per_query
_WINDOW = timedelta(days=1)  # Loki limits the time that one query may cover


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
        self._server = server(url, environment, tenant=tenant, ca_file=ca_file)

    def entries(self, query: str, start: datetime, end: datetime) -> Iterator[Entry]:
        """Yield the lines of a LogQL query from ``start`` to before ``end``, oldest first.

        One page at a time is asked for and held in memory. PlatformError when Loki cannot be
        reached, or refuses.
        """
        while start < end:
            yield from self._window(query, start, min(start + _WINDOW, end))
            start += _WINDOW

    def had_data(self, query: str, start: datetime, end: datetime) -> bool:
        """Say whether a query, of lines or of numbers, has a result of that time."""
        answer = self._server.get(
            "/loki/api/v1/query_range",
            query=query,
            start=_nanoseconds(start),
            end=_nanoseconds(end),
            limit=1,
        )
        return bool(answer["data"]["result"])

    def labels(self, start: datetime, end: datetime) -> frozenset[str]:
        """Return the names of the labels that streams of that time have."""
        answer = self._server.get(
            "/loki/api/v1/labels", start=_nanoseconds(start), end=_nanoseconds(end)
        )
        return frozenset(answer.get("data") or ())

    def _window(self, query: str, start: datetime, end: datetime) -> Iterator[Entry]:
        """Page through a window of time.

        A page begins at the time of the last line before it, for Loki may have more lines of that
        time; those that were seen are left out.
        """
        since, until = _nanoseconds(start), _nanoseconds(end)
        seen: set[Entry] = set()  # entries of the time at which the page begins
        limit = _PAGE_LINES
        while True:
            page = self._page(query, since, until, limit)
            yield from (entry for entry in page if entry not in seen)
            if len(page) < limit:
                return
            last = page[-1].time
            if last > since:
                seen, limit = set(), _PAGE_LINES
            elif limit == _PAGE_LINES:
                limit = max(limit, _MOST_LINES)
            else:
                raise PlatformError(f"Loki has more than {limit} lines of one nanosecond.")
            seen |= {entry for entry in page if entry.time == last}
            since = last

    def _page(self, query: str, since: int, until: int, limit: int) -> list[Entry]:
        answer = self._server.get(
            "/loki/api/v1/query_range",
            query=query,
            start=since,
            end=until,
            limit=limit,
            direction="forward",
        )
        entries = (
            Entry(int(time), line, tuple(sorted(stream["stream"].items())))
            for stream in answer["data"]["result"]
            for time, line, *_ in stream["values"]
        )
        return sorted(entries, key=lambda entry: entry.time)


def server(
    url: str,
    environment: Mapping[str, str],
    *,
    tenant: str,
    ca_file: Path | None,
    timeout: float = 60,
) -> Server:
    """Return the server of a Loki; arguments are those of ``Loki`` and of ``Server``."""
    headers = {"X-Scope-OrgID": tenant} if tenant else {}
    if token := environment.get("LOKI_BEARER_TOKEN"):
        headers |= bearer_auth(token)
    elif username := environment.get("LOKI_USERNAME"):
        headers |= basic_auth(username, environment.get("LOKI_PASSWORD", ""))
    return Server(
        url,
        headers=headers,
        ca_file=ca_file,
        unreachable=_port_forward(url),
        refused="Set LOKI_USERNAME and LOKI_PASSWORD, or LOKI_BEARER_TOKEN, and --tenant.",
        timeout=timeout,
    )


def quoted(value: str) -> str:
    """Return ``value`` as a text in LogQL."""
    return json.dumps(value, ensure_ascii=False)


def _nanoseconds(time: datetime) -> int:
    return (time.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1) * 1000


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
