"""Entries of External Secrets that make no Secret, or the wrong one."""

from collections.abc import Mapping
from typing import Any

from .case import Case, wrapper


def external(message: str, *, store: str = "platform", **entries: Any) -> Case:
    """Entries of External Secrets on top of the values of prod."""
    settings = {"enabled": True, "store": {"name": store}, "entries": entries}
    return wrapper(message, {"secrets": {"externalSecrets": settings}})


CASES: Mapping[str, Case] = {
    "External Secrets without a store": external(
        "secrets.externalSecrets.enabled is true, but no store is named", store=""
    ),
    "an entry of one's own without a Secret": external(
        "secrets.externalSecrets.entries.warehouse does not say which Secret to make",
        warehouse={"remoteKey": "data/warehouse"},
    ),
    "an entry that is on while nothing reads its Secret": external(
        "secrets.externalSecrets.entries.redis does not say which Secret to make",
        redis={"enabled": True},
    ),
    "an entry for another Secret than the release reads": external(
        "secrets.externalSecrets.entries.fernet makes the Secret other, but the release reads",
        fernet={"secretName": "other"},
    ),
    "two entries that make one key": external(
        "Two entries of secrets.externalSecrets make the key password of the Secret airflow-admin",
        mine={"secretName": "airflow-admin", "data": {"password": "other"}},
    ),
    "External Secrets in a cluster without them": wrapper(
        "secrets.externalSecrets.enabled is true, but this cluster does not know"
        " external-secrets.io/v1/ExternalSecret",
        {
            "secrets": {"externalSecrets": {"enabled": True, "store": {"name": "platform"}}},
            "observability": {
                "serviceMonitor": {"enabled": False},
                "prometheusRule": {"enabled": False},
            },
        },
        api_versions=("apps/v1/Deployment",),
    ),
}
