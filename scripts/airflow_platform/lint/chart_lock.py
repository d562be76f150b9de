"""Keeps Chart.lock in step with Chart.yaml, without a network."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ROOT

# Helm hashes its own struct, so the order of the keys is part of the digest.
_KEYS = (
    "name",
    "version",
    "repository",
    "condition",
    "tags",
    "enabled",
    "import-values",
    "alias",
)


def problems(root: Path = ROOT) -> list[str]:
    """Return what `helm dependency build` would refuse about Chart.lock, [] when it is in step."""
    chart = strict_yaml.load_file(root / "Chart.yaml")
    lock = strict_yaml.load_file(root / "Chart.lock")
    locked = {dependency["name"]: dependency["version"] for dependency in lock["dependencies"]}
    pinned = {dependency["name"]: dependency["version"] for dependency in chart["dependencies"]}
    if locked != pinned:
        return [f"Chart.lock locks {locked}, but Chart.yaml pins {pinned}. Make them equal."]
    expected = digest(chart, lock)
    if lock["digest"] != expected:
        return [f"Chart.lock does not belong to Chart.yaml. In Chart.lock set:\ndigest: {expected}"]
    return []


def digest(chart: Mapping[str, Any], lock: Mapping[str, Any]) -> str:
    """Return the digest that Helm writes into Chart.lock for these two documents."""
    both = [[_as_helm(each) for each in file["dependencies"]] for file in (chart, lock)]
    text = json.dumps(both, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&":  # which Go's JSON escapes
        text = text.replace(character, f"\\u{ord(character):04x}")
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _as_helm(dependency: Mapping[str, Any]) -> dict[str, Any]:
    """Return the dependency with the keys in Helm's order; Helm always writes the repository."""
    complete = {"repository": "", **dependency}
    return {
        key: _sorted(complete[key])
        for key in _KEYS
        if complete.get(key) or key in ("name", "repository")
    }


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
