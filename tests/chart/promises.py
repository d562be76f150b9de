"""What the environments promise (promises.yaml), and the values that must keep it."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from airflow_platform.rendering.values import merged
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON, ROOT, values_file

COLUMNS = ("dev", "staging", "prod")

_PROMISES = strict_yaml.load_file(Path(__file__).with_name("promises.yaml"))


def _in_each_environment(promise: Any) -> dict[str, Any]:
    """The promise by environment, from a list with one for each or from one for all."""
    columns = promise if isinstance(promise, list) else [promise] * len(COLUMNS)
    return dict(zip(COLUMNS, columns, strict=True))


def _below_headings(section: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for promises in _PROMISES[section].values():
        for key, promise in promises.items():
            yield key, _in_each_environment(promise)


VALUES: Mapping[str, Mapping[str, Any]] = dict(_below_headings("values"))
RESOURCES: Mapping[str, Mapping[str, Any]] = {
    key: _in_each_environment(promise) for key, promise in _PROMISES["resources"].items()
}
OPTIONS: Mapping[str, Mapping[str, Any]] = dict(_below_headings("airflow.cfg"))


@cache
def values_of(environment: str) -> Mapping[str, Any]:
    """The values of ``environment`` with the defaults of both our charts.

    The defaults of the official chart are not among them, so they are the same on every machine.
    """
    addon = strict_yaml.load_file(ADDON / "values.yaml")
    return merged(
        {"global": addon.pop("global"), "observability": addon},
        strict_yaml.load_file(ROOT / "values.yaml"),
        strict_yaml.load_file(values_file(environment)),
    )


def at(values: Any, key: str) -> Any:
    """What is at ``key``, a path with dots; None when it is not set."""
    for part in key.split("."):
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


def as_text(resources: Mapping[str, Any] | None) -> str | None:
    """The resources of a container as promises.yaml writes them, limits after a dash."""
    if resources is None:
        return None
    requests, limits = resources.get("requests", {}), resources.get("limits", {})
    return " ".join(
        "-".join(str(where[name]) for where in (requests, limits) if name in where)
        for name in sorted({*requests, *limits})
    )
