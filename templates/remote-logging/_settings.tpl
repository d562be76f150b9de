{{/*
What remoteLogging means for Airflow. The scope is the wrapper.
*/}}

{{/* The ConfigMap with the logging configuration. */}}
{{- define "airflow-platform.remoteLogging.name" -}}
{{- printf "%s-remote-logging" .Release.Name -}}
{{- end -}}

{{/* "true" where the sidecar needs log files after Airflow has uploaded them. */}}
{{- define "airflow-platform.remoteLogging.keepsFiles" -}}
{{- if and .Values.airflow.enabled .Values.remoteLogging.enabled .Values.global.taskLogs.enabled -}}true{{- end -}}
{{- end -}}

{{/* The path in the bucket. Airflow takes Azure Blob Storage for what begins with wasb. */}}
{{- define "airflow-platform.remoteLogging.path" -}}
{{- $remote := .Values.remoteLogging -}}
{{- $remote.path | default (eq $remote.provider "wasb" | ternary "wasb-logs" "") -}}
{{- end -}}

{{/* The id of the connection. Empty: none, pods have an identity of the cloud's. */}}
{{- define "airflow-platform.remoteLogging.connectionId" -}}
{{- $connection := .Values.remoteLogging.connection -}}
{{- $connection.id | default (empty $connection.secretName | ternary "" "remote_logging") -}}
{{- end -}}

{{/* The settings of Airflow, as YAML: <section>.<option>: value. */}}
{{- define "airflow-platform.remoteLogging.settings" -}}
{{- $remote := .Values.remoteLogging -}}
{{- $path := include "airflow-platform.remoteLogging.path" . -}}
{{- $folder := $path -}}
{{- if ne $remote.provider "wasb" -}}
{{- $folder = printf "%s://%s" (get (dict "s3" "s3" "gcs" "gs") $remote.provider) (list $remote.bucket $path | compact | join "/") -}}
{{- end -}}
{{- $settings := dict "logging.remote_logging" "True" "logging.remote_base_log_folder" $folder "logging.remote_log_conn_id" (include "airflow-platform.remoteLogging.connectionId" .) -}}
{{- if eq $remote.provider "s3" -}}
{{- $_ := set $settings "logging.encrypt_s3_logs" ($remote.encryptS3Logs | ternary "True" "False") -}}
{{- else if eq $remote.provider "wasb" -}}
{{- $_ := set $settings "azure_remote_logging.remote_wasb_log_container" $remote.bucket -}}
{{- end -}}
{{- if include "airflow-platform.remoteLogging.keepsFiles" . -}}
{{- $_ := set $settings "logging.logging_config_class" "remote_task_logs.LOGGING_CONFIG" -}}
{{- end -}}
{{- toYaml $settings -}}
{{- end -}}

{{/* The environment variable with the connection, as YAML; nothing where no Secret has it. */}}
{{- define "airflow-platform.remoteLogging.variable" -}}
{{- $connection := .Values.remoteLogging.connection -}}
{{- if $connection.secretName -}}
name: AIRFLOW_CONN_{{ include "airflow-platform.remoteLogging.connectionId" . | upper }}
valueFrom:
  secretKeyRef:
    name: {{ $connection.secretName | quote }}
    key: {{ $connection.secretKey | quote }}
{{- end -}}
{{- end -}}

{{/*
The keys below `airflow` of the components that write logs to the bucket or read them there, as a YAML list. Tasks
write theirs at their end, triggerers those of deferred tasks, and the user interface reads. On Airflow 2 the scheduler
writes too: what it says about tasks that did not start.
*/}}
{{- define "airflow-platform.remoteLogging.components" -}}
{{- $airflow := .Values.airflow -}}
{{- $airflow2 := semverCompare "<3.0.0-0" $airflow.airflowVersion -}}
{{- $executors := include "airflow-platform.executors" $airflow.executor | fromYaml -}}
{{- $components := list (include "airflow-platform.airflowVersion.server" $airflow) -}}
{{- if or $airflow2 $executors.scheduler -}}{{- $components = append $components "scheduler" -}}{{- end -}}
{{- if $airflow.triggerer.enabled -}}{{- $components = append $components "triggerer" -}}{{- end -}}
{{- if or $executors.pods $executors.workers -}}{{- $components = append $components "workers" -}}{{- end -}}
{{- toYaml $components -}}
{{- end -}}

{{/* The entries of a map that are not taken away with null, as YAML. */}}
{{- define "airflow-platform.remoteLogging.set" -}}
{{- $set := dict -}}
{{- range $name, $value := . -}}
{{- if not (kindIs "invalid" $value) -}}{{- $_ := set $set $name $value -}}{{- end -}}
{{- end -}}
{{- toYaml $set -}}
{{- end -}}
