"""The task pod: the official chart's own pod template, the sidecar added, nothing else changed.

These are the contract with the official chart: each test runs on the stand-in and, where it is
found, on the official chart, so the stand-in cannot drift.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.manifests import Container, Pod, Render
from airflow_platform.rendering import helm
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.render import render
from airflow_platform.rendering.staging import stage_addon
from airflow_platform.rendering.upstream import UpstreamChart
from airflow_platform.support import strict_yaml
from airflow_platform.support.frozen import thaw
from airflow_platform.support.project import ADDON, KUBE_VERSION, ROOT, environments

from .conftest import of_airflow

SIDECARS = {"vector", "vector-off"}
SIDECAR_VOLUMES = {"task-logs-config", "task-logs-config-off", "task-logs-data"}

# A user's own settings that must survive, with values that YAML round trips like to spoil.
USER_SETTINGS = strict_yaml.load(
    """
airflow:
  airflowPodAnnotations: {example.com/version: "1e3", example.com/on: "yes"}
  securityContexts:
    pod: {runAsUser: 1000660000, runAsGroup: 1000660000, fsGroup: 1000660000}
  workers:
    terminationGracePeriodSeconds: 123456789
    env: [{name: LEADING_ZERO, value: "0123"}, {name: TRUTH, value: "true"}]
    extraInitContainers:
      - {name: warm-up, image: "example.com/warm-up:{{ .Values.airflowVersion }}"}
    extraContainers:
      - {name: helper, image: "example.com/helper:1"}
    extraVolumes:
      - {name: models, emptyDir: {sizeLimit: 1e3}}
    extraVolumeMounts:
      - {name: models, mountPath: /models}
""",
    "the user's settings",
)
OFFICIAL_POD_TEMPLATE: Mapping[str, Any] = {
    "global": {"taskLogs": {"enabled": False}},
    "airflow": {
        "podTemplate": None,
        # Pods of tasks of Airflow 3 have no connection to the database: see test_database.py.
        "enableBuiltInSecretEnvVars": dict.fromkeys(
            (
                "AIRFLOW__CORE__SQL_ALCHEMY_CONN",
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
                "AIRFLOW_CONN_AIRFLOW_DB",
            ),
            False,
        ),
    },
}


def task_pod(rendered: Render) -> Pod:
    """The pod template that the scheduler creates task pods from."""
    (pod,) = (pod for pod in rendered.pods() if pod.key == "pod_template_file.yaml")
    return pod


def document(pod: Pod) -> dict[str, Any]:
    """The pod as plain data."""
    return {"metadata": thaw(pod.metadata), "spec": thaw(pod.spec)}


def without_sidecar(pod: Pod) -> dict[str, Any]:
    """What is left of a decorated pod when the sidecar and its volumes are taken out by name."""
    undecorated = document(pod)
    spec = undecorated["spec"]
    containers = spec.get("initContainers") or []
    spec["initContainers"] = [c for c in containers if c["name"] not in SIDECARS] or None
    spec["volumes"] = [v for v in spec["volumes"] if v["name"] not in SIDECAR_VOLUMES]
    for container in spec["containers"]:
        mounts = container.get("volumeMounts") or []
        container["volumeMounts"] = [m for m in mounts if m["name"] not in SIDECAR_VOLUMES]
    return undecorated


def environment_of(container: Container) -> Mapping[str, Mapping[str, Any]]:
    """The container's environment by variable name."""
    return {variable["name"]: variable for variable in container.document["env"]}


