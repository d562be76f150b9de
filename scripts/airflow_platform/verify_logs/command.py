"""The command verify-logs."""

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from airflow_platform.loki import options as loki_options
from airflow_platform.support.durations import duration
from airflow_platform.support.errors import UNEXPECTED_ANSWERS, PlatformError
from airflow_platform.support.progress import progress

if TYPE_CHECKING:
    from airflow_platform.verify_logs.airflow import Airflow
    from airflow_platform.verify_logs.attempts import Run
    from airflow_platform.verify_logs.expectation import Expectation
    from airflow_platform.verify_logs.verify import Verdict

_POLL_SECONDS = 2.0
_CLOCK_DIFFERENCE = timedelta(minutes=10)
_SINCE = timedelta(days=1)
_SINCE_COMPONENTS = timedelta(minutes=15)

_DESCRIPTION = """\
Say whether Loki has all lines of task logs, and which lines are missing.

The lines to expect come from Airflow's own log view (--airflow), from log files (--log-files), or
from a list of what the tasks print (--expected). Without remote logging, Airflow has no logs of
finished pods: use a list then, for example examples/dags/hello_world.expected.yaml.

The last lines of a task come late: Airflow 3 keeps the container for 5 to 6 s after the task has
ended, and then the sidecar delivers the rest. So while lines are missing, verify-logs looks again
until --wait has passed.

With --components it says instead which components of a release (scheduler, git-sync, ...) have
lines in Loki, and which have none although they always print something:

  helm -n airflow get manifest airflow | airflow-platform verify-logs --components -

Exit codes:
  0  Loki has all lines; with --components: lines of all that must have some
  1  lines are missing, or there more often than expected
  2  wrong usage
  3  it could not look: Loki or Airflow cannot be reached or refuses, the run is unknown or has not
     ended in time, or Airflow has no log of a task
"""
_ENVIRONMENT = f"""\
environment variables (those of Loki are the same as for logcli):
{loki_options.ENVIRONMENT}\
  AIRFLOW_USERNAME and AIRFLOW_PASSWORD, or AIRFLOW_TOKEN
"""


_NOTHING_TO_LOOK_FOR = "one of --airflow, --log-files, --expected, --components is required"


class _HasResult(Protocol):
    @property
    def result(self) -> str: ...


_V = TypeVar("_V", bound=_HasResult)


class CannotLookError(PlatformError):
    """Nobody knows whether lines are missing."""

    exit_code = 3


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "verify-logs",
        help="say whether Loki has all lines of task logs",
        description=_DESCRIPTION,
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    loki_options.add_to(parser, "by dag_id; of components by job and namespace")
    add("--airflow", metavar="URL", help="Airflow's API server (Airflow 2: webserver)")
    expected = parser.add_mutually_exclusive_group()
    expected.add_argument("--log-files", type=Path, metavar="DIR", help="as Airflow wrote them")
    expected.add_argument("--expected", type=Path, metavar="FILE", help="what the tasks print")
    expected.add_argument(
        "--components",
        metavar="FILE",
        help="look at components; FILE is what `helm get manifest` prints, - for stdin",
    )
    add("--namespace", help="with --components: of the release; default: that of the manifest")
    add("--dag", dest="dag_id", metavar="DAG_ID")
    add("--run", dest="run_id", metavar="RUN_ID", help="default: the newest that Airflow has")
    add("--trigger", action="store_true", help="run the DAG now")
    add("--timeout", type=duration, default="15m", metavar="TIME", help="for the run to end")
    add(
        "--wait",
        type=duration,
        default="40s",
        metavar="TIME",
        help="for lines that come late; 0s: look once; default: %(default)s",
    )
    add(
        "--since",
        type=duration,
        metavar="TIME",
        help="how far to look back, such as 90m or 7d; default: to the run's start, or 24h;"
        " with --components: 15m",
    )
    add("--output", choices=("table", "json"), default="table")
    parser.set_defaults(run=partial(_run, parser))


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if wrong := _wrong_usage(options):
        parser.error(wrong)
    try:
        return _look_for_components(options) if options.components else _compare(options)
    except PlatformError as error:
        raise CannotLookError(str(error)) from None
    except UNEXPECTED_ANSWERS as error:
        raise CannotLookError(
            f"Loki or Airflow has answered in a form that verify-logs does not know ({error!r})."
            " Look whether the URLs lead to them, and not to a page of a proxy."
        ) from error


def _compare(options: argparse.Namespace) -> int:
    from airflow_platform.verify_logs import report
    from airflow_platform.verify_logs.verify import verify

    loki = loki_options.connect(options)
    question = _question(options)
    start = question.since - _CLOCK_DIFFERENCE

    def look() -> "list[Verdict]":
        end = datetime.now(UTC) + _CLOCK_DIFFERENCE
        return verify(question.expectation(), loki, options.selector, start, end)

    with progress("Comparing the logs with Loki"):
        verdicts = _look_until_all_are_there(look, options.wait)
    print(report.as_json(verdicts) if options.output == "json" else report.as_text(verdicts))
    results = {verdict.result for verdict in verdicts}
    if "FAIL" in results:
        return 1
    return CannotLookError.exit_code if "UNKNOWN" in results else 0


