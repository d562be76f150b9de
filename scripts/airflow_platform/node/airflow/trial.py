"""What is tried with a real Airflow on the real node, in order."""

import queue
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from airflow_platform.e2e import hello_world
from airflow_platform.e2e.report import Outcome, Step, outcomes
from airflow_platform.loki.client import Loki, quoted
from airflow_platform.metrics import statsd_exporter
from airflow_platform.metrics.statsd_exporter import StatsdExporter
from airflow_platform.node.airflow import images, panels
from airflow_platform.node.airflow.configuration import FILES, Configuration, configure
from airflow_platform.node.airflow.programs import AirflowPrograms, running
from airflow_platform.node.loki import local_loki
from airflow_platform.node.loki_proxy import Behaviour, LokiProxy, loki_proxy
from airflow_platform.node.metrics import (
    Prometheus,
    configuration,
    hurried,
    local_prometheus,
    rules,
)
from airflow_platform.node.node import Node
from airflow_platform.node.sidecar.pods import Pod, PodWatch, terminated
from airflow_platform.support.airflow_install import VERSIONS, AirflowVersion
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.waiting import eventually
from airflow_platform.verify_logs import expectation
from airflow_platform.verify_logs.attempts import Run
from airflow_platform.verify_logs.report import as_text

_TRIAL, _JOBS, _WITHOUT_LOKI = "trial", "container-jobs", "without_loki"
_JOB_IMAGE = "docker.io/library/busybox:1.37.0"
_OUTLIVES = "outlives_its_scheduler"
_LOST = "TaskLogBytesMissing"
_SIDECAR = "vector"

_SECONDS = 600.0
_POLL_SECONDS = 2.0
_POD_SECONDS = 60.0
# Most rules wait for longer than a trial takes. What they wait for has not held for so long.
_QUIET_SECONDS = 30
# These count heartbeats of the last ten minutes, in all of which Airflow has to run.
_TEN_MINUTES = frozenset(
    f"{component}ReplicasMissing" for component in ("DagProcessor", "Scheduler", "Triggerer")
)

# How the tasks of the DAG trial end, and how many pods each has.
_ENDS = {"deferred": "success", "fails": "failed", "overridden": "success", _OUTLIVES: "success"}
_PODS = {"deferred": 2, "fails": 1, "overridden": 1, _OUTLIVES: 1}

_T = TypeVar("_T")


@dataclass
class AirflowTrial:
    """An Airflow on a node, and what is around it; there is nothing of it before ``start``."""

    node: Node
    airflow: AirflowVersion
    directory: Path
    stack: ExitStack

    def start(self) -> None:
        """Start a Loki, a Prometheus, a statsd_exporter and the programs of Airflow."""
        enter = self.stack.enter_context
        self.begun = time.time()
        for name in ("loki", "prometheus"):
            (self.directory / name).mkdir()
        self.loki_url = enter(local_loki(self.directory / "loki"))
        self.proxy: LokiProxy = enter(loki_proxy(self.loki_url, Behaviour()))
        self.node.add_image(_JOB_IMAGE, images.job())
        made = configure(self.node, self.airflow, self.directory, self.proxy.url)
        self.configuration: Configuration = made
        (mapping,) = made.render.embedded("StatsdMapping")
        self.exporter: StatsdExporter = enter(
            statsd_exporter.running(mapping.text, ingest=made.ingest)
        )
        self.prometheus: Prometheus = enter(
            local_prometheus(
                self.directory / "prometheus",
                configuration(made.render, f"127.0.0.1:{self.exporter.web}"),
                hurried(rules(made.render), _LOST),
            )
        )
        self.watch: PodWatch = enter(PodWatch(self.node.cluster, "dag_id"))
        self.programs: AirflowPrograms = enter(running(made))
        self.runs: dict[str, Run] = {}

    @property
    def loki(self) -> Loki:
        """Loki itself, also while it is away from the pods."""
        return Loki(self.loki_url, {}, tenant="", ca_file=None)

    def trigger(self, dag_id: str) -> Run:
        """Start a run of a DAG, as soon as Airflow has read it."""
        self.runs[dag_id] = self._known(lambda: self.programs.api.trigger(dag_id), dag_id)
        return self.runs[dag_id]

    def latest(self, dag_id: str) -> Run:
        """Return the run of a DAG that its schedule has started."""
        self.runs[dag_id] = self._known(lambda: self.programs.api.latest(dag_id), dag_id)
        return self.runs[dag_id]

    def ended(self, run: Run) -> str:
        """Wait until a run has ended, and return its state."""

        def end() -> str | None:
            state = self.programs.api.state(run)
            return state.name if state.ended else None

        return self.until(end, f"{run.dag_id} has not ended")

    def until(self, look: "Callable[[], _T | None]", otherwise: str) -> _T:
        """Return the first result of ``look``. PlatformError when Airflow ends, or takes long."""

        def look_again() -> _T | None:
            self.programs.assert_running()
            return look()

        late = f"{otherwise} after {_SECONDS:.0f} s. Logs: {self.directory}"
        return eventually(look_again, _SECONDS, late, poll=_POLL_SECONDS)

    def pods(self, dag_id: str, task_id: str, *, job: bool = False) -> list[Pod]:
        """Return all pods that a task has had: its own, or those that it has started as a job."""
        label = "kubernetes_pod_operator" if job else "kubernetes_executor"
        return [
            pod
            for pod in self.watch.of(self.configuration.namespace)
            if _ids(pod) == (dag_id, task_id) and pod["metadata"]["labels"].get(label) == "True"
        ]

    def _known(self, ask: Callable[[], Run], dag_id: str) -> Run:
        def look() -> Run | None:
            with suppress(PlatformError):
                return ask()
            return None

        return self.until(look, f"Airflow has no DAG {dag_id}, or no run of it")


