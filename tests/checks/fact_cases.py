"""What the checks of facts about our own objects must report, on a release with everything on."""

from .conftest import Edits

EXPORTER = "Deployment/airflow-statsd-exporter"
EXPORTER_POD = f"{EXPORTER} spec template"
EXPORTER_CONTAINER = f"{EXPORTER_POD} spec containers statsd-exporter"
SERVICE = "Service/airflow-statsd-exporter"
POLICY = "NetworkPolicy/airflow-statsd-exporter"
MONITOR = "ServiceMonitor/airflow-statsd-exporter"
TEST_POD = "Pod/airflow-statsd-mapping-test"
PRE_PULLER = "DaemonSet/airflow-image-pre-puller"
PRE_PULLED = f"{PRE_PULLER} spec template spec containers vector-image"
POD_MONITOR = "PodMonitor/airflow-task-logs"
TASK_POD = "ConfigMap/airflow-config data pod_template_file.yaml spec"
SIDECAR = f"{TASK_POD} initContainers vector"
BASE = f"{TASK_POD} containers base"
VECTOR = "ConfigMap/airflow-task-logs data vector.yaml"
CONFIG = "ConfigMap/airflow-config data airflow.cfg"
NAME = "app.kubernetes.io/name"

# What to break, and what the message must say.
LAUNCHER_ROLE = "Role/airflow-jobs-launcher.lakehouse-platform"

