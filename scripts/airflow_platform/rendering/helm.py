"""The only caller of Helm. Helm's complaints become one message without Helm's noise."""

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from subprocess import CompletedProcess

from airflow_platform.rendering.request import RenderRequest
from airflow_platform.support import processes, strict_yaml
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.progress import progress
from airflow_platform.support.tools import tool

MAJORS = (3, 4)


class RefusedError(PlatformError):
    """Helm, or a check in a template, refuses the input: always the same for the same input."""


calls = 0  # how many times this process has run Helm, for the summary of the tests

_RELEASE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_RELEASE_LENGTH = 53
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")

_HINT = re.compile(r"\n+Use --debug flag to render out invalid YAML\s*$")
_FAILED_AT = re.compile(r"execution error at \((?P<at>\S+?):\d+:\d+\):\s*(?P<message>.+)", re.S)
_SCHEMA = re.compile(r"values don't meet the specifications of the schema\(s\)[^\n]*\n(.+)", re.S)
_SCHEMA_LINE = re.compile(r"(?P<indent> *)- at '(?P<path>[^']*)': (?P<what>.*)")
_UNKNOWN_KEY = re.compile(r"additional propert(?:y|ies) (.+) not allowed")
_WRONG_TYPE = re.compile(r"type mismatch on (\S+): .*")
_IGNORED_VALUE = re.compile(
    r"warning: (?:cannot overwrite|skipped value).*? for [^.\s]+\.([^:\s]+)"
)


def output(request: RenderRequest) -> str:
    """Return what ``helm template``, or a dry run of ``helm install``, prints for ``request``.

    An installation that is not made asks no cluster: the version and the APIs of Kubernetes are
    those that Helm knows itself. PlatformError when Helm refuses, or ignores a value of the wrong
    type.
    """
    installing = request.command == "install"
    _check_names(request.release, request.namespace)
    with tempfile.TemporaryDirectory() as directory:
        arguments = [request.command, request.release, str(request.chart)]
        arguments += ["--namespace", request.namespace]
        arguments += ["--dry-run=client"] if installing else _cluster(request)
        for number, text in enumerate(request.values):
            file = Path(directory, f"{number}.yaml")
            file.write_text(text, encoding="utf-8")
            arguments += ["--values", str(file)]
        for assignment in request.sets:
            arguments += ["--set", assignment]
        with progress(f"Rendering with Helm {request.helm}"):
            done = checked(request.helm, arguments, request.chart)
    if ignored := dict.fromkeys(_IGNORED_VALUE.findall(done.stderr)):
        raise RefusedError(
            "Helm ignores what is not a mapping where the chart has one, and the reverse: "
            + ", ".join(ignored)
        )
    return done.stdout


def checked(
    major: int, arguments: Sequence[str], chart: Path | None = None
) -> CompletedProcess[str]:
    """Run Helm as ``run`` does; RefusedError with its complaint about ``chart`` when it fails."""
    done = run(major, arguments)
    if done.returncode < 0:
        raise PlatformError(f"Helm {major} was killed by signal {-done.returncode}. Run it again.")
    if done.returncode:
        raise RefusedError(_cleaned(done.stderr, chart))
    return done


def _cluster(request: RenderRequest) -> list[str]:
    versions = [word for each in request.api_versions for word in ("--api-versions", each)]
    return ["--kube-version", request.kube_version, *versions]


def run(major: int, arguments: Sequence[str]) -> CompletedProcess[str]:
    """Run Helm ``major`` with ``arguments``, free of the user's HELM_* settings."""
    global calls
    calls += 1
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HELM_")}
    environment["GOGC"] = "400"  # a sixth less processor time for 50 MB of memory
    return processes.run([tool(f"helm{major}"), *arguments], env=environment)


def _check_names(release: str, namespace: str) -> None:
    if len(release) > _RELEASE_LENGTH:
        raise PlatformError(
            f'The release name "{release}" has {len(release)} characters; Helm allows at most'
            f" {_RELEASE_LENGTH}. Give a shorter one with --release."
        )
    if not _RELEASE.fullmatch(release):
        raise PlatformError(
            f'"{release}" is not a release name: use lower-case letters, digits and "-", and begin'
            " and end with a letter or digit."
        )
    if not _NAMESPACE.fullmatch(namespace):
        raise PlatformError(
            f'"{namespace}" is not a namespace: use at most 63 lower-case letters, digits and "-",'
            " and begin and end with a letter or digit."
        )


def _cleaned(stderr: str, chart: Path | None) -> str:
    """Return Helm's message without log lines, hints and Go's formatting mistakes."""
    message = _HINT.sub("", stderr[stderr.find("Error: ") :].removeprefix("Error: ")).strip()
    if failed := _FAILED_AT.fullmatch(message):
        return f"{failed['message'].strip()}\n(refused by {failed['at']})"
    if chart and (schema := _SCHEMA.fullmatch(message)):
        root = strict_yaml.load_file(chart / "Chart.yaml")["name"]
        errors = dict.fromkeys(_schema_errors(schema[1], root))  # global: is checked by each chart
        return "The values do not fit the schema of the chart:\n  " + "\n  ".join(errors)
    if wrong := _WRONG_TYPE.search(message):
        return f"{wrong[1]} must be a mapping of settings, not a single value."
    return message


def _schema_errors(text: str, root: str) -> Iterator[str]:
    """Yield Helm's schema errors, listed per chart, with the path from the root of the values."""
    chart = root
    for line in text.splitlines():
        if found := _SCHEMA_LINE.fullmatch(line):
            path = [part for part in found["path"].split("/") if part]
            if chart != root and path[:1] != ["global"]:
                path.insert(0, chart)
            what = _UNKNOWN_KEY.sub(r"unknown key \1", found["what"])
            yield f"{found['indent']}{'.'.join(path) or 'top level'}: {what}"
        elif line.strip():
            chart = line.strip().rstrip(":")
