{{/* ConfigMap with the sidecar's program and configuration. */}}
{{- define "task-logs.configMapName" -}}
{{- include "observability.resourceName" (dict "context" . "suffix" "task-logs") -}}
{{- end -}}
