"""Documents inside other objects (pod template, Vector configuration, programs, rules, dashboards).

They are what Airflow, Vector and Prometheus really read, so they are part of a render's index. All
but the pod that a policy makes are in ConfigMaps.
"""

from __future__ import annotations

import configparser
import json
import re
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
    """A document in its own language, most of them an entry of a ConfigMap's ``data``.

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
    """Yield the embedded documents; PlatformError when one does not parse.

    Of a ConfigMap that the user adds to the official chart nobody knows what it is for.
    """
    for owner in manifests:
        if owner.kind == "MutatingAdmissionPolicy":
            yield from _injected_pod(owner)
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


def _injected_pod(policy: Manifest) -> Iterator[EmbeddedDocument]:
    """Yield what the policy of injection makes of a task pod that has only a volume for its logs.

    The container and its volumes are variables of the policy. It is the API server that evaluates
    the rest, which is about pods that have more.
    """
    variables = policy.document["spec"].get("variables") or ()
    expressions = {each["name"]: each["expression"] for each in variables}
    if not {"sidecar", "volumes", "mounts"} <= expressions.keys():
        return  # somebody else's policy
    sidecar, volumes, mounts = (
        _json(_CEL.sub(lambda found: found[1] or "", expressions[name]), f"{name} in {policy}")
        for name in ("sidecar", "volumes", "mounts")
    )
    logs = {"name": "logs", "mountPath": "/opt/airflow/logs"}
    base = {"name": "base", "image": "task:1", "volumeMounts": [logs, *mounts]}
    spec = {
        "restartPolicy": "Never",
        "initContainers": [sidecar],
        "containers": [base],
        "volumes": [{"name": "logs", "emptyDir": {}}, *volumes],
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "task"}, "spec": spec}
    yield EmbeddedDocument(policy, "injected pod", "Pod", json.dumps(pod), freeze(pod))


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


# A literal of CEL is JSON, but for the calls of dyn() around its values.
_CEL = re.compile(r'("(?:[^"\\]|\\.)*")|dyn\(|\)')
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