def _look_for_components(options: argparse.Namespace) -> int:
    from airflow_platform.component_logs import release
    from airflow_platform.manifests import Render
    from airflow_platform.verify_logs import components

    text = sys.stdin.read() if options.components == "-" else _read(Path(options.components))
    manifests = Render.from_text(text, name="the manifest")
    containers = release.containers(manifests)
    namespace = options.namespace or release.namespace(manifests)
    if not namespace:
        raise PlatformError("The manifest does not name the release's namespace: set --namespace.")
    loki = loki_options.connect(options)
    start = datetime.now(UTC) - (options.since or _SINCE_COMPONENTS)

    def look() -> list[components.Verdict]:
        end = datetime.now(UTC) + _CLOCK_DIFFERENCE
        return components.verify(containers, loki, options.selector, namespace, start, end)

    with progress("Looking for lines of the components"):
        verdicts = _look_until_all_are_there(look, options.wait)
    as_json = options.output == "json"
    print(components.as_json(verdicts) if as_json else components.as_text(verdicts))
    return int(any(verdict.result == "FAIL" for verdict in verdicts))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlatformError(f"{path} cannot be read: {error}") from None


def _look_until_all_are_there(look: Callable[[], list[_V]], wait: timedelta) -> list[_V]:
    """Look again while a verdict is FAIL, until ``wait`` has passed; return the last verdicts."""
    give_up = time.monotonic() + wait.total_seconds()
    waits = False
    while True:
        verdicts = look()
        failed = any(verdict.result == "FAIL" for verdict in verdicts)
        if not failed or time.monotonic() >= give_up:
            return verdicts
        if not waits:
            seconds = f"{wait.total_seconds():.0f} s"
            print(f"Loki has not all lines yet: looking again for {seconds}", file=sys.stderr)
            waits = True
        time.sleep(_POLL_SECONDS)


def _wrong_usage(options: argparse.Namespace) -> str | None:
    if not options.loki:
        return loki_options.MISSING_URL
    if options.components:
        others = ("airflow", "dag_id", "run_id", "trigger")
        given = any(getattr(options, name) for name in others)
        return "--components does not go with --airflow, --dag, --run, --trigger" if given else None
    if options.namespace:
        return "--namespace goes with --components only"
    if options.airflow:
        if options.trigger and options.run_id:
            return "--trigger makes a new run: it does not go with --run"
        return None if options.dag_id else "--airflow needs --dag DAG_ID"
    if options.trigger:
        return "--trigger needs --airflow URL"
    if options.expected:
        named = options.dag_id and options.run_id
        return None if named else "--expected needs --dag and --run, or --dag and --airflow"
    return None if options.log_files else _NOTHING_TO_LOOK_FOR


@dataclass(frozen=True)
class _Question:
    """The lines to look for in Loki, and since when.

    ``expectation`` reads the lines anew, for a log may grow between two looks.
    """

    expectation: "Callable[[], Expectation]"
    since: datetime


def _question(options: argparse.Namespace) -> _Question:
    from airflow_platform.verify_logs import expectation
    from airflow_platform.verify_logs.airflow import connect
    from airflow_platform.verify_logs.attempts import Run

    since = datetime.now(UTC) - (options.since or _SINCE)
    if not options.airflow:
        if options.log_files:
            files = (options.log_files, options.dag_id, options.run_id)
            return _Question(partial(expectation.from_log_files, *files), since)
        run = Run(options.dag_id, options.run_id)
        return _Question(partial(expectation.from_list, options.expected, run), since)

    airflow = connect(options.airflow, os.environ, ca_file=options.ca_file)
    if options.trigger:
        run = airflow.trigger(options.dag_id)
    elif options.run_id:
        run = Run(options.dag_id, options.run_id)
    else:
        run = airflow.latest(options.dag_id)
    _wait_for_end(airflow, run, options.timeout)
    if not options.since:
        since = airflow.state(run).start or since
    if options.expected:
        return _Question(partial(expectation.from_list, options.expected, run), since)
    if options.log_files:
        files = (options.log_files, run.dag_id, run.run_id)
        return _Question(partial(expectation.from_log_files, *files), since)
    return _Question(partial(expectation.from_airflow, airflow, run), since)


def _wait_for_end(airflow: "Airflow", run: "Run", timeout: timedelta) -> None:
    """Wait until ``run`` has ended; PlatformError when it has not after ``timeout``."""
    give_up = time.monotonic() + timeout.total_seconds()
    with progress(f"Waiting for {run.run_id} of {run.dag_id}"):
        while not (state := airflow.state(run)).ended:
            if time.monotonic() > give_up:
                raise PlatformError(
                    f"{run.run_id} of {run.dag_id} is still {state.name} after {timeout}. Look at"
                    " it in Airflow, or give it more time with --timeout."
                )
            time.sleep(_POLL_SECONDS)
