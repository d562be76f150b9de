"""What Helm rendered: frozen objects, the documents embedded in them, and their index."""

from airflow_platform.manifests.embedded import EmbeddedDocument
from airflow_platform.manifests.index import External, Keys, Render
from airflow_platform.manifests.objects import Container, Manifest, Pod

__all__ = ["Container", "EmbeddedDocument", "External", "Keys", "Manifest", "Pod", "Render"]
