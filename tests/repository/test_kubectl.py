"""The commands of kubectl in documents fit what the charts render."""

import re
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from airflow_platform.manifests import Pod, Render
from airflow_platform.rendering.render import render
from airflow_platform.support.project import ROOT, environments

from .documents import DOCUMENTS, commands

# The stand-in has few of the objects that people look at.
pytestmark = pytest.mark.official_chart

KINDS: Mapping[str, str] = {
    alias: kind
    for kind, aliases in {
        "Cluster": "clusters.postgresql.cnpg.io",
        "ConfigMap": "configmap configmaps cm",
        "CronJob": "cronjob cronjobs cj",
        "DaemonSet": "daemonset daemonsets ds",
        "Deployment": "deployment deployments deploy",
        "Job": "job jobs",
        "PersistentVolumeClaim": "pvc pvcs persistentvolumeclaim persistentvolumeclaims",
        "Pod": "pod pods po",
        "Secret": "secret secrets",
        "Service": "service services svc",
        "StatefulSet": "statefulset statefulsets sts",
    }.items()
    for alias in aliases.split()
}
# Not of a release of ours: programs beside it, and Secrets of a release of the official chart.
OTHERS = {
    "Pod": {"database-client"},  # examples/database/client.yaml
    "DaemonSet": {"vector"},
    "Deployment": {"alloy", "loki"},
    "Service": {
        *("loki", "loki-gateway", "prometheus-operated"),
        *("kube-prometheus-stack-grafana", "kube-prometheus-stack-prometheus"),
    },
    "Secret": {
        "kube-prometheus-stack-grafana",
        "airflow-api-secret-key",
        "airflow-jwt-secret",
        "airflow-metadata",
        "airflow-broker-url",
    },
}
# The options that take a value in a word of their own, besides those with "=".
WITH_VALUE = {"-n", "--namespace", "-l", "--selector", "-c", "--container", "-o", "--output", "-f"}
NAMES = re.compile(r"[a-z0-9][a-z0-9.-]*")
# The kinds whose objects have labels of their own; those of others are the labels of pods.
LABELLED = {"ConfigMap", "Job", "Secret"}
LABELS_OF_AIRFLOW = {"dag_id", "task_id", "run_id", "kubernetes_executor"}

Command = tuple[str, ...]


@cache
def releases() -> tuple[Render, ...]:
    """Releases that have all kinds of objects between them, each named ``airflow``."""
    celery = ROOT / "examples" / "celery" / "values.yaml"
    airflow2 = {
        "airflow": {"airflowVersion": "2.11.2", "defaultAirflowTag": "2.11.2"},
        "global": {"metrics": {"airflowVersion": "2.11.2"}},
    }
    cloud_native_pg = {
        "airflow": {"postgresql": {"enabled": False}},
        "database": {"cloudNativePG": {"enabled": True}},
    }
    return (
        *(render(environment) for environment in environments()),
        render("prod", values=[celery]),
        render("prod", values=[airflow2]),
        render("prod", values=[cloud_native_pg]),
    )


@cache
def pods() -> tuple[Pod, ...]:
    return tuple(pod for release in releases() for pod in release.pods())


@cache
def names(kind: str) -> frozenset[str]:
    """The names of the objects of a kind that a release has, or that its objects refer to."""
    found = {manifest.name for release in releases() for manifest in release.all(kind)}
    if kind == "Secret":
        found |= {name for release in releases() for name in secrets_in(release)}
    if kind == "PersistentVolumeClaim":
        found |= {
            f"{claim['metadata']['name']}-{manifest.name}-0"
            for release in releases()
            for manifest in release.all("StatefulSet")
            for claim in manifest.at("spec", "volumeClaimTemplates", default=())
        }
    if kind == "Pod":
        stateful = (
            manifest.name for release in releases() for manifest in release.all("StatefulSet")
        )
        found |= {f"{name}-{ordinal}" for name in stateful for ordinal in range(3)}
    return frozenset(found | OTHERS.get(kind, set()))


def secrets_in(release: Render) -> Iterator[str]:
    """The names of the Secrets that pods refer to."""
    for pod in release.pods():
        for volume in pod.volumes().values():
            if "secret" in volume:
                yield volume["secret"]["secretName"]
        for container in pod.containers().values():
            for variable in container.document.get("env") or ():
                if found := (variable.get("valueFrom") or {}).get("secretKeyRef"):
                    yield found["name"]


def kubectl_commands(document: str) -> list[Command]:
    """The words of each call of kubectl in a document, without ``kubectl`` itself."""
    found = []
    for line in commands(document):
        for part in re.split(r"(?<!\\)(?:\|+|&&|;(?![^']*'[^']*$)|\$\()", line):
            if call := re.match(r"\s*(?:\w+=\S+\s+)*kubectl\s+(?=[a-z-])(.*)", part):
                text = re.sub(r"\s[0-9&]*>.*", "", call[1])
                try:
                    words = shlex.split(text, comments=True)
                except ValueError:  # the rest of a quoted text is in another part
                    words = text.split()
                found.append(tuple(words))
    return found


def parsed(command: Command) -> tuple[list[str], dict[str, str]]:
    """The words and the options of a command; what a container runs is left out."""
    words: list[str] = []
    options: dict[str, str] = {}
    rest = iter(command)
    for word in rest:
        if word == "--":
            break
        name, _, value = word.partition("=")
        if name.startswith("-"):
            options[name] = value or (next(rest, "") if name in WITH_VALUE else "")
        else:
            words.append(word)
    return words, options


