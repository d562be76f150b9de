"""A run of the example DAG, its log lines in Loki and its metrics in Prometheus."""

import os
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial

from airflow_platform.e2e.administrator import administrator
from airflow_platform.e2e.report import SkippedError
from airflow_platform.e2e.services import operated_prometheus, reached, service_url
from airflow_platform.e2e.trial import Trial
from airflow_platform.loki.client import Loki
from airflow_platform.loki.sink import loki_sink
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import ROOT
from airflow_platform.support.rest import NotFoundError, Server
from airflow_platform.support.waiting import eventually
from airflow_platform.verify_logs import expectation
from airflow_platform.verify_logs.airflow import Airflow, connect
from airflow_platform.verify_logs.attempts import Run
from airflow_platform.verify_logs.expectation import Expectation
from airflow_platform.verify_logs.report import as_text
from airflow_platform.verify_logs.verify import Verdict, verify

DAG_ID = "hello_world"
EXPECTED = ROOT / "examples" / "dags" / "hello_world.expected.yaml"

_POLL_SECONDS = 2.0
_DAG_SECONDS = 300  # Airflow parses a new file after up to five minutes
_RUN_SECONDS = 600
_LOG_SECONDS = 60  # Airflow 3 keeps a task's container for 5 to 6 s, then the sidecar delivers
_METRIC_SECONDS = 180  # two scrapes of a minute, and a target that is found late
_CLOCK_DIFFERENCE = timedelta(minutes=10)

_NO_DAG = f"""\
Airflow has no DAG {DAG_ID}. Put examples/dags/{DAG_ID}.py where this release takes its DAGs from,
or, without git-sync, set

  exampleDag:
    enabled: true"""

# What a run must leave, and the series that have it. The labels of DAGs and tasks may be off, but
# nothing else has run in the namespace.
METRICS = {
    "the end of the run": "airflow_dagrun_duration_seconds_count{%s} > 0",
    "the ends of its tasks": "airflow_ti_finish_total{%s} > 0",
}
TASK_LOG_METRICS = {
    "what the sidecars delivered": "airflow_task_log_bytes_delivered_total{%s} > 0",
}


def run(trial: Trial) -> str:
    """Run the DAG, by Airflow's API, and wait until it has succeeded."""
    with _airflow(trial) as url:
        user = administrator(trial, os.environ)
        airflow = connect(url, user, ca_file=trial.addresses.ca_file)
        made = eventually(partial(_trigger, airflow), _DAG_SECONDS, _NO_DAG, poll=_POLL_SECONDS)
        late = f"{made.run_id} has not ended after {_RUN_SECONDS} s. Look at its tasks and pods."
        state = eventually(partial(_end, airflow, made), _RUN_SECONDS, late, poll=_POLL_SECONDS)
    if state != "success":
        raise PlatformError(
            f"{made.run_id} has ended as {state}. Look at the logs of its tasks:\n"
            f"  airflow-platform logs {DAG_ID} --run {made.run_id}"
        )
    trial.runs.append(made)
    return f"{made.run_id} has succeeded"


def logs_are_complete(trial: Trial) -> str:
    """Look for each line that the tasks have printed, as verify-logs does."""
    made = _made(trial)
    sink = loki_sink(trial.render)
    if not sink:
        raise SkippedError("no task logs: these values leave global.taskLogs.enabled off")
    tenant = trial.addresses.tenant or sink.get("tenant_id") or ""
    lines = expectation.from_list(EXPECTED, made)
    with reached(trial.cluster, trial.addresses.loki or sink["endpoint"], trial.namespace) as url:
        loki = Loki(url, os.environ, tenant=tenant, ca_file=trial.addresses.ca_file)
        verdicts = verified(lines, loki)
    if not all(verdict.result == "PASS" for verdict in verdicts):
        raise PlatformError(
            f"Loki ({trial.addresses.loki or sink['endpoint']}) has not all lines:\n"
            f"{as_text(verdicts)}\nWhat the sidecars say of it is in the messages of their state:\n"
            f"  {trial.kubectl} describe pods --selector dag_id={DAG_ID}"
        )
    return found_lines(verdicts)


