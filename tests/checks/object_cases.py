"""What the checks of single objects must report, and what they must not."""

from .conftest import Edits

EXPORTER = "Deployment/airflow-statsd-exporter"
EXPORTER_POD = f"{EXPORTER} spec template spec"
EXPORTER_CONTAINER = f"{EXPORTER_POD} containers statsd-exporter"
API_SERVER = "Deployment/airflow-api-server"
API_SERVER_CONTAINER = f"{API_SERVER} spec template spec containers api-server"
TASK_POD = "ConfigMap/airflow-config data pod_template_file.yaml spec"
SIDECAR = f"{TASK_POD} initContainers vector"
TRIGGERER = "StatefulSet/airflow-triggerer"
MIGRATIONS = "Job/airflow-run-airflow-migrations"
MIGRATIONS_CONTAINER = f"{MIGRATIONS} spec template spec containers run-airflow-migrations"
CONFIG = "ConfigMap/airflow-config data airflow.cfg"
VECTOR = "ConfigMap/airflow-task-logs data vector.yaml"
MAPPING = "ConfigMap/airflow-statsd-mapping data statsd-mapping.yaml"

ALERTS = "PrometheusRule/airflow-alerts"
BAD_RULE = {"alert": "Bad", "expr": "sum("}
TOO_LONG = "x" * 64
PRIVATE_KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAx3mZ\n-----END RSA PRIVATE KEY-----"
URI = "postgresql://airflow:hunter2@db:5432/airflow"
POD_TEMPLATE = "{apiVersion: v1, kind: Pod, spec: {containers: [{name: base, image: airflow:3}]}}"
ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "own"}}
INIT = {"name": "wait", "image": "busybox:1.37"}

