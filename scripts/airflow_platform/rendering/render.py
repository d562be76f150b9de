"""Renders a chart for an environment; the same input is rendered once and then remembered."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from airflow_platform.manifests import Render
from airflow_platform.rendering.helm import RefusedError, output
from airflow_platform.rendering.request import RenderRequest
from airflow_platform.rendering.staging import stage, stage_addon, stage_upstream
from airflow_platform.rendering.upstream import UpstreamChart, find_upstream
from airflow_platform.rendering.values import load
from airflow_platform.support import strict_yaml
from airflow_platform.support.cache import cache_dir, publish
from airflow_platform.support.project import KUBE_VERSION, NAMESPACE, RELEASE, values_file
from airflow_platform.support.tools import tool

Chart = Literal["wrapper", "add-on", "official"]

_renders: dict[str, Render] = {}

_WARNING = re.compile(r"^WARNING: ", re.MULTILINE)


def render(
    environment: str | None = None,
    *,
    chart: Chart = "wrapper",
    values: Sequence[Path | Mapping[str, Any]] = (),
    sets: Sequence[str] = (),
    helm: int = 4,
    kube_version: str = KUBE_VERSION,
    release: str = RELEASE,
    namespace: str = NAMESPACE,
    api_versions: Sequence[str] = (),
    upstream: UpstreamChart | None = None,
) -> Render:
    """Return the manifests of ``chart`` with the values of ``environment``, if one is given.

    ``values`` are files or mappings that go on top, then ``sets`` (as for --set). The environments
    are the wrapper's; the other charts have none. ``helm`` is the major version, ``upstream``
    replaces the official chart that would be found. PlatformError when Helm or a check refuses the
    input.
    """
    request = _request(
        environment,
        chart,
        values,
        upstream,
        sets=tuple(sets),
        helm=helm,
        release=release,
        kube_version=kube_version,
        namespace=namespace,
        api_versions=tuple(api_versions),
    )
    if request.key not in _renders:
        name = f"{environment or chart}/helm{helm}"
        text = _printed(request)
        _renders[request.key] = Render.from_text(text, name=name, namespace=namespace)
    return _renders[request.key]


def dry_run(
    environment: str | None = None,
    *,
    chart: Chart = "wrapper",
    values: Sequence[Path | Mapping[str, Any]] = (),
    sets: Sequence[str] = (),
    release: str = RELEASE,
    namespace: str = NAMESPACE,
    upstream: UpstreamChart | None = None,
) -> str:
    """Return what Helm 4 would print after an installation: hooks, manifests and notes.

    Helm 3 asks a cluster even for that. Arguments and errors are those of ``render``.
    """
    request = _request(
        environment,
        chart,
        values,
        upstream,
        sets=tuple(sets),
        release=release,
        namespace=namespace,
        command="install",
    )
    return _printed(request)


def warnings(environment: str | None = None, **arguments: Any) -> list[str]:
    """Return what the notes warn of, each a paragraph of lines with what to set.

    ``helm template``, Flux and Argo CD show no notes. Arguments and errors are those of
    ``dry_run``.
    """
    _, _, notes = dry_run(environment, **arguments).rpartition("\nNOTES:\n")
    return [found.strip() for found in _WARNING.split(notes)[1:]]


def _request(
    environment: str | None,
    chart: Chart,
    values: Sequence[Path | Mapping[str, Any]],
    upstream: UpstreamChart | None,
    **more: Any,
) -> RenderRequest:
    if environment and chart != "wrapper":
        raise ValueError("environments belong to the wrapper chart")
    if upstream and chart == "add-on":
        raise ValueError("the add-on does not depend on the official chart")
    match chart:
        case "wrapper":
            staged = stage(upstream or find_upstream())
        case "official":
            staged = stage_upstream(upstream or find_upstream())
        case "add-on":
            staged = stage_addon()
    sources = [values_file(environment), *values] if environment else [*values]
    request = RenderRequest(staged, tuple(values_texts(sources)), **more)
    program = tool(f"helm{request.helm}")
    return replace(request, helm_build=f"{program} {program.stat().st_mtime_ns}")


def _printed(request: RenderRequest) -> str:
    """Return what Helm prints, or raise what it refuses, from the cache where it is known."""

    def write(target: Path) -> None:
        try:
            outcome = {"printed": output(request)}
        except RefusedError as refused:
            outcome = {"refused": str(refused)}
        target.write_text(json.dumps(outcome), encoding="utf-8")

    outcome = json.loads(publish(cache_dir("renders") / f"{request.key}.json", write).read_text())
    if "refused" in outcome:
        raise RefusedError(outcome["refused"])
    printed: str = outcome["printed"]
    return printed


def values_texts(sources: Sequence[Path | Mapping[str, Any]]) -> Iterator[str]:
    """Yield each source as the text of a values file; PlatformError when it is no mapping."""
    for source in sources:
        if isinstance(source, Mapping):
            yield json.dumps(source)
            continue
        text = strict_yaml.read_file(source)
        _refuse_other_than_values(text, source)
        yield text


@cache  # most renders have the values of an environment in common
def _refuse_other_than_values(text: str, path: Path) -> None:
    load(text, path)
