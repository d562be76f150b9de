"""What all tests share: renders, the official chart or its stand-in, and programs."""

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.bench.capture.loki import built_in_loki
from airflow_platform.checks.judge import CHECKS, NotCheckedError, Violation
from airflow_platform.manifests import Render
from airflow_platform.node.loki import local_loki
from airflow_platform.rendering import helm
from airflow_platform.rendering.render import render
from airflow_platform.rendering.upstream import UpstreamChart, find_upstream, stand_in
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import ROOT, environments
from airflow_platform.support.tools import TOOLS, tool
from airflow_platform.support.vector import NoVectorError, find_vector

from .loki_server import LokiServer

IN_CI = os.environ.get("CI", "").lower() in ("1", "true")

_WRAPPERS = [
    pytest.param((environment, major), id=name, marks=pytest.mark.xdist_group(name))
    for environment in environments()
    for major in helm.MAJORS
    for name in [f"{environment}-helm{major}"]
]


@pytest.fixture(params=_WRAPPERS)
def wrapper(request: pytest.FixtureRequest) -> Render:
    """The wrapper chart in each environment, rendered by each Helm major."""
    environment, major = request.param
    return render(environment, helm=major)


@pytest.fixture(params=["stand-in", pytest.param("official", marks=pytest.mark.official_chart)])
def upstream(request: pytest.FixtureRequest) -> UpstreamChart:
    """The stand-in and the official chart, for what must be true of both."""
    return stand_in() if request.param == "stand-in" else find_upstream()


@pytest.fixture(scope="session")
def program() -> Callable[[str], Path]:
    """Find a pinned tool or a program on PATH by name.

    What CI can install must be there in CI: a test that is skipped everywhere proves nothing.
    """

    def find(name: str) -> Path:
        try:
            if name in TOOLS:
                return tool(name)
            if found := shutil.which(name):
                return Path(found)
            reason = f"{name} is not on PATH; install it, for example with apt-get"
        except PlatformError as error:
            reason = str(error)
        if IN_CI:
            pytest.fail(f"CI must have {name}: {reason}")
        pytest.skip(reason)

    return find


@pytest.fixture(scope="session")
def tracked_files(program: Callable[[str], Path]) -> tuple[str, ...]:
    """The paths of all files in git, relative to the repository."""
    listing = subprocess.run(
        [
            program("git"),
            "-C",
            ROOT,
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    names = listing.stdout.rstrip("\0").split("\0")
    return tuple(name for name in names if (ROOT / name).is_file())


@pytest.fixture(scope="session")
def check() -> Callable[[str, Render], list[Violation]]:
    """Make the check of that name; its test is skipped where the check's program is missing."""

    def make(name: str, rendered: Render) -> list[Violation]:
        try:
            return CHECKS[name](rendered)
        except NotCheckedError as reason:
            if IN_CI and reason.everywhere:
                pytest.fail(f"CI must be able to make the check {name}: {reason}")
            pytest.skip(str(reason))

    return make


@pytest.fixture(scope="session")
def query_parser(program: Callable[[str], Path]) -> Path:
    """The program that parses queries, for tests that need it without calling it."""
    return program("query-parser")


@pytest.fixture(scope="session")
def vector() -> Path:
    """The Vector binary, which no package registry has: VECTOR, or `vector` on PATH."""
    try:
        return find_vector()
    except NoVectorError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def real_loki_server(
    program: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LokiServer]:
    """A real Loki, without lines but for those of other tests."""
    program("loki")
    with local_loki(tmp_path_factory.mktemp("loki"), tenants=True) as url:
        yield LokiServer(url)


@pytest.fixture
def built_in_loki_server() -> Iterator[LokiServer]:
    """The Loki that is built into `bench`."""
    with built_in_loki() as url:
        yield LokiServer(url)


@pytest.fixture(
    params=["built-in", pytest.param("real", marks=pytest.mark.xdist_group("real Loki"))]
)
def any_loki(request: pytest.FixtureRequest) -> LokiServer:
    """Each of the two, without lines."""
    if request.param == "built-in":
        built_in: LokiServer = request.getfixturevalue("built_in_loki_server")
        return built_in
    real: LokiServer = request.getfixturevalue("real_loki_server")
    return real.another_tenant()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("traffic") and os.environ.get("RUN_TRAFFIC") != "1":
        pytest.skip("starts real Airflows, which takes minutes; RUN_TRAFFIC=1 switches it on")
    if item.get_closest_marker("official_chart") and find_upstream().is_stand_in:
        pytest.skip("needs the official chart; set AIRFLOW_CHART to its directory or .tgz")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return half as many workers again as there are cores: many tests wait for a Vector."""
    return (os.cpu_count() or 1) * 3 // 2


def pytest_report_header() -> str:
    found = find_upstream()
    return f"airflow chart: {found.version} from {found.source}"


# What the tests say at the end of a run: what has been measured, the number of Helm calls, which is
# what the time of this suite is spent on, and why tests were skipped. Workers of xdist add theirs.

_measured: list[str] = []
_worker_calls = 0


@pytest.fixture(scope="session")
def say_at_the_end() -> Callable[[str], None]:
    """Add a line to the summary of the run."""
    return _measured.append


def pytest_sessionfinish(session: pytest.Session) -> None:
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["helm_calls"] = helm.calls
        output["measured"] = _measured


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    global _worker_calls
    output = getattr(node, "workeroutput", {})
    _worker_calls += output.get("helm_calls", 0)
    _measured.extend(output.get("measured", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in _measured:
        terminalreporter.write_line(line)
    terminalreporter.write_line(f"Helm was called {helm.calls + _worker_calls} times.")
    skips = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skips)
    for reason, tests in reasons.most_common():
        terminalreporter.write_line(f"{tests} skipped: {reason}")
