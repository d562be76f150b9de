"""The quick start: values for Loki, Prometheus and Grafana agree with the release of Airflow."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from airflow_platform import dashboards
from airflow_platform.checks.violations import selects
from airflow_platform.manifests import Render
from airflow_platform.rendering.render import render
from airflow_platform.support import strict_yaml
from airflow_platform.support.frozen import thaw
from airflow_platform.support.project import NAMESPACE as RELEASE_NAMESPACE
from airflow_platform.support.project import ROOT

from ..other_charts import pinned, rendered

FOLDER = ROOT / "examples" / "quickstart"
LOKI = FOLDER / "loki.yaml"
PROMETHEUS = FOLDER / "kube-prometheus-stack.yaml"
ALLOY = ROOT / "examples" / "component-logs" / "alloy" / "values.yaml"
VECTOR = ROOT / "examples" / "component-logs" / "vector" / "values.yaml"
NAMESPACE = "monitoring"
DOCUMENTS = [ROOT / name for name in ("README.md", "docs/quickstart.md", "docs/component-logs.md")]

HELM = pytest.mark.parametrize("helm", ["helm3", "helm4"])


@pytest.fixture(scope="module")
def airflow() -> Render:
    """The release that the quick start installs."""
    values = [strict_yaml.load_file(FOLDER / "airflow.yaml")]
    return render("dev", values=values, namespace=RELEASE_NAMESPACE)


@pytest.fixture(scope="module")
def sidecar(airflow: Render) -> Mapping[str, Any]:
    """Vector's configuration in task pods."""
    return thaw(airflow.embedded("VectorConfig")[0].document)


def loki(helm: str = "helm4") -> Render:
    return rendered(LOKI, "loki", NAMESPACE, helm)


def prometheus(helm: str = "helm4") -> Render:
    return rendered(PROMETHEUS, "kube-prometheus-stack", NAMESPACE, helm)


def loki_config(helm: str = "helm4") -> dict[str, Any]:
    text = loki(helm).get("ConfigMap", "loki").at("data", "config.yaml")
    return dict(strict_yaml.load(text, "Loki's configuration"))


# --- Loki ---


