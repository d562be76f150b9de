"""What relabelings of a ServiceMonitor leave of the labels of a series.

The values of labels are not known here. Where the result depends on them, the larger one counts:
a label that may be added is there, and one that may be removed stays.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

_NAME = "__name__"
_WITHOUT_LABELS = frozenset(("keep", "drop", "keepequal", "dropequal"))


def relabeled(
    metric: str, labels: frozenset[str] | None, rules: Iterable[Mapping[str, Any]]
) -> frozenset[str] | None:
    """Return the labels of ``metric`` after the rules; None, for any, when they cannot be known."""
    for rule in rules:
        action = rule.get("action", "replace").lower()
        if labels is None or action == "labelmap":
            return None
        if action == "labeldrop":
            labels = frozenset(each for each in labels if not _matches(rule, each, default=False))
        elif action == "labelkeep":
            labels = frozenset(each for each in labels if _matches(rule, each, default=True))
        elif action not in _WITHOUT_LABELS:
            labels = _set(metric, labels, rule)
    return labels


def _set(metric: str, labels: frozenset[str], rule: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the labels after a rule that sets its targetLabel."""
    target = rule["targetLabel"]
    if "$" in target:
        return None
    sources = rule.get("sourceLabels") or ()
    only_name = set(sources) <= {_NAME}
    value = rule.get("separator", ";").join(
        metric if source == _NAME else "value" if source in labels else "" for source in sources
    )
    if rule.get("replacement", "$1") == "":
        return labels - {target} if only_name and _matches(rule, value, default=False) else labels
    may_match = _matches(rule, value, default=True) or _NAME not in sources
    return labels | {target} if may_match else labels


def _matches(rule: Mapping[str, Any], text: str, *, default: bool) -> bool:
    """Match as Prometheus does; ``default`` where Python does not know the regular expression."""
    try:
        return bool(re.fullmatch(rule.get("regex", "(.*)"), text, re.DOTALL))
    except re.error:
        return default
