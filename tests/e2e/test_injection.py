"""What the API server makes of task pods, with the policy that adds the sidecar to them."""

import copy
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pykube
import pytest
from pytest_helm_charts.clusters import Cluster as KubeCluster

from airflow_platform.bench.injection import measured
from airflow_platform.checks.injection import policies
from airflow_platform.cluster.cluster import Cluster
from airflow_platform.manifests import Render
from airflow_platform.rendering import helm
from airflow_platform.rendering.render import render
from airflow_platform.rendering.staging import stage_addon
from airflow_platform.support import strict_yaml
from airflow_platform.support.frozen import thaw

from .direct import direct

pytestmark = pytest.mark.xdist_group("injection")

Object = dict[str, Any]

SIDECAR = "vector"
EXECUTOR = {"dag_id": "d", "task_id": "t", "run_id": "r", "kubernetes_executor": "True"}
OPERATOR = {
    "dag_id": "d",
    "task_id": "t",
    "run_id": "r-1",
    "try_number": "2",
    "kubernetes_pod_operator": "True",
}
CAPTURED = {**OPERATOR, "task-logs/capture-output": "true"}

MOUNT = {"name": "logs", "mountPath": "/opt/airflow/logs"}
LOGS = {"name": "logs", "emptyDir": {}}
# What the namespaces demand (Pod Security Standard restricted).
CONTAINER = {
    "image": "task:1",
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
}
BASE = {"name": "base", **CONTAINER, "volumeMounts": [MOUNT]}
WITHOUT_LOGS = {"name": "base", **CONTAINER}
POD: Object = {
    "restartPolicy": "Never",
    "automountServiceAccountToken": False,
    "securityContext": {
        "runAsNonRoot": True,
        "runAsUser": 50000,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
    "containers": [BASE],
    "volumes": [LOGS],
}
AWKWARD = "'\"\\ ${x} \\u0041 {{ b }} <&> \t\n é /* dyn(1) */ \u2028"

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "defaults": {},
    "everything": {
        "global": {
            "imagePullSecrets": ["mirror"],
            "taskLogs": {
                "captureOutput": {"enabled": True},
                "drain": {"timeoutSeconds": 40},
                "extraEnv": [{"name": "AWKWARD", "value": AWKWARD}],
                "internalMetrics": {"enabled": True},
                "loki": {
                    "endpoint": "https://loki",
                    "auth": {"secretName": "loki"},
                    "tls": {"caSecretName": "ca", "clientSecretName": "client"},
                },
            },
        }
    },
}

# Specs of pods from whose like a pod template can be made.
TEMPLATES: Mapping[str, Object] = {
    "plain": POD,
    "another user": {**POD, "securityContext": {**POD["securityContext"], "runAsUser": 1234}},
    "part of the volume": {
        **POD,
        "containers": [{**BASE, "volumeMounts": [{**MOUNT, "subPath": "task"}]}],
    },
    "a folder elsewhere": {
        **POD,
        "containers": [{**BASE, "volumeMounts": [{**MOUNT, "mountPath": "/var/log/airflow"}]}],
    },
    "init containers and a proxy": {
        **POD,
        "initContainers": [
            {"name": "before", **CONTAINER},
            {"name": "proxy", "restartPolicy": "Always", **CONTAINER},
            {"name": "after", **CONTAINER},
        ],
    },
    "a second container": {**POD, "containers": [BASE, {"name": "helper", **CONTAINER}]},
    "a token": {**POD, "automountServiceAccountToken": True},
    "a command and a pull secret": {
        **POD,
        "containers": [{**BASE, "command": ["/usr/bin/env"]}],
        "imagePullSecrets": [{"name": "mirror"}, {"name": "own"}],
    },
}