@HELM
def test_loki_takes_its_configuration(
    program: Callable[[str], Path], tmp_path: Path, helm: str
) -> None:
    file = tmp_path / "loki.yaml"
    text = loki(helm).get("ConfigMap", "loki").at("data", "config.yaml")
    file.write_text(text, encoding="utf-8")
    command = [str(program("loki")), "-verify-config", f"-config.file={file}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_loki_takes_what_the_sidecars_send(airflow: Render) -> None:
    """Structured metadata, lines as long as a part can be, no name of a tenant."""
    values = strict_yaml.load_file(LOKI)["loki"]
    limits = values["limits_config"]
    assert limits["allow_structured_metadata"] is True
    [schema] = values["schemaConfig"]["configs"]
    assert (schema["store"], schema["schema"]) == ("tsdb", "v13")
    assert values["auth_enabled"] is False
    [task] = (pod for pod in airflow.pods() if pod.key == "pod_template_file.yaml")
    env = {each["name"]: each.get("value") for each in task.containers()["vector"].document["env"]}
    longest = int(env.get("LOKI_MAX_LINE_BYTES") or 250_000)
    assert longest <= int(limits["max_line_size"].removesuffix("KB")) * 1024


@HELM
def test_the_limits_are_those_that_loki_gets(helm: str) -> None:
    values, config = strict_yaml.load_file(LOKI)["loki"], loki_config(helm)
    assert config["limits_config"].items() >= values["limits_config"].items()
    assert config["schema_config"] == values["schemaConfig"]
    assert config["auth_enabled"] is False


@HELM
def test_the_sidecars_and_the_agents_reach_loki(sidecar: Mapping[str, Any], helm: str) -> None:
    endpoint = sidecar["sinks"]["loki"]["endpoint"]
    address = urlsplit(endpoint)
    name, namespace, *_ = str(address.hostname).split(".")
    service = loki(helm).get("Service", name)
    assert namespace == NAMESPACE
    assert address.port in {port["port"] for port in service.at("spec", "ports")}
    assert "tenant_id" not in sidecar["sinks"]["loki"]
    agent = strict_yaml.load_file(VECTOR.with_name("vector.yaml"))["sinks"]["loki"]
    assert agent["endpoint"] == endpoint
    assert f'url = "{endpoint}/loki/api/v1/push"' in ALLOY.with_name("config.alloy").read_text()


# --- Prometheus ---


@HELM
@pytest.mark.parametrize(
    ("kind", "field"),
    [("ServiceMonitor", "serviceMonitor"), ("PrometheusRule", "rule")],
)
def test_prometheus_selects_what_the_release_has(
    airflow: Render, kind: str, field: str, helm: str
) -> None:
    [found] = prometheus(helm).all("Prometheus")
    assert found.at("spec", f"{field}NamespaceSelector") == {}  # all
    selector = found.at("spec", f"{field}Selector")
    ours = airflow.all(kind)
    assert ours
    assert all(selects(thaw(selector), each.labels) for each in ours)
    assert not selects(thaw(selector), {"release": "another"})


# --- Grafana ---


def container(helm: str, name: str) -> dict[str, str | None]:
    """The environment of a container of Grafana's pod."""
    [pod] = (pod for pod in prometheus(helm).pods() if "grafana" in pod.containers())
    env = pod.containers()[name].document["env"]
    return {each["name"]: each.get("value") for each in env}


@HELM
def test_grafana_finds_the_dashboards_and_their_folder(airflow: Render, helm: str) -> None:
    sidecar = container(helm, "grafana-sc-dashboard")
    assert sidecar["NAMESPACE"] == "ALL"
    found = [each.owner for each in airflow.embedded("Dashboard")]
    assert len(found) == len(dashboards.generate())
    for config_map in found:
        assert config_map.labels[str(sidecar["LABEL"])] == sidecar["LABEL_VALUE"]
        assert config_map.annotations[str(sidecar["FOLDER_ANNOTATION"])] == "Airflow"


@HELM
def test_grafana_has_the_data_sources_that_the_dashboards_choose_from(
    airflow: Render, sidecar: Mapping[str, Any], helm: str
) -> None:
    [config] = (
        each
        for each in prometheus(helm).all("ConfigMap")
        if each.labels.get("grafana_datasource") == "1"
    )
    [text] = config.at("data").values()
    sources = {each["type"]: each for each in strict_yaml.load(text, "sources")["datasources"]}
    wanted = {
        variable["query"]
        for found in airflow.embedded("Dashboard")
        for variable in found.document["templating"]["list"]
        if variable["type"] == "datasource"
    }
    assert set(sources) == wanted == {"prometheus", "loki"}
    assert sources["loki"]["url"] == sidecar["sinks"]["loki"]["endpoint"]
    name, namespace = str(urlsplit(sources["prometheus"]["url"]).hostname).split(".")[:2]
    assert namespace == NAMESPACE
    assert prometheus(helm).get("Service", name)


# --- The commands ---


def helm_commands(document: Path) -> list[list[str]]:
    """The commands of Helm in blocks of code, in words."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", document.read_text("utf-8"), re.M | re.S)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.startswith("helm ")]


def option(words: list[str], name: str) -> str | None:
    return words[words.index(name) + 1] if name in words else None


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_charts_have_the_versions_that_the_values_are_for(document: Path) -> None:
    repositories = {}
    seen = 0
    for words in helm_commands(document):
        if words[:3] == ["helm", "repo", "add"]:
            repositories[words[3]] = words[4]
        if words[:2] == ["helm", "install"] and "--version" in words:
            values = ROOT / str(option(words, "-f"))
            repository, _, name = words[3].partition("/")
            chart = pinned(values)
            assert (name, option(words, "--version")) == (chart.name, chart.version)
            assert repositories[repository] == chart.repository
            assert option(words, "-n") == NAMESPACE
            seen += 1
    assert seen >= 2


@pytest.mark.official_chart
def test_forwarded_services_and_read_secrets_exist(airflow: Render) -> None:
    """In code and in sentences."""
    text = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
    releases = {RELEASE_NAMESPACE: [airflow], NAMESPACE: [loki(), prometheus()]}

    def exists(namespace: str, kind: str, name: str) -> Any:
        found = [
            each
            for of_namespace in releases[namespace]
            for each in of_namespace.all(kind)
            if each.name == name
        ]
        assert found, f"{kind} {name} in {namespace}"
        return found[0]

    forwarded = re.findall(r"kubectl -n (\S+) port-forward svc/(\S+) \d+:(\d+)", text)
    assert len(forwarded) >= 4
    for namespace, name, port in forwarded:
        service = exists(namespace, "Service", name)
        assert int(port) in {each["port"] for each in service.at("spec", "ports")}
    for namespace, name, key in re.findall(
        r"kubectl -n (\S+) get secret (\S+) -o jsonpath='\{\.data\.(\S+)\}'", text
    ):
        assert exists(namespace, "Secret", name).at("data", key)


def test_labels_in_commands_find_something(airflow: Render) -> None:
    text = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
    objects = [dict(each.labels) for each in airflow.all("ConfigMap")]
    pods = {str(pod): dict(pod.labels) for pod in airflow.pods()}
    found = re.findall(
        rf"kubectl -n {RELEASE_NAMESPACE} \S+ (?:configmap )?-l ([\w./-]+)=([\w-]+)", text
    )
    assert len(found) >= 2
    for name, value in found:
        assert any(labels.get(name) == value for labels in [*objects, *pods.values()])


def test_the_dashboards_that_are_named_exist() -> None:
    uids = {name.removesuffix(".json") for name in dashboards.generate()}
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        assert set(re.findall(r"localhost:3000/d/([\w-]+)", text)) <= uids


# --- The agents ---


@HELM
@pytest.mark.parametrize("values", [ALLOY, VECTOR], ids=["alloy", "vector"])
def test_an_agent_s_pod_has_the_files_of_its_configuration(values: Path, helm: str) -> None:
    agent = values.parent.name
    [pod] = rendered(values, agent, NAMESPACE, helm).pods()
    main = pod.containers()[agent]
    [mount] = (each for each in main.document["volumeMounts"] if each["name"] == "config")
    [file] = (word for word in main.document["args"] if word.startswith("/etc/"))
    assert Path(file).parent == Path(mount["mountPath"])
    assert (values.parent / Path(file).name).is_file()
    volume = thaw(pod.volumes()["config"])
    assert "airflow-component-logs" in str(volume)
    context = thaw(main.document["securityContext"])
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert main.document["resources"]["limits"]["memory"]
    of_release = render("prod").get("ConfigMap", "airflow-task-logs").at("data")
    for each in re.findall(rf"{mount['mountPath'].rstrip('/')}/([\w.-]+)", file_text(values)):
        assert (values.parent / each).is_file() or (agent == "vector" and each in of_release), each


def file_text(values: Path) -> str:
    name = {"alloy": "config.alloy", "vector": "vector.yaml"}[values.parent.name]
    return (values.parent / name).read_text(encoding="utf-8")


def test_the_agent_s_vector_is_that_of_the_sidecars() -> None:
    tag = strict_yaml.load_file(VECTOR)["image"]["tag"]
    defaults = strict_yaml.load_file(ROOT / "chart" / "values.yaml")
    assert tag == defaults["global"]["taskLogs"]["image"]["tag"]


@HELM
def test_alloy_may_read_pods_and_their_logs_and_nothing_else(helm: str) -> None:
    [role] = rendered(ALLOY, "alloy", NAMESPACE, helm).all("ClusterRole")
    resources = {name for rule in role.at("rules") for name in rule["resources"]}
    verbs = {name for rule in role.at("rules") for name in rule["verbs"]}
    assert resources == {"pods", "pods/log"}
    assert verbs == {"get", "list", "watch"}
