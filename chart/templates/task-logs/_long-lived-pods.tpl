{{/*
The sidecar for pods that run many tasks: Celery workers, triggerers and, with LocalExecutor, schedulers. The
wrapper's values.yaml uses these templates in `airflow.workers` and `airflow.triggerer`.

The official chart prints its lists extraInitContainers and extraVolumes as YAML and evaluates the
result with tpl. So a template at the end of an entry's name can print the entry's other fields on the
lines below the name:

    extraInitContainers:
      - name: vector{{ include "observability.taskLogs.initContainerFields" . }}

becomes

    - name: vector
      restartPolicy: Always
      ...

An entry of a list cannot vanish. Where task logs are off, it becomes a container `vector-off` that ends at
once, and an empty volume.

The scope of these templates is the official chart.
*/}}

{{/* The fields of the sidecar below its name, `vector`. */}}
{{- define "observability.taskLogs.initContainerFields" -}}
{{- /* Never root: with runAsNonRoot Kubernetes would not start it. 50000 is the user of the Airflow image. */ -}}
{{- $runAsUser := dig "pod" "runAsUser" nil (.Values.securityContexts | default dict) -}}
{{- if and (kindIs "invalid" $runAsUser) (not (include "observability.pods.idsAreAssigned" .)) -}}
{{- $runAsUser = .Values.uid -}}
{{- end -}}
{{- if eq (toString $runAsUser) "0" -}}{{- $runAsUser = 50000 -}}{{- end -}}

{{- if .Values.global.taskLogs.enabled -}}
{{- include "observability.taskLogs.checkOfficialChart" . -}}
{{- $timeout := include "observability.taskLogs.drainTimeoutSeconds" (dict "settings" .Values.global.taskLogs "airflowVersion" .Values.airflowVersion) -}}
{{- $logsMount := dict "name" "logs" "subPath" .Values.logs.persistence.subPath -}}
{{- $container := include "observability.taskLogs.container" (dict "context" . "logsMount" $logsMount "runAsUser" $runAsUser "drainTimeoutSeconds" $timeout) | fromYaml -}}

{{- /* Vector's checkpoints go to the volume of the logs: a pod that restarts does not read delivered logs again. */ -}}
{{- range $container.volumeMounts -}}
{{- if eq .name "task-logs-data" -}}
{{- $_ := mergeOverwrite . (dict "name" "logs" "subPath" ".task-logs") -}}
{{- end -}}
{{- end -}}

{{- /* Vector reads its configuration when it starts, so other settings make other pods. Of a key that is null, Helm 3
shows the key and Helm 4 does not; by default that is the timeout alone. */ -}}
{{- $settings := mergeOverwrite (deepCopy .Values.global.taskLogs) (dict "drain" (dict "timeoutSeconds" (int $timeout))) -}}
{{- $checksum := dict "name" "SETTINGS_CHECKSUM" "value" ($settings | toJson | sha256sum) -}}
{{- $_ := set $container "env" (append $container.env $checksum) -}}

{{- omit $container "name" | toYaml | nindent 2 }}
{{- else -}}
-off
  image: {{ include "airflow_image" . }}
  imagePullPolicy: {{ .Values.images.airflow.pullPolicy }}
  command: ["true"]
  resources: {{- toYaml .Values.global.taskLogs.resources | nindent 4 }}
  {{- $user := kindIs "invalid" $runAsUser | ternary dict (dict "runAsUser" (int64 $runAsUser)) }}
  securityContext: {{- mergeOverwrite $user (.Values.global.taskLogs.securityContext | default dict) | toYaml | nindent 4 }}
{{- end -}}
{{- end -}}

{{/*
The fields of the volume `task-logs-config` below its name, and after them the entries of the other
volumes. There is no volume task-logs-data: the sidecar above keeps its data beside the logs.
*/}}
{{- define "observability.taskLogs.volumeFields" -}}
{{- if .Values.global.taskLogs.enabled -}}
{{- range $volume := include "observability.taskLogs.volumes" . | fromYamlArray -}}
{{- if eq .name "task-logs-config" -}}
{{- omit $volume "name" | toYaml | nindent 2 }}
{{- else if ne .name "task-logs-data" -}}
{{- list $volume | toYaml | nindent 0 }}
{{- end -}}
{{- end -}}
{{- else -}}
-off
  emptyDir: {}
{{- end -}}
{{- end -}}
