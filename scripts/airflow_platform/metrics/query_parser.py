"""Parses PromQL and LogQL with the parsers of Prometheus and Loki (tools/query-parser)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from airflow_platform.support.answers import ask
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.tools import tool

Language = Literal["promql", "logql"]


@dataclass(frozen=True)
class Selector:
    """One selection of series or log lines.

    ``metric`` is the name of the series and ``pattern`` the regular expression for it; each is ""
    when the query has none. ``matchers`` are the labels inside the braces, ``used`` those that the
    rest of the query takes from what is selected.
    """

    metric: str
    pattern: str
    matchers: frozenset[str]
    used: frozenset[str]


@dataclass(frozen=True)
class ParsedQuery:
    """What a query reads; ``error`` says why it is none.

    ``labels`` are those of the result, None when they are those of what is selected.
    """

    error: str
    selectors: tuple[Selector, ...]
    labels: frozenset[str] | None


def parse(queries: Sequence[tuple[Language, str]]) -> list[ParsedQuery]:
    """Parse all ``queries``, in their order. PlatformError when the parser cannot be built."""
    asked = [{"language": language, "query": query} for language, query in queries]
    answer = ask(tool("query-parser"), given=json.dumps(asked))
    if answer.code:
        raise PlatformError(f"query-parser failed: {answer.stderr.strip()}")
    return [_parsed(result) for result in json.loads(answer.stdout)]


def _parsed(result: dict[str, Any]) -> ParsedQuery:
    return ParsedQuery(
        error=result["error"],
        selectors=tuple(map(_selector, result["selectors"] or ())),
        labels=None if result["labels"] is None else frozenset(result["labels"]),
    )


def _selector(each: dict[str, Any]) -> Selector:
    matchers, used = frozenset(each["matchers"]), frozenset(each["used"])
    return Selector(each["metric"], each["pattern"], matchers, used)
