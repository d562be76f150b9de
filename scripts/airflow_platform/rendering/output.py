"""Writes a render for people and for other programs."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from airflow_platform.manifests import Manifest, Render
from airflow_platform.rendering.upstream import UpstreamChart
from airflow_platform.support.errors import PlatformError


def announce_stand_in(upstream: UpstreamChart) -> None:
    """Say on stderr, in one line, that what follows is not made from the official chart."""
    if upstream.is_stand_in:
        print(_about_the_stand_in(upstream), file=sys.stderr)


def _about_the_stand_in(upstream: UpstreamChart) -> str:
    return (
        f"The official chart airflow {upstream.version} was not found: a stand-in with its"
        " airflow.cfg and pod template takes its place. For the real one set AIRFLOW_CHART to its"
        " directory or .tgz."
    )


def warn(warnings: Sequence[str]) -> None:
    """Print each warning on stderr, so that it does not get into the manifests."""
    for warning in warnings:
        print(f"WARNING: {warning}\n", file=sys.stderr)


def report(check: str, problems: Sequence[object]) -> bool:
    """Print whether ``check`` passed and what is wrong; return whether it passed."""
    print("FAILED" if problems else "ok    ", check, flush=True)
    for problem in problems:
        print("  " + str(problem).replace("\n", "\n  "), flush=True)
    return not problems


def write_stream(render: Render, upstream: UpstreamChart, stream: TextIO) -> None:
    """Write all manifests as one YAML stream, whose first line is a comment about a stand-in."""
    if upstream.is_stand_in:
        stream.write(f"# {_about_the_stand_in(upstream)}\n")
    for manifest in render.manifests:
        stream.write(f"---\n{manifest.text}\n")


def write_directory(render: Render, upstream: UpstreamChart, directory: Path) -> None:
    """Write one file per object, ``<kind>-<name>.yaml``; PlatformError unless that is all there.

    The first line of each is a comment about a stand-in.
    """
    comment = f"# {_about_the_stand_in(upstream)}\n" if upstream.is_stand_in else ""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise PlatformError(
                f"{directory} is not empty: old files would look like part of this render. Remove"
                " it or name another directory with --output."
            )
        for manifest in render.manifests:
            path = directory / _file_name(manifest, render)
            path.write_text(f"{comment}{manifest.text}\n", encoding="utf-8")
    except OSError as error:
        raise PlatformError(f"{directory} cannot be written: {error.strerror}") from None


def _file_name(manifest: Manifest, render: Render) -> str:
    same = [m for m in render.all(manifest.kind) if m.name == manifest.name]
    group, _, _ = manifest.api_version.rpartition("/")
    namesake = (group, manifest.namespace) if len(same) > 1 else ()
    return "-".join(filter(None, (manifest.kind.lower(), manifest.name, *namesake))) + ".yaml"
