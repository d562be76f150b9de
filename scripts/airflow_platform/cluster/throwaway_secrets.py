"""Secrets for a release that is made to be tried and removed: random keys and passwords.

They are those that README.md tells people to create before an installation.
"""

import base64
import os
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
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
    needed = {name: keys for name, keys in _needed(render).items() if name not in there}
    asked = [
        _secret(name, dict.fromkeys(keys, "..."))
        for name, keys in needed.items()
        if not anything and not (keys and known[name].keys() >= {*keys})
    ]
    if asked:
        raise PlatformError(
            "Only you can know what these Secrets hold. Write them into a file and give it with"
            " --objects. A database must be an empty one: the release migrates it and runs DAGs."
            f"\n\n{yaml.safe_dump_all(asked, sort_keys=False)}"
        )
    return [
        _secret(name, {key: known[name].get(key) or _random() for key in keys})
        for name, keys in needed.items()
    ]


def _needed(render: Render) -> dict[str, list[str]]:
    """Return the keys of each Secret that the release does not make itself."""
    needed: dict[str, set[str]] = {}
    for reference in not_rendered(render):
        if reference.kind == "Secret":
            keys = needed.setdefault(reference.name, set())
            keys |= {reference.key} if reference.key else set()
    return {name: sorted(keys) for name, keys in sorted(needed.items())}


def _known(render: Render, release: str) -> Mapping[str, Mapping[str, str]]:
    """Return what can be made up, by the Secret and its key."""
    password = secrets.token_urlsafe(24)
    anywhere = {
        "fernet-key": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "postgres-password": password,
        "password": password,
        **{key: _random() for key in ("api-secret-key", "jwt-secret", "webserver-secret-key")},
    }
    known: dict[str, dict[str, str]] = defaultdict(lambda: anywhere)
    for name, url in _connections(render, release, password):
        known[name] = {**anywhere, "connection": url}
    return known


def _connections(render: Render, release: str, password: str) -> Iterator[tuple[str, str]]:
    """Yield the Secrets with the URL of the release's own database or broker, and that URL."""
    postgresql, redis = f"{release}-postgresql", f"{release}-redis"
    urls = {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": (
            postgresql,
            f"postgresql://postgres:{password}@{postgresql}.{render.namespace}:5432/postgres",
        ),
        "AIRFLOW__CELERY__BROKER_URL": (redis, f"redis://:{password}@{redis}:6379/0"),
    }
    services = {service.name for service in render.all("Service")}
    for pod in render.pods():
        for container in pod.containers().values():
            for variable in container.document.get("env") or ():
                service, url = urls.get(variable["name"], ("", ""))
                reference = variable.get("valueFrom", {}).get("secretKeyRef")
                if service in services and reference:
                    yield reference["name"], url


def _random() -> str:
    return secrets.token_urlsafe(_KEY_BYTES)


def _secret(name: str, data: Mapping[str, str]) -> dict[str, Any]:
    metadata = {"name": name}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": dict(data)}
