"""Panels in the style of the dashboards. Targets are queries by their legend or heading."""

import string
from collections.abc import Mapping, Sequence
from typing import TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    logs,
    loki,
    prometheus,
    timeseries,
)
from grafana_foundation_sdk.builders import heatmap as heatmap_builders
from grafana_foundation_sdk.builders import stat as stat_builders
from grafana_foundation_sdk.builders import table as table_builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as dashboard_model
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueGraphMode,
    GraphDrawStyle,
    LogsSortOrder,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from airflow_platform.dashboards.links import LOKI, PROMETHEUS

T = TypeVar("T")
Panel = Builder[dashboard_model.Panel]
Targets = Mapping[str, str]
Links = Sequence[dashboard.DashboardLink]
Steps = Sequence[tuple[float | None, str]]  # from which value on which colour

NEUTRAL: Steps = ((None, "text"),)
ONE_IS_BAD: Steps = ((None, "green"), (1, "red"))
ONE_IS_GOOD: Steps = ((None, "red"), (1, "green"))

_COLOURS = {
    "success": "green",
    "failed": "red",
    "upstream_failed": "orange",
    "up_for_retry": "yellow",
    "critical": "dark-red",
    "error": "red",
    "warning": "orange",
    "info": "green",
    "debug": "blue",
}


def graph(
    title: str, unit: str, targets: Targets, description: str = "", span: int = 8
) -> timeseries.Panel:
    """Return lines over time."""
    return _over_time(title, unit, description, span).targets(
        [_prometheus(ref, query, legend).range() for ref, legend, query in _lettered(targets)]
    )


def bars(
    title: str, unit: str, targets: Targets, description: str = "", span: int = 8
) -> timeseries.Panel:
    """Return stacked bars over time, for numbers of events."""
    return _stacked(graph(title, unit, targets, description, span).interval("1m"))


def bars_by_state(title: str, query: str, description: str = "", span: int = 8) -> timeseries.Panel:
    """Return stacked bars for numbers of events by the label ``state``."""
    return _coloured(bars(title, units.Short, {"{{state}}": query}, description, span))


def stat(
    title: str,
    unit: str,
    targets: Targets,
    steps: Steps = NEUTRAL,
    description: str = "",
    span: int = 4,
    links: Links = (),
) -> stat_builders.Panel:
    """Return the last value of each target."""
    thresholds = [Threshold(value, colour) for value, colour in steps]
    return (
        stat_builders.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .decimals(_decimals(unit))
        .no_value("none")
        .thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(thresholds))
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(_last())
        .data_links(list(links))
        .datasource(PROMETHEUS)
        .targets(
            [_prometheus(ref, query, legend).instant() for ref, legend, query in _lettered(targets)]
        )
        .span(span)
        .height(4)
    )


def heatmap(
    title: str, buckets: str, description: str = "", span: int = 8
) -> heatmap_builders.Panel:
    """Return a heatmap of durations; ``buckets`` gives those of a histogram by ``le``."""
    return (
        heatmap_builders.Panel()
        .title(title)
        .description(description)
        .calculate(False)
        .y_axis(heatmap_builders.YAxisConfig().unit("s"))
        .color(
            heatmap_builders.HeatmapColorOptions()
            .mode(HeatmapColorMode.SCHEME)
            .scheme("Oranges")
            .steps(64)
        )
        .show_value(VisibilityMode.NEVER)
        .interval("1m")
        .datasource(PROMETHEUS)
        .with_target(_prometheus("A", buckets, "{{le}}").format(PromQueryFormat.HEATMAP).range())
        .span(span)
        .height(8)
    )


def bar_gauge(
    title: str,
    unit: str,
    legend: str,
    query: str,
    description: str = "",
    links: Links = (),
    span: int = 8,
) -> bargauge.Panel:
    """Return a horizontal bar for each series of an instant query."""
    target = _prometheus("A", query, legend).instant()
    panel = _horizontal_bars(title, description, links, span).unit(unit)
    return panel.decimals(_decimals(unit)).datasource(PROMETHEUS).with_target(target)


