"""What the checks of references between objects must report, and what they must not."""

from collections.abc import Mapping
from typing import Any

from .conftest import Edits

EXPORTER = "Deployment/airflow-statsd-exporter"
EXPORTER_POD = f"{EXPORTER} spec template spec"
EXPORTER_CONTAINER = f"{EXPORTER_POD} containers statsd-exporter"
SERVICE = "Service/airflow-statsd-exporter"
SERVICE_MONITOR = "ServiceMonitor/airflow-statsd-exporter"
POD_MONITOR = "PodMonitor/airflow-statsd-exporter"
POLICY = "NetworkPolicy/airflow-statsd-exporter"
API_SERVER_POD = "Deployment/airflow-api-server spec template spec"
API_SERVER_CONTAINER = f"{API_SERVER_POD} containers api-server"
INGRESS = "Ingress/airflow-ingress"
TASK_POD = "ConfigMap/airflow-config data pod_template_file.yaml spec"
SIDECAR = f"{TASK_POD} initContainers vector"
BASE = f"{TASK_POD} containers base"
CONFIG = "ConfigMap/airflow-config data airflow.cfg"
FERNET = "ExternalSecret/airflow-fernet-key"
BINDING = "RoleBinding/airflow-pod-log-reader"
MAPPING_VOLUME = f"{EXPORTER_POD} volumes mapping"

NOTHING = {"matchLabels": {"component": "nothing"}}


