"""What must be true of the dashboards. Each check yields sentences that say what is wrong where."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any
from urllib.parse import parse_qs, urlsplit

from airflow_platform.metrics import query_parser
from airflow_platform.metrics.catalogue import TARGET_LABELS
from airflow_platform.metrics.query_parser import Language, ParsedQuery
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON
from airflow_platform.support.spelling import did_you_mean

Dashboard = Mapping[str, Any]

# Panels that every Grafana has; `graph`, `singlestat` and `table-old` are gone.
PANEL_TYPES = frozenset(
    (
        "bargauge",
        "gauge",
        "heatmap",
        "logs",
        "piechart",
        "row",
        "stat",
        "table",
        "text",
        "timeseries",
    )
)
DATASOURCES = {"prometheus": "${datasource}", "loki": "${loki}"}

# Series that Prometheus makes itself.
PROMETHEUS_SERIES = {
    "ALERTS": frozenset(("alertname", "alertstate", "severity")),
    "scrape_samples_scraped": frozenset[str](),
    "up": frozenset[str](),
}

_COLUMNS = 24
_OLDEST_SCHEMA = 39
_VARIABLE = re.compile(r"\$\{(\w+)[^}]*\}|\$([a-zA-Z_]\w*)|\[\[(\w+)")
_LABEL_VALUES = re.compile(r"label_values\((.+), (\w+)\)")
_DASHBOARD_LINK = re.compile(r"/d/([\w-]+)\?(.*)")


@dataclass(frozen=True)
class LogFields:
    """What a log line in Loki has: ``labels`` of its stream, and structured ``metadata``."""

    labels: frozenset[str]
    metadata: frozenset[str]


def log_fields() -> LogFields:
    """Return what the sidecar gives a line by default."""
    values = strict_yaml.load_file(ADDON / "values.yaml")["global"]["taskLogs"]
    return LogFields(
        frozenset((*values["labels"], *values["labelFields"])), frozenset(values["metadataFields"])
    )


def structure(dashboard: Dashboard) -> Iterator[str]:
    """Check what Grafana itself needs in order to show a dashboard."""
    if dashboard["schemaVersion"] < _OLDEST_SCHEMA:
        yield f"schemaVersion {dashboard['schemaVersion']} is older than {_OLDEST_SCHEMA}"
    yield from (
        f"two panels have the id {id_}" for id_ in _repeated(p["id"] for p in panels(dashboard))
    )
    for panel in panels(dashboard):
        title = panel.get("title") or f"panel {panel['id']} without a title"
        if panel["type"] not in PANEL_TYPES:
            yield f"{title}: Grafana has no panels of the type {panel['type']}"
        for repeated in _repeated(target["refId"] for target in panel.get("targets", ())):
            yield f"{title}: two queries have the refId {repeated}"
        if panel["type"] not in ("row", "logs", "text") and not _has_unit(panel):
            yield f"{title}: there is no unit"
        headings = {name for names in _values(panel, "renameByName") for name in names.values()}
        for url in _values(panel, "url"):
            for column in sorted({*re.findall(r"\$\{__data\.fields\.(\w+)\}", url)} - headings):
                yield f"{title}: a link needs the column {column}, which is not there"
    yield from _layout(dashboard)


def datasources(dashboard: Dashboard) -> Iterator[str]:
    """Check that every data source can be chosen; a fixed uid is right in one Grafana only."""
    for source in _values(dashboard, "datasource"):
        type_, uid = source["type"], source["uid"]
        if DATASOURCES.get(type_) != uid:
            yield f"the data source {uid} of type {type_} is none of {DATASOURCES}"


def variables(dashboard: Dashboard) -> Iterator[str]:
    """Check that each variable that is used is defined."""
    defined = _defined(dashboard)
    for text in _texts(dashboard):
        for name in filter(None, (name for names in _VARIABLE.findall(text) for name in names)):
            if not name.startswith("__") and name not in defined:
                yield f"the variable {name} is not defined: {text}"


def links(dashboard: Dashboard, dashboards: Sequence[Dashboard]) -> Iterator[str]:
    """Check that links lead to one of ``dashboards`` and set variables that it has."""
    by_uid = {each["uid"]: each for each in dashboards}
    for url in _values(dashboard, "url"):
        if not (match := _DASHBOARD_LINK.match(url)):
            continue
        uid, parameters = match.groups()
        if uid not in by_uid:
            yield f"a link leads to a dashboard {uid}, which does not exist"
            continue
        given = re.findall(r"var-(\w+)=|\$\{(\w+):queryparam\}", parameters)
        for name in {first or second for first, second in given} - _defined(by_uid[uid]):
            yield f"a link sets the variable {name}, which the dashboard {uid} does not have"


def queries(
    dashboard: Dashboard, series: Mapping[str, frozenset[str]], fields: LogFields
) -> Iterator[str]:
    """Check that the queries are valid and read only what there can be.

    ``series`` are the labels of each series by its name, ``fields`` those of log lines.
    """
    asked = list(_queries(dashboard))
    parsed = query_parser.parse([(query.language, _filled(query.text)) for query in asked])
    for query, result in zip(asked, parsed, strict=True):
        if result.error:
            yield f"{query.where}: {result.error}: {query.text}"
        elif query.language == "promql":
            yield from _series_problems(query, result, series)
        else:
            yield from _line_problems(query, result, fields)


def panels(dashboard: Dashboard) -> Iterator[Any]:
    """Yield each panel, rows and the panels of collapsed rows included."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", ())


