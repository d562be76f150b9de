{{/*
Name of the objects of a board.
Input: dict "context" $ "path" "files/dashboards/airflow-overview.json"
*/}}
{{- define "dashboards.name" -}}
{{- $board := base .path | trimSuffix ".json" | trimPrefix "airflow-" -}}
{{- include "observability.resourceName" (dict "context" .context "suffix" (printf "dashboard-%s" $board)) -}}
{{- end -}}
