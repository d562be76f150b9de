"""The rules of PrometheusRules: alerts, and series that are recorded."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_platform.checks.queries import Parsed, Query, result_labels
from airflow_platform.manifests import Render
from airflow_platform.metrics.catalogue import Catalogue, Labels, union

_TEMPLATE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_LABEL = re.compile(r'(?:\$l|\.L)abels\.(\w+)|index\s+(?:\$l|\.L)abels\s+["`](\w+)["`]')

_ALERT_LABELS = frozenset(("alertname", "alertstate", "severity"))
_ALERT_SERIES = ("ALERTS", "ALERTS_FOR_STATE")

Rule = Mapping[str, Any]


def rule_queries(render: Render) -> Iterator[tuple[Rule, Query]]:
    """Yield each rule with its expression, which may read series of other programs, too."""
    for manifest in render.all("PrometheusRule"):
        for group in manifest.at("spec", "groups", default=()):
            for rule in group.get("rules") or ():
                name = rule.get("alert") or rule["record"]
                where, shown = f"{group['name']}, {name}", frozenset(_labels_in_templates(rule))
                yield rule, Query(manifest, where, "promql", str(rule["expr"]), shown, True)


def with_results(catalogue: Catalogue, rules: list[Rule], parsed: Parsed) -> Catalogue:
    """Return a catalogue with the series that ``rules`` make, whose expressions are ``parsed``.

    Without rules the alerts are defined elsewhere, and may have any label.
    """
    results = list(zip(rules, (result for _, result in parsed), strict=True))
    recorded = [(rule, result) for rule, result in results if "record" in rule]
    # A rule may read what another one records, in any order.
    unknown: dict[str, Labels] = {rule["record"]: None for rule, _ in recorded}
    known: dict[str, Labels] = {}
    for rule, result in recorded:
        of_result = result_labels(result, catalogue.with_series(unknown | known))
        labels = union((of_result, frozenset(rule.get("labels") or ())))
        known[rule["record"]] = union((known.get(rule["record"], frozenset()), labels))
    catalogue = catalogue.with_series(known)
    of_alerts = [
        union((result_labels(result, catalogue), frozenset(rule.get("labels") or ())))
        for rule, result in results
        if "alert" in rule
    ]
    alert_labels = union((_ALERT_LABELS, *of_alerts)) if of_alerts else None
    return catalogue.with_series(dict.fromkeys(_ALERT_SERIES, alert_labels))


def _labels_in_templates(rule: Rule) -> Iterator[str]:
    """Yield the labels of the result that the rule's annotations and labels use."""
    texts = (*(rule.get("annotations") or {}).values(), *(rule.get("labels") or {}).values())
    for template in (found for text in texts for found in _TEMPLATE.findall(text)):
        yield from (first or second for first, second in _LABEL.findall(template))
