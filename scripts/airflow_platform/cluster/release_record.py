"""What Helm keeps in a cluster about a release: one Secret for each of its revisions."""

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.rendering.values import merged
from airflow_platform.support.errors import UNEXPECTED_ANSWERS, PlatformError

# Those that are over say nothing about what is in the cluster.
_SELECTOR = "owner=helm,status notin (superseded,uninstalled,uninstalling)"


@dataclass(frozen=True)
class ReleaseRecord:
    """One revision of a release.

    ``status`` is Helm's word for it and ``description`` its last message. ``values`` are the
    defaults of the chart with the user's. ``manifest`` is YAML, without hooks. ``changed`` is when
    Helm began with this revision.
    """

    name: str
    namespace: str
    revision: int
    status: str
    description: str
    changed: datetime
    chart: str
    chart_version: str
    values: Mapping[str, Any]
    manifest: str


def release_records(cluster: Cluster, namespace: str | None) -> list[ReleaseRecord]:
    """Return the revisions in ``namespace`` (None: in all) that are not over, oldest first.

    PlatformError when the Secrets may not be read, or one of them is not Helm's.
    """
    found = [_record(each) for each in cluster.list("secrets", namespace, _SELECTOR)]
    return sorted(found, key=lambda record: (record.namespace, record.name, record.revision))


def _record(secret: Mapping[str, Any]) -> ReleaseRecord:
    try:
        packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
        release = json.loads(gzip.decompress(packed))
        info, chart = release["info"], release["chart"]
        return ReleaseRecord(
            release["name"],
            release["namespace"],
            release["version"],
            info["status"],
            info.get("description") or "",
            datetime.fromisoformat(info["last_deployed"]),
            chart["metadata"]["name"],
            chart["metadata"]["version"],
            merged(chart.get("values") or {}, release.get("config") or {}),
            release.get("manifest") or "",
        )
    except (*UNEXPECTED_ANSWERS, OSError) as error:
        name = secret["metadata"]["name"]
        raise PlatformError(f"The Secret {name} is no record of Helm's: {error!r}") from None
