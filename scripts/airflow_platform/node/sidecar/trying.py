"""Tries the sidecar on a node: all trials, for all environments and versions of Airflow."""

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from itertools import product

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.node.image import Image
from airflow_platform.node.loki_proxy import loki_proxy
from airflow_platform.node.node import Node
from airflow_platform.node.sidecar import images
from airflow_platform.node.sidecar.pods import PodWatch, create
from airflow_platform.node.sidecar.release import AIRFLOWS, Release, release
from airflow_platform.node.sidecar.report import Row
from airflow_platform.node.sidecar.running import Site, run_trial
from airflow_platform.node.sidecar.task_pod import EXECUTOR_LABEL
from airflow_platform.node.sidecar.trials import TRIALS, Trial
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import environments

_AT_ONCE = 8  # trials: most of them wait most of the time


def try_sidecars(
    node: Node,
    loki: str,
    *,
    environments: Sequence[str] = environments(),
    airflows: Sequence[str] = tuple(AIRFLOWS),
    trials: Sequence[Trial] = tuple(TRIALS.values()),
    change: Callable[[Release], Release] = lambda release: release,
) -> Iterator[Row]:
    """Try the sidecar of the environments, and yield a row for each trial as it ends.

    ``loki`` is the URL of a Loki without authentication, ``airflows`` are keys of AIRFLOWS.
    ``change`` makes the releases other than they are rendered. PlatformError when something cannot
    be rendered, or when there is no Vector.
    """
    releases = list(product(environments, airflows))
    places = {trial.place.name: trial.place for trial in trials}
    with ExitStack() as stack:
        sites = {
            (environment, airflow, place.name): Site(
                environment,
                f"{environment}-airflow-{airflow}-{place.name}-{uuid.uuid4().hex[:4]}",
                place,
                change(release(environment, airflow, *place.values)),
                stack.enter_context(loki_proxy(loki, place.loki)),
            )
            for (environment, airflow), place in product(releases, places.values())
        }
        _add_images(node, sites.values())
        _make(node.cluster, sites.values())
        watch = stack.enter_context(PodWatch(node.cluster, f"{EXECUTOR_LABEL}=True"))
        crowds = [trial for trial in trials if trial.crowd]
        others = [trial for trial in trials if not trial.crowd]
        for phase, at_once in ((others, _AT_ONCE), (crowds, len(releases))):
            pool = stack.enter_context(ThreadPoolExecutor(at_once))
            running = [
                pool.submit(
                    run_trial,
                    trial.shared(len(releases)),
                    sites[environment, airflow, trial.place.name],
                    node,
                    watch,
                    loki,
                )
                # Trials that wait are beside others, for a release has all of them.
                for (environment, airflow), trial in product(releases, phase)
            ]
            try:
                for done in as_completed(running):
                    yield done.result()
            finally:
                for each in running:
                    each.cancel()


def _add_images(node: Node, sites: Iterable[Site]) -> None:
    wanted: dict[str, Callable[[], Image]] = {}
    for site in sites:
        known = {**images.OTHERS, "vector": site.place.image}
        for name, image in site.release.images().items():
            if name not in known:
                raise PlatformError(f"Nobody knows an image for the container {name}.")
            wanted[image] = known[name]
    for name, make in wanted.items():
        node.add_image(name, make())


def _make(cluster: Cluster, sites: Collection[Site]) -> None:
    """Make the namespaces, and in them what task pods need."""
    names = [{"name": site.namespace} for site in sites]
    create(cluster, ({"apiVersion": "v1", "kind": "Namespace", "metadata": name} for name in names))
    create(
        cluster,
        (
            each
            for site in sites
            for each in site.release.objects_in(site.namespace, site.proxy.url)
            if (each["kind"], each["metadata"]["name"]) != site.place.without
        ),
    )
