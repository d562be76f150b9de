"""Runs in an Airflow's Python: its REST API without a server. As a program it prints answers."""

import json
import sys
from urllib.parse import quote, urlencode

import airflow

AIRFLOW_2 = airflow.__version__.startswith("2.")


class Api:
    """The REST API; Airflow 2 must allow everybody everything, Airflow 3 be told all are admins."""

    def __init__(self):
        self._headers = {}
        if AIRFLOW_2:
            from airflow.www.app import create_app

            self._client = create_app().test_client()
        else:
            from airflow.api_fastapi.app import create_app
            from fastapi.testclient import TestClient

            self._client = TestClient(create_app())
            token = self._client.get("/auth/token").json()["access_token"]
            self._headers = {"Authorization": f"Bearer {token}"}

    def of_task(self, dag_id, run_id, task_id, what, **parameters):
        """Return what the API says of a task instance, as text."""
        path = (
            f"/api/v{1 if AIRFLOW_2 else 2}/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"
        )
        path += f"/taskInstances/{quote(task_id)}/{what}?{urlencode(parameters)}"
        answer = self._client.get(path, headers=self._headers)
        text = answer.get_data(as_text=True) if AIRFLOW_2 else answer.text
        assert answer.status_code == 200, text
        return text


if __name__ == "__main__":
    api = Api()
    print(json.dumps([api.of_task(*json.loads(each)) for each in sys.argv[1:]]))
