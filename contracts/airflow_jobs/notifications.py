"""Telling people how a run has ended."""

from __future__ import annotations

import html
import json
import logging
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

_LOG = logging.getLogger(__name__)
_SECONDS = 30.0


class Notification:
    """A callback of a DAG: sends mail to addresses, and a JSON message to a connection's URL."""

    def __init__(
        self, workflow: str, state: str, email: Sequence[str] = (), webhook: str | None = None
    ) -> None:
        self.workflow = workflow
        self.state = state  # which the run may not have yet when Airflow calls this
        self.email = email
        self.webhook = webhook

    def __call__(self, context: Mapping[str, Any]) -> None:
        """Tell of the run in a context. What fails is in the log, and stops nothing else."""
        # Airflow 3 says little of the run, and its first versions nothing.
        run_id = context.get("run_id") or getattr(context.get("dag_run"), "run_id", "")
        told = {
            "workflow": self.workflow,
            "run_id": str(run_id),
            "state": self.state,
            "reason": str(context.get("reason") or ""),
        }
        for way in (self._mail, self._post):
            try:
                way(told)
            except Exception:
                _LOG.exception("Nobody was told of %s by %s", told, way.__name__)

    def _mail(self, told: Mapping[str, str]) -> None:
        if self.email:
            from airflow.utils.email import send_email

            subject = f"{told['workflow']}: {told['state']} {told['run_id']}".strip()
            body = "<br>".join(f"{key}: {html.escape(value)}" for key, value in told.items())
            send_email(list(self.email), subject, body)

    def _post(self, told: Mapping[str, str]) -> None:
        if self.webhook:
            request = urllib.request.Request(
                _url(self.webhook),
                json.dumps(told).encode(),
                {"Content-Type": "application/json"},
            )
            urllib.request.urlopen(request, timeout=_SECONDS).close()


def _url(connection_id: str) -> str:
    """Return the URL of a connection: its host, and its password as the end of the path."""
    try:
        from airflow.sdk import BaseHook
    except ImportError:  # Airflow 2
        from airflow.hooks.base import BaseHook
    connection = BaseHook.get_connection(connection_id)
    uri = str(connection.host or "")
    if "://" not in uri:
        uri = f"{connection.schema or 'https'}://{uri}"
    if connection.port:
        uri = f"{uri}:{connection.port}"
    return f"{uri}/{connection.password.lstrip('/')}" if connection.password else uri
