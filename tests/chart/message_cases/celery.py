"""What is refused about Celery: its broker, and how its workers are scaled."""

from typing import Any

from .case import Case, airflow

CELERY: dict[str, Any] = {
    "executor": "CeleryExecutor",
    "redis": {"enabled": True, "passwordSecretName": "airflow-redis"},
    "data": {"brokerUrlSecretName": "airflow-broker"},
}
ON = {"enabled": True}


def workers(message: str, more: Any = None, **values: Any) -> Case:
    """Celery workers with these values."""
    return airflow(message, **CELERY, **(more or {}), workers=values)


CASES: dict[str, Case] = {
    "workers that two scale": workers(
        "Both KEDA and a HorizontalPodAutoscaler of the official chart would scale the Celery"
        " workers (default)",
        keda=ON,
        hpa={**ON, "minReplicaCount": 1},
    ),
    "a set of workers that two scale": workers(
        "Both KEDA and a HorizontalPodAutoscaler of the official chart would scale the Celery"
        " workers (large)",
        hpa={**ON, "minReplicaCount": 1},
        celery={"enableDefault": False, "sets": [{"name": "large", "keda": ON}]},
    ),
    "workers that a HorizontalPodAutoscaler scales to none": workers(
        "Kubernetes refuses the HorizontalPodAutoscaler of the Celery workers (default)", hpa=ON
    ),
    "KEDA without the connection to the database": workers(
        "KEDA would not know the database",
        {"enableBuiltInSecretEnvVars": {"AIRFLOW_CONN_AIRFLOW_DB": False}},
        keda=ON,
    ),
}
