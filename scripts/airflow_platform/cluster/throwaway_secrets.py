"""Secrets for a release that is made to be tried and removed: random keys and passwords.

They are what the documents tell people to create before an installation. What only they can know,
such as credentials of their Git server, cannot be made up.
"""

import base64
import os
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_platform.checks.references import not_rendered
from airflow_platform.manifests import Render

_PASSWORD_BYTES = 24
_KEY_BYTES = 64  # as many as HS512 needs


def missing_secrets(render: Render) -> dict[str, set[str]]:
    """Return the keys of each Secret that pods need and that the release does not make itself."""
    needed: dict[str, set[str]] = {}
    for reference in not_rendered(render):
        if reference.kind == "Secret":
            keys = needed.setdefault(reference.name, set())
            keys |= {reference.key} if reference.key else set()
    return needed


def throwaway_secrets(render: Render) -> Iterator[Mapping[str, Any]]:
    """Yield a Secret for each of ``missing_secrets``; the database is the release's own."""
    needed = missing_secrets(render)
    passwords: dict[str, str] = {}
    for name, keys in sorted(needed.items()):
        data = {key: _value(key) for key in keys}
        passwords |= {name: data["postgres-password"]} if "postgres-password" in data else {}
        yield {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "stringData": data,
        }


def _value(key: str) -> str:
    if key == "fernet-key":
        return base64.urlsafe_b64encode(os.urandom(32)).decode()
    return secrets.token_urlsafe(_KEY_BYTES)
