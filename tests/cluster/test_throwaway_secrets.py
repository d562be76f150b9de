"""Secrets that are made up must lead Airflow to the services of its release."""

import pytest

from airflow_platform.cluster.throwaway_secrets import throwaway_secrets
from airflow_platform.rendering.render import render
from airflow_platform.support.project import ROOT

CELERY = ROOT / "examples" / "celery" / "values.yaml"


@pytest.mark.official_chart
def test_the_broker_and_the_database_have_urls_of_their_own() -> None:
    rendered = render("prod", values=[CELERY])
    git = {"airflow-git-credentials"}
    made = throwaway_secrets(rendered, git, anything=False)
    data = {secret["metadata"]["name"]: secret["stringData"] for secret in made}
    password = data["airflow-redis"]["password"]
    assert data["airflow-broker"]["connection"] == f"redis://:{password}@airflow-redis:6379/0"
    assert data["airflow-database"]["connection"].startswith("postgresql://")
