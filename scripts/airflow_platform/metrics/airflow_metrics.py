"""The metrics that Airflow sends, from the table airflow-metrics.yaml."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

VERSIONS = ("2.9", "2.10", "2.11", "3.0", "3.1", "3.2", "3.3")

_TABLE = Path(__file__).with_name("airflow-metrics.yaml")
_TYPES = {"counters": "c", "gauges": "g", "timers": "ms"}

# Values of tags where it matters what they look like: ids with dots, a number, a negative one.
_VALUES = {
    "dag_id": "sales.daily",
    "task_id": "load.inner.orders",
    "state": "success",
    "job_id": "4711",
    "return_code": "-9",
}


@dataclass(frozen=True)
class AirflowMetric:
    """One line of the table, which explains the fields.

    ``metric`` has the prefix "airflow_" unless it is "dropped"; ``type`` is that of StatsD: c, g
    or ms.
    """

    type: str
    name: str
    metric: str
    versions: frozenset[str]
    tags: tuple[str, ...]
    hidden: tuple[str, ...]
    added: tuple[str, ...]
    legacy: str
    legacy_tags: tuple[str, ...]
    raw_legacy: str
    untagged: str

    def lines(self, version: str, *, tags: bool) -> Iterator[str]:
        """Yield what Airflow sends for one event."""
        dots = "__" if version == "3.3" else "."
        yield self._line(self.name, (*self.tags, *self.hidden) if tags else ())
        if self.legacy:
            yield self._line(self.legacy, self.legacy_tags if tags else (), dots)
        if self.raw_legacy:
            yield self._line(self.raw_legacy, self.tags if tags else ())

    def labels(self, *, tags: bool) -> set[str]:
        """Return the labels that the Prometheus metric must have."""
        if tags:
            return {*self.tags, *self.added, *_placeholders(self.name)}
        by_name = self.legacy if self.legacy and self.untagged != "plain" else self.name
        return {*self.added, *_placeholders(by_name)} - {*self.hidden}

    def _line(self, name: str, tags: Iterable[str], dots: str = ".") -> str:
        name = re.sub(r"\{(\w+)\}", lambda m: _value(m[1]).replace(".", dots), name)
        influx = "".join(f",{tag}={_value(tag)}" for tag in tags)
        return f"airflow.{name}{influx}:1|{self.type}"


@cache
def airflow_metrics() -> tuple[AirflowMetric, ...]:
    """Return every line of the table: the metrics of Airflow 2.9 to 3.3 and of its providers."""
    # BaseLoader: everything is text, so that version 2.10 does not become the number 2.1
    table = yaml.load(_TABLE.read_text(encoding="utf-8"), yaml.BaseLoader)
    return tuple(
        AirflowMetric(
            type=_TYPES[kind],
            name=entry["name"],
            metric=_prometheus_name(entry.get("metric") or _default_name(kind, entry["name"])),
            versions=_versions(entry.get("versions", "2.9-3.3")),
            tags=tuple(entry.get("tags", ())),
            hidden=tuple(entry.get("hidden", ())),
            added=tuple(entry.get("labels", ())),
            legacy=entry.get("legacy", ""),
            legacy_tags=tuple(entry.get("legacy_tags", ())),
            raw_legacy=entry.get("raw_legacy", ""),
            untagged=entry.get("untagged", ""),
        )
        for kind, entries in table.items()
        for entry in entries
    )


def _value(tag: str) -> str:
    return _VALUES.get(tag, f"a-{tag.replace('_', '-')}")


def _placeholders(name: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", name)


def _prometheus_name(name: str) -> str:
    return name if name == "dropped" else f"airflow_{name}"


def _default_name(kind: str, name: str) -> str:
    metric = re.sub(r"[.-]", "_", name)
    if kind == "counters":
        return f"{metric}_total"
    return f"{metric.removesuffix('_duration')}_seconds" if kind == "timers" else metric


def _versions(ranges: str) -> frozenset[str]:
    found: set[str] = set()
    for first, _, last in (range_.partition("-") for range_ in ranges.split()):
        found.update(VERSIONS[VERSIONS.index(first) : VERSIONS.index(last or first) + 1])
    return frozenset(found)
