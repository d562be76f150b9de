"""Calls the REST API as a user with a password, while people log in by OpenID Connect.

Runs in the environment of an Airflow. Takes user and password, and prints the status of the
answers: to that password, and to another one.
"""

import base64
import json
import sys

import airflow


def statuses(user: str, password: str) -> list[int]:
    """Return the statuses of the answers."""
    if airflow.__version__.startswith("2."):
        from airflow.www.app import create_app

        flask_app = create_app()

        def ask(given: str) -> int:
            token = base64.b64encode(f"{user}:{given}".encode()).decode()
            headers = {"Authorization": f"Basic {token}"}
            return int(flask_app.test_client().get("/api/v1/dags", headers=headers).status_code)
    else:
        from airflow.api_fastapi.app import create_app as create_api
        from fastapi.testclient import TestClient

        client = TestClient(create_api())

        def ask(given: str) -> int:
            answer = client.post("/auth/token", json={"username": user, "password": given})
            if answer.status_code != 201:
                return int(answer.status_code)
            headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            return int(client.get("/api/v2/dags", headers=headers).status_code)

    return [ask(password), ask("another")]


if __name__ == "__main__":
    print(json.dumps({"statuses": statuses(*sys.argv[1:])}))