BROKEN: dict[str, list[tuple[Edits, str]]] = {
    "premises_hold": [
        (
            {f"{BASE} env +": {"name": "AIRFLOW__METRICS__STATSD_PREFIX", "value": "b"}},
            "AIRFLOW__METRICS__STATSD_PREFIX is 'b'",
        ),
        (
            {f"{BASE} env +": {"name": "AIRFLOW__LOGGING__DELETE_LOCAL_LOGS", "value": "1"}},
            "AIRFLOW__LOGGING__DELETE_LOCAL_LOGS is '1'",
        ),
        (
            {f"{BASE} env +": {"name": "AIRFLOW__LOGGING__BASE_LOG_FOLDER", "valueFrom": {}}},
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER cannot be seen",
        ),
        (
            {f"{BASE} env +": {"name": "AIRFLOW__METRICS__STATSD_ON_CMD", "value": "x"}},
            "AIRFLOW__METRICS__STATSD_ON_CMD cannot be seen",
        ),
        ({CONFIG: "[logging]\nbase_log_folder = /var"}, "logging.base_log_folder is '/var'"),
        ({CONFIG: "[metrics]\nstatsd_host = statsd"}, "metrics.statsd_host is 'statsd'"),
        ({CONFIG: "[core]\nexecutor = x"}, "metrics.statsd_on is not set, and must be True"),
    ],
    "objects_carry_the_standard_labels": [
        ({f"{SERVICE} metadata labels app.kubernetes.io/part-of": None}, "part-of is not set"),
        ({f"{SERVICE} metadata labels helm.sh/chart": "other-1"}, "helm.sh/chart is"),
        ({f"{SERVICE} metadata labels app.kubernetes.io/component": "x"}, "must be equal"),
    ],
    "names_are_release_and_component": [
        (
            {
                "MutatingAdmissionPolicy/airflow-task-logs.lakehouse-platform metadata name": (
                    "airflow-task-logs"
                )
            },
            "airflow-task-logs.lakehouse-platform",
        ),
        ({f"{PRE_PULLER} metadata name": "image-pre-puller"}, "airflow-image-pre-puller"),
        (
            {f"{LAUNCHER_ROLE} metadata name": "airflow-jobs-launcher"},
            "must be one of airflow-jobs-launcher.lakehouse-platform",
        ),
        (
            {"ExternalSecret/airflow-fernet spec target name": "other"},
            "the name must be that of the Secret",
        ),
    ],
    "pods_with_the_configuration_have_the_sidecar": [
        ({f"{SIDECAR} name": "shipper"}, "but no container vector"),
    ],
    "sidecars_run_as_the_user_of_their_task": [
        ({f"{SIDECAR} securityContext runAsUser": 1}, "must be that of the pod"),
    ],
    "grafana_dashboards_take_a_config_map": [
        (
            {"GrafanaDashboard/airflow-dashboard-dag spec configMapRef key": "x.json"},
            "there is no ConfigMap airflow-dashboard-dag with the key x.json",
        ),
    ],
    "labels_of_pods_are_those_of_their_component": [
        ({f"{EXPORTER_POD} metadata labels app.kubernetes.io/component": None}, "component must"),
        ({f"{TEST_POD} metadata labels app.kubernetes.io/component": None}, "component must"),
        ({f"{EXPORTER} spec selector matchLabels {NAME}": None}, "must select by"),
    ],
    "selectors_name_component_and_release": [
        ({f"{SERVICE} spec selector app.kubernetes.io/instance": None}, "spec.selector must be"),
        ({f"{MONITOR} spec selector matchLabels {NAME}": "x"}, "spec.selector.matchLabels must"),
    ],
    "pods_carry_the_common_labels": [
        ({f"{pod} metadata labels team": None}, "must have the label team")
        for pod in (EXPORTER_POD, f"{PRE_PULLER} spec template", TEST_POD)
    ],
    "pods_of_ours_give_up_their_rights": [
        ({f"{EXPORTER_POD} spec securityContext runAsNonRoot": None}, "runAsNonRoot is not set"),
        ({f"{EXPORTER_POD} spec enableServiceLinks": None}, "enableServiceLinks is not set"),
        ({f"{SIDECAR} securityContext runAsNonRoot": None}, "runAsNonRoot is not set"),
    ],
    "configuration_is_mounted_read_only": [
        ({f"{EXPORTER_CONTAINER} volumeMounts mapping readOnly": None}, "must be readOnly"),
        ({f"{SIDECAR} volumeMounts task-logs-ca readOnly": False}, "must be readOnly"),
        ({f"{BASE} volumeMounts task-logs-config readOnly": None}, "must be readOnly"),
    ],
    "pods_restart_when_their_configuration_changes": [
        ({f"{EXPORTER_POD} metadata annotations checksum/mapping": None}, "checksum/mapping"),
        (
            {"ConfigMap/airflow-statsd-mapping data statsd-mapping.yaml": "mappings: []"},
            "must be the sha256 of airflow-statsd-mapping",
        ),
    ],
    "there_is_one_statsd_exporter": [
        ({f"{EXPORTER} spec replicas": 2}, "spec replicas is 2"),
        ({f"{EXPORTER} spec strategy type": "RollingUpdate"}, "Recreate"),
        ({f"{EXPORTER_CONTAINER} name": "exporter"}, "has no container statsd-exporter"),
    ],
    "the_statsd_exporter_listens_where_its_ports_say": [
        ({f"{EXPORTER_CONTAINER} ports statsd-ingest containerPort": 1}, "listen-udp must be :1"),
        ({f"{EXPORTER_CONTAINER} args": ["--web.listen-address=:9102"]}, "mapping-config must"),
    ],
    "the_statsd_exporter_keeps_its_memory_small": [
        ({f"{EXPORTER_CONTAINER} env GOGC name": "GOGCC"}, "must have GOGC"),
    ],
    "the_statsd_exporter_is_probed": [
        ({f"{EXPORTER_CONTAINER} readinessProbe httpGet path": "/"}, "/-/ready"),
        ({f"{EXPORTER_CONTAINER} livenessProbe httpGet port": "statsd-ingest"}, "statsd-scrape"),
    ],
    "the_statsd_service_is_resolved_once": [
        ({f"{SERVICE} spec clusterIP": "None"}, "must not be None"),
        ({f"{SERVICE} spec ports statsd-scrape port": 80}, "must be 9102"),
    ],
    "the_statsd_network_policy_admits_airflow_and_prometheus": [
        ({f"{POLICY} spec policyTypes": ["Ingress"]}, "Ingress and Egress"),
        (
            {
                f"{POLICY} spec ingress +": {
                    "from": [{"podSelector": {"matchLabels": {"release": "airflow"}}}]
                }
            },
            "pods of Airflow must be selected by",
        ),
        ({f"{POLICY} spec ingress": []}, "must open statsd-ingest/UDP"),
        ({f"{POLICY} spec ingress": []}, "must open statsd-scrape/TCP"),
    ],
    "monitors_scrape_the_statsd_exporter": [
        ({f"{MONITOR} spec endpoints +": {"port": "statsd-scrape"}}, "once"),
        ({f"{MONITOR} spec namespaceSelector matchNames": ["x"]}, "must be lakehouse-platform"),
        ({f"{MONITOR} spec scrapeClassicHistograms": None}, "scrapeClassicHistograms is not set"),
    ],
    "the_mapping_test_runs_the_exporter_of_the_release": [
        ({f"{TEST_POD} spec containers check-config image": "x:1"}, "image must be that of"),
        ({f"{TEST_POD} spec containers check-config args": []}, "--check-config"),
        ({f"{TEST_POD} spec restartPolicy": "Always"}, "Never"),
    ],
    "sidecars_run_the_drain": [
        ({f"{SIDECAR} workingDir": "/"}, "workingDir"),
        ({f"{SIDECAR} command": ["vector"]}, "command must be /bin/sh -c"),
        ({f"{SIDECAR} command": ["/bin/sh", "-c", "exec vector"]}, "exec /bin/sh /etc/task-logs"),
        ({f"{SIDECAR} terminationMessagePolicy": None}, "terminationMessagePolicy is not set"),
    ],
    "sidecars_start_first": [
        (
            {f"{TASK_POD} initContainers": [{"name": "x"}, {"name": "vector"}]},
            "must be the first",
        ),
    ],
    "sidecars_stop_before_those_that_they_need": [
        (
            {
                f"{TASK_POD} initContainers": [
                    {"name": "vector"},
                    {"name": "istio-proxy", "restartPolicy": "Always"},
                ]
            },
            "must come after the native sidecars ['istio-proxy']",
        ),
    ],
    "sidecars_know_their_task": [
        (
            {f"{SIDECAR} env DAG_ID valueFrom fieldRef fieldPath": "metadata.labels['dag_id']"},
            "DAG_ID must come from metadata.annotations['dag_id']",
        ),
        ({f"{SIDECAR} env RUN_ID": None}, "RUN_ID must come from"),
    ],
    "sidecars_read_the_logs_of_their_task": [
        ({f"{SIDECAR} volumeMounts logs mountPath": "/logs"}, "must mount logs at"),
        ({f"{SIDECAR} volumeMounts logs subPath": "x"}, "the same part of logs"),
        ({f"{SIDECAR} volumeMounts logs readOnly": True}, "must be able to write"),
        ({f"{SIDECAR} volumeMounts logs": None}, "mounts no volume logs"),
    ],
    "sidecars_agree_with_their_configuration": [
        ({f"{SIDECAR} env DRAIN_TIMEOUT_SECONDS value": "1"}, "DRAIN_TIMEOUT_SECONDS must"),
        ({f"{SIDECAR} env LOKI_MAX_LINE_BYTES value": "262144"}, "below Loki's own limit"),
        ({f"{SIDECAR} env MAX_LINE_BYTES value": "1"}, "must be max_line_bytes"),
        ({f"{SIDECAR} env VECTOR_LOG value": "off"}, "VECTOR_LOG"),
        ({f"{SIDECAR} resources limits memory": "16Mi"}, "needs 64Mi"),
        ({f"{SIDECAR} imagePullPolicy": "Always"}, "IfNotPresent"),
        ({f"{VECTOR} data_dir": "/data"}, "must mount a volume at data_dir"),
        ({f"{SIDECAR} ports vector-metrics containerPort": 1}, "the port vector-metrics"),
        ({f"{SIDECAR} ports": None}, "must have the TCP port vector-metrics"),
    ],
    "sidecars_know_whether_their_task_has_started": [
        ({f"{SIDECAR} env START_MARKED": None}, "START_MARKED must be true"),
        ({f"{BASE} volumeMounts task-logs-data subPath": "x"}, "must mount"),
        ({f"{BASE} volumeMounts task-logs-data": None}, "must mount"),
    ],
    "sidecars_report_to_the_statsd_exporter": [
        ({f"{SIDECAR} env STATSD_HOST value": "x"}, "must be one of"),
        ({SERVICE: None}, "there is no Service"),
        ({f"{SIDECAR} env STATSD_PREFIX value": "x"}, "STATSD_PREFIX is x, which"),
    ],
    "a_missing_config_map_or_secret_costs_logs_and_no_task": [
        ({f"{TASK_POD} volumes task-logs-config configMap optional": None}, "must be optional"),
        ({f"{TASK_POD} volumes task-logs-ca secret optional": False}, "must be optional"),
    ],
    "scratch_data_of_the_sidecar_is_bounded": [
        ({f"{TASK_POD} volumes task-logs-data emptyDir": {}}, "with a sizeLimit"),
    ],
    "credentials_reach_vector_and_are_in_no_file": [
        ({f"{SIDECAR} volumeMounts task-logs-ca mountPath": "/ca"}, "mounted at /etc/task-logs-ca"),
        ({f"{SIDECAR} volumeMounts task-logs-ca": None}, "must mount task-logs-ca"),
        ({f"{VECTOR} sinks loki tls ca_file": "/ca.crt"}, "reads /ca.crt"),
        ({f"{VECTOR} secret": None}, "secret loki type is not set"),
        ({f"{VECTOR} secret loki type": "directory"}, "secret loki type"),
        ({f"{VECTOR} sinks loki tls key_file": None}, "has LOKI_CLIENT_KEY, for which"),
        (
            {f"{VECTOR} sinks loki auth password": "SECRET[loki.LOKI_USERNAME]"},
            "password must be SECRET[loki.LOKI_PASSWORD]",
        ),
        (
            {f"{SIDECAR} env LOKI_CLIENT_KEY valueFrom secretKeyRef key": "tls.crt"},
            "LOKI_CLIENT_KEY must be the key tls.key",
        ),
        ({f"{SIDECAR} env LOKI_PASSWORD": None}, "asks for LOKI_PASSWORD"),
        (
            {f"{SIDECAR} env LOKI_PASSWORD valueFrom secretKeyRef optional": None},
            "Secret of LOKI_PASSWORD must be optional",
        ),
        (
            {
                f"{TASK_POD} volumes task-logs-ca name": "x",
                f"{SIDECAR} volumeMounts task-logs-ca name": "x",
            },
            "mounts the Secret x",
        ),
    ],
    "captured_output_goes_through_our_program": [
        ({f"{BASE} command": None}, "command must begin with /bin/sh"),
        ({f"{BASE} volumeMounts task-logs-config mountPath": "/x"}, "must mount task-logs-config"),
    ],
    "the_pre_puller_keeps_the_image_of_the_sidecar": [
        ({f"{PRE_PULLED} image": "x:1"}, "image must be that of the sidecars"),
        ({f"{PRE_PULLED} imagePullPolicy": "Never"}, "IfNotPresent"),
        ({f"{SIDECAR} image": "x:1"}, "all sidecars must run one image"),
        ({f"{PRE_PULLED} name": "x"}, "has no container vector-image"),
    ],
    "pod_monitors_scrape_long_lived_sidecars_only": [
        ({f"{POD_MONITOR} spec selector matchLabels tier": None}, "spec.selector must be"),
        ({f"{POD_MONITOR} spec podMetricsEndpoints": []}, "must scrape vector-metrics"),
    ],
    "vector_reads_every_line_of_every_log_file": [
        ({f"{VECTOR} sources task_logs read_from": "end"}, "read_from"),
        ({f"{VECTOR} sources task_logs fingerprint strategy": "checksum"}, "device_and_inode"),
        ({f"{VECTOR} sources task_logs exclude": ["*"]}, "sources task_logs exclude"),
    ],
    "inputs_name_a_step": [
        ({f"{VECTOR} sinks archive inputs": ["nothing"]}, "sinks.archive: inputs must name"),
    ],
    "vector_keeps_records_together": [
        ({f"{VECTOR} sources task_logs multiline start_pattern": "^T"}, "must match '[2026"),
        ({f"{VECTOR} sources task_logs multiline condition_pattern": "."}, "must not match"),
    ],
    "vector_delivers_every_line_to_loki": [
        ({f"{VECTOR} sinks loki acknowledgements enabled": False}, "acknowledgements"),
        ({f"{VECTOR} sinks loki buffer when_full": "drop_newest"}, "block"),
        ({f"{VECTOR} sinks redaction_count path": "/x"}, "sinks.redaction_count: path"),
        ({f"{VECTOR} sources internal_metrics type": "x"}, "internal_metrics type"),
    ],
    "a_line_passes_every_step_once": [
        ({f"{VECTOR} sinks loki": None, f"{VECTOR} transforms fields inputs": ["parse"]}, "pass"),
        (
            {f"{VECTOR} transforms parse files": ["split.vrl"]},
            "must run record-format.vrl, parse.vrl",
        ),
        ({f"{VECTOR} transforms suspicious type": "filter"}, "must be a route"),
        ({f"{VECTOR} transforms suspicious route secrets": "false"}, "must let lines"),
        (
            {f"{VECTOR} transforms suspicious route secrets": "match(line, r'password')"},
            "must let lines",
        ),
        ({f"{VECTOR} transforms parse inputs": ["task_logs"]}, "must read"),
        ({f"{VECTOR} transforms redact inputs": ["task_logs"]}, "must read"),
        ({f"{VECTOR} transforms parse drop_on_abort": True}, "drop_on_abort"),
        ({f"{VECTOR} transforms level condition": "true"}, "must drop levels"),
        ({f"{VECTOR} transforms redacted inputs": ["split"]}, "redacted inputs"),
        ({f"{VECTOR} transforms unrecognised condition": "true"}, "unrecognised condition"),
    ],
    "labels_and_metadata_say_whose_line_it_is": [
        ({f"{VECTOR} transforms fields source": ".labels = {}"}, "compact object"),
        (
            {f"{VECTOR} transforms fields source": '.labels = compact({"dag_id": .task_id})'},
            "gives dag_id the value of task_id",
        ),
    ],
    "programs_are_those_of_this_version": [
        ({"ConfigMap/airflow-task-logs data split.vrl": None}, "has no split.vrl"),
        ({"ConfigMap/airflow-task-logs data parse.vrl": ".a = 1"}, "parse.vrl is not the one"),
        (
            {
                "ConfigMap/airflow-task-logs data author-keys.vrl": None,
                f"{VECTOR} transforms parse files": ["record-format.vrl", "parse.vrl"],
            },
            "has no author-keys.vrl",
        ),
    ],
}
