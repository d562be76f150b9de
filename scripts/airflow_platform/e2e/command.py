"""The command e2e."""

import argparse
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_platform.rendering import options as render_options
from airflow_platform.support import guard
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import RELEASE, environments

if TYPE_CHECKING:
    from airflow_platform.cluster.cluster import Cluster
    from airflow_platform.e2e.report import Step
    from airflow_platform.e2e.trial import Trial

_DESCRIPTION = """\
Prove an installation: install an environment into a namespace of its own, wait for its pods, run
`helm test`, run hello_world by Airflow's API, look for its log lines in Loki and for its metrics in
Prometheus, upgrade without a change, and remove it all. Each step says PASS or FAIL, and then what
to do.

Without --kubeconfig it starts a control plane of its own on this machine, without containers: the
API server, the controllers and the scheduler are real, and nothing runs in the pods. All
environments are tried there unless one is named.

With --kubeconfig it works on that cluster, and leaves other namespaces alone. Loki is the one that
the values name, Prometheus that of prometheus-operator; services of the cluster are reached by
`kubectl port-forward`. Keys, passwords and the database of the release are made up. What cannot be
made up, such as credentials for Git, is in files of yours that --objects applies to the namespace.

The release does all that these values say. Give it an empty database if the values leave the one of
the chart out, no host of an Ingress that is in use, and no alerts that wake somebody. Of the DAGs
it reads, those run that are not paused when they are new (is_paused_upon_creation=False).

With --node it runs containers, on this machine and without a registry: a kubelet, containerd and
runc beside that control plane. Task pods of each environment's pod template, of Airflow 2 and 3,
end in each way that tasks end, while Loki, Vector and the objects of the release fail in each way
that they fail; then Airflows from PyPI run their tasks in pods. It takes root, the packages
containerd, runc, busybox and netcat-traditional, and Vector (VECTOR, or on PATH). Images are made
of files of this machine.

Exit codes:
  0  no step has failed
  1  a step has failed
  2  wrong usage
  3  skipped: what --node needs is missing here
"""
_ENVIRONMENT = """\
environment variables:
  AIRFLOW_USERNAME and AIRFLOW_PASSWORD, or AIRFLOW_TOKEN   default: the release's first user
  LOKI_USERNAME and LOKI_PASSWORD, or LOKI_BEARER_TOKEN
"""
# Options that say where something is in a cluster.
_OF_A_CLUSTER = ("airflow", "loki", "tenant", "prometheus")
# Options that --node has no use for.
_NOT_OF_A_NODE = (
    *("kubeconfig", "keep", "values", "sets", "release", "namespace", "helm", "objects"),
    *("kubernetes", "ca_file"),
)
_PATIENCE_SECONDS = {True: 60, False: 900}  # on the local control plane, in a cluster


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "e2e",
        help="prove an installation on a local control plane, or in a cluster",
        description=_DESCRIPTION,
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    known = ", ".join(environments())
    add = parser.add_argument
    add("environment", nargs="?", metavar="ENV", help=f"one of: {known}")
    add("--kubeconfig", type=Path, metavar="FILE", help="of the cluster to install into")
    add("--node", action="store_true", help="try task pods and Airflows on a real node")
    add("--results", type=Path, metavar="FILE", help="with --node: all that was seen, as JSON")
    add("--keep", action="store_true", help="do not remove the release")
    render_options.add_values(parser, "values of yours, on top of the environment's")
    render_options.add_sets(parser)
    add("--release", default=RELEASE, help="default: %(default)s")
    add("--namespace", metavar="NAME", help="a new one; default: airflow-e2e- and a number")
    add("--helm", type=int, choices=(3, 4), default=4, help="Helm's major version")
    add(
        "--objects",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="objects that the release needs, such as Secrets; may be repeated",
    )
    add("--airflow", metavar="URL", help="Airflow's API; default: the Service of the release")
    add("--loki", metavar="URL", help="default: what the values name")
    add("--tenant", default="", metavar="ID", help="of a multi-tenant Loki; default: of the values")
    add("--prometheus", metavar="URL", help="default: that of prometheus-operator")
    add("--ca-file", type=Path, metavar="FILE", help="for https, in PEM format")
    add(
        "--kubernetes",
        choices=("newest", "oldest"),
        help="version of the local control plane; default: newest",
    )
    parser.set_defaults(run=partial(_run, parser))


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if options.kubeconfig and not options.environment:
        parser.error(f"name the environment to install: {', '.join(environments())}")
    if options.kubeconfig and not options.kubeconfig.is_file():
        parser.error(f"{options.kubeconfig} is no file")
    if options.namespace and not options.environment:
        parser.error("--namespace goes with one environment")
    for name in () if options.kubeconfig else _OF_A_CLUSTER:
        if getattr(options, name):
            parser.error(f"--{name} goes with --kubeconfig")
    if options.kubeconfig and options.kubernetes:
        parser.error("--kubernetes is for the local control plane, not for --kubeconfig")
    chosen = [options.environment] if options.environment else [*environments()]
    if options.node:
        return _proves_on_a_node(parser, options, chosen)
    if options.results:
        parser.error("--results goes with --node")
    failed: list[str] = []
    with _cluster(options, failed) as cluster:
        failed += [name for name in chosen if not _tries(name, options, cluster)]
        if options.keep:
            _stay(cluster, local=not options.kubeconfig)
    return 1 if failed else 0


