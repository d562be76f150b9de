{{/* Name of the ConfigMap with the sidecar's programs and configuration. */}}
{{- define "observability.taskLogs.configMapName" -}}
{{- include "observability.resourceName" (dict "context" . "suffix" "task-logs") -}}
{{- end -}}

{{/* Name of the ConfigMap with a pod template for an Airflow that this release does not install. */}}
{{- define "observability.taskLogs.podTemplateName" -}}
{{- include "observability.resourceName" (dict "context" . "suffix" "pod-template") -}}
{{- end -}}