# What to break, and what the message must say.
BROKEN: dict[str, list[tuple[Edits, str]]] = {
    "images_are_pinned": [
        ({f"{API_SERVER_CONTAINER} image": "apache/airflow:latest"}, "latest"),
        ({f"{SIDECAR} image": "localhost:5000/vector"}, "localhost:5000/vector"),
        ({f"{MIGRATIONS} spec template spec initContainers +": {"name": "x"}}, 'image ""'),
    ],
    "resources_are_set": [
        ({f"{EXPORTER_CONTAINER} resources": None}, "requests.cpu"),
        ({f"{SIDECAR} resources requests memory": None}, "requests.memory"),
        ({f"{SIDECAR} resources limits": None}, "limits.memory"),
        ({f"{EXPORTER_POD} initContainers +": INIT}, "requests.cpu"),
    ],
    "pods_are_restricted": [
        ({f"{EXPORTER_POD} hostNetwork": True}, "hostNetwork"),
        ({f"{EXPORTER_POD} hostPID": True}, "hostPID"),
        ({f"{EXPORTER_POD} hostIPC": True}, "hostIPC"),
        (
            {f"{EXPORTER_POD} securityContext sysctls": [{"name": "kernel.a", "value": "b"}]},
            "sysctls",
        ),
        (
            {f"{EXPORTER_POD} volumes +": {"name": "x", "hostPath": {"path": "/"}}},
            'volume "x" uses restricted volume type "hostPath"',
        ),
        (
            {f"{TASK_POD} volumes logs": {"name": "logs", "hostPath": {"path": "/var/log"}}},
            'volume "logs" uses restricted volume type "hostPath"',
        ),
        ({f"{EXPORTER_POD} securityContext runAsNonRoot": None}, "runAsNonRoot"),
        ({f"{API_SERVER} spec template spec securityContext runAsNonRoot": None}, "runAsNonRoot"),
        ({f"{TASK_POD} securityContext seccompProfile": None}, "seccompProfile"),
        (
            {f"{MIGRATIONS_CONTAINER} securityContext": {}},
            'container "run-airflow-migrations" must set securityContext.allowPrivilegeEscalation',
        ),
        ({f"{API_SERVER} spec template spec initContainers +": INIT}, 'container "wait" must set'),
        ({f"{SIDECAR} securityContext runAsNonRoot": False}, "runAsNonRoot"),
        ({f"{SIDECAR} securityContext runAsUser": 0}, "runAsUser"),
        ({f"{SIDECAR} securityContext privileged": True}, "privileged"),
        ({f"{SIDECAR} securityContext allowPrivilegeEscalation": None}, "allowPrivilegeEscalation"),
        ({f"{SIDECAR} securityContext capabilities drop": ["NET_RAW"]}, "capabilities.drop"),
        ({f"{SIDECAR} securityContext capabilities add": ["SYS_ADMIN"]}, "SYS_ADMIN"),
        ({f"{EXPORTER_POD} securityContext seccompProfile type": "Unconfined"}, "seccompProfile"),
        ({f"{SIDECAR} securityContext seccompProfile": None}, "seccompProfile"),
        ({f"{SIDECAR} securityContext procMount": "Unmasked"}, "procMount"),
        ({f"{EXPORTER_CONTAINER} ports statsd-ingest hostPort": 9125}, "hostPort"),
        (
            {f"{SIDECAR} securityContext windowsOptions": {"hostProcess": True}},
            "hostProcess",
        ),
        ({f"{SIDECAR} securityContext appArmorProfile": {"type": "Unconfined"}}, "appArmorProfile"),
        ({f"{SIDECAR} securityContext seLinuxOptions": {"user": "root"}}, "seLinuxOptions"),
    ],
    "pods_keep_to_the_baseline": [
        ({f"{API_SERVER} spec template spec hostNetwork": True}, "hostNetwork"),
        ({f"{TASK_POD} hostPID": True}, "hostPID"),
        (
            {f"{API_SERVER_CONTAINER} securityContext": {"privileged": True}},
            'container "api-server" must not set securityContext.privileged=true',
        ),
        (
            {f"{MIGRATIONS} spec template spec volumes +": {"name": "x", "hostPath": {}}},
            'volume "x"',
        ),
    ],
    "objects_fit_their_schema": [
        ({f"{EXPORTER} spec replicas": "one"}, "got string, want null or integer"),
        ({f"{TASK_POD} containers base imagePullSecret": []}, "imagePullSecret"),
    ],
    "shell_programs_parse": [
        ({"ConfigMap/airflow-task-logs data drain.sh": "if true"}, "drain.sh in ConfigMap"),
        ({f"{SIDECAR} command": ["/bin/sh", "-c", "exec 'vector"]}, "command: "),
    ],
    "vrl_compiles": [
        ({f"{VECTOR} transforms parse source": ".message ="}, "transforms.parse: "),
        ({"ConfigMap/airflow-task-logs data parse.vrl": ".a = b"}, "transforms.files: "),
        ({f"{VECTOR} transforms files file": "other.vrl"}, "reads other.vrl, which is not there"),
    ],
    "vector_accepts_its_configuration": [
        ({f"{VECTOR} sinks loki endpiont": "http://loki"}, "endpiont"),
    ],
    "statsd_exporter_accepts_the_mapping": [
        ({MAPPING: "mappings: [{match: airflow.*.x*, name: x}]"}, "invalid match"),
    ],
    "prometheus_accepts_the_rules": [
        (
            {"PrometheusRule/airflow-alerts spec groups airflow rules": [BAD_RULE]},
            "unclosed left parenthesis",
        ),
    ],
    "root_filesystems_are_read_only": [
        ({f"{SIDECAR} securityContext readOnlyRootFilesystem": None}, 'container "vector"'),
    ],
    "service_account_tokens_are_not_mounted": [
        ({f"{EXPORTER_POD} automountServiceAccountToken": None}, "automountServiceAccountToken"),
        (
            {"ServiceAccount/own": ACCOUNT},
            "automountServiceAccountToken must be false",
        ),
    ],
    "names_are_valid": [
        ({f"{API_SERVER} metadata name": TOO_LONG}, "64 characters, 63 are allowed"),
        ({f"{TRIGGERER} metadata name": "x" * 53}, "53 characters, 52 are allowed"),
        ({f"{EXPORTER} metadata name": "Airflow_Exporter"}, "Airflow_Exporter"),
        ({"Service/airflow-api-server metadata name": "2-api"}, '"2-api"'),
    ],
    "namespaces_are_consistent": [
        ({f"{API_SERVER} metadata namespace": "other"}, '"other"'),
        (
            {f"{EXPORTER} metadata namespace": "lakehouse-platform"},
            "metrics/service.yaml): names no namespace, while others of our",
        ),
        (
            {
                "ClusterRole/x": {
                    "apiVersion": "rbac.authorization.k8s.io/v1",
                    "kind": "ClusterRole",
                    "metadata": {"name": "x", "namespace": "lakehouse-platform"},
                }
            },
            "belongs to none",
        ),
    ],
    "labels_are_valid": [
        ({f"{EXPORTER} metadata labels tier": TOO_LONG}, "invalid value"),
        ({f"{EXPORTER} metadata labels tier": True}, "invalid value True"),
        ({f"{EXPORTER} metadata labels a/b/c": "x"}, '"a/b/c"'),
        ({f"{EXPORTER} metadata labels -x": "x"}, '"-x"'),
        (
            {"ConfigMap/airflow-config data pod_template_file.yaml metadata labels dag": "a b"},
            "'a b'",
        ),
    ],
    "selectors_match_their_own_pods": [
        (
            {f"{API_SERVER} spec selector matchLabels component": "webserver"},
            "its own pod template",
        ),
        (
            {
                f"{EXPORTER} spec selector matchExpressions": [
                    {
                        "key": "app.kubernetes.io/name",
                        "operator": "NotIn",
                        "values": ["statsd-exporter"],
                    }
                ]
            },
            "its own pod template",
        ),
        (
            {
                f"{API_SERVER} spec selector": {
                    "matchExpressions": [{"key": "component", "operator": "Exists"}]
                }
            },
            "also matches the pods of StatefulSet/airflow-triggerer",
        ),
    ],
    "pods_survive_a_new_chart_version": [
        (
            {f"{EXPORTER} spec template metadata labels helm.sh/chart": "observability-0.1.0"},
            "helm.sh/chart of the pod",
        ),
        (
            {f"{EXPORTER} spec template metadata labels app.kubernetes.io/version": "0.31.0"},
            "app.kubernetes.io/version of the pod",
        ),
        (
            {
                f"{EXPORTER} spec volumeClaimTemplates +": {
                    "metadata": {"name": "data", "labels": {"helm.sh/chart": "observability-0.1.0"}}
                }
            },
            'helm.sh/chart of volume claim "data"',
        ),
    ],
    "nothing_is_listed_twice": [
        (
            {f"{EXPORTER_POD} volumes +": {"name": "mapping", "emptyDir": {}}},
            'volume "mapping"',
        ),
        (
            {f"{EXPORTER_CONTAINER} env +": {"name": "TOKEN_FILE", "value": "/tmp/token"}},
            'environment variable "TOKEN_FILE"',
        ),
        (
            {f"{SIDECAR} volumeMounts +": {"name": "logs", "mountPath": "/etc/task-logs"}},
            'mount path "/etc/task-logs"',
        ),
        (
            {f"{EXPORTER_CONTAINER} ports +": {"name": "statsd-ingest", "containerPort": 1}},
            'port name "statsd-ingest"',
        ),
        (
            {f"{EXPORTER_CONTAINER} ports +": {"name": "again", "containerPort": 9102}},
            'port "9102/TCP"',
        ),
        (
            {"Service/airflow-api-server spec ports +": {"name": "again", "port": 8080}},
            'port "8080/TCP"',
        ),
    ],
    "environment_holds_no_secrets": [
        ({f"{SIDECAR} env +": {"name": "T", "value": URI}}, "URI"),
        *(
            (
                {f"{API_SERVER_CONTAINER} env +": {"name": name, "value": "hunter2"}},
                f"{name} has a literal value",
            )
            for name in ("db_password", "AIRFLOW__CORE__FERNET_KEY", "API_TOKEN", "CLIENT_SECRET")
        ),
    ],
    "config_maps_hold_no_secrets": [
        ({MAPPING: PRIVATE_KEY}, "private key"),
        ({MAPPING: f"url: {URI}"}, "URI with a password"),
        ({CONFIG: "[core]\nfernet_key = aGV5"}, "[core] fernet_key"),
    ],
    "no_template_is_left_unevaluated": [
        (
            {f"{API_SERVER} metadata annotations url": "{{ tpl .Values.url . }}"},
            "{{ tpl .Values.url . }}",
        ),
        ({f"{SIDECAR} image": "vector:{{ .Values.tag }}"}, "pod_template_file.yaml"),
        (
            {"ConfigMap/airflow-task-logs data parse.vrl": "# {{ include 'observability.x' . }}"},
            "{{ include 'observability.x' . }}",
        ),
        ({f"{API_SERVER_CONTAINER} image": "apache/airflow:<no value>"}, "<no value>"),
        ({f"{API_SERVER_CONTAINER} args +": "--workers=%!d(string=4)"}, "%!d(string=4)"),
    ],
    "jobs_are_no_hooks": [
        (
            {f"{MIGRATIONS} metadata annotations helm.sh/hook": "post-install,post-upgrade"},
            "post-install,post-upgrade",
        ),
    ],
    "task_logs_sidecars_are_native": [
        ({f"{SIDECAR} restartPolicy": None}, "restartPolicy: Always"),
        ({f"{TASK_POD} containers +": {"name": "vector"}, SIDECAR: None}, "restartPolicy: Always"),
        ({f"{SIDECAR} startupProbe": {}}, "startupProbe"),
        ({f"{SIDECAR} readinessProbe": {}}, "readinessProbe"),
    ],
    "replicas_have_a_disruption_budget": [
        ({"PodDisruptionBudget/airflow-api-server-pdb": None}, "no PodDisruptionBudget"),
        (
            {"HorizontalPodAutoscaler/airflow-triggerer spec minReplicas": 2},
            "no PodDisruptionBudget",
        ),
    ],
    "long_lived_containers_have_probes": [
        ({f"{EXPORTER_CONTAINER} livenessProbe": None}, "liveness"),
        ({f"{EXPORTER_CONTAINER} readinessProbe": None}, "readiness"),
    ],
}

