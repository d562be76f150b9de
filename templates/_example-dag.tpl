{{/* The ConfigMap with the example DAG. The scope is the wrapper or the official chart. */}}
{{- define "airflow-platform.exampleDag.name" -}}
{{- printf "%s-example-dag" .Release.Name -}}
{{- end -}}

{{/*
Where the example DAG is mounted: in Airflow's DAGs folder, unless that is a volume. git-sync replaces the
contents of its volume, and into one that is mounted read-only nothing can be mounted.
The scope is the official chart, in whose lists of volume mounts values/dev.yaml includes this template.
*/}}
{{- define "airflow-platform.exampleDag.mountPath" -}}
{{- $isConfigMap := false -}}
{{- range .Values.workers.extraVolumes -}}
{{- if eq .name "dags-folder" -}}{{- $isConfigMap = true -}}{{- end -}}
{{- end -}}
{{- if or .Values.dags.gitSync.enabled .Values.dags.persistence.enabled $isConfigMap -}}
{{- printf "%s/example-dag" .Values.airflowHome -}}
{{- else -}}
{{- printf "%s/example" (tpl .Values.config.core.dags_folder .) -}}
{{- end -}}
{{- end -}}
