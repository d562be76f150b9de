{{/*
Names and places of what jobs need (contracts/workflow-orchestration.md). The scope is the wrapper.
*/}}

{{/* The ConfigMap with the package airflow_jobs, which makes DAGs of specifications. */}}
{{- define "airflow-platform.workflows.adapterName" -}}
{{- printf "%s-jobs-adapter" .Release.Name -}}
{{- end -}}

{{/* The ConfigMap with the specifications of jobs.folder and jobs.workflows. */}}
{{- define "airflow-platform.workflows.name" -}}
{{- printf "%s-jobs" .Release.Name -}}
{{- end -}}

{{/*
Of what is in each namespace with jobs. Releases of one name in two namespaces may share a third one, so the name has
the namespace of the release.
*/}}
{{- define "airflow-platform.workflows.sharedName" -}}
{{- printf "%s-jobs.%s" .Release.Name .Release.Namespace -}}
{{- end -}}

{{/* Role and RoleBinding of those who start jobs. */}}
{{- define "airflow-platform.workflows.launcherName" -}}
{{- printf "%s-jobs-launcher.%s" .Release.Name .Release.Namespace -}}
{{- end -}}

{{/* ServiceAccount of the pods of jobs, in each namespace. */}}
{{- define "airflow-platform.workflows.serviceAccountName" -}}
{{- $account := .Values.jobs.serviceAccount -}}
{{- $account.name | default ($account.create | ternary (include "airflow-platform.workflows.sharedName" .) "default") -}}
{{- end -}}

{{/* The namespaces in which jobs may run, as a YAML list. */}}
{{- define "airflow-platform.workflows.namespaces" -}}
{{- prepend .Values.jobs.namespaces .Release.Namespace | uniq | toYaml -}}
{{- end -}}

{{/* Labels of the pods of jobs of this release, beside those that the adapter gives to all pods of jobs. */}}
{{- define "airflow-platform.workflows.podLabels" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: airflow-platform
workflow-orchestration/release-namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* Labels of an object. Input: dict "context" <wrapper's scope> "component" <what the object is>. */}}
{{- define "airflow-platform.workflows.labels" -}}
{{- include "observability.labels" (dict "context" .context.Subcharts.observability "component" .component) -}}
{{- end -}}