@dataclass(frozen=True)
class Api:
    """The API server, for objects in one namespace."""

    client: pykube.HTTPClient
    namespace: str

    def create(self, spec: Object, labels: Mapping[str, str] = EXECUTOR, dry: bool = True) -> Any:
        """Return the pod as it is admitted, or the Status that says why it is not."""
        name = {"generateName": "task-"} if dry else {"name": "task"}
        metadata = {**name, "labels": {**labels}}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        url = f"pods{'?dryRun=All' if dry else ''}"
        return self.client.post(url=url, namespace=self.namespace, json=pod).json()

    def spec(self, spec: Object, labels: Mapping[str, str] = EXECUTOR) -> Any:
        """Return the spec of the pod as it is admitted."""
        answer = self.create(spec, labels)
        assert answer["kind"] == "Pod", answer["message"]
        return answer["spec"]

    def has_sidecar(self, spec: Object, labels: Mapping[str, str] = EXECUTOR) -> bool:
        """Say whether the pod gets the sidecar; where not, it must stay as it is otherwise."""
        admitted = self.spec(spec, labels)
        if "task-logs-config" in named(admitted, "volumes"):
            return True
        assert admitted == self.spec(spec, {**labels, "task-logs/inject": "false"})
        return False

    def elsewhere(self, namespace: str) -> "Api":
        return Api(self.client, namespace)


def named(spec: Object, field: str) -> dict[str, Any]:
    return {each["name"]: each for each in spec.get(field) or ()}


def expressions(policy: Object) -> dict[str, Object]:
    return {each["name"]: each for each in policy["spec"]["variables"]}


@pytest.fixture(scope="module")
def version(kube_cluster: KubeCluster) -> str:
    """The version of the API server."""
    answer = kube_cluster.kube_client.get(version="/version", url="").json()
    return str(answer["gitVersion"])


@pytest.fixture(scope="module")
def offered(kube_cluster: KubeCluster, version: str) -> None:
    groups = kube_cluster.kube_client.get(version="/apis", url="").json()["groups"]
    (group,) = (each for each in groups if each["name"] == "admissionregistration.k8s.io")
    for known in group["versions"]:
        url = f"/apis/{known['groupVersion']}"
        resources = kube_cluster.kube_client.get(version=url, url="").json()["resources"]
        if any(each["kind"] == "MutatingAdmissionPolicy" for each in resources):
            return
    pytest.skip(f"Kubernetes {version} does not offer MutatingAdmissionPolicy")


def rendered(namespace: str, version: str, *values: Mapping[str, Any], **more: Any) -> Render:
    given = [{"injection": {"enabled": True}}, *values]
    return render(chart="add-on", values=given, namespace=namespace, kube_version=version, **more)


Install = Callable[..., Api]
MakeNamespace = Callable[[str], str]


@pytest.fixture(scope="module")
def install(
    offered: None,
    cluster: Cluster,
    kube_cluster: KubeCluster,
    make_namespace: MakeNamespace,
    version: str,
) -> Iterator[Install]:
    """Make a namespace with the policy, changed perhaps, and return the API for it."""
    made: list[tuple[str, str]] = []

    def installed(
        *values: Mapping[str, Any],
        namespace: str = "",
        change: Callable[[Object], None] = lambda policy: None,
        works: bool = True,
        release: Render | None = None,
    ) -> Api:
        api = Api(kube_cluster.kube_client, namespace or make_namespace("injection"))
        release = release or rendered(api.namespace, version, *values)
        objects = [
            thaw(each.document)
            for each in release.manifests
            if each.template.endswith(("/task-logs/injection.yaml", "/task-logs/configmap.yaml"))
        ]
        for each in objects:
            if each["kind"] == "MutatingAdmissionPolicy":
                change(each)
        direct(cluster).apply(objects)
        made.extend((each["kind"], each["metadata"]["name"]) for each in objects)
        if works:
            wait_until(lambda: SIDECAR in named(api.spec(POD), "initContainers"))
        return api

    yield installed
    left = {f"{kind}/{name}" for kind, name in made if kind.startswith("Mutating")}
    if left:
        cluster.kubectl("delete", *left, "--ignore-not-found", "--wait=false")


