"""The dashboards of this repository: Grafana can show them, wherever they are imported."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from airflow_platform.checks.queries import Query
from airflow_platform.checks.violations import CHECKS, Fault, is_ours
from airflow_platform.manifests import EmbeddedDocument, Render
from airflow_platform.metrics.query_parser import Language

Dashboard = Mapping[str, Any]

# Panels that every Grafana has; `graph`, `singlestat` and `table-old` are gone.
_PANEL_TYPES = frozenset(
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
_DATA_SOURCES = {"prometheus": "${datasource}", "loki": "${loki}"}

_COLUMNS = 24
_OLDEST_SCHEMA = 39
_VARIABLE = re.compile(r"\$\{(\w+)[^}]*\}|\$([a-zA-Z_]\w*)|\[\[(\w+)")
# Variables of the template in a line_format, which Grafana leaves alone.
_OF_TEMPLATE = re.compile(r"\$(\w+)(?:, \$(\w+))? :=")
_LABEL_VALUES = re.compile(r"label_values\((.+), (\w+)\)")
_DASHBOARD_LINK = re.compile(r"/d/([\w-]+)\?(.*)")


@CHECKS.add
def dashboards_can_be_shown(render: Render) -> Iterator[Fault]:
    """Check what Grafana itself needs, and that panels neither overlap nor lack a unit."""
    for found in _ours(render):
        dashboard = found.document
        if dashboard["schemaVersion"] < _OLDEST_SCHEMA:
            yield (
                found,
                f"schemaVersion {dashboard['schemaVersion']} is older than {_OLDEST_SCHEMA}",
            )
        for id_ in _repeated(panel["id"] for panel in _panels(dashboard)):
            yield found, f"two panels have the id {id_}"
        for panel in _panels(dashboard):
            title = panel.get("title") or f"panel {panel['id']} without a title"
            yield from ((found, f"{title}: {fault}") for fault in _panel_faults(panel))
        yield from ((found, fault) for fault in _layout_faults(dashboard))


@CHECKS.add
def dashboard_data_sources_can_be_chosen(render: Render) -> Iterator[Fault]:
    """Refuse a fixed uid of a data source, which is right in one Grafana only."""
    for found in _ours(render):
        for source in _values(found.document, "datasource"):
            type_, uid = source["type"], source["uid"]
            if _DATA_SOURCES.get(type_) != uid:
                known = ", ".join(_DATA_SOURCES.values())
                yield found, f"the data source {uid} of type {type_} is none of {known}"


@CHECKS.add
def dashboard_variables_are_defined(render: Render) -> Iterator[Fault]:
    """Check that each variable that a dashboard uses is defined there, or in a query's template.

    Not in both: Grafana would put its value into the template.
    """
    for found in _ours(render):
        defined = _defined(found.document)
        for text in _texts(found.document):
            of_template = _matched(_OF_TEMPLATE, text)
            for name in sorted(of_template & defined):
                yield found, f"the dashboard replaces the variable {name} of a template: {text}"
            for name in sorted(_matched(_VARIABLE, text) - of_template):
                if not name.startswith("__") and name not in defined:
                    yield found, f"the variable {name} is not defined: {text}"


@CHECKS.add
def dashboard_links_lead_somewhere(render: Render) -> Iterator[Fault]:
    """Check that links lead to dashboards of this render and set variables that those have."""
    by_uid = {found.document["uid"]: found.document for found in _ours(render)}
    for found in _ours(render):
        for url in _values(found.document, "url"):
            if not (match := _DASHBOARD_LINK.match(url)):
                continue
            uid, parameters = match.groups()
            if uid not in by_uid:
                yield found, f"a link leads to a dashboard {uid}, which does not exist"
                continue
            given = re.findall(r"var-(\w+)=|\$\{(\w+):queryparam\}", parameters)
            for name in sorted({one or other for one, other in given} - _defined(by_uid[uid])):
                yield found, f"a link sets the variable {name}, which {uid} does not have"


def dashboard_queries(
    render: Render, chosen: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Query]:
    """Yield the queries of all panels, variables, annotations and links to Explore.

    Each variable in them has a value in its place: that of ``chosen``, if it is there.
    """
    for found in _ours(render):
        yield from _queries(found, chosen)


def _ours(render: Render) -> list[EmbeddedDocument]:
    return [found for found in render.embedded("Dashboard") if is_ours(found.owner)]


def _panel_faults(panel: Mapping[str, Any]) -> Iterator[str]:
    if panel["type"] not in _PANEL_TYPES:
        yield f"Grafana has no panels of the type {panel['type']}"
    for repeated in _repeated(target["refId"] for target in panel.get("targets", ())):
        yield f"two queries have the refId {repeated}"
    if panel["type"] not in ("row", "logs", "text") and not _has_unit(panel):
        yield "there is no unit"
    headings = {name for names in _values(panel, "renameByName") for name in names.values()}
    for url in _values(panel, "url"):
        for column in sorted({*re.findall(r"\$\{__data\.fields\.(\w+)\}", url)} - headings):
            yield f"a link needs the column {column}, which is not there"


def _panels(dashboard: Dashboard) -> Iterator[Any]:
    """Yield each panel, rows and the panels of collapsed rows included."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", ())


