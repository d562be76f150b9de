"""What is refused about connections and variables."""

from typing import Any

from .case import Case, wrapper

WAREHOUSE: dict[str, Any] = {"warehouse": {"secret": {"name": "warehouse", "key": "connection"}}}
LIMIT: dict[str, Any] = {"limit": {"value": "12"}}
TWICE = "The environment variable {} is set by {} and by {}, and pods would have it twice."
GIVEN: dict[str, dict[str, Any]] = {
    "airflow.env": {"env": [{"name": "AIRFLOW_CONN_WAREHOUSE", "value": "http://warehouse"}]},
    "airflow.secret": {
        "secret": [{"envName": "AIRFLOW_CONN_WAREHOUSE", "secretName": "a", "secretKey": "b"}]
    },
    "airflow.extraEnv": {"extraEnv": "- {name: AIRFLOW_CONN_WAREHOUSE, value: 'http://{{ 1 }}'}"},
    "airflow.scheduler.env": {
        "scheduler": {"env": [{"name": "AIRFLOW_CONN_WAREHOUSE", "value": "http://warehouse"}]}
    },
    "airflow.workers.celery.sets.env": {
        "workers": {
            "celery": {
                "sets": [{"name": "a", "env": [{"name": "AIRFLOW_CONN_WAREHOUSE", "value": "b"}]}]
            }
        }
    },
    "airflow.extraSecrets.more.stringData": {
        "extraSecrets": {"more": {"stringData": "AIRFLOW_CONN_WAREHOUSE: http://warehouse\n"}}
    },
}
# A pod template of one's own that has none of the variables of the chart.
POD_TEMPLATE = """{{- $pod := include "observability.taskLogs.podTemplate" . | fromYaml }}
{{- range $pod.spec.containers }}
{{- $_ := set . "env" list }}
{{- end }}
{{- toYaml $pod }}
"""
# The values of variables, in parts: scanners look for the whole.
PASSWORDS = {
    "a URL": "http://user:" + "hunter2@example.com",
    "a connection string": "Server=db;Password" + "=hunter2",
    "a private key": "-----BEGIN " + "PRIVATE KEY-----",
}


def connections(message: str, entries: Any, **arguments: Any) -> Case:
    return wrapper(message, {"connections": entries}, **arguments)


def variables(message: str, entries: Any) -> Case:
    return wrapper(message, {"variables": entries})


CASES: dict[str, Case] = {
    "connections beside an Airflow of another chart": wrapper(
        "connections.warehouse is for the Airflow that this chart installs",
        {"connections": WAREHOUSE, "airflow": {"enabled": False}},
    ),
    **{
        f"a connection named {name!r}": connections(
            f'The name "{name}" in connections cannot be a part of the environment variable',
            {name: WAREHOUSE["warehouse"]},
        )
        for name in ("data-warehouse", "data.warehouse", "2nd", "entrepôt", "a b")
    },
    "a variable named max-rows": variables(
        'The name "max-rows" in variables cannot be a part of the environment variable',
        {"max-rows": {"value": "12"}},
    ),
    "two connections of one name": connections(
        "connections.Warehouse and connections.warehouse are the same for Airflow",
        {"Warehouse": WAREHOUSE["warehouse"], **WAREHOUSE},
    ),
    **{
        f"a connection that {at} has too": wrapper(
            TWICE.format("AIRFLOW_CONN_WAREHOUSE", "connections.warehouse", at),
            {
                "connections": WAREHOUSE,
                "airflow": values,
                "secrets": {"refuseInValues": False},
            },
        )
        for at, values in GIVEN.items()
    },
    "a variable that the triggerer has too": wrapper(
        TWICE.format("AIRFLOW_VAR_LIMIT", "variables.limit", "airflow.triggerer.env"),
        {
            "variables": LIMIT,
            "airflow": {"triggerer": {"env": [{"name": "AIRFLOW_VAR_LIMIT", "value": "13"}]}},
        },
    ),
    "the connection to Airflow's own database": connections(
        "connections.airflow_db is the connection to Airflow's own database",
        {"airflow_db": WAREHOUSE["warehouse"]},
    ),
    "a connection in the values": connections(
        "connections.warehouse.value would put a connection, and with it its password, into",
        {"warehouse": {"value": "http://warehouse"}},
    ),
    "a connection in the values, beside its Secret": connections(
        "connections.warehouse.value would put a connection, and with it its password, into",
        {"warehouse": {**WAREHOUSE["warehouse"], "value": "http://warehouse"}},
    ),
    "a connection without a Secret": connections(
        "connections.warehouse says neither a value nor a secret to take it from",
        {"warehouse": {}},
    ),
    "a variable with a value and a Secret": variables(
        "variables.limit has a value and a secret, and Airflow can read one of them",
        {"limit": {"value": "12", "secret": {"name": "limits", "key": "limit"}}},
    ),
    "a variable without a value": variables(
        "variables.limit says neither a value nor a secret", {"limit": {}}
    ),
    **{
        f"a variable whose name is that of a secret, {name}": variables(
            f"variables.{name}.value looks like a secret, by its name", {name: {"value": "a"}}
        )
        for name in ("db_password", "API_KEY", "slack_token")
    },
    **{
        f"a variable with {what}": variables(
            "variables.url.value looks like a secret, by its text", {"url": {"value": value}}
        )
        for what, value in PASSWORDS.items()
    },
    "a pod template without connections": wrapper(
        "Task pods of your airflow.podTemplate would lack connections.warehouse",
        {
            "connections": WAREHOUSE,
            "airflow": {
                "airflowVersion": "2.11.0",
                "defaultAirflowTag": "2.11.0",
                "podTemplate": POD_TEMPLATE,
            },
            "global": {"taskLogs": {"enabled": False}},
        },
    ),
    "settings of a secrets backend that are no JSON": wrapper(
        "[secrets] backend_kwargs is no object in JSON, so Airflow cannot read it: {'url':",
        {"airflow": {"config": {"secrets": {"backend_kwargs": "{'url': 'a'}"}}}},
    ),
    **{
        f"the secret {key} of a secrets backend in [{section}]": wrapper(
            f"[{section}] {option} has the secret {key}, which would be readable",
            {"airflow": {"config": {section: {option: f'{{"url": "a", "{key}": "b"}}'}}}},
        )
        for section, option, key in (
            ("secrets", "backend_kwargs", "token"),
            ("secrets", "backend_kwargs", "aws_secret_access_key"),
            ("workers", "secrets_backend_kwargs", "secret_id"),
        )
    },
}
