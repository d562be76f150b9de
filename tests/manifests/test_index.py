import pytest

from airflow_platform.manifests import Render
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.frozen import thaw

MANIFESTS = """
---
# Source: airflow-platform/charts/airflow/templates/scheduler.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: airflow-scheduler
  labels: {component: scheduler}
spec:
  template:
    metadata: {labels: {component: scheduler}}
    spec:
      initContainers:
        - {name: migrations}
        - {name: vector, restartPolicy: Always}
      containers: [{name: scheduler}]
      volumes: [{name: logs, emptyDir: {}}]
---
# Source: airflow-platform/charts/airflow/templates/cronjob.yaml
apiVersion: batch/v1
kind: CronJob
metadata: {name: airflow-cleanup}
spec:
  jobTemplate: {spec: {template: {spec: {containers: [{name: cleanup}]}}}}
---
# Source: airflow-platform/charts/airflow/templates/configmap.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: airflow-config}
data:
  pod_template_file.yaml: |
    apiVersion: v1
    kind: Pod
    metadata: {name: placeholder}
    spec: {containers: [{name: base}]}
---
# Source: airflow-platform/templates/empty.yaml
# nothing but a comment
"""


@pytest.fixture
def rendered() -> Render:
    return Render.from_text(MANIFESTS, name="prod/helm3")


def config_map(name: str, namespace: str = "") -> str:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {metadata}\n"


def test_a_manifest_says_what_it_is_and_where_it_comes_from(rendered):
    scheduler = rendered.get("Deployment", "airflow-scheduler")
    assert str(scheduler) == (
        "Deployment/airflow-scheduler (airflow-platform/charts/airflow/templates/scheduler.yaml)"
    )
    assert scheduler.api_version == "apps/v1"
    assert scheduler.labels == {"component": "scheduler"}
    assert scheduler.annotations == {}
    assert scheduler.namespace is None


def test_a_document_of_comments_is_no_manifest(rendered):
    assert len(rendered.manifests) == 3


def test_a_wrong_name_lists_the_near_ones(rendered):
    with pytest.raises(LookupError, match=r'prod/helm3 .*did you mean "airflow-scheduler"'):
        rendered.get("Deployment", "airflow-schedular")
    with pytest.raises(LookupError, match="Kinds: ConfigMap, CronJob, Deployment"):
        rendered.get("Ingress", "airflow")


def test_a_name_in_two_namespaces_is_not_guessed():
    rendered = Render.from_text(config_map("same", "one") + config_map("same", "two"))
    with pytest.raises(LookupError, match="more than one namespace"):
        rendered.get("ConfigMap", "same")


def test_a_wrong_path_lists_the_keys_that_are_there(rendered):
    scheduler = rendered.get("Deployment", "airflow-scheduler")
    with pytest.raises(LookupError, match=r'Deployment/airflow-scheduler .*"replicas".*template'):
        scheduler.at("spec", "replicas")
    assert scheduler.at("spec", "replicas", default=1) == 1
    assert scheduler.at("spec", "template", "spec", "containers", 0, "name") == "scheduler"


def test_documents_cannot_be_changed(rendered):
    scheduler = rendered.get("Deployment", "airflow-scheduler")
    with pytest.raises(TypeError):
        scheduler.document["spec"]["replicas"] = 2
    with pytest.raises(AttributeError):
        scheduler.at("spec", "template", "spec", "containers").append({})


def test_a_thawed_document_is_a_copy(rendered):
    scheduler = rendered.get("Deployment", "airflow-scheduler")
    copy = thaw(scheduler.document)
    copy["spec"]["template"]["spec"]["containers"].append({"name": "new"})
    assert len(scheduler.at("spec", "template", "spec", "containers")) == 1


def test_the_same_object_twice_is_refused_with_both_templates():
    first = "# Source: one.yaml\n" + config_map("same").removeprefix("---\n")
    second = "---\n# Source: two.yaml\n" + config_map("same").removeprefix("---\n")
    with pytest.raises(PlatformError, match=r"\(two\.yaml\) .* \(one\.yaml\)"):
        Render.from_text(first + second)


@pytest.mark.parametrize("text", ["just text", "- a\n- b", "kind: Pod\napiVersion: v1"])
def test_what_is_not_a_kubernetes_object_is_refused_with_its_template(text):
    with pytest.raises(PlatformError, match=r"^charts/x\.yaml: not a Kubernetes object"):
        Render.from_text(f"---\n# Source: charts/x.yaml\n{text}\n")


def test_pods_are_those_of_workloads_and_of_pod_templates_in_config_maps(rendered):
    assert {str(pod).partition(" (")[0]: set(pod.containers()) for pod in rendered.pods()} == {
        "Deployment/airflow-scheduler": {"migrations", "vector", "scheduler"},
        "CronJob/airflow-cleanup": {"cleanup"},
        "pod_template_file.yaml in ConfigMap/airflow-config": {"base"},
    }


def test_containers_know_their_role(rendered):
    (pod,) = (pod for pod in rendered.pods() if pod.owner.name == "airflow-scheduler")
    assert {name: container.role for name, container in pod.containers().items()} == {
        "migrations": "init",
        "vector": "sidecar",
        "scheduler": "main",
    }
    assert str(pod.containers()["vector"]).startswith(
        'sidecar container "vector" of Deployment/airflow-scheduler'
    )
    assert set(pod.volumes()) == {"logs"}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("{initContainers: [{name: a}], containers: [{name: a}]}", 'two containers are named "a"'),
        ("{containers: [], volumes: [{name: a}, {name: a}]}", 'two volumes are named "a"'),
    ],
)
def test_two_of_the_same_name_in_a_pod_are_refused(spec, message):
    text = f"{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {spec}}}"
    (pod,) = Render.from_text(text).pods()
    with pytest.raises(PlatformError, match=f"Pod/p .*{message}; rename one of them"):
        pod.containers(), pod.volumes()
