"""The series that Prometheus can have of Airflow: what the mapping and the relabelings make."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON

_FILES = ADDON / "files" / "metrics"
EXPORTER_SERIES = Path(__file__).with_name("statsd-exporter-series.yaml")

# What Prometheus adds to each series that it scrapes from the statsd-exporter.
TARGET_LABELS = frozenset(
    ("namespace", "job", "service", "pod", "container", "endpoint", "instance")
)


def airflow_series() -> Mapping[str, frozenset[str]]:
    """Return the labels of each series by its name, less those of the target."""
    labels_of = _load("metric-labels.yaml")
    relabelings = _load("metric-relabelings.yaml")
    found: dict[str, frozenset[str]] = {}
    for rule in _load("statsd-mapping.yaml")["mappings"]:
        metric = rule["name"]
        labels = frozenset(_relabeled(metric, labels_of.get(metric, ()), relabelings))
        for suffix, added in _suffixes(rule):
            found[metric + suffix] = labels | added
    del found["dropped"]
    return found


def _suffixes(rule: Mapping[str, Any]) -> Iterator[tuple[str, set[str]]]:
    """Yield the suffixes of a metric's series and their own labels.

    The mapping's conventions tell the type: gauges have a ttl, counters end in _total, and all else
    are histograms.
    """
    if "ttl" in rule or rule["name"].endswith("_total") or rule["name"] == "dropped":
        yield "", set()
    else:
        yield from (("_bucket", {"le"}), ("_sum", set()), ("_count", set()))


def _relabeled(metric: str, labels: Any, relabelings: Any) -> set[str]:
    """Return what is left of a metric's ``labels`` after the relabelings of a scrape."""
    left = set(labels)
    for rule in relabelings:
        sources = set(rule["sourceLabels"]) - {"__name__"}
        value = ";".join([metric, *("value" for _ in sources)])
        if sources <= left and re.fullmatch(rule["regex"], value):
            change = left.add if rule["replacement"] else left.discard
            change(rule["targetLabel"])
    return left


def _load(name: str) -> Any:
    return strict_yaml.load((_FILES / name).read_text(encoding="utf-8"), name)
