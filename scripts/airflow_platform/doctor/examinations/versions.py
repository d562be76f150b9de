"""Versions that do not go together."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from airflow_platform.doctor.facts import (
    ADD_ON,
    WRAPPER,
    Facts,
    as_of,
    component,
    listed,
    name,
    time_of,
)
from airflow_platform.doctor.model import Fault, Finding, Mend, NotSeenError, examination

KUBERNETES = Fault("kubernetes-too-old", "error", "Kubernetes is older than the chart supports.")
CHART = Fault("chart-version-differs", "note", "The release is of another version of the chart.")
AIRFLOW = Fault("airflow-version-differs", "warning", "The image has another Airflow than is set.")
METRICS = Fault(
    "metrics-version-differs", "warning", "Metrics are mapped for another version of Airflow."
)
MIXED = Fault("airflow-versions-mixed", "error", "Parts of Airflow run in different versions.")

_OLDEST = (1, 30)
_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.\d+)?")
_AIRFLOW_VERSION = re.compile(r"v?([23])\.(\d+)(?!\d)")  # others are tags of somebody's own
_PATIENCE = timedelta(minutes=10)  # of an upgrade
_AIRFLOW = frozenset(
    {"scheduler", "api-server", "webserver", "dag-processor", "triggerer", "worker"}
)


@examination(KUBERNETES)
def kubernetes_version(facts: Facts) -> Iterator[Finding]:
    """Whether Kubernetes is new enough for native sidecars and for the chart."""
    found = _VERSION.match(facts.version)
    if not found:
        raise NotSeenError("the version of Kubernetes is not known")
    if (int(found[1]), int(found[2])) < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        yield Finding(
            KUBERNETES,
            f"Kubernetes {facts.version}",
            f"The chart needs {oldest} or newer.",
            "The sidecar may not be a native one: then task pods never begin, or never end.",
            Mend(
                "Upgrade Kubernetes; until then switch task logs off.",
                (facts.upgrade,),
                facts.values("", {"global": {"taskLogs": {"enabled": False}}}),
            ),
        )


@examination(CHART)
def chart_version(facts: Facts) -> Iterator[Finding]:
    """Whether the release is of the version of the chart that this checkout has."""
    record = facts.known_record()
    if record.chart in (WRAPPER, ADD_ON) and record.chart_version != facts.checkout:
        yield Finding(
            CHART,
            f"Release {record.name}",
            f"It is of {record.chart} {record.chart_version}; this checkout is {facts.checkout}.",
            "What doctor proposes is for the version of this checkout.",
            Mend(
                "Read CHANGELOG.md and upgrade, or use the checkout of that version.",
                (facts.upgrade, f"git checkout v{record.chart_version}"),
            ),
        )


@examination(AIRFLOW, METRICS, MIXED)
def airflow_version(facts: Facts) -> Iterator[Finding]:
    """Whether the images, the settings and the mapping of metrics are of the same Airflow."""
    by_minor: dict[str, list[str]] = defaultdict(list)
    upgrading = False
    for pod in facts.pods:
        if component(pod) in _AIRFLOW and (minor := _minor(_tag(pod))):
            by_minor[minor].append(name(pod))
            created = time_of(pod["metadata"].get("creationTimestamp"))
            upgrading |= created is not None and facts.now - created < _PATIENCE
    if len(by_minor) > 1 and not upgrading:
        said = "; ".join(f"{minor}: {listed(pods)}" for minor, pods in sorted(by_minor.items()))
        oldest = sorted(by_minor, key=lambda each: [int(part) for part in each.split(".")])[0]
        yield Finding(
            MIXED,
            as_of(sum(map(len, by_minor.values())), "pod"),
            f"{said}.",
            "They disagree about the database: tasks and DAGs are lost or run twice.",
            Mend(
                "See why the older pods were not replaced, and delete them.",
                (f"{facts.kubectl} delete pod {' '.join(sorted(by_minor[oldest]))}",),
            ),
        )
    values = facts.known_record().values
    for minor in list(by_minor)[:1]:
        yield from _settings(facts, values, minor)


def _settings(facts: Facts, values: Mapping[str, Any], minor: str) -> Iterator[Finding]:
    configured = (values.get("airflow") or {}).get("airflowVersion")
    if configured and _minor(str(configured)) != minor:
        yield Finding(
            AIRFLOW,
            f"Release {facts.name}",
            f"The image has Airflow {minor}, airflow.airflowVersion is {configured}.",
            "The chart writes settings and commands for another version: pods may not start.",
            Mend(
                "Say which version the image has.",
                (facts.upgrade,),
                facts.values("airflow", {"airflowVersion": f"{minor}.0"}),
            ),
        )
    settings = values.get("global") or {}
    mapped = (settings.get("metrics") or {}).get("airflowVersion")
    metrics_on = any(
        each.labels.get("app.kubernetes.io/component") == "statsd-exporter"
        for each in facts.render.all("Deployment")
    )
    if mapped and metrics_on and _minor(str(mapped)) != minor:
        yield Finding(
            METRICS,
            f"Release {facts.name}",
            f"The image has Airflow {minor}, global.metrics.airflowVersion is {mapped}.",
            "Some metrics have wrong names or labels, or are counted as unknown.",
            Mend(
                "Say which version the image has.",
                (facts.upgrade,),
                facts.values("", {"global": {"metrics": {"airflowVersion": f"{minor}.0"}}}),
            ),
        )


def _tag(pod: Mapping[str, Any]) -> str:
    """Return the tag of the image of the container that has the component's name, or the first."""
    containers = pod["spec"]["containers"]
    own = next((each for each in containers if each["name"] == component(pod)), containers[0])
    image = str(own["image"]).partition("@")[0]
    return image.rpartition(":")[2] if ":" in image.rpartition("/")[2] else ""


def _minor(version: str) -> str:
    found = _AIRFLOW_VERSION.match(version)
    return f"{found[1]}.{found[2]}" if found else ""
