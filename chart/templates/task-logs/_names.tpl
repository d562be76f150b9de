{{/* Name of the ConfigMap with the sidecar's programs and configuration. */}}
{{- define "observability.taskLogs.configMapName" -}}
{{- include "observability.resourceName" (dict "context" . "suffix" "task-logs") -}}
{{- end -}}