def table(
    title: str,
    labels: Mapping[str, str],
    columns: Mapping[str, tuple[str, str]],
    description: str = "",
    links: Links = (),
    span: int = 24,
) -> table_builders.Panel:
    """Return a table with a row for each combination of ``labels`` (label -> heading).

    ``columns`` are heading -> (unit, instant query); the table is sorted by the first one.
    """
    panel = (
        table_builders.Panel()
        .title(title)
        .description(description)
        .filterable(True)
        .sort_by([common.TableSortByFieldState().display_name(next(iter(columns))).desc(True)])
        .datasource(PROMETHEUS)
        .span(span)
        .height(10)
    )
    headings = dict(labels)
    for ref, heading, (unit, query) in _lettered(columns):
        panel.with_target(_prometheus(ref, query, "").format(PromQueryFormat.TABLE).instant())
        shown = {"unit": unit, "decimals": _decimals(unit)}
        panel.override_by_name(heading, [DynamicConfigValue(*each) for each in shown.items()])
        headings[f"Value #{ref}" if len(columns) > 1 else "Value"] = heading
    for heading in labels.values():
        panel.override_by_name(
            heading, [DynamicConfigValue("links", [link.build() for link in links])]
        )
    columns_of_result = {
        "excludeByName": {"Time": True},
        "indexByName": {name: position for position, name in enumerate(headings)},
        "renameByName": headings,
    }
    return panel.transformations(
        [
            DataTransformerConfig("merge", options={}),
            DataTransformerConfig("organize", options=columns_of_result),
        ]
    )


def log_volume(title: str, query: str, by: str = "level", span: int = 24) -> timeseries.Panel:
    """Return the number of log lines over time, by a label."""
    target = _loki(query).legend_format(f"{{{{{by}}}}}").query_type("range")
    panel = _over_time(title, units.Short, "", span).datasource(LOKI).with_target(target)
    return _coloured(_stacked(panel))


def log_bar_gauge(
    title: str, legend: str, query: str, links: Links = (), span: int = 12
) -> bargauge.Panel:
    """Return a horizontal bar for each series of an instant LogQL query."""
    target = _loki(query).legend_format(legend).query_type("instant")
    panel = _horizontal_bars(title, "", links, span).unit(units.Short)
    return panel.datasource(LOKI).with_target(target)


def log_lines(title: str, query: str, links: Links, description: str = "") -> logs.Panel:
    """Return log lines, the newest first."""
    return (
        logs.Panel()
        .title(title)
        .description(description)
        .links(list(links))
        .show_time(True)
        .wrap_log_message(True)
        .enable_log_details(True)
        .sort_order(LogsSortOrder.DESCENDING)
        .datasource(LOKI)
        .with_target(_loki(query).query_type("range"))
        .span(24)
        .height(16)
    )


def _over_time(title: str, unit: str, description: str, span: int) -> timeseries.Panel:
    tooltip = common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
    return (
        timeseries.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .min(0)
        .fill_opacity(10)
        .span_nulls(True)
        .legend(common.VizLegendOptions().show_legend(True))
        .tooltip(tooltip)
        .datasource(PROMETHEUS)
        .span(span)
        .height(8)
    )


def _stacked(panel: timeseries.Panel) -> timeseries.Panel:
    panel.draw_style(GraphDrawStyle.BARS).fill_opacity(70).span_nulls(False)
    return panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))


def _coloured(panel: timeseries.Panel) -> timeseries.Panel:
    for name, colour in _COLOURS.items():
        fixed = {"mode": "fixed", "fixedColor": colour}
        panel.override_by_name(name, [DynamicConfigValue("color", fixed)])
    return panel


def _horizontal_bars(title: str, description: str, links: Links, span: int) -> bargauge.Panel:
    return (
        bargauge.Panel()
        .title(title)
        .description(description)
        .min(0)
        .no_value("none")
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.CONTINUOUS_YL_RD))
        .display_mode(BarGaugeDisplayMode.BASIC)
        .orientation(VizOrientation.HORIZONTAL)
        .reduce_options(_last())
        .data_links(list(links))
        .span(span)
        .height(8)
    )


def _decimals(unit: str) -> int:
    """Return 0 for numbers of things, which increase() estimates in fractions."""
    return 0 if unit == units.Short else 1


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def _lettered(targets: Mapping[str, T]) -> list[tuple[str, str, T]]:
    """Return (refId, name, target) of each target."""
    letters = string.ascii_uppercase[: len(targets)]
    return [(ref, *named) for ref, named in zip(letters, targets.items(), strict=True)]


def _prometheus(ref_id: str, query: str, legend: str) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .ref_id(ref_id)
        .datasource(PROMETHEUS)
        .expr(query)
        .legend_format(legend)
    )


def _loki(query: str) -> loki.Dataquery:
    return loki.Dataquery().ref_id("A").datasource(LOKI).expr(query)
