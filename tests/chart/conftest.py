"""The renders for which everything must hold that holds for all manifests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.manifests import External, Keys, Render
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.render import render
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ROOT, environments

EVERYTHING_ON = strict_yaml.load_file(Path(__file__).with_name("everything-on.yaml"))
EVERYTHING_ELSE_ON = strict_yaml.load_file(Path(__file__).with_name("everything-else-on.yaml"))


def for_add_on(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values of the wrapper as values of the add-on alone."""
    return {"global": values["global"], **values["observability"]}


def of_airflow(version: str) -> tuple[str, ...]:
    """Return the settings, as for --set, that install this version of Airflow."""
    return (f"airflow.airflowVersion={version}", f"airflow.defaultAirflowTag={version}")


# What the user creates before the installation, and which keys it has.
SECRETS: Keys = {
    "airflow-database": {"connection"},
    "airflow-database-admin": {"postgres-password"},
    "airflow-fernet": {"fernet-key"},
    "airflow-api": {"api-secret-key"},
    "airflow-jwt": {"jwt-secret"},
    "airflow-webserver": {"webserver-secret-key"},
    "airflow-admin": {"password"},
    "airflow-git-credentials": {
        "GITSYNC_USERNAME",
        "GITSYNC_PASSWORD",
        "GIT_SYNC_USERNAME",
        "GIT_SYNC_PASSWORD",
    },
}
EXTERNAL = External(
    secrets={
        **SECRETS,
        # With a database of CloudNativePG and its Pooler; the next one has keys for backups.
        "airflow-database": {"connection", "directConnection", "password", "username"},
        "old-backups": {"access-key-id", "secret-access-key"},
        "mirror": None,  # the pull Secret of everything-on.yaml
        "airflow-login": {"secret"},  # of the login there
        "airflow-oidc": {"client-secret"},  # of the examples of a login
        "web-config": None,  # the exporter's certificates there
        "airflow-environment": None,  # of the pod template that the add-on brings
        "airflow-log-store": {"uri"},  # of remoteLogging in everything-on.yaml
        "own-environment": None,  # of the pod template in everything-else-on.yaml
        "warehouse": {"connection"},  # of the connections and variables of everything-on.yaml
        "shop": {"api-key"},
        "airflow-redis": {"password"},  # of the Celery example, as the next one
        "airflow-broker": {"connection"},
    },
    # Of the pod template that the add-on brings.
    config_maps={"airflow-config": {"airflow.cfg"}},
)

_RENDERS: Mapping[str, Mapping[str, Any]] = {
    **{
        f"{environment}-helm{major}": {"environment": environment, "helm": major}
        for environment in environments()
        for major in MAJORS
    },
    **{
        f"{environment}-airflow2": {
            "environment": environment,
            "sets": of_airflow("2.11.0"),
        }
        for environment in environments()
    },
    **{f"add-on-helm{major}": {"chart": "add-on", "helm": major} for major in MAJORS},
    "add-on-everything": {
        "chart": "add-on",
        "values": [for_add_on(EVERYTHING_ON)],
        # It looks for pods of Airflow.
        "sets": ("podMonitor.enabled=false",),
    },
    "add-on-everything-else": {"chart": "add-on", "values": [for_add_on(EVERYTHING_ELSE_ON)]},
    "prod-everything": {"environment": "prod", "values": [EVERYTHING_ON]},
    "prod-everything-else": {"environment": "prod", "values": [EVERYTHING_ELSE_ON]},
    "prod-nothing": {
        "environment": "prod",
        "sets": ("global.metrics.enabled=false", "global.taskLogs.enabled=false"),
    },
    "dev-jobs": {
        "environment": "dev",
        "values": [ROOT / "examples" / "workflows" / "values.yaml"],
    },
    "prod-celery": {
        "environment": "prod",
        "values": [ROOT / "examples" / "celery" / "values.yaml"],
    },
}


@pytest.fixture(
    params=[
        pytest.param(arguments, id=name, marks=pytest.mark.xdist_group(name))
        for name, arguments in _RENDERS.items()
    ]
)
def any_render(request: pytest.FixtureRequest) -> Render:
    """Each environment by each Helm major and with Airflow 2, and all on, all off, and Celery."""
    rendered = render(**request.param)
    self_contained = request.param.get("environment") == "dev"
    return rendered if self_contained else rendered.replace(external=EXTERNAL)