def rule(backend: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return an Ingress's rules with one path that leads to ``backend``."""
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": backend}}
    return [{"http": {"paths": [path]}}]


# What to break, and what the message must say.
BROKEN: dict[str, list[tuple[Edits, str]]] = {
    "services_reach_a_workload": [
        ({f"{SERVICE} spec selector tier": "metrics"}, "it selects none"),
        (
            {
                f"{SERVICE} spec selector": {"component": "job"},
                "Job/airflow-run-airflow-migrations spec template metadata labels component": "job",
            },
            "it selects none",
        ),
        (
            {f"{EXPORTER} spec template metadata labels": {"component": "api-server"}},
            "it selects none",
        ),
        (
            {
                "Service/airflow-api-server spec selector": {"tier": "airflow"},
                "StatefulSet/airflow-triggerer spec template metadata labels tier": "airflow",
            },
            "it selects Deployment/airflow-api-server",
        ),
        ({f"{SERVICE} spec ports statsd-scrape targetPort": "metrics"}, "metrics/TCP"),
        ({f"{SERVICE} spec ports statsd-ingest protocol": "TCP"}, "statsd-ingest/TCP"),
        ({"Service/airflow-api-server spec ports api-server port": 80}, "80/TCP"),
    ],
    "service_monitors_reach_a_service": [
        ({f"{SERVICE_MONITOR} spec selector": NOTHING}, "it selects none"),
        (
            {
                "Service/airflow-api-server metadata labels": {
                    "app.kubernetes.io/name": "statsd-exporter"
                }
            },
            "it selects Service/airflow-statsd-exporter",
        ),
        ({f"{SERVICE_MONITOR} spec endpoints": [{"port": "metrics"}]}, "port metrics"),
        ({f"{SERVICE_MONITOR} spec endpoints": [{"port": "statsd-ingest"}]}, "port statsd-ingest"),
        ({f"{SERVICE_MONITOR} spec endpoints": [{"targetPort": 9102}]}, "port None"),
        ({f"{SERVICE_MONITOR} metadata namespace": "monitoring"}, "lakehouse-platform"),
        ({f"{SERVICE_MONITOR} spec namespaceSelector matchNames": ["x"]}, "lakehouse-platform"),
    ],
    "pod_monitors_reach_pods": [
        ({f"{POD_MONITOR} spec selector": NOTHING}, "it selects none"),
        ({f"{POD_MONITOR} spec podMetricsEndpoints": [{"port": "metrics"}]}, "port metrics"),
        ({f"{POD_MONITOR} spec podMetricsEndpoints": [{"port": 9102}]}, "port 9102"),
        ({f"{POD_MONITOR} metadata namespace": "monitoring"}, "lakehouse-platform"),
    ],
    "ingresses_reach_a_service": [
        (
            {"Service/airflow-api-server": None},
            "no Service airflow-api-server with port api-server",
        ),
        (
            {f"{INGRESS} spec rules": rule({"name": "airflow-api-server", "port": {"number": 80}})},
            "no Service airflow-api-server with port 80",
        ),
        (
            {f"{INGRESS} spec defaultBackend service": {"name": "x", "port": {"number": 80}}},
            "no Service x with port 80",
        ),
    ],
    "statsd_reaches_a_service": [
        ({SERVICE: None}, "no Service airflow-statsd-exporter with port 9125/UDP"),
        ({f"{SERVICE} spec ports statsd-ingest protocol": "TCP"}, "9125/UDP"),
        (
            {CONFIG: "[metrics]\nstatsd_on = True\nstatsd_host = statsd\nstatsd_port = 9125"},
            "no Service statsd",
        ),
        (
            {CONFIG: "[metrics]\nstatsd_on = True\nstatsd_host = airflow-statsd-exporter"},
            "no Service airflow-statsd-exporter with port /UDP",
        ),
    ],
    "disruption_budgets_select_pods": [
        (
            {"PodDisruptionBudget/airflow-api-server-pdb spec selector": NOTHING},
            "selects no pods",
        ),
        (
            {
                "PodDisruptionBudget/airflow-api-server-pdb spec selector": {
                    "matchLabels": {"component": "worker"}
                }
            },
            "selects no pods",
        ),
    ],
    "network_policies_select_pods": [
        ({f"{POLICY} spec podSelector": NOTHING}, "selects no pods"),
        ({f"{POLICY} spec ingress": [{"ports": [{"port": 9125}]}]}, "9125/TCP"),
        ({f"{POLICY} spec ingress": [{"ports": [{"port": "metrics"}]}]}, "metrics/TCP"),
    ],
    "autoscalers_scale_a_workload": [
        (
            {"HorizontalPodAutoscaler/airflow-triggerer spec scaleTargetRef kind": "Deployment"},
            "no Deployment airflow-triggerer",
        ),
    ],
    "service_accounts_exist": [
        ({"ServiceAccount/airflow-worker": None}, "pod_template_file.yaml"),
        ({"ServiceAccount/airflow-worker": None}, BINDING),
        ({f"{EXPORTER_POD} serviceAccountName": "x"}, "no ServiceAccount x"),
    ],
    "bindings_bind_a_role": [
        ({"Role/airflow-pod-log-reader": None}, "no Role airflow-pod-log-reader"),
        ({f"{BINDING} roleRef kind": "ClusterRole"}, "no ClusterRole airflow-pod-log-reader"),
    ],
    "mounts_have_a_volume": [
        ({MAPPING_VOLUME: None}, '"mapping"'),
        ({f"{SIDECAR} volumeMounts +": {"name": "data", "mountPath": "/data"}}, '"data"'),
        ({"StatefulSet/airflow-triggerer spec volumeClaimTemplates": []}, '"logs"'),
    ],
    "volumes_are_mounted": [
        ({f"{EXPORTER_POD} volumes +": {"name": "x", "emptyDir": {}}}, '"x"'),
        ({f"{SIDECAR} volumeMounts": None}, '"task-logs-config"'),
    ],
    "config_maps_exist": [
        ({"ConfigMap/airflow-statsd-mapping": None}, "no ConfigMap airflow-statsd-mapping"),
        (
            {f"{MAPPING_VOLUME} configMap items": [{"key": "mapping.yaml", "path": "m"}]},
            "ConfigMap airflow-statsd-mapping has no key mapping.yaml",
        ),
        (
            {
                MAPPING_VOLUME: {
                    "name": "mapping",
                    "projected": {"sources": [{"configMap": {"name": "x"}}]},
                }
            },
            "no ConfigMap x",
        ),
        (
            {
                f"{SIDECAR} env +": {
                    "name": "A",
                    "valueFrom": {"configMapKeyRef": {"name": "airflow-config", "key": "a"}},
                }
            },
            "ConfigMap airflow-config has no key a",
        ),
        ({f"{SIDECAR} envFrom +": {"configMapRef": {"name": "x"}}}, "no ConfigMap x"),
        (
            {f"{SIDECAR} envFrom +": {"configMapRef": {"name": "airflow-fernet-key"}}},
            "no ConfigMap airflow-fernet-key",
        ),
        (
            {f"{BASE} volumeMounts +": {"name": "config", "mountPath": "/x", "subPath": "x.py"}},
            "no file x.py in volume config",
        ),
    ],
    "secrets_exist": [
        ({"Secret/airflow-metadata": None}, "no Secret airflow-metadata"),
        ({"ExternalSecret/airflow-fernet-key": None}, "no Secret airflow-fernet-key"),
        (
            {"Secret/airflow-metadata data": {"url": "eA=="}},
            "airflow-metadata has no key connection",
        ),
        (
            {f"{FERNET} spec dataFrom": None, f"{FERNET} spec data": [{"secretKey": "key"}]},
            "airflow-fernet-key has no key fernet-key",
        ),
        (
            {f"{FERNET} spec target": {"template": {"data": {"key": "{{ .key }}"}}}},
            "airflow-fernet-key has no key fernet-key",
        ),
        ({f"{API_SERVER_CONTAINER} envFrom +": {"secretRef": {"name": "x"}}}, "no Secret x"),
        ({f"{TASK_POD} imagePullSecrets +": {"name": "x"}}, "no Secret x"),
        ({MAPPING_VOLUME: {"name": "mapping", "secret": {"secretName": "x"}}}, "no Secret x"),
    ],
    "named_files_are_mounted": [
        (
            {"ConfigMap/airflow-task-logs data drain.sh": None},
            "names /etc/task-logs/drain.sh",
        ),
        (
            {f"{EXPORTER_CONTAINER} args": ["--statsd.mapping-config=/etc/statsd-exporter/m.yaml"]},
            "names /etc/statsd-exporter/m.yaml",
        ),
        (
            {f"{EXPORTER_CONTAINER} env +": {"name": "A", "value": "a:/etc/statsd-exporter/x"}},
            "names /etc/statsd-exporter/x",
        ),
        (
            {f"{MAPPING_VOLUME} configMap items": [{"key": "statsd-mapping.yaml", "path": "m"}]},
            "names /etc/statsd-exporter/statsd-mapping.yaml",
        ),
    ],
}

# Changes that are all right.
ALLOWED: dict[str, list[Edits]] = {
    "secrets_exist": [
        {
            f"{FERNET} spec dataFrom": None,
            f"{FERNET} spec data": [{"secretKey": "key"}],
            f"{FERNET} spec target": {
                "template": {"mergePolicy": "Merge", "data": {"fernet-key": "{{ .key }}"}}
            },
        },
        {f"{FERNET} spec target": {"template": {"mergePolicy": "Merge", "data": {"key": "x"}}}},
        {f"{FERNET} spec target": {"template": {"templateFrom": [{"literal": "x: y"}]}}},
        {
            f"{FERNET} spec dataFrom": None,
            f"{FERNET} spec data": [{"secretKey": "key"}],
            f"{FERNET} spec target": {"creationPolicy": "Merge"},
        },
    ],
    "services_reach_a_workload": [
        {f"{SERVICE} spec selector": None},
        {f"{SERVICE} spec ports statsd-ingest targetPort": 9125},
    ],
    "service_monitors_reach_a_service": [
        {
            f"{SERVICE_MONITOR} metadata namespace": "monitoring",
            f"{SERVICE_MONITOR} spec namespaceSelector any": True,
        },
    ],
    "statsd_reaches_a_service": [
        {CONFIG: "[metrics]\nstatsd_on = False\nstatsd_host = nowhere"},
        {
            CONFIG: "[metrics]\nstatsd_on = True\nstatsd_port = 9125\n"
            "statsd_host = airflow-statsd-exporter.lakehouse-platform.svc"
        },
    ],
    "ingresses_reach_a_service": [
        {f"{INGRESS} spec defaultBackend": {"resource": {"kind": "Bucket", "name": "static"}}},
    ],
    "network_policies_select_pods": [
        {f"{POLICY} spec podSelector": {}},
        {f"{POLICY} spec ingress": [{"ports": [{"port": 9000, "endPort": 9200}]}]},
        {f"{POLICY} spec ingress": [{"from": [{"podSelector": {}}]}]},
    ],
    "service_accounts_exist": [
        {f"{EXPORTER_POD} serviceAccountName": "default"},
    ],
    "config_maps_exist": [
        {"ConfigMap/airflow-task-logs": None},
    ],
    "named_files_are_mounted": [
        {
            f"{EXPORTER_CONTAINER} env +": {
                "name": "A",
                "value": "http://host/etc/statsd-exporter/x",
            }
        },
        {f"{EXPORTER_CONTAINER} env +": {"name": "A", "value": "/etc/statsd-exporter"}},
        {f"{API_SERVER_CONTAINER} args": ["/etc/anything"]},
    ],
}
