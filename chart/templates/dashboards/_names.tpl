{{/*
Name of the ConfigMap and of the GrafanaDashboard of one dashboard.
Input: dict "context" $ "path" "files/dashboards/airflow-overview.json"
*/}}
{{- define "observability.dashboards.name" -}}
{{- $dashboard := base .path | trimSuffix ".json" | trimPrefix "airflow-" -}}
{{- include "observability.resourceName" (dict "context" .context "suffix" (printf "dashboard-%s" $dashboard)) -}}
{{- end -}}
