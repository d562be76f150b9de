"""The parts that the queries of the dashboards are made of."""

import re
from importlib import resources

RATE = "$__rate_interval"
RANGE = "$__range"


def series(metric: str, *matchers: str) -> str:
    """Select the series of ``metric`` that belong to the chosen Airflow."""
    chosen = ('namespace="$namespace"', 'job="$job"')
    return f"{metric}{{{','.join((*chosen, *matchers))}}}"


def rate(selected: str, window: str = RATE) -> str:
    """Return the events per second of counters."""
    return f"rate({selected}[{window}])"


def events(selected: str, window: str = RATE) -> str:
    """Return the number of events that counters saw in ``window``, the first one included.

    increase() misses the first: the series is born with it. So a new series counts whole; new is
    one that was not there a window ago although the exporter was.
    """
    exporter = series("statsd_exporter_lines_total")
    return (
        f"({selected} unless {selected} offset {window} and on () {exporter} offset {window})"
        f" or increase({selected}[{window}])"
    )


def total(expression: str, *by: str) -> str:
    """Sum up, for each combination of the labels ``by``."""
    return f"sum{_by(by)}({expression})"


def largest(expression: str, *by: str) -> str:
    """Return the maximum for each combination of the labels ``by``."""
    return f"max{_by(by)}({expression})"


def quantile(share: float, buckets: str, *by: str) -> str:
    """Return a quantile from rate() or events() of a histogram's ``_bucket`` series."""
    return f"histogram_quantile({share:g}, {total(buckets, 'le', *by)})"


def quantiles(buckets: str, *shares: float) -> dict[str, str]:
    """Return quantiles by their names, such as p95."""
    return {f"p{share * 100:g}": quantile(share, buckets) for share in shares}


def mean(histogram: str, *matchers: str, by: tuple[str, ...], window: str) -> str:
    """Return the mean of what a histogram saw in ``window``."""
    parts = (series(f"{histogram}_{part}", *matchers) for part in ("sum", "count"))
    seconds, count = (total(events(part, window), *by) for part in parts)
    return f"{seconds} / ({count} > 0)"


def top(count: int, expression: str) -> str:
    """Return the ``count`` largest positive values."""
    return f"topk({count}, {expression} > 0)"


def first_of(*expressions: str) -> str:
    """Return the first that has data, for what versions of Airflow name differently."""
    return " or ".join(expressions)


def ended_task_instances(*matchers: str, window: str = RATE) -> str:
    """Return the number of ended task instances by state.

    Airflow 3.1.0 to 3.1.7 knows success and failure only.
    """
    by_state = total(events(series("airflow_ti_finish_total", *matchers), window), "state")
    succeeded, failed = (
        total(events(series(f"airflow_ti_{result}_total", *matchers), window))
        for result in ("successes", "failures")
    )
    without_state = (
        f'label_replace({succeeded}, "state", "success", "", "")',
        f'label_replace({failed}, "state", "failed", "", "")',
    )
    return f"({first_of(by_state, *without_state)}) > 0"


def failure_ratio(*matchers: str, window: str = RATE) -> str:
    """Return the share of failed ones among ended attempts of task instances."""
    failed, succeeded = (
        f"({total(events(series(metric, *matchers), window))} or vector(0))"
        for metric in ("airflow_ti_failures_total", "airflow_ti_successes_total")
    )
    return f"{failed} / ({failed} + {succeeded} > 0)"


def lines(*stages: str) -> str:
    """Select the log lines of the chosen tasks. Lines without a dag_id are not of tasks.

    Where dag_id or task_id is no label in Loki, the chart's template moves it behind the braces
    (chart/templates/dashboards/_text.tpl), which is why task_id is the last one in them.
    """
    labels = 'namespace="$namespace",dag_id=~"$dag_id",dag_id!="",task_id=~"$task_id"'
    return " ".join((f"{{{labels}}}", *stages))


def without_group_markers() -> str:
    """Return the stage that leaves out ::group:: and ::endgroup::, unless they are to be shown.

    The variable ``groups`` is "group", or another word to show them. A marker is at the beginning
    of a line, of the event of Airflow 3, or of the text of Airflow 2.
    """
    return '!~ `(^|"event": ?"| - )::(end)?${groups}::`'


def readable(query: str) -> str:
    """Show the lines of ``query`` as people read them, and not as JSON."""
    return f"{query} | line_format `{_line_template()}`"


def _line_template() -> str:
    """Return the template of a line without comments and without the spaces that it trims.

    The query is a part of a URL, for whose length proxies have limits.
    """
    text = resources.files(__package__).joinpath("line.gotmpl").read_text(encoding="utf-8")
    trimmed = re.sub(r"\s*\{\{- (/\*.*?\*/ -\}\}\s*)?", lambda at: "" if at[1] else "{{", text)
    return re.sub(r" -\}\}\s*", "}}", trimmed)


# The same as `lines` for a link to Explore, where they must do without quotes and backslashes.
EXPLORED_LINES = (
    "{namespace=`${namespace}`,dag_id=~`${dag_id:pipe}`,dag_id!=``,task_id=~`${task_id:pipe}`}"
)


def _by(labels: tuple[str, ...]) -> str:
    return f" by ({', '.join(labels)}) " if labels else ""
