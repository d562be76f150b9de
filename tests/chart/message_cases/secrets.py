"""Keys and passwords that Helm would make anew with each render."""

from collections.abc import Mapping
from typing import Any

from .case import Case, wrapper


def without_environment(values: Mapping[str, Any]) -> Case:
    """Values on top of the wrapper's own."""
    return wrapper("The values lack keys or passwords", values, environment=None)


CASES: Mapping[str, Case] = {
    "no keys": without_environment({}),
    "no keys for Airflow 2": without_environment(
        {"airflow": {"airflowVersion": "2.11.0", "defaultAirflowTag": "2.11.0"}}
    ),
    "a fernet key alone": without_environment({"airflow": {"fernetKeySecretName": "mine"}}),
    "no password for Redis": wrapper(
        "The values lack keys or passwords",
        {"airflow": {"executor": "CeleryExecutor", "redis": {"enabled": True}}},
    ),
    "no password for PostgreSQL": wrapper(
        "The values lack keys or passwords",
        {"airflow": {"postgresql": {"auth": {"postgresPassword": ""}}}},
        environment="dev",
    ),
}
