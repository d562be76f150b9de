"""docs/existing-airflow.md: what its commands name is there, and what it advises works."""

import re
import shlex
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from airflow_platform import cli
from airflow_platform.adopt import paths
from airflow_platform.adopt.paths import MISSING
from airflow_platform.adopt.release import default_values
from airflow_platform.manifests import Render
from airflow_platform.rendering import helm
from airflow_platform.rendering.render import dry_run, render
from airflow_platform.rendering.upstream import find_upstream
from airflow_platform.rendering.values import load_file
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON, ROOT

pytestmark = [pytest.mark.official_chart, pytest.mark.xdist_group("existing-airflow")]

TEXT = (ROOT / "docs" / "existing-airflow.md").read_text(encoding="utf-8")
BLOCKS = [(m[1], m[2]) for m in re.finditer(r"^```(\w+)\n(.*?)^```$", TEXT, re.M | re.S)]
PROSE = re.sub(r"^```.*?^```$", "", TEXT, flags=re.M | re.S)
SPANS = re.findall(r"`([^`\n]+)`", PROSE)
COMMANDS = [
    shlex.split(line) for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()
]
PROGRAMS = ("airflow-platform", "helm", "kubectl", "make", "export", "test")
KINDS = {"configmap": "ConfigMap", "secret": "Secret", "deployment": "Deployment"}
NAMESPACE = "airflow"


def of_program(program: str) -> list[Any]:
    return [
        pytest.param(command, id=" ".join(command)[:90])
        for command in COMMANDS
        if command[0] == program
    ]


def options_of(command: list[str]) -> list[str]:
    return [re.split(r"[= ]", word)[0] for word in command if word.startswith("-")]


def written_before(command: list[str]) -> set[str]:
    """The files that the page has made before this command."""
    files = {first.removeprefix("# ") for _, block in BLOCKS for first in block.splitlines()[:1]}
    for earlier in COMMANDS[: COMMANDS.index(command)]:
        for mark in (">", "--output"):
            if mark in earlier:
                files.add(earlier[earlier.index(mark) + 1])
    return files


def block_of(first_line: str) -> Mapping[str, Any]:
    (text,) = (block for _, block in BLOCKS if block.startswith(first_line))
    return dict(strict_yaml.load(text, "docs/existing-airflow.md"))


def add_on_values() -> Mapping[str, Any]:
    return block_of("# observability.yaml")


@cache
def official() -> Render:
    values = [{"executor": "KubernetesExecutor"}]
    return render(chart="official", values=values, namespace=NAMESPACE)


@cache
def changed() -> Render:
    """The release of the official chart after the page has been followed."""
    values = [{"executor": "KubernetesExecutor"}, block_of("# added to the values")]
    return render(chart="official", values=values, namespace=NAMESPACE)


@cache
def add_on() -> Render:
    (pod,) = official().embedded("Pod")
    values = [add_on_values(), {"podTemplate": {"base": pod.text}}]
    return render(chart="add-on", values=values, release="observability", namespace=NAMESPACE)


@cache
def wrapper() -> Render:
    return render("prod", namespace=NAMESPACE)


def names(kind: str | None = None) -> set[str]:
    return {
        manifest.name
        for rendered in (official(), add_on(), wrapper())
        for manifest in rendered.manifests
        if kind in (None, manifest.kind)
    }


def test_the_page_has_commands_of_each_program() -> None:
    assert {command[0] for command in COMMANDS} == set(PROGRAMS)


@pytest.mark.parametrize("command", of_program("kubectl"))
def test_kubectl_asks_for_objects_that_there_are(command: list[str]) -> None:
    arguments = command[: command.index(">")] if ">" in command else command
    if command[3:] == ["port-forward", "svc/loki-gateway", "3100:80"]:
        return  # Loki is no part of either release
    assert arguments[1:3] == ["-n", NAMESPACE]
    verb, kind, *rest = arguments[3:]
    if verb == "port-forward":
        resource, _, name = kind.partition("/")
        assert (resource, rest) == ("svc", ["8080"])
        assert name in names("Service")
        return
    assert verb in ("get", "annotate")
    if "-l" in rest:
        assert (kind, rest) == ("pods", ["-l", "kubernetes_executor=True"])
        return
    options = [word for word in rest if word.startswith("-")]
    objects = [word for word in rest if "=" not in word and word not in (*options, "yaml")]
    objects = [word for word in objects if not word.startswith("jsonpath")]
    assert objects
    assert set(objects) <= names(KINDS[kind])


def test_the_key_that_kubectl_prints_is_in_the_config_map() -> None:
    (path,) = (w for c in COMMANDS for w in c if w.startswith("jsonpath="))
    key = path.removeprefix("jsonpath={.data.").removesuffix("}").replace("\\.", ".")
    assert key in official().get("ConfigMap", "airflow-config").at("data")


def test_the_commands_that_keep_secrets_are_those_of_adopt() -> None:
    kept = [command[5] for command in COMMANDS if "annotate" in command]
    in_old = {m.name for m in official().all("Secret") if "helm.sh/hook" not in m.annotations}
    assert kept == ["airflow-api-secret-key", "airflow-jwt-secret"]
    assert set(kept) <= in_old


@pytest.mark.parametrize("command", of_program("airflow-platform"))
def test_the_command_line_knows_the_options(command: list[str]) -> None:
    cli._parser().parse_args(command[1:])
    for word in command[1:]:
        if word.endswith((".yaml", ".yml")) and not word.startswith("examples/"):
            own_output = command[command.index("--output") + 1] if "--output" in command else ""
            assert word in written_before(command) | {own_output}
        elif word.startswith("examples/"):
            assert (ROOT / word).exists()


