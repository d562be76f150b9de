"""What is tried, in order: from the first object of a release to its logs and metrics."""

import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airflow_platform.cluster.throwaway_secrets import throwaway_secrets
from airflow_platform.doctor.facts import statuses
from airflow_platform.e2e import hello_world
from airflow_platform.e2e.report import SkippedError, Step
from airflow_platform.e2e.trial import Trial
from airflow_platform.manifests import Manifest
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.frozen import thaw

_RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
_POLL_SECONDS = 0.5
_MANAGED_BY_HELM = "app.kubernetes.io/managed-by=Helm"
# What a release may leave: data, and keys that decrypt data.
_DATA = ("persistentvolumeclaim", "secret")


def _prepare(trial: Trial) -> str:
    """Make the namespace and what the release needs in it."""
    if trial.cluster.get("namespace", trial.namespace):
        raise PlatformError(
            f"The namespace {trial.namespace} exists. What is tried is removed afterwards, so it"
            " gets a namespace of its own: leave --namespace out, or give a new name."
        )
    _refuse_hosts_in_use(trial)
    metadata = {"name": trial.namespace, "labels": _RESTRICTED}
    trial.cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}])
    trial.made.add(f"Namespace {trial.namespace}")
    where = f"--namespace={trial.namespace}"
    for file in trial.objects:
        trial.cluster.kubectl("apply", where, f"--filename={file}")
    there = {each["metadata"]["name"] for each in trial.cluster.list("secrets", trial.namespace)}
    made = throwaway_secrets(trial.render, there, anything=trial.simulated)
    trial.cluster.apply(made, where)
    trial.made.update(_named(made))
    return f"{trial.namespace}, which enforces restricted pods; {len(made)} Secrets made up for it"


def _refuse_hosts_in_use(trial: Trial) -> None:
    """PlatformError when the release would answer for an Airflow that people use."""
    wanted = {host for each in trial.render.all("Ingress") for host in _hosts(each.document)}
    if not wanted:
        return
    for ingress in trial.cluster.list("ingresses", None):
        for host in wanted.intersection(_hosts(ingress)):
            metadata = ingress["metadata"]
            raise PlatformError(
                f"The Ingress {metadata['name']} in {metadata['namespace']} has the host {host}"
                " already, and what is tried must not answer for it. Give values (-f) with another"
                " host, or with\n\n"
                "  airflow:\n    ingress:\n      apiServer:\n        enabled: false"
            )


def _hosts(ingress: Mapping[str, Any]) -> Iterator[str]:
    for rule in ingress["spec"].get("rules") or ():
        yield rule.get("host", "")


def _accept(trial: Trial) -> str:
    """Let the API server look at each object, with strict validation and admission."""
    for namespace, manifests in _by_namespace(trial).items():
        objects = [thaw(manifest.document) for manifest in manifests]
        trial.cluster.apply(objects, "--dry-run=server", f"--namespace={namespace}")
    return f"{len(trial.render.manifests)} objects"


def _by_namespace(trial: Trial) -> dict[str, list[Manifest]]:
    """Return the release's objects: some may be in other namespaces, such as dashboards."""
    found: dict[str, list[Manifest]] = defaultdict(list)
    for manifest in trial.render.manifests:
        found[manifest.namespace or trial.namespace].append(manifest)
    return found


def _install(trial: Trial) -> str:
    wait = ("--wait", "--wait-for-jobs", f"--timeout={trial.patience}s")
    trial.installed = True  # a release that fails is one as well
    try:
        trial.release.install(trial.chart, *trial.values, options=(*trial.options, *wait))
    except PlatformError as error:
        raise PlatformError(f"{error}\n{_not_ready(trial)}") from None
    return f"{len(trial.pods())} pods, all ready or done"


def _not_ready(trial: Trial) -> str:
    """Return a line for each container that keeps a pod from being ready, and how to look at it."""
    lines = [
        f"pod {pod['metadata']['name']}, {status['name']}: {_waits_for(status)}"
        for pod in trial.pods()
        for status in statuses(pod)
        if pod["status"]["phase"] != "Succeeded"
        and not status["ready"]
        and _waits_for(status) != "PodInitializing"  # which the init container explains
    ]
    lines += [
        f"pod {pod['metadata']['name']}: {condition.get('message', '')}"
        for pod in trial.pods()
        for condition in pod["status"].get("conditions", [])
        if condition["type"] == "PodScheduled" and condition["status"] == "False"
    ]
    lines += [
        f"{event['involvedObject']['kind']} {event['involvedObject']['name']}: {event['message']}"
        for event in trial.cluster.list("events", trial.namespace)
        if event["reason"] == "FailedCreate"  # of a pod that the API server refuses
    ]
    if not trial.simulated:
        look = ("describe pods", "get events")
        lines += ["Look at them, with --keep, by", *(f"  {trial.kubectl} {how}" for how in look)]
    return "\n".join(lines)


