"""External Secrets make each Secret that the release reads, with the keys that it reads."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from airflow_platform.checks.judge import Violation
from airflow_platform.manifests import External, Manifest, Render
from airflow_platform.rendering import helm
from airflow_platform.rendering.render import render
from airflow_platform.support.project import NAMESPACE, ROOT

from .conftest import EVERYTHING_ON, of_airflow

Check = Callable[[str, Render], list[Violation]]

CELERY = ROOT / "examples" / "celery" / "values.yaml"


def on(**settings: Any) -> dict[str, Any]:
    """Values with External Secrets on."""
    store = {"name": "platform"}
    return {"secrets": {"externalSecrets": {"enabled": True, "store": store, **settings}}}


def made(rendered: Render) -> dict[str, Manifest]:
    """The ExternalSecrets by the names of the Secrets that they make."""
    return {each.at("spec", "target", "name"): each for each in rendered.all("ExternalSecret")}


def sources(external: Manifest) -> dict[str, tuple[str, str]]:
    """Item and property of each key that comes from the store."""
    return {
        each["secretKey"]: (each["remoteRef"]["key"], each["remoteRef"].get("property", ""))
        for each in external.at("spec", "data")
    }


LOKI = {"auth": {"secretName": "loki"}, "tls": {"caSecretName": "ca", "clientSecretName": "client"}}
PGBOUNCER = {
    "secretName": "airflow-pgbouncer",
    "data": {"pgbouncer.ini": "configuration", "users.txt": "users"},
}
RELEASES: Mapping[str, Mapping[str, Any]] = {
    "staging": {"environment": "staging"},
    "prod": {"environment": "prod"},
    "a release of another name": {"environment": "prod", "release": "data-platform"},
    "Airflow 2": {"environment": "prod", "sets": of_airflow("2.11.0")},
    "Celery and Redis": {"environment": "prod", "values": [CELERY]},
    "Celery and a broker elsewhere": {
        "environment": "prod",
        "values": [
            CELERY,
            {
                "airflow": {
                    "redis": {"enabled": False},
                    "data": {"resultBackendSecretName": "result-backend"},
                }
            },
        ],
    },
    "KEDA of a set of workers, past PgBouncer": {
        "environment": "prod",
        "values": [
            CELERY,
            {
                "airflow": {
                    "postgresql": {"enabled": False},
                    "pgbouncer": {"enabled": True, "configSecretName": "airflow-pgbouncer"},
                    "workers": {
                        "celery": {
                            "sets": [
                                {"name": "a", "keda": {"enabled": True, "usePgbouncer": False}}
                            ]
                        }
                    },
                },
                "database": {"external": {"host": "db.example.com"}},
                "secrets": {"externalSecrets": {"entries": {"pgbouncer": PGBOUNCER}}},
            },
        ],
    },
    "a database elsewhere": {"environment": "prod", "sets": ["airflow.postgresql.enabled=false"]},
    "a user of its own in PostgreSQL": {
        "environment": "prod",
        "sets": [
            "airflow.postgresql.auth.username=airflow",
            "airflow.postgresql.architecture=replication",
        ],
    },
    "git by ssh": {
        "environment": "prod",
        "values": [
            {
                "airflow": {
                    "dags": {
                        "gitSync": {
                            "repo": "ssh://git@git.example.com/dags.git",
                            "credentialsSecret": None,
                            "sshKeySecret": "airflow-git-ssh",
                            "knownHosts": "git.example.com ssh-ed25519 AAAA",
                        }
                    }
                }
            }
        ],
    },
    "Loki with a password": {
        "environment": "prod",
        "values": [{"global": {"taskLogs": {"loki": LOKI}}}],
    },
    "Loki with a token": {
        "environment": "prod",
        "values": [{"global": {"taskLogs": {"loki": LOKI}}}],
        "sets": ["global.taskLogs.loki.auth.strategy=bearer"],
    },
    "the add-on without Airflow": {
        "environment": "prod",
        "values": [{"global": {"taskLogs": {"loki": LOKI}}}],
        "sets": ["airflow.enabled=false"],
    },
}


@pytest.mark.official_chart
@pytest.mark.parametrize("release", RELEASES)
def test_nothing_else_has_to_make_a_secret(release: str, check: Check) -> None:
    arguments = {**RELEASES[release]}
    arguments["values"] = [*arguments.get("values", ()), on()]
    rendered = render(**arguments).replace(external=External())
    assert check("secrets_exist", rendered) == []
    assert check("objects_fit_their_schema", rendered) == []
    for external in rendered.all("ExternalSecret"):
        assert external.at("spec", "secretStoreRef", "name") == "platform"


def test_with_everything_on_only_secrets_that_users_refer_to_themselves_are_lacking(
    check: Check,
) -> None:
    """Lists of variables, pull Secrets, volumes: only entries of one's own can make those."""
    own = ("mirror", "web-config", "airflow-environment", "own-environment")
    rendered = render("prod", values=[EVERYTHING_ON, on(creationPolicy="Owner")])
    external = External(secrets=dict.fromkeys(own))
    assert check("secrets_exist", rendered.replace(external=external)) == []


