"""How Airflow reaches its database."""

from typing import Any

from .case import Case, airflow, wrapper

EXTERNAL = {"postgresql": {"enabled": False}}
BUCKET = {"destinationPath": "s3://backups/airflow", "s3Credentials": {"inheritFromIAMRole": True}}


def cloud_native_pg(message: str, **values: Any) -> Case:
    """Values of prod with a database of CloudNativePG."""
    database = {"cloudNativePG": {"enabled": True, **values}}
    return wrapper(message, {"airflow": EXTERNAL, "database": database})


CASES = {
    "PgBouncer with a connection of ones own": airflow(
        "With airflow.data.metadataSecretName Airflow connects as the Secret airflow-database says",
        **EXTERNAL,
        pgbouncer={"enabled": True},
    ),
    "two databases": wrapper(
        "database.cloudNativePG.enabled and airflow.postgresql.enabled would make two databases",
        {"database": {"cloudNativePG": {"enabled": True}}},
    ),
    "an external database beside one in the cluster": wrapper(
        "database.external.host is db.example.com, but this release makes a database of its own",
        {"database": {"external": {"host": "db.example.com"}}},
    ),
    "an external database without a Secret": wrapper(
        "database.external.host says where the connection in a Secret leads, but no Secret is",
        {"airflow": EXTERNAL, "database": {"external": {"host": "db.example.com"}}},
        environment="dev",
    ),
    "CloudNativePG without a Secret": wrapper(
        "Airflow and CloudNativePG take user and password of the database from the Secret in",
        {"airflow": EXTERNAL, "database": {"cloudNativePG": {"enabled": True}}},
        environment="dev",
    ),
    "PgBouncer of the official chart with CloudNativePG": wrapper(
        "airflow.pgbouncer.enabled would put the official chart's PgBouncer in front of",
        {
            "airflow": {**EXTERNAL, "pgbouncer": {"enabled": True, "configSecretName": "own"}},
            "database": {"cloudNativePG": {"enabled": True}},
        },
    ),
    "no database": wrapper(
        "Airflow would have no database: airflow.postgresql.enabled is false, and nothing says",
        {"airflow": EXTERNAL},
        environment="dev",
    ),
    "a pool for no database": wrapper(
        "database.cloudNativePG.pooler.enabled has no effect without a database of CloudNativePG.",
        {"airflow": EXTERNAL, "database": {"cloudNativePG": {"pooler": {"enabled": True}}}},
    ),
    "a name that is too long for CloudNativePG": wrapper(
        f'The release name "{"a" * 42}" is too long: the database would be called',
        {"airflow": EXTERNAL, "database": {"cloudNativePG": {"enabled": True}}},
        release="a" * 42,
    ),
    "backups to nowhere": cloud_native_pg(
        "database.cloudNativePG.backup.enabled is true, but nothing says in which object store",
        backup={"enabled": True},
    ),
    "recovery from nowhere": cloud_native_pg(
        "database.cloudNativePG.recovery.enabled is true, but nothing says in which object store",
        recovery={"enabled": True},
    ),
    **{
        f"backups to {path} without credentials": cloud_native_pg(
            f"The backups at {path} need database.cloudNativePG.backup.objectStore.{key}.",
            backup={"enabled": True, "objectStore": {"destinationPath": path}},
        )
        for path, key in {
            "s3://backups/airflow": "s3Credentials",
            "gs://backups/airflow": "googleCredentials",
            "https://account.blob.core.windows.net/backups/airflow": "azureCredentials",
        }.items()
    },
    "backups into the folder of the lost database": cloud_native_pg(
        "The recovered database would archive into the folder airflow-database, where the backup",
        backup={"enabled": True, "objectStore": BUCKET},
        recovery={"enabled": True},
    ),
    "pools that are larger than the database": cloud_native_pg(
        "4 PgBouncers with 50 connections each are 200 connections, and PostgreSQL allows 200",
        pooler={"enabled": True, "instances": 4, "parameters": {"default_pool_size": "50"}},
    ),
}