# Changes that are all right.
ALLOWED: dict[str, list[Edits]] = {
    "images_are_pinned": [
        {f"{SIDECAR} image": "localhost:5000/vector:0.58.0-alpine"},
    ],
    "resources_are_set": [
        {"ConfigMap/airflow-task-logs data pod_template_file.yaml": POD_TEMPLATE},
    ],
    "pods_are_restricted": [
        {"ConfigMap/airflow-task-logs data pod_template_file.yaml": POD_TEMPLATE},
        {f"{SIDECAR} securityContext capabilities add": ["NET_BIND_SERVICE"]},
    ],
    "names_are_valid": [
        {f"{API_SERVER} metadata name": "x" * 63},
        {"ConfigMap/airflow-config metadata name": "2.config"},
    ],
    "labels_are_valid": [
        {f"{EXPORTER} metadata labels tier": ""},
    ],
    "namespaces_are_consistent": [
        {f"{API_SERVER} metadata namespace": "lakehouse-platform"},
        {"ServiceMonitor/airflow-statsd-exporter metadata namespace": "monitoring"},
    ],
    "nothing_is_listed_twice": [
        {f"{EXPORTER_CONTAINER} ports +": {"containerPort": 1}},
        {
            f"{EXPORTER_CONTAINER} ports +": {
                "name": "udp",
                "containerPort": 9102,
                "protocol": "UDP",
            }
        },
    ],
    "environment_holds_no_secrets": [
        *(
            {f"{SIDECAR} env +": {"name": name, "value": value}}
            for name, value in {
                "MONKEYS": "hunter2",
                "API_TOKEN": "$(TOKEN)",
                "DB_PASSWORD": "",
                "TOKEN_TTL": "30",
                "LOKI": "http://loki:3100",
            }.items()
        ),
    ],
    "config_maps_hold_no_secrets": [
        {MAPPING: "url: postgresql://airflow:${PASSWORD}@db/airflow"},
    ],
    "jobs_are_no_hooks": [
        {f"{MIGRATIONS} metadata annotations helm.sh/hook": "test"},
    ],
    "no_template_is_left_unevaluated": [
        {"ExternalSecret/airflow-fernet-key spec target template data url": "{{ .password }}"},
    ],
    "replicas_have_a_disruption_budget": [
        {
            "HorizontalPodAutoscaler/airflow-triggerer spec scaleTargetRef name": "other",
            "HorizontalPodAutoscaler/airflow-triggerer spec minReplicas": 2,
        },
    ],
    "long_lived_containers_have_probes": [
        {f"{EXPORTER_POD} initContainers +": INIT},
        {f"{EXPORTER_CONTAINER} ports": None, f"{EXPORTER_CONTAINER} livenessProbe": None},
    ],
}
