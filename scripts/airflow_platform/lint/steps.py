"""The steps of the command `lint`, and how each is run."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from airflow_platform.lint import chart_lock
from airflow_platform.rendering import helm
from airflow_platform.rendering.output import report
from airflow_platform.rendering.render import render
from airflow_platform.rendering.staging import stage, stage_addon
from airflow_platform.rendering.upstream import UpstreamChart, find_upstream
from airflow_platform.rendering.values import load_file, unknown_keys
from airflow_platform.support import processes
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.progress import progress
from airflow_platform.support.project import (
    KUBE_VERSION,
    NAMESPACE,
    ROOT,
    environments,
    values_file,
)
from airflow_platform.support.tools import tool

Step = tuple[str, Callable[[], list[str]]]  # its name, and what returns what is wrong


def lint(values: Sequence[Path] = ()) -> bool:
    """Run all steps and print one line for each, with what is wrong; return whether all passed.

    With ``values``, files of the user's own, only those are looked at, and not this repository.
    """
    upstream = find_upstream()
    steps = _steps_for_files(upstream, values) if values else _steps_for_repository(upstream)
    passed = True
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        running = [(name, pool.submit(_run, step)) for name, step in steps]
        for name, result in running:
            with progress(name):
                problems = result.result()
            passed &= report(name, problems)
    finally:
        pool.shutdown(cancel_futures=True)
    return passed


def _run(step: Callable[[], list[str]]) -> list[str]:
    try:
        return step()
    except PlatformError as error:
        return [str(error)]


def _steps_for_files(upstream: UpstreamChart, files: Sequence[Path]) -> Iterator[Step]:
    # Not `helm lint`, which does not see the defaults that the wrapper takes from the add-on.
    names = ", ".join(map(str, files))
    for major in helm.MAJORS:
        yield f"helm {major} template -f {names}", partial(_refusal, major, files)
    for file in files:
        yield from _unknown_keys(upstream, file)


def _refusal(major: int, files: Sequence[Path]) -> list[str]:
    render(helm=major, values=files)  # the error says what is wrong
    return []


def _steps_for_repository(upstream: UpstreamChart) -> Iterator[Step]:
    wrapper = stage(upstream)
    for major in helm.MAJORS:
        tool(f"helm{major}")  # built before the steps run side by side
        yield f"helm {major} lint chart", partial(_helm_lint, major, stage_addon())
        yield f"helm {major} lint .", partial(_helm_lint, major, wrapper)
        for environment in environments():
            yield (
                f"helm {major} lint {environment}",
                partial(_helm_lint, major, wrapper, values_file(environment)),
            )
    yield "Chart.lock", chart_lock.problems
    for file in (ROOT / "values.yaml", *map(values_file, environments())):
        yield from _unknown_keys(upstream, file)
    yield "ruff check", partial(_python_module, "ruff", "check", "--quiet")
    yield "ruff format", partial(_python_module, "ruff", "format", "--check", "--quiet")
    yield "mypy", partial(_python_module, "mypy", "--no-error-summary")
    yield "yamllint", partial(_python_module, "yamllint", "--strict", "--format=parsable", ".")
    yield "actionlint", _actionlint
    yield from _shellcheck()


def _unknown_keys(upstream: UpstreamChart, file: Path) -> Iterator[Step]:
    name = f"keys below airflow: in {os.path.relpath(file)}"
    if upstream.is_stand_in:
        print(f"skipped {name} (needs the official chart; set AIRFLOW_CHART)")
    else:
        yield name, partial(_misspelt, upstream, file)


def _misspelt(upstream: UpstreamChart, file: Path) -> list[str]:
    return [f"{key}: {wrong}" for key, wrong in unknown_keys(load_file(file), upstream)]


def _helm_lint(major: int, chart: Path, *values: Path) -> list[str]:
    arguments = ["lint", str(chart), "--strict", "--kube-version", KUBE_VERSION]
    arguments += ["--namespace", NAMESPACE]
    for file in values:
        arguments += ["--values", str(file)]
    done = helm.run(major, arguments)
    if not done.returncode:
        return []
    told = [line for line in done.stdout.splitlines() if line.startswith(("[ERROR", "[WARN"))]
    return told or [(done.stderr or done.stdout).strip()]


def _python_module(*command: str) -> list[str]:
    return _output_of([sys.executable, "-m", *command], "Install it: pip install -e '.[lint]'")


def _actionlint() -> list[str]:
    return _output_of([str(tool("actionlint")), "-no-color"], "")


def _shellcheck() -> Iterator[Step]:
    scripts = [
        *(ROOT / ".ci").iterdir(),
        *(ROOT / "chart" / "files").rglob("*.sh"),
        *(ROOT / "scripts" / "airflow_platform" / "node").rglob("*.sh"),
    ]
    command = ["shellcheck", *map(str, scripts)]
    if shutil.which("shellcheck") or os.environ.get("CI"):
        yield "shellcheck", partial(_output_of, command, "Install it: apt-get install shellcheck")
    else:
        print("skipped shellcheck (not on PATH; install it, for example with apt-get)")


def _output_of(command: list[str], when_missing: str) -> list[str]:
    """Run ``command`` in the repository; return what it prints if it fails."""
    try:
        done = processes.run(command, cwd=ROOT)
    except FileNotFoundError:
        return [f"{command[0]} is not on PATH. {when_missing}"]
    if done.returncode and "No module named" in done.stderr:
        return [f"{done.stderr.strip()}. {when_missing}"]
    return [f"{done.stdout}{done.stderr}".strip()] if done.returncode else []
