"""What Helm rendered: frozen objects, the documents embedded in them, and their index."""

from airflow_platform.manifests.embedded import EmbeddedDocument
from airflow_platform.manifests.index import External, Keys, Render
from airflow_platform.manifests.objects import NO_TEMPLATE, Container, Manifest, Pod

__all__ = [
    "NO_TEMPLATE",
    "Container",
    "EmbeddedDocument",
    "External",
    "Keys",
    "Manifest",
    "Pod",
    "Render",
]
