{{/* ConfigMap with the sidecar's program and configuration. */}}
{{- define "observability.taskLogs.configMapName" -}}
{{- include "observability.resourceName" (dict "context" . "suffix" "task-logs") -}}
{{- end -}}
