"""How Airflow reaches its database."""

from .case import airflow

CASES = {
    "PgBouncer with a connection of ones own": airflow(
        "With airflow.data.metadataSecretName Airflow connects as the Secret airflow-database says",
        postgresql={"enabled": False},
        pgbouncer={"enabled": True},
    ),
}