@pytest.mark.parametrize("command", of_program("helm"))
def test_helm_knows_the_options_and_the_files_are_there(command: list[str]) -> None:
    command = command[: command.index(">")] if ">" in command else command
    words = [w for w in command[1:] if not w.startswith("-")]
    verb = next(w for w in words if w != NAMESPACE)
    more = {"get": ["values"], "repo": ["add"], "dependency": ["build"]}.get(verb, [])
    for major in helm.MAJORS:
        known = helm.run(major, [verb, *more, "--help"]).stdout
        for option in options_of(command):
            assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", known), option
    for option, value in pairwise(command):
        if option == "-f":
            full = next(c for c in COMMANDS if c[: len(command)] == command)
            assert value in written_before(full)
        elif option == "--set":
            key, _, name = value.partition("=")
            assert key in default_values(find_upstream())
            assert name in names("Secret")
        elif option == "--set-file":
            key, _, file = value.partition("=")
            assert paths.get(load_file(ADDON / "values.yaml"), tuple(key.split("."))) is not MISSING
            assert file in written_before(command)
    if "./chart" in command or "." in command:
        assert (ROOT / ("chart" if "./chart" in command else ".") / "Chart.yaml").exists()


def test_task_pods_are_made_from_the_pod_template_of_the_add_on() -> None:
    (config,) = changed().embedded("AirflowConfig")
    path = config.document["kubernetes_executor"]["pod_template_file"]
    scheduler = next(
        pod for pod in changed().pods() if pod.owner.name == "airflow-scheduler" and not pod.key
    )
    mounts = scheduler.containers()["scheduler"].document["volumeMounts"]
    folder, _, file = path.rpartition("/")
    (mount,) = (each for each in mounts if each["mountPath"] == folder)
    name = scheduler.volumes()[mount["name"]]["configMap"]["name"]
    template = add_on().get("ConfigMap", name).at("data", file)
    pod = strict_yaml.load(template, name)
    assert "vector" in {each["name"] for each in pod["spec"]["initContainers"]}


def test_airflow_sends_its_metrics_to_the_add_on() -> None:
    (config,) = changed().embedded("AirflowConfig")
    metrics = config.document["metrics"]
    service = add_on().get("Service", metrics["statsd_host"])
    assert int(metrics["statsd_port"]) in {
        port["port"] for port in service.at("spec", "ports") if port["protocol"] == "UDP"
    }
    (ours,) = wrapper().embedded("AirflowConfig")
    expected = dict(ours.document["metrics"])
    assert metrics == {**expected, "statsd_host": metrics["statsd_host"]}


def test_the_notes_of_the_add_on_ask_for_the_same_settings() -> None:
    (pod,) = official().embedded("Pod")
    printed = dry_run(
        chart="add-on",
        values=[add_on_values(), {"podTemplate": {"base": pod.text}}],
        release="observability",
        namespace=NAMESPACE,
    )
    _, _, notes = printed.partition("\nNOTES:\n")
    assert "made from\npodTemplate.base." in notes
    asked = dict(re.findall(r"^  (\w+) = (\S+)$", notes, re.M))
    written = block_of("# added to the values")["config"]
    options = {**written["metrics"], **written["kubernetes_executor"]}
    assert options["statsd_host"] in asked["statsd_host"]
    for option, value in options.items():
        assert option == "statsd_host" or asked[option] == value, option


def test_the_network_policy_admits_the_pods_of_the_official_release() -> None:
    policy = add_on().get("NetworkPolicy", "observability-statsd-exporter")
    (peer,) = policy.at("spec", "ingress", 0, "from")
    labels = peer["podSelector"]["matchLabels"]
    senders = [pod for pod in official().pods() if pod.containers().keys() & {"scheduler", "base"}]
    assert {pod.key for pod in senders} == {None, "pod_template_file.yaml"}
    assert all(labels.items() <= pod.labels.items() for pod in senders)


@pytest.mark.parametrize(
    "name",
    [span for span in dict.fromkeys(SPANS) if re.match(r"(airflow|observability)-[a-z-]+$", span)],
)
def test_objects_that_are_named_are_rendered(name: str) -> None:
    assert name in names()


@pytest.mark.parametrize(
    "key",
    [
        span
        for span in dict.fromkeys(SPANS)
        if re.match(r"[a-z]\w+(\.\w+)+$", span) and not span.endswith((".yaml", ".cfg"))
    ],
)
def test_keys_of_values_exist(key: str) -> None:
    path = tuple(key.split("."))
    places = (load_file(ADDON / "values.yaml"), default_values(find_upstream()))
    assert any(paths.get(values, path) is not MISSING for values in places)


def premises() -> list[Mapping[str, Any]]:
    """What the sidecar and the mapping rely on."""
    return list(strict_yaml.load_file(ADDON / "files" / "premises.yaml"))


def test_the_table_has_every_option_that_something_relies_on() -> None:
    rows = {f"{section}.{option}" for section, option in re.findall(ROW, TEXT, re.M)}
    assert rows == {each["option"] for each in premises()}


def test_the_settings_are_what_the_premises_demand() -> None:
    (config,) = changed().embedded("AirflowConfig")
    facts = {
        "<host>": "observability-statsd-exporter",
        "<port>": "9125",
        "<prefix>": "airflow",
        "<tags>": "True",
        "<namespace>": NAMESPACE,
        "<pod-template-file>": "/opt/airflow/task-logs/pod_template_file.yaml",
    }
    required = [each for each in premises() if each.get("required")]
    assert required
    for premise in required:
        section, _, option = premise["option"].partition(".")
        expected = facts.get(premise["value"], premise["value"])
        assert config.document[section][option] == expected, premise["option"]


ROW = r"^\| `\[(\w+)\] (\w+)` \|"
