"""The images that the pods of a release need."""

from collections.abc import Iterator

from airflow_platform.manifests.index import Render


def images(render: Render) -> tuple[str, ...]:
    """Return the references of all images, sorted, each once.

    Those of Jobs, tests and task pods are among them, and volumes that are images. What the DAGs
    name (KubernetesPodOperator, ``pod_override``) no manifest has.
    """
    return tuple(sorted(filter(None, set(_references(render)))))


def _references(render: Render) -> Iterator[str]:
    for pod in render.pods():
        for container in pod.containers().values():
            yield container.document.get("image") or ""
        for volume in pod.volumes().values():
            if "image" in volume:
                yield volume["image"].get("reference") or ""
    for cluster in render.all("Cluster"):  # of CloudNativePG, as the next ones
        yield cluster.at("spec", "imageName", default="")
    for pooler in render.all("Pooler"):
        for container in pooler.at("spec", "template", "spec", "containers", default=()):
            yield container.get("image") or ""
    for config in render.embedded("AirflowConfig"):
        # The executor puts this image into task pods in place of the pod template's.
        executor = config.document.get("kubernetes_executor", {})
        repository = executor.get("worker_container_repository")
        tag = executor.get("worker_container_tag")
        if repository and tag:
            yield f"{repository}:{tag}"
