"""Renders a chart for an environment; the same input is rendered once and then remembered."""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from airflow_platform import strict_yaml
from airflow_platform.cache import cache_dir, publish
from airflow_platform.errors import PlatformError
from airflow_platform.helm import RefusedError, template
from airflow_platform.manifests import Render
from airflow_platform.project import KUBE_VERSION, NAMESPACE, RELEASE, values_file
from airflow_platform.staging import stage, stage_addon
from airflow_platform.tools import tool
from airflow_platform.upstream import UpstreamChart, find_upstream

_renders: dict[str, Render] = {}


def render(
    environment: str | None = None,
    *,
    chart: Literal["wrapper", "add-on"] = "wrapper",
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
    are the wrapper's; the add-on has none. ``helm`` is the major version, ``upstream`` replaces
    the official chart that would be found. PlatformError when Helm or a check refuses the input.
    """
    if chart == "wrapper":
        upstream = upstream or find_upstream()
        staged = stage(upstream)
    else:
        if environment or upstream:
            raise ValueError("environments and the official chart belong to the wrapper chart")
        staged = stage_addon()
    sources = [values_file(environment), *values] if environment else [*values]
    texts = list(_values_texts(sources))

    program = tool(f"helm{helm}")
    names = (kube_version, release, namespace)
    input_ = (str(staged), texts, *names, *map(list, (sets, api_versions)), str(program))
    key = hashlib.sha256(json.dumps((*input_, program.stat().st_mtime_ns)).encode()).hexdigest()

    def write(target: Path) -> None:
        with tempfile.TemporaryDirectory() as directory:
            files = [Path(directory, f"{number}.yaml") for number in range(len(texts))]
            for file, text in zip(files, texts, strict=True):
                file.write_text(text, encoding="utf-8")
            try:
                manifests = template(
                    staged,
                    release=release,
                    namespace=namespace,
                    values_files=files,
                    sets=sets,
                    kube_version=kube_version,
                    api_versions=api_versions,
                    major=helm,
                )
                outcome = {"manifests": manifests}
            except RefusedError as refused:
                outcome = {"refused": str(refused)}
        target.write_text(json.dumps(outcome), encoding="utf-8")

    if key not in _renders:
        outcome = json.loads(publish(cache_dir("renders") / f"{key}.json", write).read_text())
        if "refused" in outcome:
            raise RefusedError(outcome["refused"])
        _renders[key] = Render.from_text(
            outcome["manifests"],
            chart=chart,
            environment=environment,
            helm_major=helm,
            kube_version=kube_version,
            upstream=upstream,
        )
    return _renders[key]


def _values_texts(sources: Sequence[Path | Mapping[str, Any]]) -> Iterator[str]:
    """Yield each source as the text of a values file; PlatformError when it is no mapping."""
    for source in sources:
        if isinstance(source, Mapping):
            yield json.dumps(source)
            continue
        loaded = strict_yaml.load_file(source)
        if not isinstance(loaded, dict | None):
            raise PlatformError(
                f"{source} is not a values file: it holds a {type(loaded).__name__}, not a mapping"
                " of settings."
            )
        yield source.read_text(encoding="utf-8")
