"""All images of a release are found, wherever the manifests name them."""

from airflow_platform.manifests import Render
from airflow_platform.manifests.images import images

MANIFESTS = """
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  jobTemplate:
    spec:
      template:
        spec:
          initContainers: [{name: a, image: "first:1"}]
          containers: [{name: b, image: "second:1"}, {name: c, image: "first:1"}]
          volumes: [{name: models, image: {reference: "models:1"}}, {name: tmp, emptyDir: {}}]
---
apiVersion: v1
kind: Pod
metadata: {name: test, annotations: {helm.sh/hook: test}}
spec: {containers: [{name: d, image: "test:1"}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: airflow-config}
data:
  pod_template_file.yaml: |
    {apiVersion: v1, kind: Pod, spec: {containers: [{name: base, image: "task:1"}]}}
  airflow.cfg: |
    [kubernetes_executor]
    worker_container_repository = executor
    worker_container_tag = 1
"""


def test_every_image_is_there_once() -> None:
    found = ("executor:1", "first:1", "models:1", "second:1", "task:1", "test:1")
    assert images(Render.from_text(MANIFESTS)) == found


def test_the_executor_leaves_the_image_to_the_pod_template() -> None:
    text = MANIFESTS.replace("worker_container_repository = executor", "")
    assert "executor:1" not in images(Render.from_text(text))
