"""The Jobs of the release: migrations of the database, the first user."""

from collections.abc import Iterator
from datetime import timedelta

from airflow_platform.doctor.facts import (
    WAITS_FOR_MIGRATION,
    Facts,
    Object,
    as_of,
    component,
    condition,
    ended,
    listed,
    name,
    owner,
    said,
    statuses,
    time_of,
    waiting,
)
from airflow_platform.doctor.model import DoesNotApplyError, Fault, Finding, Mend, examination
from airflow_platform.doctor.phrases import means

FAILED = Fault("job-failed", "error", "A Job of the release has failed.")
MIGRATION_FAILED = Fault("migration-failed", "error", "The migration of the database has failed.")
MIGRATION_HANGS = Fault("migration-hangs", "error", "The migration of the database does not end.")
WAITS = Fault(
    "waits-for-migration", "error", "Pods wait for a migration that is done or not there."
)

MIGRATION = "run-airflow-migrations"
_PATIENCE = timedelta(minutes=10)


@examination(FAILED, MIGRATION_FAILED, MIGRATION_HANGS, WAITS)
def jobs(facts: Facts) -> Iterator[Finding]:
    """Whether the Jobs of the release succeed, and whom the migration of the database holds up."""
    names = {facts.name, facts.beside.name if facts.beside else facts.name}
    ours = [each for each in facts.all("Job") if facts.name_of_release(each) in names]
    ours = [each for each in ours if not _of_cron_job(each)]
    waiting_pods = [pod for pod in facts.pods if _is_waiting(facts, pod)]
    if not ours and not waiting_pods:
        raise DoesNotApplyError("the release has no Jobs at this moment")
    explained = False
    for job in ours:
        migrates = component(job) == MIGRATION
        if condition(job, "Failed").get("status") == "True":
            explained |= migrates
            yield _failed(facts, job, waiting_pods if migrates else [])
        elif migrates and _hangs(facts, job):
            explained = True
            yield _hanging(facts, job, waiting_pods)
        else:
            explained |= migrates and condition(job, "Complete").get("status") != "True"
    if waiting_pods and not explained:
        yield _waiting(facts, waiting_pods, done=_is_migrated(facts, ours))


def _is_migrated(facts: Facts, jobs_there: list[Object]) -> bool:
    """Say whether there was a Job that migrates: Kubernetes removes one that has a time to live."""
    made = facts.render.all("Job") if facts.record else ()
    return any(component(job) == MIGRATION for job in jobs_there) or any(
        component(job.document) == MIGRATION and "ttlSecondsAfterFinished" in job.document["spec"]
        for job in made
    )


def _of_cron_job(job: Object) -> bool:
    owners = job["metadata"].get("ownerReferences") or ()
    return any(each["kind"] == "CronJob" for each in owners)


def _is_waiting(facts: Facts, pod: Object) -> bool:
    started = time_of((pod.get("status") or {}).get("startTime"))
    late = started is not None and facts.now - started > _PATIENCE
    return late and any(
        each["name"] == WAITS_FOR_MIGRATION and "terminated" not in (each.get("state") or {})
        for each in statuses(pod)
    )


def _pods_of(facts: Facts, job: Object) -> list[Object]:
    return [pod for pod in facts.all("Pod") if owner(pod) == f"Job {name(job)}"]


def _failed(facts: Facts, job: Object, waiting_pods: list[Object]) -> Finding:
    migrates = component(job) == MIGRATION
    failure = condition(job, "Failed")
    ends = [
        f"Its container {status['name']} has ended with {end.get('exitCode')}"
        + (f": {end['message'].strip()}" if end.get("message") else "")
        for pod in _pods_of(facts, job)
        for status in statuses(pod)
        if (end := ended(status)) and end.get("exitCode")
    ]
    wrong = f"{said(failure)}. {'. '.join(ends[-1:])}"
    held = f" Pods wait for it: {len(waiting_pods)}." if waiting_pods else ""
    return Finding(
        MIGRATION_FAILED if migrates else FAILED,
        f"Job {name(job)}",
        wrong.strip(),
        means(job) + held,
        Mend(
            "Read its output and correct the cause"
            + (" (often the connection in the Secret of the database)" if migrates else "")
            + ". Then delete it, and let an upgrade make it again.",
            (
                f"{facts.kubectl} logs job/{name(job)} --all-containers --tail=50",
                f"{facts.kubectl} delete job {name(job)}",
                facts.upgrade,
            ),
        ),
    )


def _hangs(facts: Facts, job: Object) -> bool:
    started = time_of((job.get("status") or {}).get("startTime"))
    done = condition(job, "Complete").get("status") == "True"
    return not done and started is not None and facts.now - started > _PATIENCE


def _hanging(facts: Facts, job: Object, waiting_pods: list[Object]) -> Finding:
    reasons = [
        f"{status['name']} waits: {reason.get('reason', '')}"
        for pod in _pods_of(facts, job)
        for status in statuses(pod)
        if (reason := waiting(status)) and reason.get("reason") != "PodInitializing"
    ]
    started = time_of(job["status"]["startTime"])
    since = f" since {started:%Y-%m-%d %H:%M}" if started else ""
    return Finding(
        MIGRATION_HANGS,
        f"Job {name(job)}",
        f"It runs{since}. {'. '.join(reasons)}".strip(),
        f"All pods of Airflow wait for it ({len(waiting_pods)} at this moment).",
        Mend(
            "See where it hangs: mostly the database does not answer, or another session holds a"
            " lock. A Job whose cause is gone can be deleted; an upgrade makes it again.",
            (
                f"{facts.kubectl} logs job/{name(job)} --all-containers --tail=50",
                f"{facts.kubectl} delete job {name(job)}",
                facts.upgrade,
            ),
        ),
    )


def _waiting(facts: Facts, pods: list[Object], *, done: bool) -> Finding:
    pod, held = name(pods[0]), f"{as_of(len(pods), 'pod')} ({listed(map(name, pods))})"
    wrong = f"For more than ten minutes in the init container {WAITS_FOR_MIGRATION}"
    if done:
        return Finding(
            WAITS,
            f"Pod {pod}",
            f"{wrong}, though the migration is done: {held}.",
            "These pods do not start. Mostly they reach another database than the migration did, or"
            " have an older Airflow.",
            Mend(
                "Compare the connection and the image of the pods with those of the Job.",
                (f"{facts.kubectl} logs {pod} -c {WAITS_FOR_MIGRATION} --tail=20",),
            ),
        )
    return Finding(
        WAITS,
        f"Pod {pod}",
        f"{wrong}, and no Job migrates the database: {held}.",
        "These pods do not start.",
        Mend(
            "Let an upgrade make the Job. If it is switched off, switch it on, or migrate by hand.",
            (facts.upgrade,),
            facts.values("", {"migrateDatabaseJob": {"enabled": True}}),
        ),
    )
