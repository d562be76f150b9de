"""The dashboard about what the components of Airflow print: volume, errors, lines."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders.dashboard import Dashboard

from airflow_platform.component_logs.fields import JOB
from airflow_platform.dashboards import frame, links
from airflow_platform.dashboards.panels import Panel, log_bar_gauge, log_lines, log_volume
from airflow_platform.dashboards.queries import readable

_OF_AIRFLOW = f'namespace="$namespace",job="{JOB}"'
_SELECTED = f'{{{_OF_AIRFLOW},component=~"$component",container=~"$container"}}'
_CHOSEN = f'{_SELECTED} | level=~"$level" | pod=~`.*${{pod:regex}}.*` |~ `(?i)${{search}}`'
_ERRORS = f"{_SELECTED} | level=~`error|critical`"

# The same as _SELECTED for a link to Explore.
_EXPLORED = (
    f"{{namespace=`${{namespace}}`,job=`{JOB}`,component=~`${{component:pipe}}`,"
    "container=~`${container:pipe}`}"
)


def dashboard() -> Dashboard:
    """Return the dashboard."""
    components = frame.log_label_values("component", "Component", f"{{{_OF_AIRFLOW}}}")
    containers = frame.log_label_values(
        "container", "Container", f'{{{_OF_AIRFLOW},component=~"$component"}}'
    )
    built = (
        frame.dashboard(
            links.COMPONENT_LOGS,
            "Airflow / Component logs",
            "What scheduler, API server, DAG processor and the other components print."
            " docs/component-logs.md says how their lines get into Loki.",
        )
        .with_variable(frame.loki_variable())
        .with_variable(frame.several(components))
        .with_variable(frame.several(containers))
        .with_variable(frame.several_of("level", "Level", "debug,info,warning,error,critical"))
        .with_variable(frame.text_field("pod", "Pod", "A part of the pod's name."))
        .with_variable(
            frame.text_field(
                "search", "Search", "A regular expression for lines. Case does not matter."
            )
        )
    )
    frame.add_row(built, "Lines", _lines())
    frame.add_row(built, "Errors", _errors())
    return built


def _lines() -> Iterator[Panel]:
    count = f"count_over_time({_CHOSEN} [$__auto])"
    yield log_volume("Lines by component", f"sum by (component) ({count})", "component", span=12)
    yield log_volume("Lines by level", f"sum by (level) ({count})", span=12)
    yield log_lines(
        "Lines",
        readable(_CHOSEN),
        links=[links.to_explore(_EXPLORED)],
        description="pod, node and release are among the details of a line. Nothing here: is an"
        " agent installed? `airflow-platform verify-logs --components` says what is missing.",
    )


def _errors() -> Iterator[Panel]:
    count = f"count_over_time({_ERRORS} [$__range])"
    yield log_bar_gauge(
        "Components with most errors",
        "{{component}} / {{container}}",
        f"topk(10, sum by (component, container) ({count}))",
        links=[
            links.to_dashboard(
                "Logs",
                links.COMPONENT_LOGS,
                "loki",
                component="${__field.labels.component}",
                container="${__field.labels.container}",
            )
        ],
    )
    yield log_bar_gauge(
        "Pods with most errors",
        "{{pod}}",
        f"topk(10, sum by (pod) ({count}))",
        links=[
            links.to_dashboard(
                "Logs", links.COMPONENT_LOGS, "loki", "component", pod="${__field.labels.pod}"
            )
        ],
    )
