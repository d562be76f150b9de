"""The table of connections in docs/network.md."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_platform.manifests import Pod, Render
from airflow_platform.network.edges import Place
from airflow_platform.network.needs import needs
from airflow_platform.network.policies import Policies
from airflow_platform.rendering.render import render
from airflow_platform.rendering.upstream import find_upstream
from airflow_platform.support.project import ROOT

FILE = ROOT / "docs" / "network.md"
_BEGIN = "<!-- The table is made by `airflow-platform generate`. -->\n"
_END = "<!-- End of the table. -->\n"

_KUBERNETES, _CELERY = "KubernetesExecutor", "CeleryExecutor"
_CELERY_VALUES = ROOT / "examples" / "celery" / "values.yaml"
_AIRFLOW2 = ("airflow.airflowVersion=2.11.0", "airflow.defaultAirflowTag=2.11.0")

Variant = tuple[str, str]  # the version of Airflow and the executor
Row = tuple[str, str, str, str]  # who, to whom, on which port, why

_ALL: tuple[Variant, ...] = tuple(
    (version, executor) for version in ("3", "2") for executor in (_KUBERNETES, _CELERY)
)

# Why, by service; what differs from one installation to the next is not said.
_WHY = {
    "broker": "queue of tasks",
    "database": "metadata; Celery's results",
    "everything": "code of DAGs (`networkPolicies.dagCode`)",
    "execution-api": "a task's state, connections and variables",
    "git": "git-sync",
    "kubernetes-api": "pods of tasks, and their logs",
    "loki": "task logs",
    "scrape": "metrics",
    "statsd": "metrics",
    "triggerer-logs": "logs of deferred tasks that run",
    "users": "user interface and API",
    "worker-logs": "logs of tasks that run",
}


def text() -> str:
    """Return what FILE must contain: where there is only the stand-in, what it contains."""
    there = FILE.read_text(encoding="utf-8")
    if find_upstream().is_stand_in:
        return there
    before, _, rest = there.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return "".join((before, _BEGIN, "\n", "\n".join(_table()), "\n\n", _END, after))


def _table() -> Iterator[str]:
    found: dict[Row, set[Variant]] = {}
    for version, executor in _ALL:
        rendered = render(
            "prod",
            values=[_CELERY_VALUES] if executor == _CELERY else [],
            sets=_AIRFLOW2 if version == "2" else (),
        )
        for row in _rows(rendered):
            found.setdefault(row, set()).add((version, executor))
    yield "| From | To | Port | For | With |"
    yield "|---|---|---|---|---|"
    for row in sorted(found):
        yield f"| {' | '.join(row)} | {_when(found[row])} |"


def _rows(rendered: Render) -> Iterator[Row]:
    policies = Policies(rendered)
    for edge in needs(rendered):
        if edge.service == "dns":
            continue  # of all that connect to something
        ends = (
            f"`{policies.component(end)}`" if isinstance(end, Pod) else _place(end)
            for end in (edge.source, edge.target)
        )
        port = "any" if not edge.ports else edge.port
        yield (*ends, port, _WHY[edge.service])  # type: ignore[misc]


def _place(place: Place) -> str:
    return place.name.partition(" at ")[0]


def _when(variants: set[Variant]) -> str:
    """Return in which of the variants a row is, in words."""
    for index in (0, 1):
        for value in {variant[index] for variant in _ALL}:
            if variants == {variant for variant in _ALL if variant[index] == value}:
                return f"Airflow {value}" if index == 0 else value
    if variants == set(_ALL):
        return ""
    return "; ".join(f"Airflow {version}, {executor}" for version, executor in sorted(variants))
