"""What rules and dashboards ask Prometheus and Loki for."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from airflow_platform.checks.violations import Fault, NotCheckedError
from airflow_platform.component_logs import fields as component_logs
from airflow_platform.manifests import Render
from airflow_platform.metrics import query_parser
from airflow_platform.metrics.catalogue import Catalogue, Labels, union
from airflow_platform.metrics.query_parser import Language, ParsedQuery
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.spelling import did_you_mean

_OUR_SERIES = re.compile(r"airflow_|statsd_exporter_")


@dataclass(frozen=True)
class Query:
    """A query, what it is in (``subject``) and ``where`` in there.

    ``shown`` are the labels of its result that a legend, a link or an annotation uses.
    ``may_be_foreign`` allows series that have nothing to do with Airflow.
    """

    subject: object
    where: str
    language: Language
    text: str
    shown: frozenset[str] = frozenset()
    may_be_foreign: bool = False


Parsed = Sequence[tuple[Query, ParsedQuery]]


# The VRL that gives an event its labels and structured metadata, and the names in it.
_FIELDS = re.compile(r"(?ms)^\.(labels|structured_metadata) = compact\(\{(.*?)\}\)$")
_KEY = re.compile(r'"(\w+)": ')


@dataclass(frozen=True)
class LogFields:
    """What a log line in Loki has: ``labels`` of its stream, and structured ``metadata``."""

    labels: frozenset[str]
    metadata: frozenset[str]


_OF_COMPONENTS = LogFields(component_logs.LABELS, component_logs.METADATA)


def log_fields(render: Render) -> LogFields | None:
    """Return what the sidecars of a render give a line; None where no sidecar sends to Loki."""
    found: set[LogFields] = set()
    for config in render.embedded("VectorConfig"):
        fields = config.document["transforms"].get("fields")
        if fields is not None:
            found.add(vrl_fields(fields["source"]))
    if not found:
        return None
    return LogFields(
        frozenset.intersection(*(each.labels for each in found)),
        frozenset.union(*(each.labels | each.metadata for each in found)),
    )


def vrl_fields(source: str) -> LogFields:
    """Return what the program of a step `fields` gives a line."""
    objects = dict(_FIELDS.findall(source))
    labels, metadata = (
        frozenset(_KEY.findall(objects[name])) for name in ("labels", "structured_metadata")
    )
    return LogFields(labels, metadata)


def parse(queries: Sequence[Query]) -> Parsed:
    """Parse all ``queries`` at once. NotCheckedError when the parser cannot be built."""
    if not queries:
        return ()
    try:
        results = query_parser.parse([(query.language, query.text) for query in queries])
    except PlatformError as error:
        raise NotCheckedError(str(error)) from None
    return list(zip(queries, results, strict=True))


def faults(parsed: Parsed, catalogue: Catalogue, fields: LogFields | None) -> Iterator[Fault]:
    """Yield what is wrong with queries: with their grammar, or with what they read.

    What log lines have is not known where ``fields`` is None.
    """
    for query, result in parsed:
        if result.error:
            found: Iterable[str] = [f"{result.error}: {query.text}"]
        elif query.language == "promql":
            found = _series_faults(query, result, catalogue)
        else:
            of_line = _OF_COMPONENTS if component_logs.JOB in query.text else fields
            found = _line_faults(query, result, of_line) if of_line else ()
        for fault in found:
            yield query.subject, f"{query.where}: {fault}"


def result_labels(result: ParsedQuery, catalogue: Catalogue) -> Labels:
    """Return the labels that the result of a PromQL query can have; None for any."""
    if result.error:
        return None
    if result.labels is not None:
        return result.labels
    return union(catalogue.select(selector).labels for selector in result.selectors)


def _series_faults(query: Query, result: ParsedQuery, catalogue: Catalogue) -> Iterator[str]:
    for selector in result.selectors:
        selected = catalogue.select(selector)
        for name in selected.missing:
            if _OUR_SERIES.match(name) or not query.may_be_foreign:
                yield f"there is no series {name}{did_you_mean(name, catalogue.names())}"
        if selected.labels is not None:
            for label in sorted((selector.matchers | selector.used) - selected.labels):
                yield f"{selector.metric or selector.pattern} has no label {label}"
    labels = result_labels(result, catalogue)
    if labels is not None:
        for label in sorted(query.shown - labels):
            yield f"the result has no label {label}"


def _line_faults(query: Query, result: ParsedQuery, fields: LogFields) -> Iterator[str]:
    of_line = fields.labels | fields.metadata
    for selector in result.selectors:
        for label in sorted(selector.matchers - fields.labels):
            yield f"log streams have no label {label}"
        for name in sorted(selector.used - of_line):
            yield f"log lines have no {name}"
    for label in sorted(query.shown - (of_line if result.labels is None else result.labels)):
        yield f"the result has no label {label}"