@pytest.fixture(params=MAJORS, ids=lambda major: f"helm{major}")
def helm_major(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.mark.parametrize("environment", environments())
def test_every_field_of_the_official_pod_template_stays(
    environment: str, upstream: UpstreamChart, helm_major: int
) -> None:
    decorated, own = (
        task_pod(render(environment, helm=helm_major, upstream=upstream, values=[values]))
        for values in ({}, OFFICIAL_POD_TEMPLATE)
    )
    assert without_sidecar(decorated) == without_sidecar(own)


def test_user_settings_stay_to_the_letter(upstream: UpstreamChart, helm_major: int) -> None:
    decorated, own = (
        task_pod(render("prod", helm=helm_major, upstream=upstream, values=[values, USER_SETTINGS]))
        for values in ({}, OFFICIAL_POD_TEMPLATE)
    )
    assert without_sidecar(decorated) == without_sidecar(own)
    assert decorated.spec["terminationGracePeriodSeconds"] == 123456789


def test_the_sidecar_is_native_and_starts_before_every_other_container(
    upstream: UpstreamChart, helm_major: int
) -> None:
    pod = task_pod(render("prod", helm=helm_major, upstream=upstream, values=[USER_SETTINGS]))
    names = [container["name"] for container in pod.spec["initContainers"]]
    assert names[0] == "vector", f"{pod}: init containers are {names}"
    assert "warm-up" in names, f"{pod}: the user's own init container is gone"
    assert pod.containers()["vector"].role == "sidecar"
    assert "base" in pod.containers()


def test_the_sidecar_starts_after_a_mesh_proxy_so_that_it_stops_before_it(
    upstream: UpstreamChart, helm_major: int
) -> None:
    proxy = {"name": "istio-proxy", "image": "example.com/proxy:1", "restartPolicy": "Always"}
    warm_up = {"name": "warm-up", "image": "example.com/warm-up:1"}
    values = {"airflow": {"workers": {"extraInitContainers": [proxy, warm_up]}}}
    pod = task_pod(render("prod", helm=helm_major, upstream=upstream, values=[values]))
    names = [container["name"] for container in pod.spec["initContainers"]]
    wanted = ("istio-proxy", "vector", "warm-up")
    assert [name for name in names if name in wanted] == [*wanted]


def test_the_sidecar_runs_as_the_user_who_owns_the_log_files(upstream: UpstreamChart) -> None:
    for values, user in (([], 50000), ([USER_SETTINGS], 1000660000)):
        vector = task_pod(render("prod", upstream=upstream, values=values)).containers()["vector"]
        assert vector.document["securityContext"]["runAsUser"] == user


def test_the_sidecar_never_runs_as_root_which_kubernetes_would_not_start(
    upstream: UpstreamChart,
) -> None:
    root = {"airflow": {"securityContexts": {"pod": {"runAsUser": 0}}}}
    pod = task_pod(render("prod", upstream=upstream, values=[root]))
    assert pod.spec["securityContext"]["runAsUser"] == 0
    security = pod.containers()["vector"].document["securityContext"]
    assert (security["runAsNonRoot"], security["runAsUser"]) == (True, 50000)


def test_the_cluster_chooses_the_user_where_airflow_leaves_it_to_the_cluster(
    upstream: UpstreamChart, helm_major: int
) -> None:
    openshift = ROOT / "examples" / "openshift" / "values.yaml"
    pod = task_pod(render("prod", upstream=upstream, helm=helm_major, values=[openshift]))
    assert "runAsUser" not in pod.containers()["vector"].document["securityContext"]


def test_the_sidecar_reads_the_volume_that_the_task_writes_its_logs_to(
    upstream: UpstreamChart,
) -> None:
    containers = task_pod(render("prod", upstream=upstream)).containers()
    volumes = {
        name: {mount["name"] for mount in containers[name].document["volumeMounts"]}
        for name in ("base", "vector")
    }
    assert "logs" in volumes["base"] & volumes["vector"]


def test_the_identity_of_the_task_comes_from_the_annotations_not_the_sanitised_labels() -> None:
    environment = environment_of(task_pod(render("prod")).containers()["vector"])
    for key in ("dag_id", "task_id", "run_id", "try_number", "map_index"):
        source = environment[key.upper()]["valueFrom"]["fieldRef"]["fieldPath"]
        assert source == f"metadata.annotations['{key}']"


def test_a_sidecar_that_is_not_ready_cannot_keep_a_task_from_starting() -> None:
    vector = task_pod(render("prod")).containers()["vector"].document
    assert not {"startupProbe", "readinessProbe", "livenessProbe"} & vector.keys()


def test_a_missing_config_map_does_not_keep_a_task_from_starting() -> None:
    volume = task_pod(render("prod")).volumes()["task-logs-config"]
    assert volume["configMap"]["optional"] is True


@pytest.mark.parametrize(("airflow", "seconds"), [("3.1.7", "25"), ("2.11.0", "8")])
def test_the_drain_deadline_follows_the_airflow_version(
    airflow: str, seconds: str, upstream: UpstreamChart
) -> None:
    rendered = render("prod", upstream=upstream, sets=of_airflow(airflow))
    vector = task_pod(rendered).containers()["vector"]
    assert environment_of(vector)["DRAIN_TIMEOUT_SECONDS"]["value"] == seconds


def test_the_drain_deadline_can_be_chosen_by_set_and_by_file(helm_major: int) -> None:
    for chosen in (
        render("prod", helm=helm_major, sets=("global.taskLogs.drain.timeoutSeconds=11",)),
        render(
            "prod",
            helm=helm_major,
            values=[{"global": {"taskLogs": {"drain": {"timeoutSeconds": 11}}}}],
        ),
    ):
        vector = task_pod(chosen).containers()["vector"]
        assert environment_of(vector)["DRAIN_TIMEOUT_SECONDS"]["value"] == "11"


def test_without_task_logs_the_pod_template_is_the_official_one(
    upstream: UpstreamChart, helm_major: int
) -> None:
    off, own = (
        render("prod", helm=helm_major, upstream=upstream, values=[values])
        for values in ({"global": OFFICIAL_POD_TEMPLATE["global"]}, OFFICIAL_POD_TEMPLATE)
    )
    assert document(task_pod(off)) == without_sidecar(task_pod(own))
    assert "airflow-task-logs" not in {manifest.name for manifest in off.manifests}


def test_the_sidecar_image_can_be_mirrored_and_pinned() -> None:
    digest = "sha256:" + "0" * 64
    rendered = render(
        "prod",
        sets=(
            "global.imageRegistry=registry.example.com/mirror",
            f"global.taskLogs.image.digest={digest}",
        ),
    )
    image = task_pod(rendered).containers()["vector"].document["image"]
    assert image == f"registry.example.com/mirror/timberio/vector@{digest}"


def test_a_pod_template_of_another_airflow_gets_the_sidecar_and_keeps_the_rest(
    helm_major: int,
) -> None:
    """``podTemplate.base`` of the add-on, for an Airflow that the release does not install."""
    own = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "placeholder", "labels": {"team": "data"}},
        "spec": {
            "initContainers": [{"name": "warm-up", "image": "example.com/warm-up:1"}],
            "containers": [
                {"name": "base", "volumeMounts": [{"name": "logs", "mountPath": "/logs"}]}
            ],
            "volumes": [{"name": "logs", "emptyDir": {}}],
        },
    }
    settings = {"enabled": True, "airflowVersion": "2.11.0", "base": json.dumps(own)}
    pod = task_pod(render(chart="add-on", helm=helm_major, values=[{"podTemplate": settings}]))
    assert without_sidecar(pod) == {"metadata": own["metadata"], "spec": own["spec"]}
    variables = environment_of(pod.containers()["vector"])
    assert variables["DRAIN_TIMEOUT_SECONDS"]["value"] == "8"


