"""Who is told how a run has ended, by a webhook. Mail is Airflow's."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from airflow_jobs import notifications
from airflow_jobs.notifications import Notification


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What a webhook was told."""
    messages: list[Any] = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            messages.append(json.loads(self.rfile.read(length)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Webhook) as server:
        monkeypatch.setattr(
            notifications, "_url", lambda _: f"http://127.0.0.1:{server.server_port}"
        )
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield messages
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("context", "run_id", "reason"),
    [
        ({"run_id": "r1", "reason": "task_failure", "dag_run": object()}, "r1", "task_failure"),
        ({}, "", ""),  # as of Airflow 3.0
    ],
)
def test_a_webhook_is_told_with_whatever_airflow_says(
    told: list[Any], context: dict[str, Any], run_id: str, reason: str
) -> None:
    Notification("sales", "failed", webhook="alerts")(context)
    wanted = {"workflow": "sales", "state": "failed", "run_id": run_id, "reason": reason}
    assert told == [wanted]


def test_one_way_that_fails_does_not_stop_the_other(
    told: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """There is no Airflow here, so no mail can be sent."""
    Notification("sales", "failed", email=["a@example.com"], webhook="alerts")({})
    assert len(told) == 1
    assert "Nobody was told" in caplog.text
