{{/*
The ConfigMaps of jobs that pods of Airflow mount, as a YAML list of name, configMap and mountPath. The scope is the
wrapper.
*/}}
{{- define "airflow-platform.workflows.volumes" -}}
{{- /* Airflow has this directory on Python's path, whatever the DAGs folder is. */ -}}
- name: airflow-jobs-adapter
  configMap: {{ include "airflow-platform.workflows.adapterName" . }}
  mountPath: {{ .Values.airflow.airflowHome }}/config/airflow_jobs
{{- if include "airflow-platform.workflows.files" . | fromYaml }}
- name: airflow-jobs
  configMap: {{ include "airflow-platform.workflows.name" . }}
  mountPath: {{ get (include "airflow-platform.settings" (dict "context" . "defaults" (dict "core.dags_folder" "")) | fromYaml) "core.dags_folder" }}/jobs
{{- end }}
{{- end -}}
