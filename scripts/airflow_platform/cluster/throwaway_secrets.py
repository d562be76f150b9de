"""Secrets for a release that is made to be tried and removed: random keys and passwords.

They are those that README.md tells people to create before an installation.
"""

import base64
import os
import secrets
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import Any

import yaml

from airflow_platform.checks.references import not_rendered
from airflow_platform.manifests import Render
from airflow_platform.support.errors import PlatformError

_KEY_BYTES = 64  # as many as HS512 needs


def throwaway_secrets(
    render: Render, release: str, there: Collection[str], *, anything: bool
) -> list[Mapping[str, Any]]:
    """Return the Secrets that pods need and that are neither rendered nor ``there``, by name.

    ``anything``: values that nobody will look at are made up as well. PlatformError for values that
    only the user can know.
    """
    known = _known(render, release)
    if anything:
        known = defaultdict(lambda: _random, known)
    needed = {name: keys for name, keys in _needed(render).items() if name not in there}
    asked = [
        _secret(name, dict.fromkeys(keys, "..."))
        for name, keys in needed.items()
        if not anything and not (keys and known.keys() >= {*keys})
    ]
    if asked:
        raise PlatformError(
            "Only you can know what these Secrets hold. Write them into a file and give it with"
            f" --objects:\n\n{yaml.safe_dump_all(asked, sort_keys=False)}"
        )
    return [_secret(name, {key: known[key]() for key in keys}) for name, keys in needed.items()]


def _needed(render: Render) -> dict[str, list[str]]:
    """Return the keys of each Secret that the release does not make itself."""
    needed: dict[str, set[str]] = {}
    for reference in not_rendered(render):
        if reference.kind == "Secret":
            keys = needed.setdefault(reference.name, set())
            keys |= {reference.key} if reference.key else set()
    return {name: sorted(keys) for name, keys in sorted(needed.items())}


def _known(render: Render, release: str) -> dict[str, Callable[[], str]]:
    """Return what can be made up, by the key in the Secret."""
    made: dict[str, Callable[[], str]] = {
        "fernet-key": lambda: base64.urlsafe_b64encode(os.urandom(32)).decode(),
        **dict.fromkeys(
            ("api-secret-key", "jwt-secret", "webserver-secret-key", "password"), _random
        ),
    }
    if any(service.name == f"{release}-postgresql" for service in render.all("Service")):
        password = secrets.token_urlsafe(24)
        host = f"{release}-postgresql.{render.namespace}"
        made["postgres-password"] = lambda: password
        made["connection"] = lambda: f"postgresql://postgres:{password}@{host}:5432/postgres"
    return made


def _random() -> str:
    return secrets.token_urlsafe(_KEY_BYTES)


def _secret(name: str, data: Mapping[str, str]) -> dict[str, Any]:
    metadata = {"name": name}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": dict(data)}
