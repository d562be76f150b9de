"""What the sidecars of a release know of Loki."""

from collections.abc import Mapping
from typing import Any

from airflow_platform.manifests import Render

PUSH_PATH = "/loki/api/v1/push"


def loki_sink(render: Render) -> Mapping[str, Any] | None:
    """Return Vector's sink for Loki, None where task logs are off."""
    for vector in render.embedded("VectorConfig"):
        for sink in vector.document["sinks"].values():
            if sink["type"] == "loki":
                return dict(sink)
    return None