def wait_until(holds: Callable[[], bool]) -> None:
    """The API server learns of a policy by watching; this takes a moment."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "the policy has no effect after 20 s"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def other(make_namespace: MakeNamespace) -> str:
    """A further namespace of the release with the default settings."""
    return make_namespace("injection-other")


@pytest.fixture(scope="module")
def make_open_namespace(make_namespace: MakeNamespace, cluster: Cluster) -> MakeNamespace:
    """Make a namespace that enforces no Pod Security Standard; return its name."""

    def make(prefix: str) -> str:
        name = make_namespace(prefix)
        cluster.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce-")
        return name

    return make


@pytest.fixture(scope="module")
def open_(make_open_namespace: MakeNamespace) -> str:
    """A namespace of the release with the default settings that enforces nothing."""
    return make_open_namespace("injection-open")


@pytest.fixture(scope="module")
def apis(install: Install, other: str, open_: str) -> Mapping[str, Api]:
    namespaces = {"injection": {"namespaces": [other, open_]}}
    return {
        "defaults": install(SETTINGS["defaults"], namespaces),
        "everything": install(SETTINGS["everything"]),
    }


@pytest.fixture
def api(apis: Mapping[str, Api]) -> Api:
    return apis["defaults"]


def from_template(api: Api, spec: Object, settings: Mapping[str, Any], version: str) -> Object:
    """The spec that the pod has when it is made from a pod template with the sidecar."""
    grace = {"terminationGracePeriodSeconds": 45, **spec}
    base = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": grace}
    template = {"podTemplate": {"enabled": True, "base": strict_yaml.dump(base)}}
    manifests = rendered(api.namespace, version, settings, template)
    (found,) = (
        each.document for each in manifests.embedded("Pod") if each.key == "pod_template_file.yaml"
    )
    return dict(thaw(found["spec"]))


def differences(api: Api, spec: Object, settings: Mapping[str, Any], version: str) -> list[str]:
    """The fields in which an injected pod differs from the same pod by a pod template."""
    by_template = from_template(api, spec, settings, version)
    return different(api, {"terminationGracePeriodSeconds": 45, **spec}, by_template)


def different(api: Api, bare: Object, by_template: Object) -> list[str]:
    one, two = unordered(api.spec(bare)), unordered(api.spec(by_template))
    return [field for field in sorted(one.keys() | two.keys()) if one.get(field) != two.get(field)]


def unordered(spec: Object) -> Object:
    """The spec with the volumes and mounts, whose order means nothing, by name and by path.

    The API server gives the volume of the token a random name.
    """
    spec = json.loads(re.sub(r"kube-api-access-\w+", "token", json.dumps(spec)))
    spec["volumes"] = named(spec, "volumes")
    for container in (*spec["containers"], *spec.get("initContainers", ())):
        mounts = container.get("volumeMounts", ())
        container["volumeMounts"] = {each["mountPath"]: each for each in mounts}
    return spec


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("pod", TEMPLATES)
def test_an_injected_pod_is_that_of_the_pod_template(
    apis: Mapping[str, Api], pod: str, settings: str, version: str
) -> None:
    assert differences(apis[settings], TEMPLATES[pod], SETTINGS[settings], version) == []


def test_in_the_wrapper_it_is_that_of_the_official_chart(
    install: Install, make_open_namespace: MakeNamespace, version: str
) -> None:
    where = make_open_namespace("injection-open")
    values = {"observability": {"injection": {"enabled": True}}}
    release = render("prod", values=[values], namespace=where, kube_version=version)
    (by_template,) = (
        dict(thaw(each.document["spec"]))
        for each in release.embedded("Pod")
        if each.owner.name == "airflow-config"
    )
    del by_template["serviceAccountName"]  # nobody has created it
    bare = copy.deepcopy(by_template)
    for owner, field in (
        (bare, "initContainers"),
        (bare, "volumes"),
        (named(bare, "containers")["base"], "volumeMounts"),
    ):
        owner[field] = [
            each for each in owner[field] if not each["name"].startswith((SIDECAR, "task-logs-"))
        ]
    assert SIDECAR in named(by_template, "initContainers")
    assert different(install(namespace=where, release=release), bare, by_template) == []


def last(policy: Object) -> None:
    expression = "object.spec.?initContainers.orValue([]).size()"
    expressions(policy)["place"]["expression"] = expression


def without_mount(policy: Object) -> None:
    expressions(policy)["mounts"]["expression"] = "[]"


def one_line_less(policy: Object) -> None:
    sidecar = expressions(policy)["sidecar"]
    sidecar["expression"] = sidecar["expression"].replace("trap 'exit 1' TERM\\n", "")


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        pytest.param(last, ["initContainers"], id="not the first init container"),
        pytest.param(without_mount, ["containers"], id="a mount of base is missing"),
        pytest.param(one_line_less, ["initContainers"], id="another program"),
    ],
)
def test_a_broken_policy_is_noticed(
    install: Install, change: Callable[[Object], None], differs: list[str], version: str
) -> None:
    api = install(change=change)
    pod = {**POD, "initContainers": [{"name": "before", **CONTAINER}]}
    assert differences(api, pod, {}, version) == differs


def fails(policy: Object) -> None:
    expressions(policy)["place"]["expression"] = "[1][5]"


def test_a_policy_that_fails_lets_every_pod_pass(install: Install) -> None:
    api = install()  # it is there, and known to the API server
    assert api.has_sidecar(POD)
    install(namespace=api.namespace, change=fails, works=False)
    wait_until(lambda: not api.has_sidecar(POD))


def test_a_pod_from_a_pod_template_stays_as_it_is(api: Api, version: str) -> None:
    by_template = from_template(api, POD, {}, version)
    assert api.spec(by_template) == api.spec(by_template, {**EXECUTOR, "task-logs/inject": "false"})


def test_the_sidecar_runs_as_the_user_of_the_container_but_never_as_root(
    api: Api, open_: str
) -> None:
    for user, wanted in ((1001, 1001), (0, 50000)):
        own = {"runAsUser": user, "runAsNonRoot": False}
        spec = api.elsewhere(open_).spec({**POD, "containers": [{**BASE, "securityContext": own}]})
        sidecar = named(spec, "initContainers")[SIDECAR]
        assert sidecar["securityContext"]["runAsUser"] == wanted


def test_a_grace_period_leaves_time_for_the_drain(api: Api) -> None:
    assert (
        api.spec({**POD, "terminationGracePeriodSeconds": 5})["terminationGracePeriodSeconds"] == 30
    )
    assert (
        api.spec({**POD, "terminationGracePeriodSeconds": 600})["terminationGracePeriodSeconds"]
        == 600
    )


@pytest.mark.parametrize(
    "labels",
    [
        {**EXECUTOR, "task-logs/inject": "false"},
        {**EXECUTOR, "kubernetes_executor": "False"},
        {key: value for key, value in EXECUTOR.items() if key != "kubernetes_executor"},
        {key: value for key, value in EXECUTOR.items() if key != "dag_id"},
        {"app": "web"},
    ],
)
def test_other_pods_and_those_that_opt_out_are_left_alone(
    api: Api, labels: Mapping[str, str]
) -> None:
    assert not api.has_sidecar(POD, labels)


CLAIM = {"name": "logs", "persistentVolumeClaim": {"claimName": "logs"}}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"volumes": [CLAIM]}, id="a volume that all pods share"),
        pytest.param({"containers": [{**BASE, "name": "main"}]}, id="no container base"),
        pytest.param({"containers": [BASE, {**BASE, "name": SIDECAR}]}, id="name of a container"),
        pytest.param(
            {"initContainers": [{"name": SIDECAR, **CONTAINER}]}, id="name of an init container"
        ),
        pytest.param(
            {"volumes": [LOGS, {"name": "task-logs-data", "emptyDir": {}}]}, id="name of a volume"
        ),
        pytest.param(
            {
                "containers": [
                    {
                        **BASE,
                        "env": [{"name": "A", "value": "b"}],
                        "volumeMounts": [{**MOUNT, "subPathExpr": "$(A)"}],
                    }
                ]
            },
            id="a part of the volume that only base knows",
        ),
        pytest.param({"containers": [WITHOUT_LOGS]}, id="logs that base does not mount"),
        pytest.param(
            {
                "containers": [
                    {**BASE, "volumeMounts": [{"name": "home", "mountPath": "/opt/airflow"}]}
                ],
                "volumes": [{"name": "home", "emptyDir": {}}],
            },
            id="a volume above the logs",
        ),
        pytest.param(
            {
                "containers": [
                    {
                        **BASE,
                        "volumeMounts": [{"name": "x", "mountPath": "/opt/airflow/logs/scheduler"}],
                    }
                ],
                "volumes": [{"name": "x", "emptyDir": {}}],
            },
            id="a volume below the logs",
        ),
        pytest.param({"nodeSelector": {"kubernetes.io/os": "windows"}}, id="Windows"),
    ],
)
def test_a_pod_that_the_sidecar_could_harm_is_left_alone(api: Api, changes: Object) -> None:
    assert api.has_sidecar(POD)
    assert not api.has_sidecar({**POD, **changes})


def test_a_pod_without_a_volume_for_its_logs_gets_one(api: Api) -> None:
    spec = api.spec({**POD, "containers": [WITHOUT_LOGS], "volumes": []})
    assert named(spec, "volumes")["logs"]["emptyDir"] == {}
    (base,) = spec["containers"]
    assert named(base, "volumeMounts")["logs"]["mountPath"] == "/opt/airflow/logs"
    assert spec["initContainers"] == api.spec(POD)["initContainers"]


def test_a_volume_of_another_name_at_the_log_folder_will_do(api: Api) -> None:
    mount = {"name": "scratch", "mountPath": "/opt/airflow/logs/", "subPath": "a"}
    volume = {"name": "scratch", "emptyDir": {}}
    spec = api.spec({**POD, "containers": [{**BASE, "volumeMounts": [mount]}], "volumes": [volume]})
    assert "logs" not in named(spec, "volumes")
    mounts = named(named(spec, "initContainers")[SIDECAR], "volumeMounts")
    assert mounts["scratch"] == {**mount, "mountPath": "/opt/airflow/logs"}


def test_a_pod_on_the_network_of_its_node_is_left_alone_where_the_sidecar_has_a_port(
    install: Install, api: Api, open_: str, make_open_namespace: MakeNamespace
) -> None:
    on_node = {**POD, "hostNetwork": True}
    assert api.elsewhere(open_).has_sidecar(on_node)
    name = make_open_namespace("injection-open")
    with_metrics = {"global": {"taskLogs": {"internalMetrics": {"enabled": True}}}}
    assert not install(with_metrics, namespace=name).has_sidecar(on_node)


def test_pods_in_other_namespaces_get_it_where_the_release_names_them(
    api: Api, other: str, cluster: Cluster
) -> None:
    sidecar = named(api.elsewhere(other).spec(POD), "initContainers")[SIDECAR]
    assert sidecar == named(api.spec(POD), "initContainers")[SIDECAR]
    (config,) = (
        volume["configMap"]["name"]
        for volume in api.elsewhere(other).spec(POD)["volumes"]
        if "configMap" in volume
    )
    namespaces = (other, api.namespace)
    there, here = (direct(cluster).get("configmap", config, each) for each in namespaces)
    assert there
    assert here
    assert there["data"] == here["data"]
    assert not api.elsewhere("default").has_sidecar(POD)


def test_an_invalid_pod_is_refused_for_what_is_wrong_with_it(api: Api) -> None:
    invalid = {**POD, "containers": [{key: BASE[key] for key in BASE if key != "image"}]}
    refusals = [
        api.create(invalid, labels)["details"]["causes"]
        for labels in (EXECUTOR, {**EXECUTOR, "task-logs/inject": "false"})
    ]
    assert refusals[0] == refusals[1]
    assert [cause["field"] for cause in refusals[0]] == ["spec.containers[0].image"]


def test_a_dry_run_shows_the_pod_that_would_be_created(api: Api, cluster: Cluster) -> None:
    dry = api.spec(POD)
    assert direct(cluster).list("pods", api.namespace) == []
    created = api.create(POD, dry=False)["spec"]
    assert {k: v for k, v in created.items() if k != "nodeName"} == dry
    cluster.kubectl("delete", "pod", "task", f"--namespace={api.namespace}", "--wait=false")


@pytest.mark.parametrize(
    ("labels", "changes"),
    [
        pytest.param(OPERATOR, {"command": ["python", "job.py"]}, id="nobody asks for it"),
        pytest.param(CAPTURED, {}, id="the command is that of the image"),
    ],
)
def test_of_the_pod_operator_a_pod_without_log_files_is_left_alone(
    api: Api, labels: Mapping[str, str], changes: Object
) -> None:
    pod = {**POD, "containers": [{**WITHOUT_LOGS, **changes}], "volumes": []}
    assert not api.has_sidecar(pod, labels)


def test_output_of_the_pod_operator_is_captured_where_its_author_asks_for_it(api: Api) -> None:
    command = ["python", "job.py", "it's"]
    pod = {**POD, "containers": [{**WITHOUT_LOGS, "command": command}], "volumes": []}
    admitted = api.create(pod, CAPTURED)
    (base,) = admitted["spec"]["containers"]
    assert base["command"][:2] == ["/bin/sh", "-c"]
    assert base["command"][-4:] == ["/opt/airflow/logs/.output/output.log", *command]
    assert named(base, "volumeMounts")["task-logs-config"]["mountPath"] == "/etc/task-logs"
    ids = ("dag_id", "task_id", "run_id", "try_number")
    assert admitted["metadata"]["annotations"] == {key: OPERATOR[key] for key in ids}


def test_log_files_of_the_pod_operator_are_read(api: Api) -> None:
    admitted = api.create(POD, OPERATOR)
    assert SIDECAR in named(admitted["spec"], "initContainers")
    assert "command" not in admitted["spec"]["containers"][0]
    assert admitted["metadata"]["annotations"]["task_id"] == OPERATOR["task_id"]


@pytest.mark.parametrize("helm_major", [3, 4])
def test_helm_asks_the_api_server_which_version_it_has(
    cluster: Cluster, version: str, helm_major: int
) -> None:
    arguments = ["install", "injection-asks", str(stage_addon()), "--dry-run=server"]
    arguments += ["--kubeconfig", str(cluster.kubeconfig), "--set", "injection.enabled=true"]
    done = helm.run(helm_major, arguments)
    minor = int(version.split(".")[1])
    if minor < 34:
        assert f"Kubernetes {version} does not offer MutatingAdmissionPolicy" in done.stderr
        return
    manifest = done.stdout.partition("\nMANIFEST:\n")[2].partition("\nNOTES:\n")[0]
    (policy,) = policies(Render.from_text(manifest))
    wanted = "v1" if minor >= 36 else "v1beta1"
    assert policy.api_version == f"admissionregistration.k8s.io/{wanted}"


def test_the_benchmark_creates_pods_of_each_kind(
    request: pytest.FixtureRequest, cluster: Cluster, offered: None
) -> None:
    if request.config.getoption("kubeconfig"):
        pytest.skip("measures on a control plane of its own")
    found = measured(cluster, 2)
    assert [each.creations for each in found] == [2] * 5
    assert all(0 < each.median <= each.p95 for each in found)