def run(command: Sequence[str], *arguments: str) -> str:
    """What a container's command prints on this machine, where no ConfigMap is mounted."""
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=30)
    return done.stdout


@pytest.mark.parametrize("command", [None, ["/bin/echo", "own"]], ids=["image's", "own"])
def test_with_capture_of_output_the_entrypoint_still_runs_without_the_config_map(
    command: list[str] | None,
) -> None:
    values = strict_yaml.load(
        """
        global: {taskLogs: {captureOutput: {enabled: true, entrypoint: [/bin/echo, image]}}}
        podTemplate: {enabled: true}
        """,
        "values",
    )
    own = strict_yaml.load_file(ADDON / "files" / "task-logs" / "pod-template.yaml")
    (own_base,) = own["spec"]["containers"]
    if command:
        own_base["command"] = command
    values["podTemplate"]["base"] = json.dumps(own)
    base = task_pod(render(chart="add-on", values=[values])).containers()["base"]
    printed = run(base.document["command"], "airflow", "two words")
    assert printed == f"{'own' if command else 'image'} airflow two words\n"
    assert "/etc/task-logs" in {mount["mountPath"] for mount in base.document["volumeMounts"]}


POD = """\
# The pod template of our Airflow
apiVersion: v1
kind: Pod
metadata:
  name: placeholder
spec:
  initContainers:
    - name: warm-up
      image: example.com/warm-up:1
  containers:
    - name: base
      image: apache/airflow:3.1.7
      env:
        - name: ENTRY
          value: '{{ ds }} {% if ti.map_index >= 0 %}x{% endif %} {{ "{{" }}'
      volumeMounts:
        - name: logs
          mountPath: /opt/airflow/logs
  volumes:
    - name: logs
      emptyDir: {}
"""
FORMS = {
    "as it is": POD,
    "document marker": f"---\n{POD}",
    "markers around it": f"--- # ours\n{POD}---\n# nothing more\n",
    "lines of Windows": f"---\n{POD}".replace("\n", "\r\n"),
    "byte order mark": f"\ufeff{POD}",
    "JSON": json.dumps(strict_yaml.load(POD, "test")),
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_a_pod_template_from_a_file_is_taken_as_it_is(
    tmp_path: Path, helm_major: int, text: str
) -> None:
    """With --set-file, as people give the pod template that they have."""
    file = tmp_path / "pod_template.yaml"
    file.write_bytes(text.encode())
    arguments = ["template", "observability", str(stage_addon())]
    arguments += ["--set", "podTemplate.enabled=true", "--set-file", f"podTemplate.base={file}"]
    done = helm.run(helm_major, [*arguments, "--kube-version", KUBE_VERSION])
    assert done.returncode == 0, done.stderr
    pod = task_pod(Render.from_text(done.stdout))
    own = strict_yaml.load(POD, "test")
    assert without_sidecar(pod) == {"metadata": own["metadata"], "spec": own["spec"]}


@pytest.mark.official_chart
def test_the_pod_template_of_an_official_release_gets_the_sidecar(helm_major: int) -> None:
    """As `kubectl get configmap <release>-config` has it under pod_template_file.yaml."""
    (found,) = render(chart="official", values=[{"executor": "KubernetesExecutor"}]).embedded("Pod")
    settings = {"enabled": True, "base": found.text}
    pod = task_pod(render(chart="add-on", helm=helm_major, values=[{"podTemplate": settings}]))
    official = thaw(found.document)
    assert without_sidecar(pod) == {"metadata": official["metadata"], "spec": official["spec"]}
