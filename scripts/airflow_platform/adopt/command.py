"""The command adopt: from a release of the official chart to this one."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_platform.rendering import options
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import environments

if TYPE_CHECKING:
    from airflow_platform.adopt.release import Release

STREAM = "-"
_WRONG_USAGE = 2
_DEFAULT_FILE = "adopted.yaml"

_DESCRIPTION = """\
Write the values with which a release of the official Airflow chart becomes one of this chart, and
say what the upgrade does: objects that it deletes, Secrets that it would delete and the commands
that keep them, fields that cannot be changed, settings that could not be kept.

  helm -n airflow get values airflow -o yaml > values.yaml
  helm -n airflow get manifest airflow > manifest.yaml
  airflow-platform adopt values.yaml --manifest manifest.yaml --output adopted.yaml

Nothing is changed in the cluster. Without --output the values are printed to stdout and the report
to stderr. Exit code 1: something must be decided before the upgrade; 2: wrong usage.
"""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "adopt",
        help="move a release of the official Airflow chart to this one",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("installed", metavar="VALUES", help="what `helm get values -o yaml` prints; - for stdin")
    add("--manifest", metavar="FILE", help="what `helm get manifest` prints; - for stdin")
    add("--release", metavar="NAME", help="default: that of the manifest, or airflow")
    add("--namespace", help="default: that of the manifest")
    known = ", ".join(environments())
    add("--environment", metavar="ENV", help=f"use the values file of: {known}")
    add("--dags", type=Path, metavar="DIR", help="list the artificial delays in DAG code")
    options.add_values(parser, "values of this chart on top, such as those that a refusal asks for")
    add("--output", type=Path, metavar="FILE", help="write the values into this file")
    add("--format", choices=("text", "json"), default="text", help="of the report")
    parser.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    from airflow_platform.adopt.dags import delays_in
    from airflow_platform.adopt.layout import as_yaml, comment
    from airflow_platform.adopt.release import read_release, read_values
    from airflow_platform.adopt.report import Report, as_json, as_text
    from airflow_platform.adopt.upgrade import try_out
    from airflow_platform.adopt.values import adopt_values
    from airflow_platform.rendering.upstream import find_upstream
    from airflow_platform.rendering.values import load_file
    from airflow_platform.support import strict_yaml
    from airflow_platform.support.project import values_file

    try:
        if chosen.installed == chosen.manifest == STREAM:
            raise PlatformError("VALUES and --manifest cannot both be - (stdin).")
        if chosen.environment:
            values_file(chosen.environment)
        upstream = find_upstream()
        if upstream.is_stand_in:
            raise PlatformError(
                f"adopt needs the official chart airflow {upstream.version}, which was not found."
                " Set AIRFLOW_CHART to its directory or .tgz."
            )
        values = read_values(_read(chosen.installed), _source(chosen.installed), upstream)
        on_top = [load_file(file) for file in chosen.values]
        manifest = _read(chosen.manifest) if chosen.manifest else None
        delays, unreadable = delays_in(chosen.dags) if chosen.dags else (None, [])
        release = read_release(
            values,
            upstream,
            manifest=manifest,
            name=chosen.release,
            namespace=chosen.namespace,
        )
    except PlatformError as error:
        print(error, file=sys.stderr)
        return _WRONG_USAGE
    adoption = adopt_values(release, chosen.environment)
    about = _about(release, chosen.environment)
    text = comment(about) + as_yaml(adoption.values, adoption.comments)
    new_values = strict_yaml.load(text, "the new values") or {}
    report = Report(
        release,
        chosen.environment,
        [str(file) for file in (chosen.output or _DEFAULT_FILE, *chosen.values)],
        adoption.left_out,
        try_out(release, [new_values, *on_top], chosen.environment, upstream),
        delays,
        unreadable,
        is_written=chosen.output is not None,
        has_loki=_has_loki([new_values, *on_top]),
    )
    if chosen.output:
        _write(chosen.output, text)
    if chosen.format == "json":
        print(as_json(report, new_values))
    elif chosen.output:
        print(as_text(report))
    else:
        print(text, end="")
        sys.stdout.flush()
        print(as_text(report), file=sys.stderr)
    return 1 if report.must_be_decided else 0


def _has_loki(values: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether some values name the URL of Loki, or need none."""
    from airflow_platform.adopt import paths

    path = ("global", "taskLogs")
    return any(
        paths.get(each, (*path, "enabled")) is False
        or paths.get(each, (*path, "loki", "endpoint")) is not paths.MISSING
        for each in values
    )


def _read(source: str) -> str:
    """Return the text of a file, or stdin for "-"; PlatformError when it cannot be read."""
    try:
        if source == STREAM:
            return sys.stdin.read()
        return Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise PlatformError(f"{source} cannot be read: {reason}.") from None


def _source(name: str) -> str:
    return "stdin" if name == STREAM else name


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PlatformError(f"{path} cannot be written: {error.strerror}.") from None


def _about(release: "Release", environment: str | None) -> str:
    after = f", after values/{environment}.yaml" if environment else ""
    return (
        f"Values of the release {release.name} in the namespace {release.namespace}, which was"
        f" installed from the official Airflow chart. Give them to helm upgrade with -f{after}."
    )
