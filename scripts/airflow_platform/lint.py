"""Checks what can be checked without looking at manifests: charts, values, Python, YAML, shell."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from airflow_platform import chart_lock, helm, values_lint
from airflow_platform.errors import PlatformError
from airflow_platform.output import report
from airflow_platform.progress import progress
from airflow_platform.project import KUBE_VERSION, NAMESPACE, ROOT, environments, values_file
from airflow_platform.staging import stage, stage_addon
from airflow_platform.tools import tool
from airflow_platform.upstream import find_upstream

Check = Callable[[], list[str]]  # returns what is wrong


def lint() -> bool:
    """Run all checks and print one line for each, with what is wrong; return whether all passed."""
    passed = True
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        running = [(name, pool.submit(_run, check)) for name, check in _checks()]
        for name, result in running:
            with progress(name):
                problems = result.result()
            passed &= report(name, problems)
    return passed


def _run(check: Check) -> list[str]:
    try:
        return check()
    except PlatformError as error:
        return [str(error)]


def _checks() -> Iterator[tuple[str, Check]]:
    upstream = find_upstream()
    wrapper = stage(upstream)
    for major in helm.MAJORS:
        tool(f"helm{major}")  # built before the checks run side by side
        yield f"helm {major} lint chart", partial(_helm_lint, major, stage_addon())
        for environment in environments():
            yield (
                f"helm {major} lint {environment}",
                partial(_helm_lint, major, wrapper, values_file(environment)),
            )
    yield "Chart.lock", chart_lock.problems
    if upstream.is_stand_in:
        print("skipped keys below airflow: (needs the official chart; set AIRFLOW_CHART)")
    else:
        yield "keys below airflow:", partial(values_lint.problems, upstream)
    yield "ruff check", partial(_python_module, "ruff", "check", "--quiet")
    yield "ruff format", partial(_python_module, "ruff", "format", "--check", "--quiet")
    yield "mypy", partial(_python_module, "mypy", "--no-error-summary")
    yield "yamllint", partial(_python_module, "yamllint", "--strict", "--format=parsable", ".")
    yield from _shellcheck()


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


def _shellcheck() -> Iterator[tuple[str, Check]]:
    scripts = [ROOT / ".ci" / "run", *(ROOT / "chart" / "files").rglob("*.sh")]
    command = ["shellcheck", *map(str, scripts)]
    if shutil.which("shellcheck") or os.environ.get("CI"):
        yield "shellcheck", partial(_output_of, command, "Install it: apt-get install shellcheck")
    else:
        print("skipped shellcheck (not on PATH; install it, for example with apt-get)")


def _output_of(command: list[str], when_missing: str) -> list[str]:
    """Run ``command`` in the repository; return what it prints if it fails."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        return [f"{command[0]} is not on PATH. {when_missing}"]
    if done.returncode and "No module named" in done.stderr:
        return [f"{done.stderr.strip()}. {when_missing}"]
    return [f"{done.stdout}{done.stderr}".strip()] if done.returncode else []
