"""Reads what is known of a release. It only reads, and waits for nothing for long."""

import json
import os
import shlex
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

from airflow_platform.cluster.cluster import ApiError, Cluster
from airflow_platform.cluster.release_record import ReleaseRecord, release_records
from airflow_platform.cluster.service_proxy import ServiceProxy
from airflow_platform.doctor.facts import (
    ADD_ON,
    OFFICIAL,
    WRAPPER,
    Facts,
    Loki,
    Moment,
    Object,
    Seen,
    Service,
    component,
)
from airflow_platform.doctor.model import NotSeenError
from airflow_platform.doctor.phrases import COMPONENTS
from airflow_platform.e2e.services import operated_prometheus, service_url
from airflow_platform.loki import client as loki_client
from airflow_platform.loki.sink import PUSH_PATH, loki_sink
from airflow_platform.manifests import Render
from airflow_platform.support import strict_yaml
from airflow_platform.support.errors import UNEXPECTED_ANSWERS, PlatformError
from airflow_platform.support.project import ADDON, ROOT
from airflow_platform.support.rest import Server

_ANSWER_SECONDS = 5.0  # of Loki and Prometheus
_AT_ONCE = 4

# Kinds of the namespace that are looked at whatever the release has made.
_NAMESPACED: Mapping[str, str] = {
    "Pod": "v1",
    "Event": "v1",
    "ConfigMap": "v1",
    "PersistentVolumeClaim": "v1",
    "Service": "v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Job": "batch/v1",
    "Ingress": "networking.k8s.io/v1",
}
_CLUSTER_WIDE: Mapping[str, str] = {"Node": "v1", "StorageClass": "storage.k8s.io/v1"}
_BUILT_IN = frozenset({"", "apps", "batch", "autoscaling", "policy"})
_PROMETHEUS = ("monitoring.coreos.com/v1", "Prometheus")
# The labels that Flux puts on what it installs.
_FLUX_NAME = "helm.toolkit.fluxcd.io/name"
_FLUX_NAMESPACE = "helm.toolkit.fluxcd.io/namespace"
_FLUX_VERSION = "helm.toolkit.fluxcd.io/v2"

_T = TypeVar("_T")


class CannotLookError(PlatformError):
    """There is no cluster to look at, or no release in it."""

    exit_code = 3


@dataclass(frozen=True)
class Question:
    """What to look at, and where; None and "" are found out."""

    cluster: Cluster
    namespace: str | None = None
    release: str | None = None
    loki: str | None = None
    tenant: str = ""
    prometheus: str | None = None
    ca_file: Path | None = None
    since: timedelta = timedelta(hours=1)


def gather(question: Question) -> Facts:
    """Return what is known. CannotLookError when the cluster does not answer, or has no release."""
    cluster = question.cluster
    namespace = question.namespace or _namespace(cluster)
    found = _release(question, namespace)
    render = _render(found.record, found.beside, namespace)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        served = _served(pool, cluster, render)
        reads = {
            "namespaced": pool.submit(_objects, cluster, _kinds(render, served), namespace),
            "secrets": pool.submit(_secrets, cluster, namespace),
            "cluster": pool.submit(_objects, cluster, _CLUSTER_WIDE, namespace),
            "leases": pool.submit(
                _objects, cluster, {"Lease": "coordination.k8s.io/v1"}, "kube-node-lease"
            ),
            "namespace": pool.submit(_one_namespace, cluster, namespace),
            "flux": pool.submit(_flux, cluster, render),
        }
        if served.get(_PROMETHEUS):
            reads["prometheus"] = pool.submit(_objects, cluster, _kind(*_PROMETHEUS), None)
        elsewhere = pool.submit(_elsewhere, cluster, render, served, namespace)
        clock = pool.submit(_clock, cluster)
        version = pool.submit(_or_not_seen, cluster.version)
        loki = pool.submit(read_loki, question, render, namespace)
        prometheus = pool.submit(_prometheus, question)
        objects = {kind: seen for read in reads.values() for kind, seen in read.result().items()}
        moment = clock.result()
        known_version = version.result()
        return Facts(
            namespace=namespace,
            name=found.name,
            kubectl=_command("kubectl", cluster, namespace),
            helm=_command("helm", cluster, namespace),
            record=found.record,
            deployed=found.deployed,
            beside=found.beside,
            no_record=found.no_record,
            objects=objects,
            elsewhere=elsewhere.result(),
            served=served,
            version="" if isinstance(known_version, NotSeenError) else known_version,
            checkout=_checkout(found.record),
            now=datetime.now(UTC) if isinstance(moment, NotSeenError) else moment.there,
            clock=moment,
            loki=loki.result(),
            prometheus=prometheus.result(),
            since=question.since,
        )


