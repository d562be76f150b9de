"""Alerts and dashboards read what there is: an alert on a missing series never fires."""

from collections.abc import Iterator

from airflow_platform.checks import queries
from airflow_platform.checks.alerts import rule_queries, with_results
from airflow_platform.checks.dashboards import dashboard_queries
from airflow_platform.checks.queries import Parsed, log_fields
from airflow_platform.checks.violations import CHECKS, Fault
from airflow_platform.manifests import Render
from airflow_platform.metrics.catalogue import Catalogue, catalogue_of


@CHECKS.add
def queries_read_what_there_is(render: Render) -> Iterator[Fault]:
    """Hold the queries of rules and dashboards to the series and log fields that there can be."""
    found = read_queries(render)
    if found is not None:
        catalogue, parsed = found
        yield from queries.faults(parsed, catalogue, log_fields(render))


def read_queries(render: Render) -> tuple[Catalogue, Parsed] | None:
    """Return all series that there can be, those made by rules included, and all queries.

    None when the render has no metrics. NotCheckedError when the parser cannot be built.
    """
    catalogue = catalogue_of(render)
    if catalogue is None:
        return None
    rules = list(rule_queries(render))
    of_rules = [query for _, query in rules]
    parsed = queries.parse([*of_rules, *dashboard_queries(render)])
    return with_results(catalogue, [rule for rule, _ in rules], parsed[: len(rules)]), parsed
