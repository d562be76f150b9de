"""What it means for people when a part of Airflow does not work."""

from collections.abc import Mapping

from airflow_platform.doctor.facts import Object, component, is_task

_MEANS: Mapping[str, str] = {
    "scheduler": "No task is started.",
    "api-server": "Nobody reaches the user interface, and tasks cannot report their state.",
    "webserver": "Nobody reaches the user interface.",
    "dag-processor": "New and changed DAGs are not read.",
    "triggerer": "Deferred tasks do not go on.",
    "worker": "Tasks wait in their queues.",
    "postgresql": "The database is away: all of Airflow stands still.",
    "primary": "The database is away: all of Airflow stands still.",  # of Bitnami's PostgreSQL
    "pgbouncer": "Nothing reaches the database: all of Airflow stands still.",
    "redis": "Celery workers get no tasks.",
    "run-airflow-migrations": "The database is not migrated, and all pods of Airflow wait for it.",
    "create-user-job": "The first user does not exist, so nobody can log in.",
    "statsd-exporter": "Metrics and the sidecars' reports are lost.",
    "image-pre-puller": "The first task on a node waits for the sidecar's image.",
    "airflow-cleanup-pods": "Pods of finished tasks are not removed.",
}
COMPONENTS = frozenset(_MEANS)
_OTHER = "This part of the release does not do its work."
OF_TASKS = "These tasks do not run."

# How prometheus-operator and a Prometheus are installed, under the name in docs/quickstart.md.
KUBE_PROMETHEUS_STACK = (
    "helm upgrade --install kube-prometheus-stack kube-prometheus-stack -n monitoring"
    " --create-namespace --repo https://prometheus-community.github.io/helm-charts"
)


def means(each: Object) -> str:
    """Return what follows when ``each``, a pod or a workload, does not work."""
    return OF_TASKS if is_task(each) else _MEANS.get(component(each), _OTHER)
