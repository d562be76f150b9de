"""The queries of a release's dashboards, asked of a Prometheus and a Loki that are real."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path

from airflow_platform.checks.dashboards import dashboard_queries
from airflow_platform.checks.queries import Query
from airflow_platform.manifests import Render
from airflow_platform.node.metrics import SCRAPE_SECONDS
from airflow_platform.support import strict_yaml
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import RELEASE

_WITHOUT_DATA = Path(str(files(__package__) / "without-data.yaml"))

# What a reader of the dashboards has chosen: all of one Airflow.
_ALL = dict.fromkeys(
    ("dag_id", "task_id", "run_type", "component", "container", "level", "try_number"), ".*"
)
_NOTHING = dict.fromkeys(("pod", "run_id", "search"), "")
_CHOSEN = {**_ALL, **_NOTHING, "groups": "group", "job": f"{RELEASE}-statsd-exporter"}
# Of Grafana: what a reader points at, and times. Of what begins within such a time after the start
# of the exporter, the first event is not counted.
_GRAFANA = {"__data": ".*", "__field": ".*"}
_GRAFANA |= dict.fromkeys(("__range", "__rate_interval", "__auto"), f"{5 * SCRAPE_SECONDS}s")
_SHOWN_CHARACTERS = 120


@dataclass(frozen=True)
class Silence:
    """Queries that have no data here, by patterns for the dashboard and the place in it.

    ``sometimes``: they may have data.
    """

    dashboard: str
    where: str
    reason: str
    sometimes: bool = False


@dataclass(frozen=True)
class Answer:
    """Whether a query has had data."""

    dashboard: str
    query: Query
    had_data: bool

    def __str__(self) -> str:
        return f"{self.dashboard}, {self.query.where}"


def answers(
    render: Render, *, had_series: Callable[[str], bool], had_lines: Callable[[str], bool]
) -> list[Answer]:
    """Ask for the data of each query."""
    ask = {"promql": had_series, "logql": had_lines}
    chosen = {**_CHOSEN, **_GRAFANA, "namespace": render.namespace}
    return [
        Answer(getattr(query.subject, "key", ""), query, ask[query.language](query.text))
        for query in dashboard_queries(render, chosen)
    ]


def silences(airflow: str) -> list[Silence]:
    """Return the known queries without data for a version of Airflow."""
    return [
        Silence(dashboard, where, each["reason"], each.get("sometimes", False))
        for each in strict_yaml.load_file(_WITHOUT_DATA)
        if airflow.startswith(each.get("airflow", ""))
        for dashboard, places in each["queries"].items()
        for where in places
    ]


def judged(found: Sequence[Answer], known: Sequence[Silence]) -> str:
    """Return how many queries had data. PlatformError for each that is not as it is known."""
    silent = [answer for answer in found if not answer.had_data]
    unknown = [answer for answer in silent if not any(_is(each, answer) for each in known)]
    wrong = [each for each in known if not _holds(each, found)]
    lines = [f"{answer} has no data: {answer.query.text[:_SHOWN_CHARACTERS]}" for answer in unknown]
    lines += [f"{each.dashboard}, {each.where} has data or is not there" for each in wrong]
    if lines:
        raise PlatformError("\n".join([f"{len(lines)} of {len(found)} queries:", *lines]))
    return f"{len(found) - len(silent)} queries; {len(silent)} cannot have any here"


def _holds(each: Silence, found: Sequence[Answer]) -> bool:
    """Say whether there are such queries, and whether they are silent."""
    its = [answer for answer in found if _is(each, answer)]
    return bool(its) and (each.sometimes or not any(answer.had_data for answer in its))


def _is(each: Silence, answer: Answer) -> bool:
    return fnmatchcase(answer.dashboard, each.dashboard) and fnmatchcase(
        answer.query.where, each.where
    )