def objects_of(words: list[str]) -> Iterator[tuple[str, str]]:
    """Kind and name of the objects that the words of a command name, without placeholders."""
    verb, *rest = [word for word in words if word != "rollout"]
    for word in rest:
        kind, slash, name = word.partition("/")
        if slash and kind in KINDS and NAMES.fullmatch(name):
            yield KINDS[kind], name
    kind = KINDS.get(rest[0] if rest else "", "")
    if kind and verb not in ("create", "run"):
        for name in rest[1:]:
            if NAMES.fullmatch(name) and not name.startswith(("helm.sh", "app.kubernetes.io")):
                yield kind, name


def selected(selector: str, kind: str) -> list[Any]:
    """The objects of a kind, or the pods, that have the labels of a selector."""
    found: list[Any] = list(pods())
    if kind in LABELLED:
        found = [manifest for release in releases() for manifest in release.all(kind)]
    for term in re.split(r",(?![^(]*\))", selector):
        if choice := re.fullmatch(r"\s*(\S+) in \((.*)\)\s*", term):
            values = {value.strip() for value in choice[2].split(",")}
            assert all(any(pod.labels.get(choice[1]) == value for pod in found) for value in values)
            found = [pod for pod in found if pod.labels.get(choice[1]) in values]
        else:
            key, equals, value = term.partition("=")
            if key in LABELS_OF_AIRFLOW:  # which Airflow gives to the pods that it makes
                found = [pod for pod in found if pod.labels.get("component") == "worker"]
            else:
                found = [
                    pod
                    for pod in found
                    if key in pod.labels and (not equals or pod.labels[key] == value)
                ]
    return found


def faults(command: Command) -> Iterator[str]:
    """What a command names that no release has."""
    words, options = parsed(command)
    if not words:
        return
    owners: list[Any] = []
    for kind, name in objects_of(words):
        known = names(kind)
        if name not in known and not (
            kind == "Job" and re.sub(r"-[0-9a-f]{8}$", "", name) in jobs()
        ):
            yield f"no {kind} is named {name}"
        owners += [pod for pod in pods() if (pod.owner.kind, pod.owner.name) == (kind, name)]
    selector = options.get("-l") or options.get("--selector")
    if selector and "$" not in selector and "<" not in selector:
        kind = KINDS.get(words[1], "Pod") if len(words) > 1 else "Pod"
        chosen = selected(selector, kind)
        if not chosen:
            yield f"no {kind} has the labels {selector}"
        owners += [pod for pod in chosen if isinstance(pod, Pod)]
    container = options.get("-c") or options.get("--container")
    if container and owners and not any(container in pod.containers() for pod in owners):
        yield f"no pod that is meant has a container {container}"
    if "port-forward" in words:
        yield from wrong_port(words)


def jobs() -> set[str]:
    return {re.sub(r"-[0-9a-f]{8}$", "", name) for name in names("Job")}


def wrong_port(words: list[str]) -> Iterator[str]:
    """The port of a Service of ours that a command forwards, and that the Service lacks."""
    _, target, *ports = words
    kind, _, name = target.partition("/")
    services = [
        manifest
        for release in releases()
        for manifest in release.all(KINDS.get(kind, kind))
        if manifest.name == name and manifest.kind == "Service"
    ]
    offered = {
        value
        for service in services
        for port in service.at("spec", "ports")
        for value in (str(port["port"]), port.get("name"))
    }
    for port in ports:
        if services and port.rpartition(":")[2] not in offered and port != "&":
            yield f"Service {name} has no port {port.rpartition(':')[2]}"


@pytest.mark.parametrize(
    "document", [document for document in DOCUMENTS if kubectl_commands(document)]
)
def test_what_a_command_names_is_in_a_release(document: str) -> None:
    found = {
        f"kubectl {shlex.join(command)}: {fault}"
        for command in kubectl_commands(document)
        for fault in faults(command)
    }
    assert not found


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("-n x get pods -l component=schedular", "no Pod has the labels component=schedular"),
        ("get pods -l 'component in (worker, x)'", ""),
        ("logs -l component=scheduler -c vektor", "no pod that is meant has a container vektor"),
        ("logs deploy/airflow-schedulers", "no Deployment is named airflow-schedulers"),
        ("exec deploy/airflow-scheduler -c x -- airflow", "no pod that is meant has a container x"),
        ("delete job airflow-migrations-0123abcd", "no Job is named airflow-migrations-0123abcd"),
        ("get secret airflow-nothing -o yaml", "no Secret is named airflow-nothing"),
        (
            "port-forward svc/airflow-api-server 8080:80",
            "Service airflow-api-server has no port 80",
        ),
    ],
)
def test_a_command_that_does_not_fit_is_found(command: str, fault: str) -> None:
    if fault:
        assert list(faults(tuple(shlex.split(command)))) == [fault]
    else:
        with pytest.raises(AssertionError):
            list(faults(tuple(shlex.split(command))))


@pytest.mark.parametrize(
    "command",
    [
        "get pods -l component=scheduler",
        "get pods -l app.kubernetes.io/name=airflow",
        "logs -l component=dag-processor,app.kubernetes.io/name=airflow -c dag-processor",
        "logs deploy/airflow-scheduler -c scheduler",
        "port-forward svc/airflow-api-server 8080:8080",
        "port-forward svc/airflow-webserver 8080",
    ],
)
def test_commands_of_the_fields_habit_work(command: str) -> None:
    assert not list(faults(tuple(shlex.split(command))))


def test_every_pod_of_airflow_has_the_name_by_which_people_look_for_it() -> None:
    lacking = {
        str(pod)
        for pod in pods()
        if pod.labels.get("tier") == "airflow"
        and pod.labels.get("app.kubernetes.io/name") != "airflow"
    }
    assert not lacking
