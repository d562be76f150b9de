{{/*
The sidecar container, defined once for all kinds of pods that get it. It is a native sidecar
(https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/): an init container with
restartPolicy Always, which the kubelet stops after the main container has ended.

The sidecar has no probes, because the task would wait for a sidecar that is not ready. The sidecar has a
securityContext of its own, because a task's `pod_override` can replace the one of the pod.

Input: dict
  "context"              the root of the chart in whose scope it is rendered (Release, Values.global)
  "logsMount"            volumeMount of the task's logs: dict "name" and perhaps "subPath"
  "runAsUser"            user id of the task's container; null: left to the cluster
  "drainTimeoutSeconds"  see observability.taskLogs.drainTimeoutSeconds
  "startMarked"          whether the task's container mounts the directory base-started of task-logs-data
*/}}
{{- define "observability.taskLogs.container" -}}
{{- $settings := .context.Values.global.taskLogs -}}
name: vector
restartPolicy: Always
image: {{ include "observability.image" (dict "image" $settings.image "global" .context.Values.global) }}
imagePullPolicy: {{ $settings.image.pullPolicy }}
# Without the ConfigMap there is no drain.sh. The task runs all the same, and when the pod ends, the
# sidecar's termination message says why the logs are missing.
command:
  - /bin/sh
  - -c
  - |
    [ -r /etc/task-logs/drain.sh ] && exec /bin/sh /etc/task-logs/drain.sh
    trap 'exit 1' TERM
    echo 'ConfigMap {{ include "observability.taskLogs.configMapName" .context }} is missing: task logs are not shipped' | tee /dev/termination-log >&2
    while :; do sleep 5 & wait $!; done
workingDir: /etc/task-logs
env:
  - name: DRAIN_TIMEOUT_SECONDS
    value: {{ .drainTimeoutSeconds | quote }}
  - name: MAX_LINE_BYTES
    value: {{ $settings.maxLineBytes | int64 | quote }}
  - name: LOKI_MAX_LINE_BYTES
    value: {{ $settings.loki.maxLineBytes | int64 | quote }}
  - name: VECTOR_LOG
    value: {{ $settings.logLevel }}
  {{- /* Vector reads all certificates of authorities when it starts, which is a tenth of its work, also where no
         connection has TLS. */}}
  {{- if and (hasPrefix "http:" $settings.loki.endpoint) (not $settings.extraSinks) (not $settings.extraTransforms) }}
  - name: SSL_CERT_FILE
    value: /dev/null
  {{- end }}
  {{- if .startMarked }}
  - name: START_MARKED
    value: "true"
  {{- end }}
  {{- if .context.Values.global.metrics.enabled }}
  - name: STATSD_HOST
    value: {{ include "observability.statsdExporter.name" .context }}.{{ .context.Release.Namespace }}
  - name: STATSD_PORT
    value: {{ include "observability.statsdExporter.ingestPort" .context | quote }}
  - name: STATSD_PREFIX
    value: {{ .context.Values.global.metrics.prefix | quote }}
  {{- end }}
  {{- range $name, $path := include "observability.taskLogs.downwardApi" .context | fromYaml }}
  - name: {{ $name }}
    valueFrom:
      fieldRef:
        fieldPath: {{ $path }}
  {{- end }}
  {{- range $name, $secret := include "observability.taskLogs.credentials" $settings.loki | fromYaml }}
  - name: {{ $name }}
    valueFrom:
      secretKeyRef: {{- merge $secret (dict "optional" true) | toYaml | nindent 8 }}
  {{- end }}
  {{- with $settings.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- if $settings.internalMetrics.enabled }}
ports:
  - name: vector-metrics
    containerPort: 9598
    protocol: TCP
{{- end }}
resources: {{- toYaml $settings.resources | nindent 2 }}
{{- $user := kindIs "invalid" .runAsUser | ternary dict (dict "runAsUser" (int64 .runAsUser)) }}
securityContext: {{- mergeOverwrite $user ($settings.securityContext | default dict) | toYaml | nindent 2 }}
terminationMessagePolicy: FallbackToLogsOnError
volumeMounts:
  - name: {{ .logsMount.name }}
    mountPath: /opt/airflow/logs
    {{- with .logsMount.subPath }}
    subPath: {{ . }}
    {{- end }}
  - name: task-logs-config
    mountPath: /etc/task-logs
    readOnly: true
  - name: task-logs-data
    mountPath: /var/lib/vector
  {{- if $settings.loki.tls.caSecretName }}
  - name: task-logs-ca
    mountPath: /etc/task-logs-ca
    readOnly: true
  {{- end }}
{{- end -}}