def _proves_on_a_node(
    parser: argparse.ArgumentParser, options: argparse.Namespace, chosen: Sequence[str]
) -> int:
    others = [name for name in _NOT_OF_A_NODE if getattr(options, name) != parser.get_default(name)]
    if others:
        parser.error(f"--{others[0].replace('_', '-')} does not go with --node")
    from airflow_platform.node.proof import prove

    return prove(chosen, options.results)


@contextmanager
def _cluster(options: argparse.Namespace, failed: list[str]) -> "Iterator[Cluster]":
    """Give the cluster to try in; the logs of the local one stay when something has ``failed``."""
    from airflow_platform.cluster.cluster import Cluster
    from airflow_platform.cluster.control_plane import local_control_plane

    if not options.kubeconfig:
        directory = Path(tempfile.mkdtemp(prefix="airflow-platform-e2e-"))
        logs_are_of_use = True
        try:
            with local_control_plane(directory, options.kubernetes or "newest") as local:
                yield local
            logs_are_of_use = bool(failed)
        except KeyboardInterrupt:
            logs_are_of_use = False
            raise
        finally:
            if logs_are_of_use:
                print(f"The logs of the control plane are in {directory}.", file=sys.stderr)
            else:
                guard.remove(directory)
        return
    given = Cluster(options.kubeconfig.absolute())  # its own paths are relative to where it is
    try:
        given.version()
    except PlatformError as error:
        raise PlatformError(
            f"The cluster of {options.kubeconfig} does not answer: {error}\nLook at its current"
            f" context: kubectl --kubeconfig {options.kubeconfig} config view --minify"
        ) from None
    yield given


def _tries(environment: str, options: argparse.Namespace, cluster: "Cluster") -> bool:
    """Try an environment and print what comes of it; return whether no step has failed."""
    from airflow_platform.e2e.report import Outcome, outcomes, show
    from airflow_platform.e2e.steps import REMOVAL, STEPS

    trial = _trial(environment, options, cluster)
    print(f"{environment} with Helm {options.helm}, in the namespace {trial.namespace}:")
    seen: list[Outcome] = []

    def go_through(steps: "Sequence[Step[Trial]]") -> None:
        for outcome in outcomes(steps, trial):
            show(outcome, sys.stdout)
            seen.append(outcome)

    try:
        try:
            go_through(STEPS)
        finally:
            if not options.keep:
                go_through(REMOVAL)
    except KeyboardInterrupt:  # after which no program is started, not even to remove the release
        if trial.made and not trial.simulated:
            print(_removal(trial), flush=True)
        raise
    if options.keep and trial.made and not trial.simulated:
        print(_removal(trial))
    return all(outcome.result != "FAIL" for outcome in seen)


def _removal(trial: "Trial") -> str:
    """Return how to remove what is there. The release has objects outside of its namespace."""
    at = f"--kubeconfig {trial.cluster.kubeconfig}"
    return (
        "Remove what is there with\n"
        f"  helm {at} --namespace {trial.namespace} uninstall {trial.release.name}\n"
        f"  kubectl {at} delete namespace {trial.namespace}"
    )


def _trial(environment: str, options: argparse.Namespace, cluster: "Cluster") -> "Trial":
    from airflow_platform.cluster.release import Release
    from airflow_platform.e2e.trial import Addresses, Trial
    from airflow_platform.rendering.output import announce_stand_in
    from airflow_platform.rendering.render import render
    from airflow_platform.rendering.staging import stage
    from airflow_platform.rendering.upstream import find_upstream
    from airflow_platform.support.project import values_file

    upstream = find_upstream()
    if upstream.is_stand_in and options.kubeconfig:
        raise PlatformError(
            f"In a cluster the official chart airflow {upstream.version} is needed, and it was not"
            " found. Set AIRFLOW_CHART to its directory or .tgz."
        )
    announce_stand_in(upstream)
    namespace = options.namespace or f"airflow-e2e-{uuid.uuid4().hex[:6]}"
    simulated = not options.kubeconfig
    return Trial(
        Release(cluster, namespace, options.release, options.helm),
        stage(upstream),
        (values_file(environment), *options.values),
        tuple(word for each in options.sets for word in ("--set", each)),
        render(
            environment,
            helm=options.helm,
            kube_version=cluster.version(),
            values=options.values,
            sets=options.sets,
            release=options.release,
            namespace=namespace,
        ),
        Addresses(
            options.airflow, options.loki, options.prometheus, options.tenant, options.ca_file
        ),
        simulated,
        _PATIENCE_SECONDS[simulated],
        tuple(options.objects),
    )


def _stay(cluster: "Cluster", *, local: bool) -> None:
    """Say how to look at what was kept; the local control plane needs this process."""
    print(f"Kept. Look at it with: kubectl --kubeconfig {cluster.kubeconfig} get pods -A")
    if local:
        print("Ctrl-C ends the control plane.", flush=True)
        threading.Event().wait()
