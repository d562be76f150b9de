{{/*
Where and as whom jobs run whose specifications do not say it, as JSON for the adapter (contracts/airflow_jobs).
The scope is the wrapper.
*/}}
{{- define "airflow-platform.workflows.platform" -}}
{{- $pullSecrets := list -}}
{{- range include "observability.imagePullSecrets" .Subcharts.observability | fromYamlArray -}}
{{- $pullSecrets = append $pullSecrets .name -}}
{{- end -}}
{{- dict
  "namespace" .Release.Namespace
  "service_account" (include "airflow-platform.workflows.serviceAccountName" .)
  "image_pull_secrets" (concat .Values.jobs.imagePullSecrets $pullSecrets | uniq)
  "labels" (include "airflow-platform.workflows.podLabels" . | fromYaml)
  | toPrettyJson -}}
{{- end -}}