def test_they_are_off_by_default_and_one_key_turns_them_on() -> None:
    assert render("prod").all("ExternalSecret") == ()
    assert set(made(render("prod", values=[on()]))) == {
        "airflow-admin",
        "airflow-api",
        "airflow-database",
        "airflow-database-admin",
        "airflow-fernet",
        "airflow-git-credentials",
        "airflow-jwt",
    }


def test_the_name_of_a_secret_is_that_which_the_release_reads() -> None:
    rendered = render("prod", values=[on()], sets=["airflow.fernetKeySecretName=mine"])
    assert "mine" in made(rendered)
    assert "airflow-fernet" not in made(rendered)


@pytest.mark.parametrize("setting", ["createUserJob.enabled", "airflow.dags.gitSync.enabled"])
def test_a_secret_that_nothing_reads_is_not_made(setting: str) -> None:
    everything = set(made(render("prod", values=[on()])))
    (left_out,) = everything - set(made(render("prod", values=[on()], sets=[f"{setting}=false"])))
    assert left_out in {"airflow-admin", "airflow-git-credentials"}


def test_the_item_follows_from_the_name_of_the_secret_and_an_entry_may_name_another() -> None:
    settings = on(
        remoteKey="{{ .Release.Namespace }}/{{ .secretName }}",
        entries={
            "jwt": {"remoteKey": "shared/jwt", "data": {"jwt-secret": "value"}},
            "api": {"enabled": False},
        },
    )
    found = made(render("prod", values=[settings]))
    assert sources(found["airflow-fernet"])["fernet-key"] == (
        f"{NAMESPACE}/airflow-fernet",
        "fernet-key",
    )
    assert sources(found["airflow-jwt"]) == {"jwt-secret": ("shared/jwt", "value")}
    assert "airflow-api" not in found


def test_both_secrets_of_the_database_have_the_password_of_one_item() -> None:
    entries = {"database": {"remoteKey": "prod/database"}}
    found = made(render("prod", values=[on(entries=entries)]))
    password = ("prod/database", "password")
    assert sources(found["airflow-database"])["password"] == password
    assert sources(found["airflow-database-admin"])["postgres-password"] == password


def test_a_secret_of_ones_own_has_keys_from_several_items() -> None:
    entry = {
        "secretName": "airflow-warehouse",
        "remoteKey": "data/warehouse",
        "type": "example.com/connection",
        "data": {"password": "password", "host": {"remoteKey": "data/hosts", "property": ""}},
        "template": {"url": "postgresql://{{ .host }}"},
    }
    found = made(render("prod", values=[on(entries={"warehouse": entry})]))["airflow-warehouse"]
    assert sources(found) == {
        "password": ("data/warehouse", "password"),
        "host": ("data/hosts", ""),
    }
    template = found.at("spec", "target", "template")
    assert template["type"] == "example.com/connection"
    assert template["data"] == {"url": "postgresql://{{ .host }}"}


def test_helm_never_takes_their_secrets_for_its_own() -> None:
    """External Secrets copies Helm's annotations into a Secret unless there is a template."""
    for external in made(render("prod", values=[on()])).values():
        assert "metadata" not in external.at("spec", "target", "template")


def test_cloud_native_pg_takes_over_a_password_that_changes() -> None:
    values = {
        "airflow": {"postgresql": {"enabled": False}},
        "database": {"cloudNativePG": {"enabled": True}},
    }
    labelled = {
        name: metadata
        for name, external in made(render("prod", values=[on(), values])).items()
        if (metadata := external.at("spec", "target", "template", "metadata", default=None))
    }
    assert labelled == {"airflow-database": {"labels": {"cnpg.io/reload": "true"}}}


CHART = {"apiVersion": "v2", "name": "template", "version": "0.1.0"}
PASSWORD = "a b+c@d/e:f%g?h#i&j=k$lé'\"\\"


@pytest.mark.parametrize(
    ("secret", "host"),
    [
        ("airflow-database", f"airflow-postgresql.{NAMESPACE}"),
        ("airflow-broker", "airflow-redis"),
    ],
)
def test_a_connection_has_the_password_as_it_is(secret: str, host: str, tmp_path: Path) -> None:
    """External Secrets has the template functions that Helm has as well, apart from Helm's own."""
    external = made(render("prod", values=[CELERY, on()]))[secret]
    connection = external.at("spec", "target", "template", "data", "connection")
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump(CHART), encoding="utf-8")
    (tmp_path / "templates" / "it.yaml").write_text(
        f"made: {{{{ tpl {yaml.safe_dump(connection, default_style=chr(34)).strip()} .Values"
        " | quote }}",
        encoding="utf-8",
    )
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"password": PASSWORD}), encoding="utf-8")
    printed = helm.run(4, ["template", "it", str(tmp_path), "-f", str(values)]).stdout
    url = urlsplit(yaml.safe_load(printed)["made"])
    assert unquote(url.password or "") == PASSWORD
    assert url.hostname == host
