"""What the add-on refuses, alone and in the wrapper."""

from collections.abc import Mapping
from typing import Any

from .case import Case, add_on, airflow, task_logs, wrapper

CLUSTER_WITHOUT_CRDS = {"api_versions": ("apps/v1/Deployment",)}


def base(message: str, text: str, **values: Any) -> Case:
    return add_on(message, podTemplate={"enabled": True, "base": text}, **values)


def on_a_cluster_without(kind: str, key: str, values: Mapping[str, Any]) -> Case:
    return Case(
        f"{key} is true, but this cluster does not know {kind}.",
        values,
        {"chart": "add-on", **CLUSTER_WITHOUT_CRDS},
    )


MONITOR = {"serviceMonitor": {"enabled": True}}
SCRAPED_TWICE = {**MONITOR, "statsdExporter": {"scrapeAnnotations": True}}
GRACE = (
    "The drain of task logs may take {} s, but a task pod is killed after its grace period of {} s."
)

CASES = {
    "no Loki": task_logs("Task logs are on, but there is no Loki", loki={"endpoint": ""}),
    "old Vector": task_logs(
        "The sidecar cannot run from the Vector image timberio/vector:0.40.0-alpine",
        image={"tag": "0.40.0-alpine"},
    ),
    "old Vector, by its minor version": task_logs(
        "The sidecar cannot run from the Vector image timberio/vector:0.40-alpine",
        image={"tag": "0.40-alpine"},
    ),
    "old Vector, by any patch of it": task_logs(
        "The sidecar cannot run from the Vector image timberio/vector:0.40.X-alpine",
        image={"tag": "0.40.X-alpine"},
    ),
    "Vector without a shell": task_logs(
        "The sidecar cannot run from the Vector image timberio/vector:0.58.0-distroless-libc",
        image={"tag": "0.58.0-distroless-libc"},
    ),
    "path in the URL of Loki": task_logs(
        "The URL of Loki, http://loki:3100/loki/api/v1/push, ends in the path of the API",
        loki={"endpoint": "http://loki:3100/loki/api/v1/push"},
    ),
    "path of the API in the URL of Loki": task_logs(
        "The URL of Loki, https://loki.example.com/loki/api/v1/, ends in the path of the API",
        loki={"endpoint": "https://loki.example.com/loki/api/v1/"},
    ),
    "scraped twice": add_on("Prometheus would scrape the statsd-exporter twice", **SCRAPED_TWICE),
    "scraped twice, in the wrapper": wrapper(
        "Prometheus would scrape the statsd-exporter twice",
        {"observability": {**SCRAPED_TWICE, "prometheusRule": {"enabled": False}}},
    ),
    "alerts without a job": add_on(
        "Without the ServiceMonitor the alerts cannot know which label `job`",
        prometheusRule={"enabled": True},
    ),
    "no ServiceMonitor": on_a_cluster_without(
        "monitoring.coreos.com/v1/ServiceMonitor", "serviceMonitor.enabled", MONITOR
    ),
    "no ServiceMonitor, in the wrapper": wrapper(
        "serviceMonitor.enabled is true, but this cluster does not know",
        {"observability": MONITOR},
        **CLUSTER_WITHOUT_CRDS,
    ),
    "no PrometheusRule": on_a_cluster_without(
        "monitoring.coreos.com/v1/PrometheusRule",
        "prometheusRule.enabled",
        {"prometheusRule": {"enabled": True, "job": "kubernetes-pods"}},
    ),
    "no PodMonitor": on_a_cluster_without(
        "monitoring.coreos.com/v1/PodMonitor",
        "podMonitor.enabled",
        {
            "podMonitor": {"enabled": True},
            "global": {"taskLogs": {"internalMetrics": {"enabled": True}}},
        },
    ),
    "no GrafanaDashboard": on_a_cluster_without(
        "grafana.integreatly.org/v1beta1/GrafanaDashboard",
        "dashboards.grafanaOperator.enabled",
        {"dashboards": {"enabled": True, "grafanaOperator": {"enabled": True}}},
    ),
    "PodMonitor": add_on("The PodMonitor has nothing to scrape", podMonitor={"enabled": True}),
    "transform": task_logs(
        'global.taskLogs.extraTransforms: the chart has a step with the id "parse" already.',
        extraTransforms=[{"id": "parse", "type": "remap", "source": "."}],
    ),
    "transform with the id of a sink": task_logs(
        'global.taskLogs.extraTransforms: the chart has a step with the id "loki" already.',
        extraTransforms=[{"id": "loki", "type": "remap", "source": "."}],
    ),
    "sink with the id of a transform": task_logs(
        'global.taskLogs.extraSinks: the chart has a step with the id "mine" already.',
        extraTransforms=[{"id": "mine", "type": "remap", "source": "."}],
        extraSinks={"mine": {"type": "console"}},
    ),
    "sink": task_logs(
        'global.taskLogs.extraSinks: the chart has a step with the id "loki" already.',
        extraSinks={"loki": {"type": "console"}},
    ),
    "base of another kind": base(
        'podTemplate.base is not a Pod: it is of kind "Deployment"', "kind: Deployment"
    ),
    "base that is not YAML": base("podTemplate.base is not a Pod: error converting YAML", "a: [b"),
    "base of two documents": base(
        "podTemplate.base is not a Pod: it holds 2 documents", "kind: Pod\n---\nkind: Secret\n"
    ),
    "base without a document": base(
        'podTemplate.base is not a Pod: it is of kind ""', "# nothing\n---\n"
    ),
    "base without logs": base(
        "The sidecar cannot find the task's logs: the pod template has no container `base`",
        "{kind: Pod, spec: {containers: [{name: base}]}}",
    ),
    "base with a container of the sidecar's name": base(
        "podTemplate.base has a container vector, which is the name of the sidecar",
        "{kind: Pod, spec: {containers: [{name: vector}, {name: base, volumeMounts:"
        " [{name: logs}]}]}}",
    ),
    "base with a volume for the logs of all pods": base(
        "In podTemplate.base all task pods share the volume `logs`",
        "{kind: Pod, spec: {containers: [{name: base, volumeMounts:"
        " [{name: logs, mountPath: /opt/airflow/logs}]}], volumes:"
        " [{name: logs, persistentVolumeClaim: {claimName: airflow-logs}}]}}",
    ),
    "base for Airflow 2.8": add_on(
        "Airflow 2.8.4 would remove the field restartPolicy from the sidecar",
        podTemplate={"enabled": True, "airflowVersion": "2.8.4"},
    ),
    "two StatsD servers": airflow("Two StatsD servers are on", statsd={"enabled": True}),
    "Airflow 2.8": airflow(
        "Airflow 2.8.4 would remove the field restartPolicy from the sidecar",
        airflowVersion="2.8.4",
        defaultAirflowTag="2.8.4",
    ),
    "one volume for all logs": airflow(
        "With airflow.logs.persistence.enabled all task pods share one volume for logs",
        logs={"persistence": {"enabled": True}},
    ),
    "several namespaces": airflow(
        "With airflow.multiNamespaceMode task pods run in other namespaces", multiNamespaceMode=True
    ),
    "pod template that is not YAML": airflow(
        "The official chart's pod template is not valid YAML with these values",
        workers={"extraInitContainers": [{"name": 'warm-up{{ "\\n}" }}'}]},
    ),
}  # fmt: skip
