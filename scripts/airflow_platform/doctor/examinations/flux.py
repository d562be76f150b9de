"""Flux, where it has installed the release."""

import shlex
from collections.abc import Iterator

from airflow_platform.doctor.facts import Facts, condition, name, said
from airflow_platform.doctor.model import DoesNotApplyError, Fault, Finding, Mend, examination

NOT_READY = Fault("flux-not-ready", "error", "Flux could not reconcile the release.")
SUSPENDED = Fault("flux-suspended", "warning", "Flux does not reconcile the release.")


@examination(NOT_READY, SUSPENDED)
def flux_release(facts: Facts) -> Iterator[Finding]:
    """Whether Flux could reconcile the HelmRelease that the release came from."""
    facts.known_record()
    if "HelmRelease" not in facts.objects:
        raise DoesNotApplyError("Flux has not installed the release")
    for release in facts.all("HelmRelease"):
        namespace = release["metadata"]["namespace"]
        at = f"helmrelease {name(release)} -n {namespace}"
        subject = f"HelmRelease {name(release)} in {namespace}"
        if release["spec"].get("suspend"):
            yield Finding(
                SUSPENDED,
                subject,
                "It is suspended.",
                "Changes in Git do not reach the cluster.",
                Mend("Resume it.", (f"flux resume {at}",)),
            )
        ready = condition(release, "Ready")
        if ready.get("status") == "False":
            yield Finding(
                NOT_READY,
                subject,
                said(ready),
                "What is in Git is not what runs.",
                Mend(
                    "Correct what the message names, in Git, and let Flux try again.",
                    (shlex.join(["flux", "reconcile", *at.split(), "--reset", "--force"]),),
                ),
            )
