"""Volumes."""

from collections.abc import Iterator, Mapping
from typing import Any

from airflow_platform.doctor.facts import Facts, labels_of, name
from airflow_platform.doctor.model import Fault, Finding, Mend, NotSeenError, examination

PENDING = Fault("claim-pending", "error", "A PersistentVolumeClaim has no volume.")
LOST = Fault("claim-lost", "error", "The volume of a PersistentVolumeClaim is gone.")

_DEFAULT = "storageclass.kubernetes.io/is-default-class"


@examination(PENDING, LOST)
def claims(facts: Facts) -> Iterator[Finding]:
    """Whether each PersistentVolumeClaim of the namespace that a pod uses has its volume."""
    used = {
        volume["persistentVolumeClaim"]["claimName"]
        for pod in (*facts.pods, *facts.task_pods)
        for volume in pod["spec"].get("volumes") or ()
        if "persistentVolumeClaim" in volume
    }
    for claim in facts.all("PersistentVolumeClaim"):
        if name(claim) not in used and labels_of(claim).get("release") != facts.name:
            continue
        phase = (claim.get("status") or {}).get("phase")
        subject = f"PersistentVolumeClaim {name(claim)}"
        if phase == "Lost":
            yield Finding(
                LOST,
                subject,
                f"Its volume {claim['spec'].get('volumeName') or ''}".rstrip()
                + " does not exist any more.",
                "Its data is gone unless the storage still has it; pods that use it do not start.",
                Mend(
                    "Restore the volume from a backup. To begin with an empty one, delete the claim"
                    " and the pods that use it.",
                    (f"{facts.kubectl} delete pvc {name(claim)}",),
                ),
            )
        elif phase == "Pending":
            yield _pending(facts, claim, subject)


def _pending(facts: Facts, claim: Mapping[str, Any], subject: str) -> Finding:
    wanted = claim["spec"].get("storageClassName")
    try:
        classes = {name(each): each for each in facts.all("StorageClass")}
    except NotSeenError:
        classes = None
    wrong, mend = "No volume was made for it.", None
    if wanted and classes is not None and wanted not in classes:
        there = ", ".join(sorted(classes)) or "none"
        wrong = f"The StorageClass {wanted} does not exist; there are: {there}."
        mend = _other_class(facts, claim, classes)
    elif wanted is None and classes is not None and not any(map(_is_default, classes.values())):
        wrong = "It names no StorageClass, and the cluster has no default one."
        mend = _default_class(facts, classes)
    return Finding(
        PENDING,
        subject,
        wrong,
        "Pods that use it wait, and with the database all of Airflow.",
        mend
        or Mend(
            "Look at what the provisioner says of it.",
            (f"{facts.kubectl} describe pvc {name(claim)}",),
        ),
    )


def _is_default(each: Mapping[str, Any]) -> bool:
    return (each["metadata"].get("annotations") or {}).get(_DEFAULT) == "true"


def _default_class(facts: Facts, classes: Mapping[str, Any]) -> Mend:
    if not classes:
        return Mend("Install a provisioner of volumes: the cluster has no StorageClass at all.")
    return Mend(
        "Make one of the StorageClasses the default.",
        (
            f"{facts.kubectl} annotate --overwrite storageclass {sorted(classes)[0]}"
            f" {_DEFAULT}=true",
        ),
    )


def _other_class(facts: Facts, claim: Mapping[str, Any], classes: Mapping[str, Any]) -> Mend:
    other = next((each for each in sorted(classes) if _is_default(classes[each])), "")
    other = other or next(iter(sorted(classes)), "<class>")
    database = name(claim).startswith("data-") and "postgresql" in name(claim)
    storage = {"storageClass": other}
    content: Mapping[str, Any] = (
        {"postgresql": {"primary": {"persistence": storage}}}
        if database
        else {"triggerer": {"persistence": {"storageClassName": other}}}
    )
    return Mend(
        "Name a StorageClass that exists. Kubernetes lets neither a claim nor a StatefulSet change"
        " its class: delete both (the claim is empty), and upgrade with these values.",
        (
            f"{facts.kubectl} delete statefulset {_stateful_set(claim)}",
            f"{facts.kubectl} delete pvc {name(claim)}",
            facts.upgrade,
        ),
        facts.values("airflow", content),
    )


def _stateful_set(claim: Mapping[str, Any]) -> str:
    """Return the name in data-<name>-0."""
    return name(claim).partition("-")[2].rpartition("-")[0]