def _waits_for(status: Mapping[str, Any]) -> str:
    for state, about in status["state"].items():
        if state != "running":
            return f"{about.get('reason', state)} {about.get('message', '')}".strip()
    return "runs, but is not ready"


def _test(trial: Trial) -> str:
    said = trial.release.test(f"--timeout={trial.patience}s")
    suites = sum(line.startswith("TEST SUITE") for line in said.splitlines())
    if not suites or re.search(r"^TEST SUITE:\s+None", said, re.MULTILINE):
        raise SkippedError("these values have no test: it is one of the statsd-exporter")
    return f"{suites} passed"


def _upgrade(trial: Trial) -> str:
    """Upgrade with nothing changed: no pod may notice."""
    before = _revisions(trial)
    wait = ("--wait", f"--timeout={trial.patience}s")
    trial.release.upgrade(trial.chart, *trial.values, options=(*trial.options, *wait))
    after = _revisions(trial)
    if new := sorted(after.keys() - before.keys()):
        raise PlatformError(
            "An upgrade that changes nothing has replaced pods by these: "
            + ", ".join(after[revision] for revision in new)
            + "\nLook for a value that is new in each render: helm diff, or render it twice."
        )
    return "no pod is made anew"


def _revisions(trial: Trial) -> dict[tuple[str, str], str]:
    """Return a pod of each workload in each of its revisions.

    An autoscaler may take pods away, and a node may: that makes no new revision.
    """
    return {
        (owner["name"], pod["metadata"]["labels"].get("controller-revision-hash", "")): pod[
            "metadata"
        ]["name"]
        for pod in trial.pods()
        if pod["spec"]["restartPolicy"] == "Always"
        for owner in pod["metadata"].get("ownerReferences", ())
    }


def _uninstall(trial: Trial) -> str:
    records = f"owner=helm,name={trial.release.name}"
    if not trial.installed or not trial.cluster.list("secrets", trial.namespace, records):
        raise SkippedError("nothing was installed")
    trial.release.uninstall("--wait", f"--timeout={trial.patience}s")
    give_up = time.monotonic() + trial.patience
    while left := _named([*_of_the_release(trial), *_owned_pods(trial)]):
        if time.monotonic() > give_up:
            raise PlatformError(f"These objects are still there: {', '.join(left)}")
        time.sleep(_POLL_SECONDS)
    kept = {*_named(trial.cluster.list(",".join(_DATA), trial.namespace))} - trial.made
    kept |= {*_named(trial.pods())}  # of tasks, which the scheduler made
    return f"what stays: {', '.join(sorted(kept)) or 'nothing'}"


def _owned_pods(trial: Trial) -> list[dict[str, Any]]:
    return [pod for pod in trial.pods() if pod["metadata"].get("ownerReferences")]


def _of_the_release(trial: Trial) -> list[dict[str, Any]]:
    """Return what is there of the release, without its data."""
    kinds = {
        namespace: {manifest.kind.lower() for manifest in manifests} - {*_DATA}
        for namespace, manifests in _by_namespace(trial).items()
    }
    found = [
        each
        for namespace in kinds
        if kinds[namespace]
        for each in trial.cluster.list(
            ",".join(sorted(kinds[namespace])), namespace, _MANAGED_BY_HELM
        )
    ]
    owner = {
        "meta.helm.sh/release-name": trial.release.name,
        "meta.helm.sh/release-namespace": trial.namespace,
    }
    return [
        each for each in found if owner.items() <= each["metadata"].get("annotations", {}).items()
    ]


def _named(objects: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted(f"{each['kind']} {each['metadata']['name']}" for each in objects)


def _remove_namespace(trial: Trial) -> str:
    if f"Namespace {trial.namespace}" not in trial.made:
        raise SkippedError("it was not made")
    trial.cluster.kubectl("delete", "namespace", trial.namespace, "--wait=false")
    return "its deletion goes on in the background"


STEPS = (
    Step("namespace", _prepare, vital=True),
    Step("objects are accepted", _accept),
    Step("install", _install, vital=True),
    Step("helm test", _test),
    Step("hello_world runs", hello_world.run),
    Step("task logs are in Loki", hello_world.logs_are_complete),
    Step("metrics are in Prometheus", hello_world.metrics_arrive),
    Step("upgrade without a change", _upgrade),
)
REMOVAL = (Step("uninstall", _uninstall), Step("namespace is removed", _remove_namespace))