{{/* Volumes of the sidecar. Input: the root of the chart in whose scope it is rendered. */}}
{{- define "observability.taskLogs.volumes" -}}
- name: task-logs-config
  configMap:
    name: {{ include "observability.taskLogs.configMapName" . }}
    optional: true
- name: task-logs-data
  emptyDir:
    sizeLimit: {{ .Values.global.taskLogs.dataSizeLimit }}
{{- with .Values.global.taskLogs.loki.tls.caSecretName }}
- name: task-logs-ca
  secret:
    secretName: {{ . }}
    optional: true
{{- end }}
{{- end -}}

{{/*
Environment variables of the sidecar with the credentials for Loki, which drain.sh takes out of the environment. A
task could make a link to a mounted file in its log folder, and Vector would send the file. The Secrets are optional,
so that a task runs even when one is missing; its logs then wait and are reported as missing.
Input: .Values.global.taskLogs.loki
*/}}
{{- define "observability.taskLogs.credentials" -}}
{{- with .auth }}
{{- if and .secretName (eq .strategy "bearer") }}
LOKI_TOKEN: {name: {{ .secretName }}, key: {{ .tokenKey }}}
{{- else if .secretName }}
LOKI_USERNAME: {name: {{ .secretName }}, key: {{ .usernameKey }}}
LOKI_PASSWORD: {name: {{ .secretName }}, key: {{ .passwordKey }}}
{{- end }}
{{- end }}
{{- with .tls.clientSecretName }}
LOKI_CLIENT_CERTIFICATE: {name: {{ . }}, key: tls.crt}
LOKI_CLIENT_KEY: {name: {{ . }}, key: tls.key}
{{- end }}
{{- end -}}

{{/*
Environment variables of the sidecar with values from the pod
(https://kubernetes.io/docs/concepts/workloads/pods/downward-api/). The ids of the task come from the pod's
annotations, which have them as they are; in the labels Airflow shortens and changes them.
*/}}
{{- define "observability.taskLogs.downwardApi" -}}
POD_NAME: metadata.name
POD_NAMESPACE: metadata.namespace
POD_UID: metadata.uid
NODE_NAME: spec.nodeName
DAG_ID: metadata.annotations['dag_id']
TASK_ID: metadata.annotations['task_id']
RUN_ID: metadata.annotations['run_id']
TRY_NUMBER: metadata.annotations['try_number']
MAP_INDEX: metadata.annotations['map_index']
{{- end -}}

{{/*
Seconds that the drain may take in all. On Airflow 2 the default is 8: a deferrable task whose pod stays
for more than about 10 s after the task is not resumed for ten minutes.
Input: dict "settings" .Values.global.taskLogs "airflowVersion" "3.1.7"
*/}}
{{- define "observability.taskLogs.drainTimeoutSeconds" -}}
{{- $timeout := .settings.drain.timeoutSeconds -}}
{{- if kindIs "invalid" $timeout -}}
{{- $timeout = semverCompare "<3.0.0-0" .airflowVersion | ternary 8 25 -}}
{{- end -}}
{{- int $timeout -}}
{{- end -}}

{{/*
The mount by which the sidecar knows whether the task's container has started: the kubelet makes the directory of a
subPath when it starts the container that mounts it.
*/}}
{{- define "observability.taskLogs.startMark" -}}
name: task-logs-data
subPath: base-started
mountPath: /var/run/task-logs
readOnly: true
{{- end -}}

{{/*
What the task's container needs for capture-output.sh: the beginning of its command, the path of the copy below its
logs, which comes next in the command, and the mount of the program. Where the ConfigMap with the program is missing, the
command starts the entrypoint itself, so that the task runs anyway.
*/}}
{{- define "observability.taskLogs.capture" -}}
command:
  - /bin/sh
  - -c
  - if [ -r /etc/task-logs/capture-output.sh ]; then exec /bin/sh /etc/task-logs/capture-output.sh "$@"; fi; shift; exec "$@"
  - sh
copy: /.output/output.log
mount:
  name: task-logs-config
  mountPath: /etc/task-logs
  readOnly: true
{{- end -}}

{{/* Names that containers and volumes of others must not have in a pod with the sidecar. */}}
{{- define "observability.taskLogs.reservedNames" -}}
containers: [vector]
volumes: [task-logs-config, task-logs-data, task-logs-ca]
{{- end -}}
