"""What the checks of secrets must report, beside object_cases.py, and what they must not."""

import base64

from .conftest import Edits
from .object_cases import (
    API_SERVER,
    API_SERVER_CONTAINER,
    CONFIG,
    MAPPING,
    MIGRATIONS_CONTAINER,
    PRIVATE_KEY,
    SIDECAR,
    URI,
)

SECRET = "Secret/airflow-metadata"
DRAIN = "ConfigMap/airflow-task-logs data drain.sh"
TOKEN = "gl" + "pat-" + "x" * 20
CREATE = ["bash", "-c", 'exec airflow users create "$@"', "--", "-u", "admin", "-p"]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


BROKEN: dict[str, list[tuple[Edits, str]]] = {
    "environment_holds_no_secrets": [
        ({f"{SIDECAR} env +": {"name": "T", "value": TOKEN}}, "T holds a token"),
        ({f"{SIDECAR} env +": {"name": "T", "value": PRIVATE_KEY}}, "T holds a private key"),
        ({f"{SIDECAR} env +": {"name": "T", "value": '{"token": "hunter2"}'}}, "a value for token"),
        ({f"{SIDECAR} env +": {"name": "SENTRY_DSN", "value": "x"}}, "SENTRY_DSN has a literal"),
        ({f"{SIDECAR} env +": {"name": "DB_PASS", "value": "x"}}, "DB_PASS has a literal value"),
    ],
    "commands_hold_no_secrets": [
        (
            {f"{API_SERVER_CONTAINER} args": ["x", "--password=hunter2"]},
            "a word of args, after x, is a secret",
        ),
        (
            {f"{API_SERVER_CONTAINER} command": ["x", "--token", "hunter2"]},
            "a word of command, after --token, is a secret",
        ),
        ({f"{MIGRATIONS_CONTAINER} args": ["x", URI]}, "a word of args, after x, is a secret"),
        ({f"{MIGRATIONS_CONTAINER} args": [*CREATE, "hunter2"]}, "args have the user's password"),
    ],
    "config_maps_hold_no_secrets": [
        ({MAPPING: "password: hunter2"}, "a value for password"),
        ({DRAIN: 'AUTH = {"client_secret": "hunter2"}'}, "a value for client_secret"),
        ({MAPPING: f"url: {TOKEN}"}, "a token"),
        ({CONFIG: "[celery]\nflower_basic_auth = me:hunter2"}, "[celery] flower_basic_auth"),
    ],
    "manifests_hold_no_secrets": [
        ({f"{API_SERVER} metadata annotations": {"x": URI}}, "metadata.annotations.x holds a URI"),
        (
            {f"{API_SERVER} spec template metadata annotations x": TOKEN},
            "x holds a token",
        ),
    ],
    "secrets_are_made_elsewhere": [
        ({f"{SECRET} data connection": encoded(URI)}, "connection has a value"),
        ({f"{SECRET} data": {"password": encoded("hunter2")}}, "password has a value"),
        ({f"{SECRET} data": {"keytab": "/w=="}}, "keytab has a value"),
        ({f"{SECRET} stringData": {"password": "hunter2"}}, "password has a value"),
        ({f"{SECRET} stringData": {"users.txt": '"me" "hunter2"\n'}}, "users.txt has a value"),
        ({f"{SECRET} stringData": {"tls.key": PRIVATE_KEY}}, "tls.key has a value"),
    ],
}

ALLOWED: dict[str, list[Edits]] = {
    "commands_hold_no_secrets": [
        {f"{MIGRATIONS_CONTAINER} args": [*CREATE, "$(PASSWORD)"]},
        {f"{MIGRATIONS_CONTAINER} args": [*CREATE, "admin"]},
        {f"{API_SERVER_CONTAINER} args": ["x", "--password=$(PASSWORD)"]},
        {f"{API_SERVER_CONTAINER} args": ["mkdir", "-p", "x"]},
    ],
    "config_maps_hold_no_secrets": [
        {MAPPING: "password: $PASSWORD\nautomountServiceAccountToken: false\nsecretName: x"},
        {MAPPING: "token: SECRET[loki.token]"},
    ],
    "manifests_hold_no_secrets": [
        {f"{API_SERVER} metadata annotations": {"x": "https://example.com:8080/a@b"}},
    ],
    "secrets_are_made_elsewhere": [
        {f"{SECRET} data": {"connection": encoded("postgresql://postgres:postgres@db/airflow")}},
        {f"{SECRET} data": {"connection": encoded("http://elasticsearch:9200")}},
        {f"{SECRET} data": {"api-secret-key": encoded("development-only-api-secret-key")}},
        {f"{SECRET} data": {"connection": encoded("%!s(<nil>)")}},
        {f"{SECRET} data": None},
        {
            f"{SECRET} stringData": {
                "username": "me",
                "ca.crt": "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----\n",
                "users.txt": '"postgres" "postgres"\n',
                "pgbouncer.ini": "[databases]\nairflow = host=db port=5432\n",
            }
        },
    ],
}