def verified(lines: Expectation, loki: Loki) -> list[Verdict]:
    """Return verdicts on the logs of a run, once all lines are in Loki or should be."""
    start = datetime.now(UTC) - timedelta(seconds=_RUN_SECONDS) - _CLOCK_DIFFERENCE
    give_up = time.monotonic() + _LOG_SECONDS
    while True:
        verdicts = verify(lines, loki, None, start, datetime.now(UTC) + _CLOCK_DIFFERENCE)
        complete = all(verdict.result == "PASS" for verdict in verdicts)
        if complete or time.monotonic() > give_up:
            return verdicts
        time.sleep(_POLL_SECONDS)


def found_lines(verdicts: Sequence[Verdict]) -> str:
    """Return how much Loki has, in words."""
    return f"{sum(verdict.found for verdict in verdicts)} lines of {len(verdicts)} attempts"


def metrics_arrive(trial: Trial) -> str:
    """Ask Prometheus for what the run has sent, and the sidecars."""
    _made(trial)
    if not trial.render.all("ServiceMonitor"):
        raise SkippedError(
            "no ServiceMonitor: these values leave global.metrics.enabled or"
            " observability.serviceMonitor.enabled off"
        )
    wanted = METRICS | (TASK_LOG_METRICS if loki_sink(trial.render) else {})
    with reached(trial.cluster, _prometheus(trial)) as url:
        server = Server(
            url,
            headers={},
            ca_file=trial.addresses.ca_file,
            unreachable="Give its URL with --prometheus.",
            refused="Give the URL of a Prometheus that asks for no credentials.",
        )
        for what, query in wanted.items():
            asked = query % f'namespace="{trial.namespace}"'
            eventually(
                partial(_has_result, server, asked),
                _METRIC_SECONDS,
                f"Prometheus has no series of {what}: {asked}\nIs the ServiceMonitor selected?"
                " Compare serviceMonitorSelector of the Prometheus with"
                " observability.serviceMonitor.labels, and look at Prometheus' page Targets.",
                poll=_POLL_SECONDS,
            )
    return ", ".join(wanted)


def _made(trial: Trial) -> Run:
    if not trial.runs:
        raise SkippedError(f"needs a run of {DAG_ID}")
    return trial.runs[-1]


def _airflow(trial: Trial) -> AbstractContextManager[str]:
    """Give the URL of Airflow's API."""
    if trial.simulated:
        raise SkippedError("nothing runs in the pods of the local control plane")
    if given := trial.addresses.airflow:
        return reached(trial.cluster, given)
    for component in ("api-server", "webserver"):  # Airflow 3, Airflow 2
        selector = f"component={component},release={trial.release.name}"
        for service in trial.cluster.list("services", trial.namespace, selector):
            return reached(trial.cluster, service_url(service))
    raise PlatformError("The release has no Service of Airflow's API. Give its URL with --airflow.")


def _trigger(airflow: Airflow) -> Run | None:
    """Start a run; None while Airflow has not read the DAG."""
    try:
        return airflow.trigger(DAG_ID)
    except NotFoundError:
        return None


def _end(airflow: Airflow, made: Run) -> str | None:
    """Return how the run has ended, None before."""
    state = airflow.state(made)
    return state.name if state.ended else None


def _prometheus(trial: Trial) -> str:
    """Return the URL of Prometheus, in the cluster unless the user gave one."""
    if given := trial.addresses.prometheus:
        return given
    found = operated_prometheus(trial.cluster)
    if len(found) != 1:
        there = ", ".join(each["metadata"]["namespace"] for each in found) or "none"
        raise PlatformError(
            "Which Prometheus scrapes this release? Give its URL with --prometheus, for example"
            " http://prometheus-operated.monitoring.svc:9090. Namespaces with one that the"
            f" operator has made: {there}."
        )
    return service_url(found[0])


def _has_result(server: Server, query: str) -> bool:
    return bool(server.get("/api/v1/query", query=query)["data"]["result"])
