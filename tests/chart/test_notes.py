"""What Helm prints after an installation: all that it names is there, all that it advises works.

Only Helm 4 prints them without a cluster. `airflow-platform lint` renders them with both majors.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from textwrap import dedent
from typing import Any

import pytest

from airflow_platform.manifests import Render
from airflow_platform.rendering.render import dry_run
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import NAMESPACE, ROOT

pytestmark = pytest.mark.official_chart  # the stand-in has no Services

RELEASE = "etl"  # a word that the notes do not have by themselves

REMARKS = {
    "task logs off": "Task logs are not shipped",
    "metrics off": "Metrics are off",
    "pod template": "has a pod template with the sidecar",
    "built-in base": "the add-on's own, for podTemplate.base is empty",
    "no pod template": "To get a pod template with the sidecar",
    "other executor": "so their logs are not shipped",
    "nobody starts jobs": "so it gives nobody the right to start jobs",
    "other patch": "airflow.images.airflow.tag is 3.1.9",
    "hidden settings": "in airflow.workers.env takes its value from elsewhere",
    "own image": "airflow.images.airflow.tag is 2.11.0-7",
    "own image named airflow": "airflow.images.airflow.tag is 2.11.1",
    "image of task pods": "WORKER_CONTAINER_TAG in airflow.env is 2.11.0, but",
    "development keys": "everybody can read these keys and passwords",
    "base alone": "podTemplate.base has no effect",
    "injection": "The API server adds the sidecar to new task pods",
    "injection off": "the settings below injection have no effect",
    "network policy": "The NetworkPolicy of the exporter admits the pods in this namespace",
    "no repository": "a repository that does not exist",
    "database": "the database runs in the cluster",
    "no labels": "a Prometheus finds the objects of its operator by their labels",
    "runbooks": "the alerts link to runbooks at",
    "address of Airflow": "links in the dashboards lead to Airflow at http://",
    "path in the URL of Loki": "the URL of Loki ends in /push",
    "no heartbeats": "so the alerts that need them are left out: triggerer_heartbeat.",
    "patterns": "metrics_allow_list and metrics_block_list: ^(?!celery), (dag",
    "misspelt section": "is airflow.config.loging a misspelt logging?",
    "misspelt option": "is airflow.config.metrics.statsd_hots a misspelt statsd_host?",
    "misspelt": "a misspelt",
    "one node": "the volume with DAGs can be mounted on one node at a time",
    "logs are lost": "the log of a task is lost with its pod",
    "deprecated": "the official chart says: `ingress.enabled` has been deprecated",
    "no URL": "Airflow does not know the URL at which the Ingress serves it",
    "redirect URI": "https://airflow.example.com/auth/oauth-authorized/keycloak",
    "example dag": "The DAG hello_world runs once by itself",
}


@dataclass(frozen=True)
class Case:
    """An installation and what its notes remark."""

    remarks: set[str]
    values: Mapping[str, Any] = field(default_factory=dict)
    environment: str | None = "prod"  # None: the add-on alone
    example: str | None = None


MONITORING = {"no labels", "runbooks", "address of Airflow"}
PROD = {"no repository", "database"} | MONITORING
OFF = {"global": {"metrics": {"enabled": False}, "taskLogs": {"enabled": False}}}
EDGE_EXECUTOR = "airflow.providers.edge3.executors.EdgeExecutor"
OTHER_LABELS = {
    "labels": {"job": "logs"},
    "labelFields": ["task_id"],
    "metadataFields": ["dag_id", "offset"],
}
VOLUME = {"gitSync": {"enabled": False}, "persistence": {"enabled": True}}
VOLUME_FOR_ALL = {
    "gitSync": {"enabled": False},
    "persistence": {"enabled": True, "accessMode": "ReadWriteMany"},
}
OFFICIAL_STATSD = {
    "global": {"metrics": {"enabled": False}},
    "airflow": {"statsd": {"enabled": True}},
}
HIDDEN_ARGUMENTS = {
    "name": "AIRFLOW__LOGGING__REMOTE_TASK_HANDLER_KWARGS",
    "valueFrom": {"configMapKeyRef": {"name": "logs", "key": "arguments"}},
}
IMAGE_OF_TASK_PODS = [
    {"name": f"AIRFLOW__KUBERNETES_EXECUTOR__WORKER_CONTAINER_{name}", "value": value}
    for name, value in (("REPOSITORY", "own/etl"), ("TAG", "2.11.0"))
]
# Options of Airflow whose names are like those that the chart relies on.
LIKE_OTHERS = {
    "logging": {
        "colored_log_format": "%%(message)s",
        "colored_formatter_class": "airflow.utils.log.colored_log.CustomTTYColoredFormatter",
        "log_processor_filename_template": "x.log",
        "dag_processor_log_format": "%%(message)s",
        "remote_log_conn_id": "logs",
    },
    "metrics": {"statsd_datadog_tags": "a:b", "statsd_datadog_metrics_tags": "True"},
    "kubernetes_executor": {
        "multi_namespace_mode_namespace_list": "a",
        "worker_pods_creation_batch_size": 2,
    },
    "elasticsearch": {"json_fields": "message", "host_field": "host"},
    "elasticsearch_configs": {"verify_certs": "True"},
    "kubernetes": {"in_cluster": "True"},
}

CASES = {
    "prod": Case(PROD),
    "dev": Case({"metrics off", "development keys", "database", "example dag"}, environment="dev"),
    "airflow 2": Case(
        PROD, {"airflow": {"airflowVersion": "2.11.0", "defaultAirflowTag": "2.11.0"}}
    ),
    "own name": Case(PROD, {"airflow": {"fullnameOverride": "etl-airflow"}}),
    "nothing": Case(
        PROD - {"no labels", "runbooks"} | {"metrics off", "task logs off", "logs are lost"}, OFF
    ),
    "remote logging": Case(
        PROD - {"no labels", "runbooks"} | {"metrics off", "task logs off"},
        {**OFF, "airflow": {"config": {"logging": {"remote_logging": "True"}}}},
    ),
    "volume with DAGs": Case({"one node", "database"} | MONITORING, {"airflow": {"dags": VOLUME}}),
    "volume with DAGs for several nodes": Case(
        {"database"} | MONITORING, {"airflow": {"dags": VOLUME_FOR_ALL}}
    ),
    "push": Case(
        PROD | {"path in the URL of Loki"},
        {"global": {"taskLogs": {"loki": {"endpoint": "https://gateway.example.com/push/"}}}},
    ),
    "loopback address": Case(
        PROD, {"observability": {"dashboards": {"airflowUrl": "http://127.0.0.1:8080"}}}
    ),
    "blocked metrics": Case(
        PROD | {"no heartbeats"},
        {"airflow": {"config": {"metrics": {"metrics_block_list": "triggerer"}}}},
    ),
    "patterns of Python": Case(
        PROD | {"patterns"},
        {"airflow": {"config": {"metrics": {"metrics_allow_list": "^(?!celery),(dag,^ti"}}}},
    ),
    "misspelt": Case(
        PROD | {"misspelt section", "misspelt option", "misspelt"},
        {
            "airflow": {
                "config": {"loging": {"log_level": "INFO"}, "metrics": {"statsd_hots": "statsd"}}
            }
        },
    ),
    "names like others": Case(PROD, {"airflow": {"config": LIKE_OTHERS}}),
    "deprecated": Case(
        PROD | {"deprecated", "no URL"}, {"airflow": {"ingress": {"enabled": True}}}
    ),
    "ingress without a URL": Case(
        PROD | {"no URL"},
        {"airflow": {"ingress": {"apiServer": {"enabled": True, "host": "a.example.com"}}}},
    ),
    "ingress": Case(PROD, example="access/ingress-traefik.yaml"),
    "login": Case(PROD | {"redirect URI"}, example="access/keycloak.yaml"),
    "other labels": Case(PROD, {"global": {"taskLogs": OTHER_LABELS}}),
    "official statsd": Case(PROD - {"no labels", "runbooks"}, OFFICIAL_STATSD),
    "celery example": Case(PROD, example="celery/values.yaml"),
    "other executor": Case(
        PROD | {"other executor"},
        {"airflow": {"executor": f"KubernetesExecutor,edge:{EDGE_EXECUTOR}"}},
    ),
    "nobody starts jobs": Case(
        PROD | {"other executor", "nobody starts jobs"},
        {
            "jobs": {"enabled": True},
            "airflow": {"executor": f"edge:{EDGE_EXECUTOR}", "triggerer": {"enabled": False}},
        },
    ),
    "other patch": Case(
        PROD | {"other patch"}, {"airflow": {"images": {"airflow": {"tag": "3.1.9"}}}}
    ),
    "hidden settings": Case(
        PROD | {"hidden settings"},
        {"airflow": {"workers": {"env": [HIDDEN_ARGUMENTS]}}},
    ),
    "own image": Case(
        PROD | {"own image"},
        {"airflow": {"images": {"airflow": {"repository": "own/etl", "tag": "2.11.0-7"}}}},
    ),
    "own image named airflow": Case(
        PROD | {"own image named airflow"},
        {"airflow": {"images": {"airflow": {"repository": "own/airflow", "tag": "2.11.1"}}}},
    ),
    "image of task pods by variables": Case(
        PROD | {"image of task pods"}, {"airflow": {"env": IMAGE_OF_TASK_PODS}}
    ),
    "own image with a version of its own": Case(
        PROD, {"airflow": {"images": {"airflow": {"repository": "own/etl", "tag": "7.2.0"}}}}
    ),
    "no airflow": Case({"no pod template"} | MONITORING, {"airflow": {"enabled": False}}),
    "add-on": Case({"no pod template"}, environment=None),
    "add-on with pod template": Case(
        {"pod template", "built-in base"}, {"podTemplate": {"enabled": True}}, environment=None
    ),
    "add-on with a base alone": Case(
        {"no pod template", "base alone"},
        {
            "podTemplate": {
                "base": "{kind: Pod, spec: {containers: [{name: base, volumeMounts:"
                " [{name: logs, mountPath: /opt/airflow/logs}]}]}}"
            }
        },
        environment=None,
    ),
    "add-on with injection": Case(
        {"injection"},
        {"injection": {"enabled": True}},
        environment=None,
    ),
    "add-on with settings of the injection alone": Case(
        {"no pod template", "injection off"},
        {"injection": {"namespaces": ["team-b"]}},
        environment=None,
    ),
    "add-on with network policy": Case(
        {"no pod template", "network policy"},
        {"statsdExporter": {"networkPolicy": {"enabled": True}}},
        environment=None,
    ),
    "add-on with nothing": Case({"metrics off", "task logs off"}, OFF, environment=None),
}


@dataclass(frozen=True)
class Installation:
    """What Helm says of an installation: the notes and the manifests."""

    notes: str
    release: Render


def install(case: Case, *more: Mapping[str, Any]) -> Installation:
    """Let Helm say what it would install; ``more`` are values on top of those of ``case``."""
    example = [ROOT / "examples" / case.example] if case.example else []
    printed = dry_run(
        case.environment,
        chart="wrapper" if case.environment else "add-on",
        values=[*example, case.values, *more],
        release=RELEASE,
    )
    manifests, _, notes = printed.rpartition("\nNOTES:\n")
    _, _, manifests = manifests.partition("\nMANIFEST:\n")
    return Installation(notes, Render.from_text(manifests))


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(case, id=name, marks=pytest.mark.xdist_group(f"notes-{name}"))
        for name, case in CASES.items()
    ],
)
def case(request: pytest.FixtureRequest) -> Case:
    chosen: Case = request.param
    return chosen


@pytest.fixture(scope="module")
def installation(case: Case) -> Installation:
    return install(case)


def blocks(notes: str) -> Iterator[str]:
    """Yield each indented paragraph, such as a command or YAML."""
    for block in re.findall(r"(?:^ {2}.*\n)+", notes, re.MULTILINE):
        yield dedent(block)


def values_to_set(notes: str) -> Iterator[Mapping[str, Any]]:
    """Yield the values that the notes advise."""
    for block in blocks(notes):
        if re.match(r"\w+:\n", block):
            yield strict_yaml.load(block, "notes")


def vector_config(installation: Installation) -> Mapping[str, Any]:
    (config,) = installation.release.embedded("VectorConfig")
    document: Mapping[str, Any] = config.document
    return document


def test_the_notes_remark_what_is_to_remark_and_nothing_else(
    case: Case, installation: Installation
) -> None:
    found = {name for name, text in REMARKS.items() if text in installation.notes}
    assert found == case.remarks


def test_every_object_of_the_release_that_the_notes_name_exists(installation: Installation) -> None:
    named = set(re.findall(rf"\b{RELEASE}-[a-z0-9-]+", installation.notes))
    assert named <= {manifest.name for manifest in installation.release.manifests}


def test_every_host_and_port_in_the_notes_is_one_of_a_service(
    case: Case, installation: Installation
) -> None:
    notes = installation.notes
    metrics = re.findall(r"metrics are at http://(\S+)\.(\S+):(\d+)/metrics$", notes, re.MULTILINE)
    statsd = re.findall(r"statsd_host = (\S+)\.(\S+)\n *statsd_port = (\d+)", notes)
    ui = re.findall(r"svc/(\S+) \d+:(\d+)", notes)
    assert bool(ui) == ("kubectl" in notes)
    assert bool(metrics) == ("metrics off" not in case.remarks)
    for protocol, endpoints in (
        ("TCP", [*metrics, *((service, NAMESPACE, port) for service, port in ui)]),
        ("UDP", statsd),
    ):
        for name, namespace, port in endpoints:
            service = installation.release.get("Service", name)
            assert namespace == NAMESPACE
            assert (int(port), protocol) in {
                (each["port"], each.get("protocol", "TCP")) for each in service.at("spec", "ports")
            }, str(service)


def test_the_file_that_is_to_be_mounted_exists(case: Case, installation: Installation) -> None:
    files = re.findall(r"ConfigMap (\S+) has [\s\S]+? its file (\S+) ", installation.notes)
    assert bool(files) == ("pod template" in case.remarks)
    for name, key in files:
        assert key in installation.release.get("ConfigMap", name).at("data")


def test_task_logs_go_where_the_notes_say(case: Case, installation: Installation) -> None:
    endpoints = re.findall(r"Task logs go to (\S+)\.\n", installation.notes)
    assert bool(endpoints) == ("task logs off" not in case.remarks)
    for endpoint in endpoints:
        assert vector_config(installation)["sinks"]["loki"]["endpoint"] == endpoint


def test_the_query_asks_for_labels_and_metadata_that_lines_have(
    case: Case, installation: Installation
) -> None:
    queries = re.findall(r"^  \{(.+?)\}(.*)$", installation.notes, re.MULTILINE)
    assert bool(queries) == ("task logs off" not in case.remarks)
    for stream, pipeline in queries:
        source = vector_config(installation)["transforms"]["fields"]["source"]
        labels, metadata = source.strip().splitlines()
        assert "dag_id" in stream + pipeline
        for name, value in re.findall(r'(\w+)="([^"]+)"', stream):
            event = {"namespace": {NAMESPACE}, "dag_id": {"my_dag", "hello_world"}}
            written = f'"{name}": .{name}' if name in event else f'"{name}": "{value}"'
            assert written in labels
            assert value in event.get(name, {value})
        for name, _ in re.findall(r'(\w+)="([^"]+)"', pipeline):
            assert f'"{name}": .{name}' in metadata


def test_values_that_the_notes_advise_can_be_set_and_end_the_advice(
    case: Case, installation: Installation
) -> None:
    advised = list(values_to_set(installation.notes))
    left = list(values_to_set(install(case, *advised).notes))
    assert [values for values in advised if values in left] == []


def test_an_external_database_is_found_under_the_name_and_key_that_the_notes_give() -> None:
    case = CASES["dev"]
    notes = install(case).notes
    (key,) = re.findall(r"under the key `(\w+)`", notes)
    (values,) = (each for each in values_to_set(notes) if "postgresql" in each.get("airflow", {}))
    secret = values["airflow"]["data"]["metadataSecretName"]
    connections = {
        (reference["name"], reference["key"])
        for pod in install(case, values).release.pods()
        for container in pod.containers().values()
        for variable in container.document.get("env") or ()
        if variable["name"] == "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
        for reference in [variable["valueFrom"]["secretKeyRef"]]
    }
    assert connections == {(secret, key)}
