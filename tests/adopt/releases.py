"""Releases of the official chart, by the values that their owners have set."""

from typing import Any

OFFICIAL_DEFAULTS: dict[str, Any] = {}

KUBERNETES: dict[str, Any] = {
    "executor": "KubernetesExecutor",
    "fernetKeySecretName": "my-fernet-key",
    "apiSecretKeySecretName": "my-api-key",
    "jwtSecretName": "my-jwt",
    "data": {"metadataSecretName": "my-database"},
    "postgresql": {"enabled": False},
    "imagePullSecrets": ["my-registry"],
    "createUserJob": {"enabled": False, "useHelmHooks": False, "applyCustomEnv": False},
    "migrateDatabaseJob": {"useHelmHooks": False, "applyCustomEnv": False},
    "dags": {
        "gitSync": {
            "enabled": True,
            "repo": "https://github.com/my-company/my-dags.git",
            "ref": "main",
            "credentialsSecret": "my-git-credentials",
        }
    },
    "config": {"core": {"parallelism": 64}},
    "scheduler": {"replicas": 2},
    "workers": {
        "extraInitContainers": [{"name": "warm-up", "image": "example.com/warm-up:1"}],
        "labels": {"cost-centre": "0123", "generation": "1e3", "spot": "yes"},
    },
}

CELERY: dict[str, Any] = {
    "executor": "CeleryExecutor",
    "workers": {"replicas": 3, "persistence": {"size": "20Gi"}},
    "triggerer": {"persistence": {"size": "5Gi"}},
    "statsd": {
        "extraMappings": [{"match": "airflow.my.*", "name": "my_metric"}],
        "resources": {"limits": {"memory": "1Gi"}},
        "args": ["--log.level=debug"],
    },
    "redis": {"persistence": {"size": "2Gi"}},
}

RELEASES = {"defaults": OFFICIAL_DEFAULTS, "kubernetes": KUBERNETES, "celery": CELERY}