def _queries(found: EmbeddedDocument, chosen: Mapping[str, str]) -> Iterator[Query]:
    dashboard = found.document

    def query(where: str, language: Language, text: str, shown: Iterable[str] = ()) -> Query:
        return Query(found, where, language, _filled(text, chosen), frozenset(shown))

    for panel in _panels(dashboard):
        for target in panel.get("targets", ()):
            language: Language = "logql" if target["datasource"]["type"] == "loki" else "promql"
            where = f"{panel['title']}, query {target['refId']}"
            yield query(where, language, target["expr"], _shown(panel, target))
        for url in _values(panel, "url"):
            for text in _explored(url):
                yield query(f"{panel['title']}, link", "logql", text)
    for annotation in dashboard["annotations"]["list"]:
        shown = _in_braces(annotation.get("titleFormat", ""))
        yield query(f"annotation {annotation['name']}", "promql", annotation["expr"], shown)
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        where, values = f"variable {variable['name']}", variable["query"]
        if isinstance(values, Mapping):
            yield query(where, "logql", values["stream"], (values["label"],))
        elif match := _LABEL_VALUES.fullmatch(values):
            yield query(where, "promql", match[1], (match[2],))
        else:
            yield query(where, "promql", values)


def _explored(url: str) -> Iterator[str]:
    """Yield the queries of a link to Explore."""
    if url.startswith("/explore?"):
        (panes,) = parse_qs(urlsplit(url).query)["panes"]
        for pane in json.loads(panes).values():
            yield from (query["expr"] for query in pane["queries"])


def _shown(panel: Mapping[str, Any], target: Mapping[str, Any]) -> Iterator[str]:
    """Yield the labels of a query's result that a panel shows, or puts into links."""
    yield from _in_braces(target.get("legendFormat", ""))
    for url in _values(panel, "url"):
        yield from re.findall(r"\$\{__field\.labels\.(\w+)\}", url)
    for columns in _values(panel, "renameByName"):
        yield from (name for name in columns if not name.startswith("Value"))


def _layout_faults(dashboard: Dashboard) -> Iterator[str]:
    placed = [(panel["title"], panel["gridPos"]) for panel in _panels(dashboard)]
    for title, at in placed:
        if at["x"] + at["w"] > _COLUMNS:
            yield f"{title} is wider than the dashboard"
    for (one, a), (other, b) in combinations(placed, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        below = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        if not (beside or below):
            yield f"{one} overlaps {other}"


def _has_unit(panel: Mapping[str, Any]) -> bool:
    """Say whether numbers have a unit; those of a table have it in their columns' overrides."""
    return any(_values(panel, "unit")) or "unit" in _values(panel["fieldConfig"]["overrides"], "id")


def _filled(text: str, chosen: Mapping[str, str]) -> str:
    """Put a value in place of each variable, a duration in place of Grafana's own."""
    of_template = _matched(_OF_TEMPLATE, text)

    def value(match: re.Match[str]) -> str:
        if match[0].removeprefix("$") in of_template:
            return match[0]
        name = next(filter(None, match.groups()))
        return chosen.get(name, "5m" if name.startswith("__") else "value")

    return _VARIABLE.sub(value, text)


def _matched(pattern: re.Pattern[str], text: str) -> set[str]:
    """Return the names that the groups of ``pattern`` find in ``text``."""
    return {name for match in pattern.finditer(text) for name in match.groups() if name}


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
    elif isinstance(document, list | tuple):
        for value in document:
            yield from _values(value, key)


def _texts(document: Any) -> Iterator[str]:
    """Yield each text at any depth."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, Mapping):
        for value in document.values():
            yield from _texts(value)
    elif isinstance(document, list | tuple):
        for value in document:
            yield from _texts(value)
