"""What the checks must report of the database of a release."""

from typing import Any

from .conftest import Edits

CLUSTER = "Cluster/airflow-database"
POOLER = "Pooler/airflow-database-pooler"
BACKUP = "ObjectStore/airflow-database-backup"
RECOVERY = "ObjectStore/airflow-database-recovery"
SCHEDULE = "ScheduledBackup/airflow-database-backup"
PLUGIN = f"{CLUSTER} spec plugins barman-cloud.cloudnative-pg.io"
SOURCE = f"{CLUSTER} spec externalClusters recovery"
MONITOR = "PodMonitor/airflow-database"
TASK = "ConfigMap/airflow-config data pod_template_file.yaml spec containers base"
VARIABLE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


def connected(
    name: str, key: str | None = "connection", secret: str = "airflow-database", **more: Any
) -> dict[str, Any]:
    """A container of Airflow with the connection in a key of a Secret, or without one."""
    reference = {"secretKeyRef": {"name": secret, "key": key}}
    env = [{"name": VARIABLE, "valueFrom": reference}] if key else []
    return {"name": name, "image": "airflow", "env": env, **more}


def workload(name: str, *containers: dict[str, Any], kind: str = "Deployment") -> dict[str, Any]:
    """A workload of the official chart with these containers."""
    return {
        f"{kind}/airflow-{name}": {
            "apiVersion": "batch/v1" if kind == "Job" else "apps/v1",
            "kind": kind,
            "metadata": {"name": f"airflow-{name}"},
            "spec": {"template": {"spec": {"containers": list(containers)}}},
        }
    }


SCHEDULER = workload("scheduler", connected("scheduler"))
POOLED: dict[str, Any] = {f"{POOLER} spec pgbouncer poolMode": "transaction"}


def beside_the_scheduler(*containers: dict[str, Any]) -> dict[str, Any]:
    return SCHEDULER | workload("others", *containers)


def migrations(key: str | None) -> dict[str, Any]:
    return SCHEDULER | workload("migrations", connected("run-airflow-migrations", key), kind="Job")


BROKEN: dict[str, list[tuple[Edits, str]]] = {
    "pods_connect_to_one_database": [
        (
            beside_the_scheduler(connected("api-server", secret="another")),
            "must be that of the scheduler, the key connection of the Secret airflow-database, and"
            " not the key connection of the Secret another",
        ),
        (beside_the_scheduler(connected("base", secret="another")), '"base"'),
        # With Airflow 2 the task would use SQLite.
        (beside_the_scheduler(connected("base", None), connected("webserver")), '"base"'),
        (beside_the_scheduler(connected("webserver", None)), f"{VARIABLE} is missing"),
        (
            beside_the_scheduler(
                {**connected("worker"), "env": [{"name": VARIABLE, "value": "sqlite:////x"}]}
            ),
            "not a connection that is written in the manifest",
        ),
        # Of two variables of one name the last one holds.
        (
            beside_the_scheduler(
                {
                    **connected("triggerer"),
                    "env": [
                        *connected("triggerer")["env"],
                        *connected("triggerer", secret="own")["env"],
                    ],
                }
            ),
            "not the key connection of the Secret own",
        ),
        (migrations("connection") | POOLED, "past the Pooler"),
        (migrations(None) | POOLED, "past the Pooler"),
        (migrations("other"), "not the key other of the Secret airflow-database"),
    ],
    "databases_outlive_the_release": [
        ({f"{CLUSTER} metadata annotations helm.sh/resource-policy": None}, "must be keep"),
        ({f"{BACKUP} metadata annotations helm.sh/resource-policy": None}, "must be keep"),
        (
            {f"{CLUSTER} metadata annotations argocd.argoproj.io/sync-options": "Prune=false"},
            "neither prune nor delete",
        ),
    ],
    "databases_belong_to_airflow": [
        (
            {f"{CLUSTER} spec bootstrap recovery database": "app"},
            "the database must be airflow, and not app",
        ),
        ({f"{CLUSTER} spec bootstrap recovery owner": None}, "the owner must be airflow"),
        (
            SCHEDULER | {f"{CLUSTER} spec bootstrap recovery secret name": "another"},
            "the owner's Secret must be that of Airflow, airflow-database, not another",
        ),
        ({f"{CLUSTER} spec bootstrap initdb": {}}, "must have one method"),
    ],
    "backups_reach_an_object_store": [
        ({BACKUP: None}, "there is no ObjectStore airflow-database-backup"),
        ({RECOVERY: None}, "there is no ObjectStore airflow-database-recovery"),
        ({f"{PLUGIN} isWALArchiver": False}, "must archive the write-ahead log"),
        (
            {
                f"{SOURCE} plugin parameters serverName": "airflow-database-2",
                f"{RECOVERY} spec configuration destinationPath": "s3://backups/airflow/",
            },
            "it would archive where recovery is",
        ),
        ({f"{SOURCE} plugin name": "other"}, "recovery must be read by the plugin"),
        ({f"{CLUSTER} spec bootstrap recovery source": "other"}, "no external cluster other"),
    ],
    "databases_are_scraped_once": [
        (
            {f"{MONITOR} spec selector matchLabels cnpg.io/podRole": None},
            "the pods of one database or Pooler only",
        ),
        (
            {f"{MONITOR} spec selector matchLabels cnpg.io/cluster": None},
            "the pods of one database or Pooler only",
        ),
    ],
    "backups_and_poolers_name_a_database": [
        ({f"{SCHEDULE} spec cluster name": "other"}, "there is no Cluster other"),
        ({f"{POOLER} spec cluster name": "other"}, "there is no Cluster other"),
        ({f"{SCHEDULE} spec method": "barmanObjectStore"}, "the method must be"),
        ({f"{SCHEDULE} spec pluginConfiguration name": "other"}, "the method must be"),
        ({f"{CLUSTER} spec plugins": []}, "the Cluster must have it"),
        ({f"{SCHEDULE} spec immediate": None}, "immediate must be true"),
        ({f"{SCHEDULE} spec backupOwnerReference": "none"}, "must not be none"),
        ({f"{POOLER} spec type": "ro"}, "spec.type must be rw"),
        ({f"{POOLER} spec template spec containers pgbouncer name": "p"}, "pgbouncer only"),
        (
            {
                f"{POOLER} spec template spec affinity podAntiAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": []
                }
            },
            "must keep away from each other",
        ),
    ],
    "pod_monitors_reach_pods": [
        (
            {f"{MONITOR} spec selector matchLabels cnpg.io/cluster": "other"},
            "must select pods, it selects none",
        ),
        ({f"{MONITOR} spec podMetricsEndpoints": [{"port": "metric"}]}, "the port must be metrics"),
    ],
}

ALLOWED: dict[str, list[Edits]] = {
    "pods_connect_to_one_database": [
        beside_the_scheduler(connected("base"), connected("git-sync", None)),
        # Tasks of Airflow 3 talk to the API server.
        workload("scheduler", connected("scheduler")) | workload("others", connected("base", None)),
        # Nobody can see what is in there.
        beside_the_scheduler(
            connected("base", None, envFrom=[{"secretRef": {"name": "environment"}}])
        ),
        migrations("directConnection") | POOLED,
        migrations("directConnection"),
        migrations("connection"),
    ],
    "backups_reach_an_object_store": [
        # The same folder in another bucket.
        {f"{SOURCE} plugin parameters serverName": "airflow-database-2"},
    ],
}