def _ids(pod: Pod) -> tuple[str, str]:
    # The pod of a job that is left alone has them in its labels only.
    ids = {**pod["metadata"]["labels"], **pod["metadata"].get("annotations", {})}
    return ids.get("dag_id", ""), ids.get("task_id", "")


def _start(trial: AirflowTrial) -> str:
    trial.start()
    components = ", ".join(trial.configuration.environments)
    return f"{components}; namespace {trial.configuration.namespace}"


def _run_hello_world(trial: AirflowTrial) -> str:
    """Wait for the run that its schedule makes; the others start meanwhile."""
    for dag_id in (_TRIAL, _JOBS):
        trial.trigger(dag_id)
    run = trial.latest(hello_world.DAG_ID)
    _assert_equal(f"{run.dag_id} ended as", trial.ended(run), "success")
    return f"{run.run_id} has succeeded"


def _replace_scheduler(trial: AirflowTrial) -> str:
    """Replace the scheduler while a task runs, after which the task goes on to its end."""
    run = trial.runs[_TRIAL]
    before = {**_ENDS, _OUTLIVES: "running"}
    trial.until(
        lambda: trial.programs.api.task_states(run) == before,
        f"the tasks of {_TRIAL} are not as expected: {before}",
    )
    (pod,) = trial.pods(_TRIAL, _OUTLIVES)
    trial.programs.replace_scheduler()
    trial.until(lambda: _scheduler(trial) != _worker(pod), "the next scheduler adopts no pod")
    trial.node.cluster.kubectl(
        *("exec", pod["metadata"]["name"], "--container=base"),
        *(f"--namespace={trial.configuration.namespace}", "--", "touch", "/tmp/may-end"),
    )
    trial.ended(run)
    _assert_equal("the tasks ended as", trial.programs.api.task_states(run), _ENDS)
    return f"{_OUTLIVES} ended under a second scheduler"


def _scheduler(trial: AirflowTrial) -> str:
    """Return the job of the scheduler to which the pod of the long task belongs."""
    (pod,) = trial.pods(_TRIAL, _OUTLIVES)
    return _worker(pod)


def _worker(pod: Pod) -> str:
    return str(pod["metadata"]["labels"]["airflow-worker"])


def _look_at_pods(trial: AirflowTrial) -> str:
    """Look at the pods of tasks: those of retries, deferrals and overrides have the sidecar."""
    found = {task: trial.pods(_TRIAL, task) for task in _PODS}
    _assert_equal("pods of tasks", {task: len(pods) for task, pods in found.items()}, _PODS)
    (overridden,) = found["overridden"]
    _assert_equal("overridden", overridden["metadata"]["labels"].get("overridden"), "yes")
    every = [pod for pod in trial.watch.of(trial.configuration.namespace) if _is_of_task(pod)]
    for pod in every:
        name = pod["metadata"]["name"]
        _assert_equal(f"{name} has the sidecar", _has_sidecar(pod), True)
        end = trial.watch.wait(
            (trial.configuration.namespace, name),
            lambda last: terminated(last, _SIDECAR) is not None,
            f"the sidecar of {name} has ended",
            _POD_SECONDS,
        )
        state = terminated(end, _SIDECAR) or {}
        if state["exitCode"]:
            raise PlatformError(f"The sidecar of {name} reports: {state.get('message')}")
    return f"{len(every)} pods, all with a sidecar that ended with 0"


