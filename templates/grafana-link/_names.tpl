{{/*
Names and settings of the link from Airflow to Grafana. The scope is the wrapper.
*/}}

{{/* The ConfigMap with the plugin. */}}
{{- define "airflow-platform.grafanaLink.name" -}}
{{- printf "%s-grafana-link" .Release.Name -}}
{{- end -}}

{{/* The folder from which Airflow loads plugins. */}}
{{- define "airflow-platform.grafanaLink.folder" -}}
{{- $default := printf "%s/plugins" .Values.airflow.airflowHome -}}
{{- get (include "airflow-platform.settings" (dict "context" . "defaults" (dict "core.plugins_folder" $default)) | fromYaml) "core.plugins_folder" | trimSuffix "/" -}}
{{- end -}}

{{/* What the plugin must know, as JSON. The ids of a task are where the sidecar puts them. */}}
{{- define "airflow-platform.grafanaLink.settings" -}}
{{- $logs := .Values.global.taskLogs -}}
{{- $ids := list "namespace" "dag_id" "task_id" "run_id" "try_number" "map_index" -}}
{{- $labels := list -}}
{{- $metadata := list -}}
{{- range $ids -}}
{{- if has . $logs.labelFields -}}{{- $labels = append $labels . -}}
{{- else if or (has . $logs.metadataFields) (has . (list "dag_id" "task_id")) -}}{{- $metadata = append $metadata . -}}
{{- end -}}
{{- end -}}
{{- dict
  "url" .Values.grafanaLink.url
  "datasource" .Values.grafanaLink.dataSource
  "namespace" .Release.Namespace
  "labels" $logs.labels
  "labelFields" $labels
  "metadataFields" $metadata
  | toPrettyJson -}}
{{- end -}}