# --- Which release


class _Release(NamedTuple):
    name: str
    record: ReleaseRecord | None = None
    deployed: ReleaseRecord | None = None
    beside: ReleaseRecord | None = None
    no_record: str = ""


def _namespace(cluster: Cluster) -> str:
    """Return the namespace that kubectl would look at."""
    try:
        config = json.loads(cluster.kubectl("config", "view", "--minify", "--output=json"))
        return str(config["contexts"][0]["context"].get("namespace") or "default")
    except (PlatformError, *UNEXPECTED_ANSWERS):  # inside of a pod there is no configuration
        return "default"


def _release(question: Question, namespace: str) -> _Release:
    try:
        records = release_records(question.cluster, namespace)
    except ApiError as error:
        if error.reason != "Forbidden":
            raise CannotLookError(
                f"The cluster does not answer: {error}\nLook whether kubectl reaches it, and give"
                " --kubeconfig or --context for another one."
            ) from None
        reason = "you may not list Secrets, where Helm keeps its records"
        return _Release(
            question.release or _by_labels(question.cluster, namespace), None, None, None, reason
        )
    except PlatformError as error:
        raise CannotLookError(str(error)) from None
    newest = {record.name: record for record in records}
    ours = {
        each.name: each
        for each in newest.values()
        if each.chart in (WRAPPER, ADD_ON) and question.release in (None, each.name)
    }
    if not ours and (applied := _applied(question, namespace, newest)):
        reason = "Helm has no record of it: something else, such as Argo CD, has applied it"
        return _Release(applied, None, None, None, reason)
    if len(ours) != 1:
        raise CannotLookError(_which(question, namespace, newest, ours))
    (record,) = ours.values()
    deployed = [each for each in records if each.name == record.name and each.status == "deployed"]
    beside = [each for each in newest.values() if each.chart == OFFICIAL]
    alone = record.chart == ADD_ON and len(beside) == 1
    return _Release(
        record.name,
        record,
        deployed[-1] if deployed else None,
        beside[0] if alone else None,
    )


def _applied(question: Question, namespace: str, known: Collection[str]) -> str | None:
    """Return the name of a release that was applied without Helm's records, if there is one."""
    try:
        names = _names_in_labels(question.cluster, namespace) - {*known}
    except PlatformError:
        return None
    if question.release:
        return question.release if question.release in names else None
    return names.pop() if len(names) == 1 else None


def _which(
    question: Question,
    namespace: str,
    newest: Mapping[str, ReleaseRecord],
    ours: Mapping[str, ReleaseRecord],
) -> str:
    """Return what to say when there is no release of ours, or more than one."""
    if ours:
        return f"{namespace} has several releases: {', '.join(ours)}. Name one with --release."
    if question.release and question.release in newest:
        return (
            f"The release {question.release} is one of the chart {newest[question.release].chart}."
            f" doctor looks at releases of {WRAPPER} and {ADD_ON}; move it to this chart with"
            " airflow-platform adopt."
        )
    message = f"There is no release of {WRAPPER} or {ADD_ON}"
    message += f" with the name {question.release}" if question.release else ""
    message += f" in the namespace {namespace}."
    try:
        everywhere = release_records(question.cluster, None)
    except PlatformError:
        return f"{message} Name its namespace with -n."
    there = {
        f"{each.name} in {each.namespace} (-n {each.namespace})"
        for each in everywhere
        if each.chart in (WRAPPER, ADD_ON)
    }
    return f"{message} In this cluster there are: {', '.join(sorted(there)) or 'none'}."


