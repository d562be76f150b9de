"""Documents inside ConfigMaps (pod template, Vector configuration, programs, rules, dashboards).

They are what Airflow, Vector and Prometheus really read, so they are part of a render's index.
"""

from __future__ import annotations

import configparser
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from airflow_platform.manifests.objects import Manifest
from airflow_platform.support import strict_yaml
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.frozen import freeze


@dataclass(frozen=True, eq=False)
class EmbeddedDocument:
    """One entry of a ConfigMap's ``data`` that is a document in its own language.

    ``document`` is the parsed, frozen text, or None for programs (VRL, Shell).
    """

    owner: Manifest
    key: str
    kind: str
    text: str
    document: Any

    def __str__(self) -> str:
        return f"{self.key} in {self.owner}"


def find(manifests: Iterable[Manifest]) -> Iterator[EmbeddedDocument]:
    """Yield the embedded documents of ConfigMaps; PlatformError when one does not parse.

    Of a ConfigMap that the user adds to the official chart nobody knows what it is for.
    """
    for owner in manifests:
        if owner.kind != "ConfigMap" or owner.template.endswith(_USERS_OWN):
            continue
        for key, text in (owner.document.get("data") or {}).items():
            for pattern, kind, parse in _KINDS:
                if fnmatchcase(key, pattern):
                    document = _parsed(parse, text, f"{key} in {owner}")
                    if kind != "Dashboard" or _is_dashboard(document):
                        yield EmbeddedDocument(owner, key, kind, text, document)
                    break


@lru_cache(maxsize=256)  # the renders of a chart have most documents in common
def _parsed(parse: Callable[[str, str], Any], text: str, source: str) -> Any:
    return freeze(parse(text, source))


def _program(text: str, source: str) -> None:
    """Programs have no parsed form here; their own checkers read the text."""


def _json(text: str, source: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise PlatformError(f"{source}: not JSON: {error}") from None


def _ini(text: str, source: str) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text, source)
    except configparser.Error as error:
        raise PlatformError(f"{source}: {' '.join(str(error).split())}") from None
    return {section: dict(parser[section]) for section in parser.sections()}


def _is_dashboard(document: Any) -> bool:
    return isinstance(document, Mapping) and "panels" in document


_USERS_OWN = "charts/airflow/templates/configmaps/extra-configmaps.yaml"
_KINDS: tuple[tuple[str, str, Callable[[str, str], Any]], ...] = (
    ("pod_template_file.yaml", "Pod", strict_yaml.load),
    ("vector.yaml", "VectorConfig", strict_yaml.load),
    ("*.vrl", "VRL", _program),
    ("*.sh", "Shell", _program),
    ("statsd-mapping.yaml", "StatsdMapping", strict_yaml.load),
    ("*.rules.yaml", "PrometheusRules", strict_yaml.load),
    ("*.json", "Dashboard", _json),
    ("airflow.cfg", "AirflowConfig", _ini),
)
