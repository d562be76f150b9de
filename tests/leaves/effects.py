"""What each key of the values changes in what is rendered."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from airflow_platform.manifests import Manifest, Render
from airflow_platform.rendering.render import render
from airflow_platform.rendering.values import merged
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON

from .leaf import leaves

CHART = Path(__file__).parents[1] / "chart"
DEFAULTS: Mapping[str, Any] = strict_yaml.load_file(ADDON / "values.yaml")


def _of_the_add_on(name: str) -> dict[str, Any]:
    """The values of a file in tests/chart, as the add-on alone takes them."""
    values = strict_yaml.load_file(CHART / name)
    return {"global": values["global"], **values["observability"]}


_FILES: tuple[Mapping[str, Any], ...] = (
    _of_the_add_on("everything-on.yaml"),
    _of_the_add_on("everything-else-on.yaml"),
)
EVERYTHING_ON, _ = _FILES
# Values that are not the default. What some cannot set, others do.
_VALUES = (
    *_FILES,
    merged(EVERYTHING_ON, {"global": {"metrics": {"enabled": False}}}),
    merged(EVERYTHING_ON, {"global": {"taskLogs": {"enabled": False}}}),
)
# What must be set besides, or a template refuses one of the two states.
_BESIDES: Mapping[str, Mapping[str, Any]] = {
    "global.taskLogs.internalMetrics.enabled": {"podMonitor": {"enabled": False}},
    "serviceMonitor.enabled": {"prometheusRule": {"job": "exporter"}},
    "serviceMonitor.basicAuth": {
        "serviceMonitor": {"enabled": True},
        "statsdExporter": {"scrapeAnnotations": False},
    },
    "podMonitor.basicAuth": {
        "podMonitor": {"enabled": True},
        "global": {"taskLogs": {"internalMetrics": {"enabled": True}}},
    },
    "statsdExporter.service.type": {
        "statsdExporter": {
            "service": {
                "externalTrafficPolicy": "",
                "loadBalancerClass": "",
                "loadBalancerSourceRanges": [],
                "nodePort": None,
            }
        }
    },
    "prometheusRule.job": {
        "serviceMonitor": {"enabled": True},
        "statsdExporter": {"scrapeAnnotations": False},
    },
}


def keys(defaults: Mapping[str, Any] = DEFAULTS, path: str = "") -> Iterator[str]:
    """Every key that holds a value, lists and empty mappings included."""
    for key, value in defaults.items():
        if isinstance(value, Mapping) and value:
            yield from keys(value, f"{path}{key}.")
        else:
            yield f"{path}{key}"


def changed_by(key: str) -> set[str]:
    """The leaves that setting ``key`` to another value than its default changes.

    An object that appears or goes is one entry, ``Kind/name``.
    """
    return {leaf for values in _setting(key) for leaf in _changed(*_two_states(key, values))}


def _setting(key: str) -> list[Mapping[str, Any]]:
    """The values that set ``key`` to another value than its default."""
    setting = [v for v in _VALUES if _at(v, key) not in (None, _at(DEFAULTS, key))]
    return [values for values in setting if values in _FILES] or setting[:1]


def _two_states(
    key: str, values: Mapping[str, Any]
) -> tuple[dict[str, Manifest], dict[str, Manifest]]:
    """The objects, by kind and name, without and with the key."""
    set_ = merged(values, _BESIDES.get(key, {}))
    return (
        _objects(render(chart="add-on", values=[_without(set_, key)])),
        _objects(render(chart="add-on", values=[set_])),
    )


def _changed(before: Mapping[str, Manifest], after: Mapping[str, Manifest]) -> Iterator[str]:
    yield from before.keys() ^ after.keys()
    for old, new in _changed_objects(before, after):
        yield from _differences(old, new)


def _changed_objects(
    before: Mapping[str, Manifest], after: Mapping[str, Manifest]
) -> Iterator[tuple[Manifest, Manifest]]:
    """The objects that are in both states but differ."""
    for name in before.keys() & after.keys():
        if before[name].document != after[name].document:
            yield before[name], after[name]


def holding(key: str) -> set[str]:
    """The leaves that hold the value of ``key``, and not only come and go with it."""
    found: set[str] = set()
    for values in _setting(key):
        before, after = _two_states(key, values)
        wanted = {str(value) for value in _scalars(_at(values, key)) if len(str(value)) > 1}
        for one, two in _changed_objects(before, after):
            old, new = _leaves(one), _leaves(two)
            for leaf in new:
                came = leaf not in old and any(w in str(v) for w in wanted for v in new[leaf])
                if came or (leaf in old and old[leaf] != new[leaf]):
                    found.add(leaf)
    return found


def _scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield key
            yield from _scalars(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _scalars(item)
    elif not isinstance(value, bool) and value is not None:
        yield value


def _at(values: Any, key: str) -> Any:
    for step in key.split("."):
        values = values.get(step) if isinstance(values, Mapping) else None
    return values


def _without(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The values with one key back at its default."""
    step, _, rest = key.partition(".")
    if rest:
        return {**values, step: _without(values[step], rest)}
    return {name: value for name, value in values.items() if name != step}


def _objects(rendered: Render) -> dict[str, Manifest]:
    return {f"{each.kind}/{each.name}": each for each in rendered.manifests}


def _differences(before: Manifest, after: Manifest) -> Iterator[str]:
    old, new = _leaves(before), _leaves(after)
    for leaf in old.keys() | new.keys():
        # A checksum follows what it is the sum of.
        if old.get(leaf) != new.get(leaf) and "checksum/" not in leaf:
            yield leaf


def _leaves(manifest: Manifest) -> dict[str, list[Any]]:
    """The values of the manifest's leaves by name; items of a list can have equal names."""
    found: dict[str, list[Any]] = {}
    for leaf in leaves(Render([manifest])):
        found.setdefault(leaf.name, []).append(leaf.value)
    return found


_GENERAL = (
    (r"^PrometheusRule/\S+ spec\.groups\[[^\]]*\]\.rules\[[^\]]*\]", "each rule:"),
    (r"^ConfigMap/\S+ statsd-mapping.yaml mappings\[.*?\](?=\.\w|$)", "rules of the mapping:"),
    (r"^ConfigMap/airflow-dashboard-\S+ (\S+\.json )?", "each dashboard's ConfigMap: "),
    (r"^GrafanaDashboard/\S+", "each GrafanaDashboard:"),
    # The two ways to the same container.
    (
        r"^(ConfigMap/\S+ pod_template_file.yaml|MutatingAdmissionPolicy/\S+ injected pod) ",
        "pod template: ",
    ),
    (r"^ConfigMap/\S+ vector.yaml ", "vector.yaml: "),
    (r"(?<=\.affinity\.).*", "*"),
    (r"(?<= spec\.ingress)\[(\d)\]\.from\[.*", r"[\1].from[*]"),
    (r"(?<=\.topologySpreadConstraints)\[.*", "[*]"),
)


def in_general(names: Iterable[str]) -> list[str]:
    """The names as effects.yaml has them: what is alike in many objects or items, once."""
    short = set()
    for name in names:
        for pattern, instead in _GENERAL:
            name = re.sub(pattern, instead, name, count=1)
        short.add(re.sub(r"(each rule:|rules of the mapping:|GrafanaDashboard:)\.", r"\1 ", name))
    if "rules of the mapping: match" in short:  # a rule goes by its match: each is another one
        short = {name for name in short if not name.startswith("rules of the mapping: ")}
        short.add("rules of the mapping: match")
    return sorted(short)