def _is_of_task(pod: Pod) -> bool:
    return bool(pod["metadata"]["labels"].get("kubernetes_executor") == "True")


def _has_sidecar(pod: Pod) -> bool:
    return any(each["name"] == _SIDECAR for each in pod["spec"].get("initContainers", ()))


def _run_jobs(trial: AirflowTrial) -> str:
    """Look at container jobs: one is left alone, the other has a sidecar by injection."""
    run = trial.runs[_JOBS]
    _assert_equal(f"{run.dag_id} ended as", trial.ended(run), "success")
    (left_alone,) = trial.pods(_JOBS, "prints", job=True)
    (injected,) = trial.pods(_JOBS, "writes-a-file", job=True)
    _assert_equal("the job that prints has a sidecar", _has_sidecar(left_alone), False)
    _assert_equal("the job that writes a file has one", _has_sidecar(injected), True)
    _find_line(trial, "prints", "[base] hello from a job", _pod_of_task(trial, "prints"))
    _find_line(trial, "writes-a-file", "a line of a file", injected)
    return "one logs by its task, the other by a sidecar of its own"


def _pod_of_task(trial: AirflowTrial, task_id: str) -> Pod:
    (pod,) = trial.pods(_JOBS, task_id)
    return pod


def _find_line(trial: AirflowTrial, task_id: str, text: str, pod: Pod) -> None:
    """Look in Loki for a line that the sidecar of a pod has sent."""
    name = pod["metadata"]["name"]
    of_task = f"{{dag_id={quoted(_JOBS)},task_id={quoted(task_id)}}}"
    query = f"{of_task} |= {quoted(text)} | pod={quoted(name)}"
    eventually(
        lambda: [*trial.loki.entries(query, *_times(trial))],
        _POD_SECONDS,
        f"Loki has no such line: {query}",
    )


def _times(trial: AirflowTrial) -> tuple[datetime, datetime]:
    return datetime.fromtimestamp(trial.begun, UTC), datetime.now(UTC)


def _verify_logs(trial: AirflowTrial) -> str:
    lists = {
        hello_world.DAG_ID: hello_world.EXPECTED,
        _TRIAL: FILES / "dags" / "trial.expected.yaml",
    }
    verdicts = [
        verdict
        for dag_id, file in lists.items()
        for verdict in hello_world.verified(
            expectation.from_list(file, trial.runs[dag_id]), trial.loki
        )
    ]
    if not all(verdict.result == "PASS" for verdict in verdicts):
        raise PlatformError(f"Loki has not all lines:\n{as_text(verdicts)}")
    return hello_world.found_lines(verdicts)


def _look_at_metrics(trial: AirflowTrial) -> str:
    """Look for what Airflow and the sidecars send, and at what the exporter says of it."""
    namespace = f'namespace="{trial.configuration.namespace}"'
    wanted = hello_world.METRICS | hello_world.TASK_LOG_METRICS
    for query in wanted.values():
        trial.prometheus.eventually(query % namespace)
    page = trial.exporter.page()
    _assert_equal("what the exporter complains of", page.faults, {})
    _assert_equal("lost packets", page.count("statsd_exporter_udp_packet_drops_total"), 0)
    _assert_equal("bytes that sidecars report as missing", _missing_bytes(trial), 0)
    lines = page.count("statsd_exporter_lines_total")
    return f"{', '.join(wanted)}; {lines:.0f} lines of StatsD, all mapped"


def _missing_bytes(trial: AirflowTrial) -> float:
    found = trial.prometheus.query("sum(airflow_task_log_bytes_missing_total)")
    return float(found[0]["value"]) if found else 0.0


