"""What every dashboard has around its panels: variables, annotations and links."""

from collections.abc import Iterable

from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    ConstantVariable,
    CustomVariable,
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    Row,
    TextBoxVariable,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from airflow_platform.dashboards.links import LOKI, PROMETHEUS
from airflow_platform.dashboards.panels import Panel
from airflow_platform.dashboards.queries import series

# The chart's template puts the value of `dashboards.airflowUrl` in its place.
AIRFLOW_URL = "http://localhost:8080"

_TAG = "airflow"
# The ids are taken from metrics, because in Loki they need not be labels (`taskLogs.labelFields`).
_OF_DAGS = 'namespace="$namespace",job="$job",__name__=~"airflow_(dagrun|task|ti)_.+_(count|total)"'


def dashboard(uid: str, title: str, description: str) -> Dashboard:
    """Return a dashboard without panels, on which one Airflow can be chosen."""
    return (
        Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([_TAG])
        .time("now-6h", "now")
        .refresh("1m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(_other_dashboards())
        .annotation(_alerts())
        .annotation(_exporter_starts())
        .with_variable(DatasourceVariable("datasource").label("Metrics").type("prometheus"))
        .with_variable(label_values("namespace", "Namespace", "airflow_scheduler_heartbeat_total"))
        .with_variable(
            label_values(
                "job", "Airflow", 'airflow_scheduler_heartbeat_total{namespace="$namespace"}'
            ).description("The job that scrapes this Airflow's statsd-exporter.")
        )
        .with_variable(
            ConstantVariable("airflow_url")
            .value(AIRFLOW_URL)
            .description("Address of Airflow's web server, for links.")
        )
    )


def add_row(
    dashboard: Dashboard, title: str, panels: Iterable[Panel], *, collapsed: bool = False
) -> None:
    """Add panels below a row of their own."""
    row = Row(title)
    if collapsed:
        for panel in panels:
            row.with_panel(panel)
    dashboard.with_row(row)
    if not collapsed:
        for panel in panels:
            dashboard.with_panel(panel)


def loki_variable() -> DatasourceVariable:
    """Return the choice of the Loki that has the task logs."""
    return DatasourceVariable("loki").label("Logs").type("loki")


def label_values(name: str, label: str, selector: str) -> QueryVariable:
    """Return the choice of a value of the Prometheus label ``name``."""
    query = f"label_values({selector}, {name})"
    return _query(name, label).datasource(PROMETHEUS).query(query).definition(query)


def log_label_values(name: str, label: str, selector: str) -> QueryVariable:
    """Return the choice of a value of the Loki label ``name``."""
    query = {"refId": name, "type": 1, "label": name, "stream": selector}  # 1: values of a label
    return _query(name, label).datasource(LOKI).query(query)


def dag_variable() -> QueryVariable:
    """Return the choice of DAGs."""
    return several(label_values("dag_id", "DAG", f"{{{_OF_DAGS}}}"))


def task_variable() -> QueryVariable:
    """Return the choice of tasks of the chosen DAGs."""
    return several(label_values("task_id", "Task", f'{{{_OF_DAGS},dag_id=~"$dag_id"}}'))


def several(variable: QueryVariable) -> QueryVariable:
    """Allow several values, or all; all includes what has no such label."""
    return variable.multi(True).include_all(True).all_value(".*").current(_all())


def several_of(name: str, label: str, values: str) -> CustomVariable:
    """Return the choice of several of the given ``values``, of all, or of what is typed in.

    All includes what has no such label.
    """
    return (
        CustomVariable(name)
        .label(label)
        .values(values)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(_all())
    )


def groups_variable() -> CustomVariable:
    """Return the switch for the lines ::group:: and ::endgroup::, which begin and end sections."""
    hidden = VariableOption(text="Hidden", value="group")
    return (
        CustomVariable("groups")
        .label("Group markers")
        .values("Hidden : group, Shown : none")
        .current(hidden)
    )


def text_field(name: str, label: str, description: str) -> TextBoxVariable:
    """Return a field for free text, empty at first."""
    return TextBoxVariable(name).label(label).description(description).default_value("")


def _query(name: str, label: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.NATURAL_ASC)
    )


def _all() -> VariableOption:
    return VariableOption(text=["All"], value=["$__all"])


def _other_dashboards() -> DashboardLink:
    return (
        DashboardLink("Airflow")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([_TAG])
        .include_vars(True)
        .keep_time(True)
    )


def _alerts() -> AnnotationQuery:
    return (
        AnnotationQuery()
        .name("Alerts")
        .datasource(PROMETHEUS)
        .expr(series("ALERTS", 'alertstate="firing"'))
        .title_format("{{alertname}}")
        .icon_color("red")
    )


def _exporter_starts() -> AnnotationQuery:
    return (
        AnnotationQuery()
        .name("Starts of the statsd-exporter")
        .datasource(PROMETHEUS)
        .expr(f"{series('process_start_time_seconds')} * 1000")
        .use_value_for_time(True)
        .title_format("The statsd-exporter started: all counters begin at 0")
        .icon_color("blue")
    )
