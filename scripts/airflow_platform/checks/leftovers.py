"""Templates that nobody has evaluated."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_platform.checks.violations import CHECKS, Fault
from airflow_platform.manifests import Render

_TEMPLATE = re.compile(r"\{\{|\.Values\.|<no value>|%!\w?\(")
_HELM_TEMPLATE = re.compile(r"\{\{-?\s*(?:\.(?:Values|Release|Chart)\b|include\b|tpl\b)")
# What Vector, Prometheus, Grafana or an operator evaluates with templates of its own.
_OTHER_TEMPLATES = {
    "ConfigMap": "data",
    "ExternalSecret": "spec",
    "GrafanaDashboard": "spec",
    "PrometheusRule": "spec",
}


@CHECKS.add
def no_template_is_left_unevaluated(render: Render) -> Iterator[Fault]:
    """Refuse `{{` (a value that nobody evaluates), `<no value>` and what else Go leaves behind."""
    for manifest in render.manifests:
        other = _OTHER_TEMPLATES.get(manifest.kind)
        for field, content in manifest.document.items():
            pattern = _HELM_TEMPLATE if field == other else _TEMPLATE
            yield from _leftovers(manifest, content, pattern)
    for document in render.embedded("Pod"):
        yield from _leftovers(document, document.document, _TEMPLATE)


def _leftovers(subject: object, content: Any, pattern: re.Pattern[str]) -> Iterator[Fault]:
    for text in _strings(content):
        found = pattern.search(text)
        if found:
            yield subject, f"unevaluated template: {text[found.start() :][:60]!r}"


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from _strings(item)
