"""The database, where CloudNativePG runs it."""

from collections.abc import Iterator

from airflow_platform.doctor.facts import Facts, condition, name, said
from airflow_platform.doctor.model import DoesNotApplyError, Fault, Finding, Mend, examination

NOT_READY = Fault("database-not-ready", "error", "The database of CloudNativePG is not ready.")
NO_BACKUP = Fault("database-backup-failing", "error", "Backups of the database fail.")


@examination(NOT_READY, NO_BACKUP)
def database(facts: Facts) -> Iterator[Finding]:
    """Whether the Cluster of CloudNativePG is ready, and its WAL is archived."""
    made = {each.name for each in facts.render.all("Cluster")}
    if not made:
        raise DoesNotApplyError("the release has no Cluster of CloudNativePG")
    for cluster in facts.all("Cluster"):
        if name(cluster) not in made:
            continue
        status = cluster.get("status") or {}
        subject = f"Cluster {name(cluster)}"
        ready, wanted = status.get("readyInstances", 0), cluster["spec"].get("instances", 1)
        if ready < wanted:
            reason = status.get("phaseReason") or status.get("phase") or "nothing"
            yield Finding(
                NOT_READY,
                subject,
                f"{ready} of {wanted} instances are ready. The operator says: {reason}",
                "All of Airflow stands still."
                if not ready
                else "It may stand still with the next loss of an instance.",
                Mend(
                    "See what its pods and volumes lack.",
                    (
                        f"{facts.kubectl} describe cluster.postgresql.cnpg.io {name(cluster)}",
                        f"{facts.kubectl} get pods,pvc -l cnpg.io/cluster={name(cluster)}",
                    ),
                ),
            )
        archiving = condition(cluster, "ContinuousArchiving")
        if archiving.get("status") == "False":
            yield Finding(
                NO_BACKUP,
                subject,
                said(archiving),
                "A restore loses all since the last archived WAL, and the volume fills up.",
                Mend(
                    "Look at the address, the bucket and the Secret of its backups.",
                    (
                        f"{facts.kubectl} logs -l cnpg.io/cluster={name(cluster)},role=primary"
                        " --tail=50",
                    ),
                ),
            )