def _names_in_labels(cluster: Cluster, namespace: str) -> set[str]:
    """Return the names of releases that pods of Airflow and of the add-on name."""
    return {
        name
        for pod in cluster.list("pods", namespace)
        if component(pod) in COMPONENTS and (name := Facts.name_of_release(pod))
    }


def _by_labels(cluster: Cluster, namespace: str) -> str:
    """Return the name of the one release that pods of the namespace name."""
    try:
        names = _names_in_labels(cluster, namespace)
    except PlatformError as error:
        raise CannotLookError(
            f"You may read neither Secrets nor pods in the namespace {namespace}: {error}\nThe"
            " Role in examples/doctor has the rights that doctor needs."
        ) from None
    if len(names) != 1:
        raise CannotLookError(
            f"You may not list Secrets in the namespace {namespace}, where Helm keeps its records."
            f" Name the release with --release. Pods name these: {', '.join(sorted(names)) or '-'}."
        )
    return names.pop()


def _render(
    record: ReleaseRecord | None, beside: ReleaseRecord | None, namespace: str
) -> Render | None:
    if not record:
        return None
    manifests = [
        each
        for one in (record, beside)
        if one
        for each in Render.from_text(one.manifest, namespace=namespace).manifests
    ]
    return Render(manifests, name=record.name, namespace=namespace)


def _command(program: str, cluster: Cluster, namespace: str) -> str:
    """Return the beginning of a command that a person can paste."""
    context = "kube-context" if program == "helm" else "context"
    options = [
        *(["--kubeconfig", str(cluster.kubeconfig)] if cluster.kubeconfig else []),
        *([f"--{context}", cluster.context] if cluster.context else []),
    ]
    return shlex.join([program, *options, "-n", namespace])


def _checkout(record: ReleaseRecord | None) -> str:
    """Return the version that this checkout has of the chart of the release."""
    directory = ADDON if record and record.chart == ADD_ON else ROOT
    return str(strict_yaml.load_file(directory / "Chart.yaml")["version"])


# --- Objects


def _kind(api_version: str, kind: str) -> dict[str, str]:
    return {kind: api_version}


def _argument(kind: str, api_version: str) -> str:
    """Return what kubectl calls a kind of an API version: Deployment.v1.apps."""
    group, _, version = api_version.rpartition("/")
    return f"{kind}.{version}.{group}"


def _is_built_in(api_version: str) -> bool:
    group = api_version.rpartition("/")[0]
    return group in _BUILT_IN or group.endswith(".k8s.io")


def _served(
    pool: ThreadPoolExecutor, cluster: Cluster, render: Render | None
) -> dict[tuple[str, str], bool | None]:
    """Return whether the API server knows each kind of the release, and Prometheus.

    None where that could not be found out.
    """
    made = {(each.api_version, each.kind) for each in render.manifests} if render else set()
    asked = {_PROMETHEUS, *(one for one in made if not _is_built_in(one[0]))}
    versions = sorted({version for version, _ in asked})
    answers = dict(
        zip(versions, pool.map(lambda each: _kinds_of(cluster, each), versions), strict=True)
    )
    return {
        (version, kind): None if (known := answers[version]) is None else kind in known
        for version, kind in asked
    }


def _kinds_of(cluster: Cluster, api_version: str) -> frozenset[str] | None:
    """Return the kinds of an API version, None when that could not be found out."""
    try:
        answer = json.loads(cluster.kubectl("get", f"--raw=/apis/{api_version}"))
        return frozenset(each["kind"] for each in answer["resources"])
    except ApiError as error:
        return frozenset() if error.reason == "NotFound" else None
    except (PlatformError, *UNEXPECTED_ANSWERS):
        return None