@dataclass(frozen=True)
class _Query:
    where: str
    language: Language
    text: str
    shown: frozenset[str]  # labels that the dashboard wants to see in the result


def _queries(dashboard: Dashboard) -> Iterator[_Query]:
    for panel in panels(dashboard):
        for target in panel.get("targets", ()):
            yield _Query(
                f"{panel['title']}, query {target['refId']}",
                "logql" if target["datasource"]["type"] == "loki" else "promql",
                target["expr"],
                frozenset(_shown(panel, target)),
            )
        for url in _values(panel, "url"):
            for query in _explored(url):
                yield _Query(f"{panel['title']}, link", "logql", query, frozenset())
    for annotation in dashboard["annotations"]["list"]:
        shown = _in_braces(annotation.get("titleFormat", ""))
        yield _Query(f"annotation {annotation['name']}", "promql", annotation["expr"], shown)
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        where, query = f"variable {variable['name']}", variable["query"]
        if isinstance(query, Mapping):
            yield _Query(where, "logql", query["stream"], frozenset((query["label"],)))
        elif match := _LABEL_VALUES.fullmatch(query):
            yield _Query(where, "promql", match[1], frozenset((match[2],)))
        else:
            yield _Query(where, "promql", query, frozenset())


def _explored(url: str) -> Iterator[str]:
    """Yield the queries of a link to Explore."""
    if url.startswith("/explore?"):
        (panes,) = parse_qs(urlsplit(url).query)["panes"]
        for pane in json.loads(panes).values():
            yield from (query["expr"] for query in pane["queries"])


def _shown(panel: Dashboard, target: Dashboard) -> Iterator[str]:
    """Yield the labels of a query's result that a panel shows, or puts into links."""
    yield from _in_braces(target.get("legendFormat", ""))
    for url in _values(panel, "url"):
        yield from re.findall(r"\$\{__field\.labels\.(\w+)\}", url)
    for columns in _values(panel, "renameByName"):
        yield from (name for name in columns if not name.startswith("Value"))


def _series_problems(
    query: _Query, result: ParsedQuery, series: Mapping[str, frozenset[str]]
) -> Iterator[str]:
    known = {**series, **PROMETHEUS_SERIES}
    of_selected = set(TARGET_LABELS)
    for selector in result.selectors:
        pattern = selector.pattern or re.escape(selector.metric)
        matching = [name for name in known if re.fullmatch(pattern, name)]
        if not matching:
            near = did_you_mean(selector.metric, tuple(known))
            yield f"{query.where}: there is no series {selector.metric or pattern}{near}"
            continue
        labels = TARGET_LABELS.union(*(known[name] for name in matching))
        of_selected |= labels
        for label in sorted((selector.matchers | selector.used) - labels):
            yield f"{query.where}: {selector.metric or pattern} has no label {label}"
    labels_of_result = of_selected if result.labels is None else result.labels
    for label in sorted(query.shown - labels_of_result):
        yield f"{query.where}: the result has no label {label}"


def _line_problems(query: _Query, result: ParsedQuery, fields: LogFields) -> Iterator[str]:
    of_line = fields.labels | fields.metadata
    for selector in result.selectors:
        for label in sorted(selector.matchers - fields.labels):
            yield f"{query.where}: log streams have no label {label}"
        for name in sorted(selector.used - of_line):
            yield f"{query.where}: log lines have no {name}"
    for label in sorted(query.shown - (of_line if result.labels is None else result.labels)):
        yield f"{query.where}: the result has no label {label}"


def _layout(dashboard: Dashboard) -> Iterator[str]:
    placed = [(panel["title"], panel["gridPos"]) for panel in panels(dashboard)]
    for title, at in placed:
        if at["x"] + at["w"] > _COLUMNS:
            yield f"{title} is wider than the dashboard"
    for (one, a), (other, b) in combinations(placed, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        below = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        if not (beside or below):
            yield f"{one} overlaps {other}"


def _has_unit(panel: Dashboard) -> bool:
    """Say whether numbers have a unit; those of a table have it in their columns' overrides."""
    return any(_values(panel, "unit")) or "unit" in _values(panel["fieldConfig"]["overrides"], "id")


def _filled(text: str) -> str:
    """Put a value in place of each variable, a duration in place of Grafana's own."""

    def value(match: re.Match[str]) -> str:
        return "5m" if "__" in match[0] else "value"

    return _VARIABLE.sub(value, text)


def _defined(dashboard: Dashboard) -> set[str]:
    return {variable["name"] for variable in dashboard["templating"]["list"]}


def _in_braces(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\{\{\s*(\w+)\s*\}\}", text))


def _repeated(items: Iterable[Any]) -> list[Any]:
    listed = list(items)
    return sorted({item for item in listed if listed.count(item) > 1})


def _values(document: Any, key: str) -> Iterator[Any]:
    """Yield the values of ``key`` at any depth."""
    if isinstance(document, Mapping):
        if document.get(key) is not None:
            yield document[key]
        for value in document.values():
            yield from _values(value, key)
    elif isinstance(document, list):
        for value in document:
            yield from _values(value, key)


def _texts(document: Any) -> Iterator[str]:
    """Yield each text at any depth."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, Mapping):
        for value in document.values():
            yield from _texts(value)
    elif isinstance(document, list):
        for value in document:
            yield from _texts(value)
