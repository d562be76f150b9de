"""The command says which Secrets a release needs, as its manifests do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_platform import cli
from airflow_platform.rendering.render import render
from airflow_platform.rendering.values import merged
from airflow_platform.secrets.needs import Needed, needed
from airflow_platform.support.project import ROOT

CELERY = ROOT / "examples" / "celery" / "values.yaml"
EXTERNAL = {"secrets": {"externalSecrets": {"enabled": True, "store": {"name": "platform"}}}}

pytestmark = pytest.mark.official_chart


def secrets_of(environment: str, *values: Any) -> dict[str, Needed]:
    """The Secrets that a release needs, by name."""
    return {each.name: each for each in needed(render(environment, values=values))}


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def of(*arguments: str) -> str:
        assert cli.main(["secrets", *arguments]) == 0
        return capsys.readouterr().out

    return of


def test_it_lists_what_check_says_must_exist(said: Callable[..., str], capsys: Any) -> None:
    answer = json.loads(said("prod", "--format", "json"))
    listed = {
        each["name"]: [key["name"] for key in each["keys"]]
        for each in answer["secrets"]
        if each["madeBy"] == "you"
    }
    cli.main(["check", "prod", "--output", "json"])
    wanted = json.loads(capsys.readouterr().out)["needed"]
    assert listed == {each["name"]: each["keys"] for each in wanted if each["kind"] == "Secret"}


def test_it_says_who_reads_a_secret() -> None:
    secrets = secrets_of("prod", CELERY)
    assert secrets["airflow-redis"].readers == {"StatefulSet/airflow-redis"}
    assert {"StatefulSet/airflow-worker", "Deployment/airflow-scheduler"} <= secrets[
        "airflow-broker"
    ].readers
    assert "task pods" in secrets_of("prod")["airflow-git-credentials"].readers


def test_it_says_who_makes_a_secret() -> None:
    assert {each.maker for each in secrets_of("dev").values()} == {"release"}
    assert {each.maker for each in secrets_of("prod", EXTERNAL).values()} == {"External Secrets"}


OBJECTS = {
    "cluster": {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "Cluster",
        "metadata": {"name": "database"},
        "spec": {
            "instances": 1,
            "storage": {"size": "1Gi"},
            "bootstrap": {
                "initdb": {"database": "d", "owner": "o", "secret": {"name": "airflow-database"}}
            },
            "backup": {
                "barmanObjectStore": {
                    "destinationPath": "s3://backups",
                    "s3Credentials": {
                        "accessKeyId": {"name": "backups", "key": "id"},
                        "secretAccessKey": {"name": "backups", "key": "secret"},
                    },
                }
            },
        },
    }
}


def test_it_knows_what_custom_resources_and_ingresses_read() -> None:
    tls = {"enabled": True, "secretName": "airflow-tls"}
    host = {"name": "airflow.example.com", "tls": tls}
    login = {key: {"name": "scrape", "key": key} for key in ("username", "password")}
    values = {
        "airflow": {
            "postgresql": {"enabled": False},
            "ingress": {"apiServer": {"enabled": True, "hosts": [host]}},
        },
        "observability": {
            "extraObjects": OBJECTS,
            "serviceMonitor": {"basicAuth": login},
        },
    }
    secrets = secrets_of("prod", values)
    assert set(secrets["scrape"].keys) == {"username", "password"}
    assert set(secrets["backups"].keys) == {"id", "secret"}
    assert set(secrets["airflow-database"].keys) == {"connection", "username", "password"}
    assert secrets["airflow-tls"].optional
    annotated = {"annotations": {"cert-manager.io/cluster-issuer": "public"}}
    values = merged(values, {"airflow": {"ingress": {"apiServer": annotated}}})
    assert secrets_of("prod", values)["airflow-tls"].maker == "cert-manager"


def test_the_connection_leads_to_the_database_of_cloud_native_pg(
    said: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(json.dumps({"observability": {"extraObjects": OBJECTS}}), encoding="utf-8")
    without = ("--set", "airflow.postgresql.enabled=false")
    text = said("prod", "--format", "script", "-f", str(file), *without)
    assert "postgresql://o: airflow-database password @database-rw." in text


def test_migrations_have_a_connection_past_the_pooler(said: Callable[..., str]) -> None:
    managed = "database.cloudNativePG.enabled=true,database.cloudNativePG.pooler.enabled=true"
    arguments = ("--set", f"airflow.postgresql.enabled=false,{managed}")
    text = said("prod", "--format", "script", *arguments)
    for key, host in (("connection", "pooler"), ("directConnection", "rw")):
        line = f" {key} postgresql://airflow: airflow-database password @airflow-database-{host}."
        assert line in text, key


def test_the_table_has_a_line_for_each_secret(said: Callable[..., str]) -> None:
    head, *lines = said("prod").splitlines()
    assert head.split() == ["SECRET", "KEYS", "MADE", "BY", "READ", "BY"]
    assert [line.split()[0] for line in lines] == sorted(secrets_of("prod"))
