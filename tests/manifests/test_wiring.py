"""What the objects of a render say about each other is true in every render."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from airflow_platform.manifests import Render
from airflow_platform.project import values_file
from airflow_platform.wiring import WIRING, Keys

# What the user creates before the installation, and which keys it has.
SECRETS: Keys = {
    "airflow-metadata": {"connection"},
    "airflow-postgresql": {"postgres-password"},
    "airflow-fernet-key": {"fernet-key"},
    "airflow-api-secret-key": {"api-secret-key"},
    "airflow-jwt-secret": {"jwt-secret"},
    "airflow-webserver-secret-key": {"webserver-secret-key"},
    "airflow-admin": {"password"},
    "airflow-git-credentials": {
        "GITSYNC_USERNAME",
        "GITSYNC_PASSWORD",
        "GIT_SYNC_USERNAME",
        "GIT_SYNC_PASSWORD",
    },
}
EXTERNAL: Mapping[str, Keys] = {
    # With the pull Secret of a mirror, what the add-on's own pod template takes, and Celery's.
    "secrets_exist": {
        **SECRETS,
        "mirror": None,
        "airflow-environment": None,
        "airflow-redis": {"password"},
        "airflow-broker-url": {"connection"},
    },
    "config_maps_exist": {"airflow-config": {"airflow.cfg"}},
}
# With CeleryExecutor the official chart mounts a pod template that it does not make.
CELERY_FAULT = "there is no file pod_template_file.yaml in volume config"


@pytest.mark.parametrize("name", WIRING)
def test_wiring(any_render: Render, name: str) -> None:
    arguments: dict[str, Any] = {}
    if name in EXTERNAL and any_render.environment != "dev":  # which is self-contained
        arguments["external"] = EXTERNAL[name]
    violations = WIRING[name](any_render, **arguments)
    known = {CELERY_FAULT} if executor(any_render) == "CeleryExecutor" else set()
    unknown = [violation for violation in violations if violation.message not in known]
    assert not unknown, "\n".join(map(str, unknown))


def executor(render: Render) -> str | None:
    """The executor of airflow.cfg, None where there is no Airflow."""
    for config in render.embedded("AirflowConfig"):
        return str(config.document["core"]["executor"])
    return None


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_the_values_file_lists_the_secrets_to_create(environment: str) -> None:
    columns = (
        re.split(" {2,}", line.removeprefix("#").strip())
        for line in values_file(environment).read_text(encoding="utf-8").splitlines()
        if line.startswith("#   airflow-")
    )
    listed = {name: set(keys.split(" (")[0].split(", ")) for name, keys, *_ in columns}
    assert listed == SECRETS
