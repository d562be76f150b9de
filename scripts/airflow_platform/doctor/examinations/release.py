"""The release as Helm knows it, and whether its objects are still there."""

from collections.abc import Iterator
from datetime import timedelta

from airflow_platform.doctor.facts import OFFICIAL, Facts, listed
from airflow_platform.doctor.model import Fault, Finding, Mend, NotSeenError, examination
from airflow_platform.doctor.phrases import means
from airflow_platform.manifests import Manifest
from airflow_platform.support.frozen import thaw

_PATIENCE = timedelta(minutes=15)  # three times as long as Helm waits by default

FAILED = Fault("release-failed", "error", "The last installation or upgrade has failed.")
STUCK = Fault("release-stuck", "error", "An installation or upgrade was interrupted.")
IN_PROGRESS = Fault("release-in-progress", "note", "An installation or upgrade is going on.")
MISSING = Fault("object-missing", "error", "An object of the release was deleted.")
CHANGED = Fault("object-changed", "warning", "An object was changed by other means than Helm.")
SCALED_TO_ZERO = Fault("scaled-to-zero", "error", "A workload was scaled to zero.")


@examination(FAILED, STUCK, IN_PROGRESS)
def helm_release(facts: Facts) -> Iterator[Finding]:
    """Whether the newest revision of the release was installed in full."""
    record = facts.known_record()
    subject = f"Release {record.name}, revision {record.revision}"
    if record.status == "failed":
        yield Finding(
            FAILED,
            subject,
            f"Helm says: {record.description or 'nothing'}",
            "The objects in the cluster may be partly those of this revision, partly older ones.",
            Mend(
                "Correct what the message and the other findings name, and upgrade again"
                + (", or go back to the last revision that worked." if facts.deployed else "."),
                (facts.upgrade, *_back(facts)),
            ),
        )
    elif record.status.startswith("pending-"):
        if facts.now - record.changed < _PATIENCE:
            yield Finding(
                IN_PROGRESS,
                subject,
                f"It is {record.status} since {record.changed:%H:%M}.",
                "What else is found may be mended by itself in a few minutes.",
                Mend("Wait for Helm, and look again."),
            )
            return
        yield Finding(
            STUCK,
            subject,
            f"It is {record.status} since {record.changed:%Y-%m-%d %H:%M}, and no Helm works that"
            " long.",
            'Helm refuses every upgrade: "another operation is in progress".',
            Mend(
                "Make sure that nobody installs or upgrades it at this moment. Then go back to the"
                " last revision that worked, and upgrade again."
                if facts.deployed
                else "Make sure that nobody installs it at this moment. Then remove Helm's record,"
                " and install again: Helm takes over what is there.",
                _back(facts) or (f"{facts.kubectl} delete secret {_secret(facts)}",),
            ),
        )


def _back(facts: Facts) -> tuple[str, ...]:
    if not facts.deployed:
        return ()
    return (f"{facts.helm} rollback {facts.name} {facts.deployed.revision}",)


def _secret(facts: Facts) -> str:
    record = facts.known_record()
    return f"sh.helm.release.v1.{record.name}.v{record.revision}"


@examination(MISSING)
def objects(facts: Facts) -> Iterator[Finding]:
    """Whether each object that Helm has made is there."""
    unseen: list[str] = []
    for manifest in facts.render.manifests:
        if facts.served.get((manifest.api_version, manifest.kind)) is False:
            continue  # which another examination tells
        elsewhere = manifest.namespace not in (None, facts.namespace)
        seen = (
            facts.elsewhere.get((str(manifest.namespace), manifest.kind))
            if elsewhere
            else facts.objects.get(manifest.kind)
        )
        if seen is None or isinstance(seen, NotSeenError):
            unseen.append(str(seen) if seen else f"objects of the kind {manifest.kind}")
            continue
        if manifest.name in {each["metadata"]["name"] for each in seen}:
            continue
        if manifest.kind == "Job" and "ttlSecondsAfterFinished" in manifest.document["spec"]:
            continue  # Kubernetes has removed it
        where = f" in {manifest.namespace}" if elsewhere else ""
        yield Finding(
            MISSING,
            f"{manifest.kind} {manifest.name}{where}",
            f"Helm has made it (from {manifest.template}), and it is not there.",
            _means_missing(manifest),
            Mend(
                "Let Helm make it again; an upgrade does so as well.",
                (_again(facts, manifest),),
            ),
        )
    if unseen:
        raise NotSeenError(listed(set(unseen)))


def _means_missing(manifest: Manifest) -> str:
    if manifest.kind in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
        return means(manifest.document)
    if "/dashboards/" in manifest.template:
        return "Grafana does not show this dashboard."
    return _MEANS_MISSING.get(manifest.kind, "What it is for does not work.")


_MEANS_MISSING = {
    "ConfigMap": "Pods that mount it do not start; a sidecar without its ConfigMap sends no logs.",
    "Role": "Its ServiceAccount may not do its work: the scheduler cannot start task pods.",
    "RoleBinding": "Its ServiceAccount may not do its work: the scheduler cannot start task pods.",
    "Secret": "Containers that take a value from it do not start.",
    "Service": "Nobody reaches the pods behind it.",
    "ServiceAccount": "No new pod of it is created.",
    "ServiceMonitor": "Prometheus does not scrape the metrics.",
    "PrometheusRule": "No alert of this release fires.",
    "MutatingAdmissionPolicy": "New task pods get no sidecar, so their logs do not reach Loki.",
    "MutatingAdmissionPolicyBinding": "New task pods get no sidecar: their logs do not reach Loki.",
}


def _again(facts: Facts, manifest: Manifest) -> str:
    return facts.again(official=manifest.template.startswith(f"{OFFICIAL}/"))


@examination(CHANGED, SCALED_TO_ZERO)
def drift(facts: Facts) -> Iterator[Finding]:
    """Whether ConfigMaps and numbers of pods are as Helm has made them."""
    live = {each["metadata"]["name"]: each for each in facts.all("ConfigMap")}
    for manifest in facts.render.all("ConfigMap"):
        there = live.get(manifest.name)
        if there is None or manifest.namespace not in (None, facts.namespace):
            continue
        wanted, found = thaw(manifest.document.get("data") or {}), there.get("data") or {}
        keys = {key for key in {*wanted, *found} if wanted.get(key) != found.get(key)}
        if keys:
            yield Finding(
                CHANGED,
                f"ConfigMap {manifest.name}",
                f"Somebody has changed {listed(keys)}.",
                "The next upgrade may undo it or leave it, and nobody can tell from the values how"
                " the release behaves.",
                Mend(
                    "Say in the values what shall be different, and let Helm make it again.",
                    (
                        f"{facts.kubectl} delete configmap {manifest.name}",
                        _again(facts, manifest),
                    ),
                ),
            )
    for kind in ("Deployment", "StatefulSet"):
        workloads = {each["metadata"]["name"]: each for each in facts.all(kind)}
        for manifest in facts.render.all(kind):
            wanted_replicas = manifest.at("spec", "replicas", default=0)  # an autoscaler's, if none
            workload = workloads.get(manifest.name)
            if workload and wanted_replicas and workload["spec"].get("replicas") == 0:
                yield Finding(
                    SCALED_TO_ZERO,
                    f"{kind} {manifest.name}",
                    f"It has no pods; Helm has made it with {wanted_replicas}.",
                    means(manifest.document),
                    Mend(
                        "Scale it again.",
                        (
                            f"{facts.kubectl} scale {kind.lower()}/{manifest.name}"
                            f" --replicas={wanted_replicas}",
                        ),
                    ),
                )
