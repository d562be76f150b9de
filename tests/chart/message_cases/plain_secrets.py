"""Keys and passwords in the values of prod."""

from collections.abc import Mapping
from typing import Any

from .case import Case, airflow, wrapper

SAID = "The values hold keys or passwords, which everybody can read who may read the manifests: "


def connection(**more: Any) -> dict[str, Any]:
    """A connection with a password."""
    return {"user": "airflow", "pass": "hunter2", "host": "example.com", "port": 5432, **more}


CASES: Mapping[str, Case] = {
    "keys in the values": airflow(
        f"{SAID}airflow.apiSecretKey, airflow.fernetKey, airflow.jwtSecret,"
        " airflow.webserverSecretKey.",
        **dict.fromkeys(("fernetKey", "apiSecretKey", "jwtSecret", "webserverSecretKey"), "x"),
    ),
    "the official chart's own passwords": airflow(
        f"{SAID}airflow.createUserJob.defaultUser.password, airflow.data.metadataConnection.pass,"
        " airflow.postgresql.auth.postgresPassword.",
        createUserJob={"defaultUser": {"password": "admin"}},
        data={"metadataSecretName": None},
        postgresql={"auth": {"existingSecret": None}},
    ),
    "a password of the database in the values": airflow(
        f"{SAID}airflow.data.metadataConnection.pass.", data={"metadataConnection": connection()}
    ),
    "passwords in the values of the whole release": wrapper(
        f"{SAID}global.postgresql.auth.password.",
        {"global": {"postgresql": {"auth": {"password": "hunter2"}}}},
    ),
    "a password in the URL of git": airflow(
        f"{SAID}airflow.dags.gitSync.repo.",
        dags={"gitSync": {"repo": "https://me:hunter2@git.example.com/dags.git"}},
    ),
    "a key for git in the values": airflow(
        f"{SAID}airflow.dags.gitSync.sshKey.",
        dags={
            "gitSync": {
                "repo": "git@git.example.com:data/dags.git",
                "knownHosts": "git.example.com ssh-ed25519 AAAA",
                "credentialsSecret": None,
                "sshKey": "x",
            }
        },
    ),
    "passwords for Celery in the values": airflow(
        f"{SAID}airflow.data.brokerUrl, airflow.data.resultBackendConnection.pass,"
        " airflow.flower.password.",
        executor="CeleryExecutor",
        data={
            "brokerUrl": "redis://:hunter2@redis.example.com:6379/0",
            "resultBackendConnection": connection(protocol="postgresql", db="x", sslmode="require"),
        },
        flower={"username": "me", "password": "hunter2"},
    ),
    "a password for Redis in the values": airflow(
        f"{SAID}airflow.redis.password.",
        executor="CeleryExecutor",
        redis={"enabled": True, "password": "hunter2"},
        data={"brokerUrlSecretName": "airflow-broker"},
    ),
    "passwords of other services in the values": airflow(
        f"{SAID}airflow.elasticsearch.connection.pass, airflow.kerberos.keytabBase64Content,"
        " airflow.registry.connection.pass.",
        elasticsearch={"enabled": True, "connection": connection()},
        kerberos={"keytabBase64Content": "eA=="},
        registry={"connection": {"user": "me", "pass": "x", "host": "x", "email": "me@x"}},
    ),
    "a Secret in the values": airflow(
        f"{SAID}airflow.extraSecrets.mine.", extraSecrets={"mine": {"stringData": "password: x"}}
    ),
}
