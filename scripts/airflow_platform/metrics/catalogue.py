"""The series that Prometheus can have, as the mapping and the ServiceMonitor of a render make them.

What the user of the chart has changed is not judged: a series that a rule of the mapping drops
counts as one, and mapping rules of the user's own give their series any labels.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from airflow_platform.manifests import Render
from airflow_platform.metrics.labels import labels_by_metric
from airflow_platform.metrics.query_parser import Selector
from airflow_platform.metrics.relabeling import relabeled
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON

EXPORTER_SERIES = Path(__file__).with_name("statsd-exporter-series.yaml")

Labels = frozenset[str] | None  # None where a series may have any label

# What Prometheus adds to each series that it scrapes through a ServiceMonitor.
_TARGET_LABELS = frozenset(
    ("namespace", "job", "service", "pod", "container", "endpoint", "instance")
)
# Series that Prometheus makes itself, with the labels of the target.
_PROMETHEUS_SERIES = (
    "up",
    "scrape_duration_seconds",
    "scrape_samples_post_metric_relabeling",
    "scrape_samples_scraped",
    "scrape_series_added",
)

_MAPPING = ADDON / "files" / "metrics" / "statsd-mapping.yaml"
_PREFIX = "airflow"  # of the file, and by default of what is rendered
_METRIC_OF_THE_SIDECAR = "airflow_task_log_files_total"  # it has a rule of a plain name
_MIXED = ADDON / "files" / "metrics" / "mixed-cardinality.yaml"
_SCRAPE_PORT = "statsd-scrape"
_REFUSED = "^()"  # how the regexes of rules begin that refuse events
_ALTERNATIVES = re.compile(r"\w+(\|\w+)+")
_CAPTURED = re.compile(r"\$\{?\w+\}?")  # what a name takes from the StatsD name: $1 or ${1}


@dataclass(frozen=True)
class Selected:
    """What a selector finds: the labels of its series, and names that no series has.

    The labels are not known when there are such names.
    """

    labels: Labels
    missing: tuple[str, ...]


class Catalogue:
    """Series by their names, with their labels.

    A name that the mapping takes from a StatsD name, such as "my_$1", stands for all that it can
    become.
    """

    def __init__(self, series: Mapping[str, Labels]) -> None:
        self._series = dict(series)
        self._patterns = {
            re.compile(_CAPTURED.sub(".+", name)): labels
            for name, labels in series.items()
            if "$" in name
        }

    def labels(self, name: str) -> Labels:
        """Return the labels of a series; LookupError when there is none of that name."""
        if name in self._series:
            return self._series[name]
        made = [labels for pattern, labels in self._patterns.items() if pattern.fullmatch(name)]
        if not made:
            raise LookupError(f"there is no series {name}")
        return union(made)

    def names(self) -> tuple[str, ...]:
        """Return the names of all series."""
        return tuple(self._series)

    def select(self, selector: Selector) -> Selected:
        """Return what a selector finds."""
        if selector.metric:
            return self._select_names([selector.metric])
        if not selector.pattern:  # it asks for labels only, so for anything
            return Selected(None, ())
        if _ALTERNATIVES.fullmatch(selector.pattern):
            return self._select_names(selector.pattern.split("|"))
        found = [
            labels
            for name, labels in self._series.items()
            if re.fullmatch(selector.pattern, name)
            or ("$" in name and selector.pattern.startswith(name.partition("$")[0]))
        ]
        return Selected(union(found), ()) if found else Selected(None, (selector.pattern,))

    def with_series(self, series: Mapping[str, Labels]) -> "Catalogue":
        """Return a catalogue with more series; the labels of one that is known already add up."""
        return Catalogue(_merged((self._series, series)))

    def _select_names(self, names: Iterable[str]) -> Selected:
        found: list[Labels] = []
        missing: list[str] = []
        for name in names:
            try:
                found.append(self.labels(name))
            except LookupError:
                missing.append(name)
        return Selected(None if missing else union(found), tuple(missing))


def catalogue_of(render: Render) -> Catalogue | None:
    """Return the series of Airflow, of its statsd-exporter and of the scrapes of it.

    None when the render has no mapping, so no metrics. Where it has no ServiceMonitor, Prometheus
    is configured elsewhere, and the labels are not known.
    """
    mappings = [found.document for found in render.embedded("StatsdMapping")]
    if not mappings:
        return None
    exported = _merged((_exporter_series(), *map(_mapped_series, mappings)))
    endpoints = [
        (monitor.document["spec"], endpoint)
        for monitor in render.all("ServiceMonitor")
        for endpoint in monitor.at("spec", "endpoints")
        if endpoint.get("port") == _SCRAPE_PORT
    ]
    if not endpoints:
        return Catalogue(dict.fromkeys((*exported, *_PROMETHEUS_SERIES), None))
    return Catalogue(_merged(_scraped(exported, *endpoint) for endpoint in endpoints))


def prefix_of(mapping: Mapping[str, Any]) -> str:
    """Return the prefix of metrics that a mapping expects (`global.metrics.prefix`)."""
    for rule in mapping.get("mappings") or ():
        if rule["name"] == _METRIC_OF_THE_SIDECAR:
            return str(rule["match"].removesuffix(".task_log.files"))
    return _PREFIX


def union(labels: Iterable[Labels]) -> Labels:
    """Return the labels that are in any of the sets; None when one of those is not known."""
    found: set[str] = set()
    for each in labels:
        if each is None:
            return None
        found |= each
    return frozenset(found)


def _scraped(
    exported: Mapping[str, Labels], spec: Mapping[str, Any], endpoint: Mapping[str, Any]
) -> dict[str, Labels]:
    """Return what Prometheus makes of the exported series by an endpoint of a ServiceMonitor."""
    copied = (*(spec.get("targetLabels") or ()), *(spec.get("podTargetLabels") or ()))
    of_service = frozenset(re.sub(r"\W", "_", label) for label in copied)
    target = relabeled("", _TARGET_LABELS | of_service, endpoint.get("relabelings") or ())
    rules = endpoint.get("metricRelabelings") or ()
    found = {
        name: relabeled(name, union((labels, target)), rules) for name, labels in exported.items()
    }
    return found | dict.fromkeys(_PROMETHEUS_SERIES, target)


def _mapped_series(mapping: Mapping[str, Any]) -> dict[str, Labels]:
    """Return the series that the rules of a mapping make.

    Those that the cardinality `mixed` takes out of others are among them in any case: dashboards
    show several Airflows, and ask for them besides the others.
    """
    prefix = prefix_of(mapping)
    rules = (
        _series_of_rule(rule, prefix)
        for rule in mapping.get("mappings") or ()
        if rule["name"] != "dropped" and not rule["match"].startswith(_REFUSED)
    )
    split = (_histogram(name, labels) for name, labels in _split_metrics().items())
    return _merged((*split, *rules))


def _series_of_rule(rule: Mapping[str, Any], prefix: str) -> dict[str, Labels]:
    name = rule["name"]
    quoted = prefix.replace(".", r"\.") if rule.get("match_type") == "regex" else prefix
    if (rule["match"].replace(quoted, _PREFIX, 1), name) not in _rules_of_the_chart():
        return dict.fromkeys((name, *(name + suffix for suffix in _HISTOGRAM)), None)
    added = frozenset(label for label, value in (rule.get("labels") or {}).items() if value)
    labels = labels_by_metric().get(name, frozenset()) | added
    if name in _split_metrics():
        labels = _split_metrics()[name]
    # The conventions of our rules tell the type: gauges have a ttl, counters end in _total.
    if name in _gauges() or name.endswith("_total"):
        return {name: labels}
    return _histogram(name, labels)


def _histogram(name: str, labels: frozenset[str]) -> dict[str, Labels]:
    return {name + suffix: labels | more for suffix, more in _HISTOGRAM.items()}


_HISTOGRAM = {
    "_bucket": frozenset(("le",)),
    "_sum": frozenset[str](),
    "_count": frozenset[str](),
}


@cache
def _rules_of_the_chart() -> frozenset[tuple[str, str]]:
    """Return what each rule of the chart itself matches, and the names that it can give."""
    split = strict_yaml.load_file(_MIXED)["split"]
    second = {name: metric["name"] for name, metric in split.items()}
    return frozenset(
        (rule["match"], name)
        for rule in strict_yaml.load_file(_MAPPING)["mappings"]
        for name in (rule["name"], second.get(rule["name"], rule["name"]))
    )


@cache
def _gauges() -> frozenset[str]:
    rules = strict_yaml.load_file(_MAPPING)["mappings"]
    return frozenset(rule["name"] for rule in rules if "ttl" in rule)


@cache
def _split_metrics() -> Mapping[str, frozenset[str]]:
    """Return the labels of the metrics that a cardinality takes out of others."""
    split = strict_yaml.load_file(_MIXED)["split"].values()
    return {metric["name"]: frozenset(metric["labels"]) for metric in split}


@cache
def _exporter_series() -> Mapping[str, Labels]:
    """Return what the statsd-exporter says about itself."""
    series = strict_yaml.load_file(EXPORTER_SERIES)
    return {name: frozenset(labels) for name, labels in series.items()}


def _merged(parts: Iterable[Mapping[str, Labels]]) -> dict[str, Labels]:
    found: dict[str, Labels] = {}
    for name, labels in (item for part in parts for item in part.items()):
        found[name] = union((found[name], labels)) if name in found else labels
    return found