def _kinds(render: Render | None, served: Mapping[tuple[str, str], bool | None]) -> dict[str, str]:
    """Return the kinds to read in the namespace; cluster-wide ones may be among them."""
    made = render.manifests if render else ()
    return dict(_NAMESPACED) | {
        each.kind: each.api_version
        for each in made
        if each.kind != "Secret"
        and (_is_built_in(each.api_version) or served.get((each.api_version, each.kind)))
    }


def _objects(cluster: Cluster, kinds: Mapping[str, str], namespace: str | None) -> dict[str, Seen]:
    """Return the objects of each kind: all at once, or, where that is refused, one by one."""
    arguments = {kind: _argument(kind, version) for kind, version in kinds.items()}
    try:
        found = cluster.list(",".join(arguments.values()), namespace)
    except PlatformError as error:
        if len(kinds) == 1:
            return {kind: _not_seen(error, kind, namespace) for kind in kinds}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            single = [{kind: version} for kind, version in kinds.items()]
            parts = pool.map(lambda each: _objects(cluster, each, namespace), single)
            return {kind: seen for part in parts for kind, seen in part.items()}
    by_kind: dict[str, list[Object]] = {kind: [] for kind in kinds}
    for each in found:
        by_kind[each["kind"]].append(each)
    return dict(by_kind)


def _secrets(cluster: Cluster, namespace: str) -> dict[str, Seen]:
    """Return the Secrets but for Helm's records, which are large."""
    try:
        found = cluster.list("secrets", namespace, fields="type!=helm.sh/release.v1")
    except PlatformError as error:
        return {"Secret": _not_seen(error, "Secret", namespace)}
    return {"Secret": found}


def _one_namespace(cluster: Cluster, namespace: str) -> dict[str, Seen]:
    try:
        found = cluster.get("namespace", namespace)
    except PlatformError as error:
        return {"Namespace": _not_seen(error, "Namespace", None)}
    return {"Namespace": [found] if found else []}


def _elsewhere(
    cluster: Cluster,
    render: Render | None,
    served: Mapping[tuple[str, str], bool | None],
    namespace: str,
) -> dict[tuple[str, str], Seen]:
    """Return the objects of the release's kinds in its other namespaces."""
    wanted: dict[str, dict[str, str]] = defaultdict(dict)
    for each in render.manifests if render else ():
        if each.namespace in (None, namespace):
            continue
        if _is_built_in(each.api_version) or served.get((each.api_version, each.kind)):
            wanted[str(each.namespace)][each.kind] = each.api_version
    return {
        (other, kind): seen
        for other, kinds in wanted.items()
        for kind, seen in _objects(cluster, kinds, other).items()
    }


def _flux(cluster: Cluster, render: Render | None) -> dict[str, Seen]:
    """Return the HelmRelease that has made the release, if Flux did."""
    for each in render.manifests if render else ():
        if _FLUX_NAME in each.labels:
            namespace = each.labels[_FLUX_NAMESPACE]
            seen = _objects(cluster, {"HelmRelease": _FLUX_VERSION}, namespace)["HelmRelease"]
            if isinstance(seen, NotSeenError):
                return {"HelmRelease": seen}
            named = [one for one in seen if one["metadata"]["name"] == each.labels[_FLUX_NAME]]
            return {"HelmRelease": named}
    return {}


def _not_seen(error: PlatformError, kind: str, namespace: str | None) -> NotSeenError:
    where = f" in {namespace}" if namespace else ""
    if isinstance(error, ApiError) and error.reason == "Forbidden":
        return NotSeenError(f"you may not list objects of the kind {kind}{where}")
    return NotSeenError(f"objects of the kind {kind}{where} could not be read: {error}")