def _expect_quiet(trial: AirflowTrial) -> str:
    groups = trial.prometheus.get("rules")["groups"]
    every = [rule for group in groups for rule in group["rules"]]
    broken = {rule["name"]: rule.get("lastError") for rule in every if rule["health"] == "err"}
    _assert_equal("rules with errors", broken, {})
    _assert_equal("alerts that have fired", trial.prometheus.fired(trial.begun), set())
    about_to_fire = trial.prometheus.waiting(_QUIET_SECONDS) - _TEN_MINUTES
    _assert_equal(f"alerts that wait for {_QUIET_SECONDS} s already", about_to_fire, set())
    return f"{len(every)} rules"


def _keep_loki_away(trial: AirflowTrial) -> str:
    """Run a task whose log cannot be delivered: the task succeeds, the loss is told."""
    trial.proxy.close()
    run = trial.trigger(_WITHOUT_LOKI)
    _assert_equal("the task ended as", trial.ended(run), "success")
    (pod,) = trial.pods(_WITHOUT_LOKI, "speaks")
    name = pod["metadata"]["name"]
    end = trial.watch.wait(
        (trial.configuration.namespace, name),
        lambda last: terminated(last, _SIDECAR) is not None,
        f"the sidecar of {name} has ended",
        _POD_SECONDS,
    )
    state = terminated(end, _SIDECAR) or {}
    if not state.get("exitCode"):
        raise PlatformError(f"The sidecar of {name} reports no loss: {state}")
    trial.prometheus.wait_for(
        lambda: _LOST in trial.prometheus.firing(),
        f"{_LOST} does not fire although a sidecar reports: {state.get('message')}",
    )
    _assert_equal("alerts that fire", trial.prometheus.firing(), {_LOST})
    first, *_ = re.split("\n", state.get("message", "").strip())
    return f"{_LOST} fires; the sidecar says: {first}"


def _ask_dashboards(trial: AirflowTrial) -> str:
    """Ask what the dashboards ask; each query has had a result at some time."""
    start, end = _times(trial)
    answers = panels.answers(
        trial.configuration.render,
        had_series=lambda query: trial.prometheus.had_data(query, trial.begun),
        had_lines=lambda query: trial.loki.had_data(query, start, end),
    )
    return panels.judged(answers, panels.silences(trial.airflow.version))


def _assert_equal(what: str, found: Any, wanted: Any) -> None:
    """PlatformError when ``found`` is not as ``wanted``."""
    if found != wanted:
        raise PlatformError(f"{what}: {found}, not {wanted}")


STEPS: tuple[Step[AirflowTrial], ...] = (
    Step("Airflow starts", _start, vital=True),
    Step("hello_world runs", _run_hello_world, vital=True),
    Step("container jobs run", _run_jobs),
    Step("the scheduler is replaced", _replace_scheduler),
    Step("pods have sidecars", _look_at_pods),
    Step("task logs are in Loki", _verify_logs),
    Step("metrics are in Prometheus", _look_at_metrics),
    Step("no alert fires", _expect_quiet),
    Step("a loss of logs is told", _keep_loki_away),
    Step("dashboards have data", _ask_dashboards),
)


def try_airflow(node: Node, airflow: AirflowVersion) -> Iterator[Outcome]:
    """Try an Airflow on a node, with the Vector of this machine."""
    directory = node.directory / f"airflow-{airflow}"
    directory.mkdir()
    with ExitStack() as stack:
        yield from outcomes(STEPS, AirflowTrial(node, airflow, directory, stack))


def try_airflows(
    node: Node, airflows: Sequence[AirflowVersion] = VERSIONS
) -> Iterator[tuple[AirflowVersion, Outcome]]:
    """Try Airflows side by side; each outcome comes as soon as it is known."""
    node.cluster.kubectl("apply", f"--filename={FILES / 'policy.yaml'}")  # once, for all of them
    outcomes_of: queue.Queue[tuple[AirflowVersion, Outcome] | None] = queue.Queue()

    def go_on(airflow: AirflowVersion) -> None:
        try:
            for outcome in try_airflow(node, airflow):
                outcomes_of.put((airflow, outcome))
        finally:
            outcomes_of.put(None)

    with ThreadPoolExecutor(len(airflows)) as pool:
        trials = [pool.submit(go_on, airflow) for airflow in airflows]
        for _ in airflows:
            while (found := outcomes_of.get()) is not None:
                yield found
        for trial in trials:
            trial.result()
