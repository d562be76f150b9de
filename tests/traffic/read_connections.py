"""Prints what Airflow makes of the connections and variables in its environment, as JSON."""

import json
import os

from airflow.secrets.environment_variables import EnvironmentVariablesBackend

backend = EnvironmentVariablesBackend()
connections = {}
variables = {}
for name in os.environ:
    for prefix in ("AIRFLOW_CONN_", "AIRFLOW_VAR_"):
        if name.startswith(prefix):
            key = name.removeprefix(prefix).lower()
            if prefix == "AIRFLOW_VAR_":
                variables[key] = backend.get_variable(key)
                continue
            found = backend.get_connection(key)
            connections[key] = {
                **{
                    field: getattr(found, field)
                    for field in ("conn_type", "host", "login", "password", "schema", "port")
                },
                "extra": found.extra_dejson,
            }
print(json.dumps({"connections": connections, "variables": variables}))