def _or_not_seen(read: Callable[[], _T]) -> _T | NotSeenError:
    try:
        return read()
    except (PlatformError, *UNEXPECTED_ANSWERS) as error:
        return NotSeenError(str(error))


# --- Clocks and services


def _clock(cluster: Cluster) -> Moment | NotSeenError:
    """Compare the clocks. The API server writes its time, in seconds, into an object not stored."""

    def ask() -> Moment:
        before = datetime.now(UTC)
        answer = json.loads(cluster.kubectl("auth", "whoami", "--output=json"))
        after = datetime.now(UTC)
        there = datetime.fromisoformat(answer["metadata"]["creationTimestamp"])
        # Within the call it may have been any moment: a clock that agrees with one is right.
        nearest = min(max(there, before), after + timedelta(seconds=1))
        return Moment(nearest, there)

    seen = _or_not_seen(ask)
    return (
        NotSeenError("the API server does not tell its time")
        if isinstance(seen, NotSeenError)
        else seen
    )


def read_loki(question: Question, render: Render | None, namespace: str) -> Loki | NotSeenError:
    """Return Loki, as the user names it or as the sidecar does, and whether it answers."""
    try:
        service = _loki_service(question, render, namespace)
    except NotSeenError as reason:
        return reason
    except (PlatformError, ValueError) as error:  # urlsplit raises the latter
        return NotSeenError(str(error))
    here = datetime.now(UTC)
    try:
        service.get("/loki/api/v1/labels")
    except PlatformError as error:
        return Loki(service, error)
    except UNEXPECTED_ANSWERS as error:
        return Loki(service, PlatformError(f"{service.url} answers oddly: {error!r}"))
    date = service.date if isinstance(service, Server) else ""
    moment = Moment(here, parsedate_to_datetime(date).astimezone(UTC)) if date else None
    return Loki(service, None, moment)


def _loki_service(question: Question, render: Render | None, namespace: str) -> Service:
    sink = loki_sink(render) if render else None
    if question.loki:
        tenant = question.tenant or (sink or {}).get("tenant_id") or ""
        return loki_client.server(
            question.loki,
            os.environ,
            tenant=str(tenant),
            ca_file=question.ca_file,
            timeout=_ANSWER_SECONDS,
        )
    if not sink:
        raise NotSeenError("the release has no configuration of the sidecar; give --loki URL")
    url = str(sink["endpoint"]).rstrip("/") + str(sink.get("path", "")).removesuffix(PUSH_PATH)
    if sink.get("tenant_id") or sink.get("auth"):
        raise NotSeenError(
            f"{url} wants a tenant or credentials, which the API server does not pass on; give"
            " --loki URL, and --tenant or LOKI_USERNAME and LOKI_PASSWORD"
        )
    try:
        return ServiceProxy(question.cluster, url, namespace)
    except PlatformError:
        raise NotSeenError(f"{url} is outside of the cluster; give --loki URL") from None


def _prometheus(question: Question) -> Service | NotSeenError:
    """Return Prometheus: as the user names it, or that of prometheus-operator."""
    if question.prometheus:
        try:
            return Server(
                question.prometheus,
                headers={},
                ca_file=question.ca_file,
                unreachable="",
                refused="Give the URL of a Prometheus that asks for no credentials.",
                timeout=_ANSWER_SECONDS,
            )
        except PlatformError as error:
            return NotSeenError(str(error))
    try:
        found = operated_prometheus(question.cluster)
    except PlatformError:
        return NotSeenError("Services of other namespaces could not be read; give --prometheus URL")
    if len(found) != 1:
        there = _where(found) or "none"
        return NotSeenError(
            f"which Prometheus scrapes this release is not known; give --prometheus URL."
            f" Namespaces with one of prometheus-operator: {there}"
        )
    (service,) = found
    return ServiceProxy(question.cluster, service_url(service), service["metadata"]["namespace"])


def _where(objects: Iterable[Object]) -> str:
    return ", ".join(sorted({each["metadata"]["namespace"] for each in objects}))
