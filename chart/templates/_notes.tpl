{{/*
What Helm prints after an installation of this chart, alone or by a wrapper that installs no Airflow.
The scope is this chart.
*/}}
{{- define "observability.notes.addOn" -}}
{{- $metrics := .Values.global.metrics -}}
The observability add-on is installed as release {{ .Release.Name }}, without Airflow.

{{ include "observability.notes.taskLogs" . }}
{{- if .Values.global.taskLogs.enabled }}
{{- if .Values.injection.enabled }}

The API server adds the sidecar to new task pods that have none, in these namespaces: {{ include "observability.taskLogs.injection.namespaces" . | fromYamlArray | join ", " }}.
{{- end }}
{{- if .Values.podTemplate.enabled }}

The ConfigMap {{ include "observability.taskLogs.podTemplateName" . }} has a pod template with the sidecar, made from
{{- if .Values.podTemplate.base }}
podTemplate.base.
{{- else }}
the add-on's own, for podTemplate.base is empty: it has nothing of the pod template that your Airflow uses now.
{{- end }}
Mount its file pod_template_file.yaml into your scheduler, and set the path in airflow.cfg:

  [kubernetes_executor]
  pod_template_file = /opt/airflow/task-logs/pod_template_file.yaml
  namespace = {{ .Release.Namespace }}

The sidecar needs Airflow's own log files, which these settings of airflow.cfg give; they are the defaults:

  [logging]
  base_log_folder = /opt/airflow/logs
  delete_local_logs = False
{{- else if not .Values.injection.enabled }}

To get a pod template with the sidecar for your Airflow, set:

{{ include "observability.yamlToPaste" (dict "context" . "values" (dict "podTemplate" (dict "enabled" true))) }}
{{- end }}
{{- end }}

{{ include "observability.notes.metrics" . }}
{{- if $metrics.enabled }}
For your Airflow to send them, set in airflow.cfg:

  [metrics]
  statsd_on = True
  statsd_host = {{ include "observability.statsdExporter.name" . }}.{{ .Release.Namespace }}
  statsd_port = {{ include "observability.statsdExporter.ingestPort" . }}
  statsd_prefix = {{ $metrics.prefix }}
  statsd_influxdb_enabled = {{ include "observability.statsdExporter.influxdbEnabled" . }}
  statsd_disabled_tags = {{ include "observability.statsdExporter.disabledTags" $metrics.airflowVersion }}
  timer_unit_consistency = True
  legacy_names_on = True
{{- if and .Values.statsdExporter.networkPolicy.enabled (not .Values.statsdExporter.networkPolicy.ingestFrom) }}

The NetworkPolicy of the exporter admits the pods in this namespace with the label tier=airflow, which those of the
official chart have.
{{- end }}
{{- end }}
{{- include "observability.warnings" . }}
{{- end -}}

{{/*
Where task logs go and how to find them. The scope is this chart or the wrapper, of which only the
release and `.Values.global` are used.
*/}}
{{- define "observability.notes.taskLogs" -}}
{{- $settings := .Values.global.taskLogs -}}
{{- if $settings.enabled -}}
Task logs go to {{ $settings.loki.endpoint }}.
While Loki does not answer there, the pod of a finished task stays until the deadline of its drain.
To find the logs of a DAG, query Loki:

  {{ include "observability.notes.logQuery" . }}
{{- else -}}
Task logs are not shipped. To ship them to Loki, set:

  global:
    taskLogs:
      enabled: true
{{- end -}}
{{- end -}}

{{/* A LogQL query for the logs of one DAG, by the labels that the values define. */}}
{{- define "observability.notes.logQuery" -}}
{{- $settings := .Values.global.taskLogs -}}
{{- $matchers := list -}}
{{- range $label, $value := $settings.labels -}}
{{- $matchers = append $matchers (printf "%s=%q" $label $value) -}}
{{- end -}}
{{- if has "namespace" $settings.labelFields -}}
{{- $matchers = append $matchers (printf "namespace=%q" .Release.Namespace) -}}
{{- end -}}
{{- if has "dag_id" $settings.labelFields -}}
{{- $matchers = append $matchers "dag_id=\"my_dag\"" -}}
{{- end -}}
{ {{- join ", " $matchers -}} }
{{- if not (has "dag_id" $settings.labelFields) }} | dag_id="my_dag"{{ end -}}
{{- end -}}

{{/* Where metrics are. The scope is as for observability.notes.taskLogs. */}}
{{- define "observability.notes.metrics" -}}
{{- if .Values.global.metrics.enabled -}}
Airflow's metrics are at http://{{ include "observability.statsdExporter.name" . }}.{{ .Release.Namespace }}:{{ include "observability.statsdExporter.scrapePort" . }}/metrics
{{- else -}}
Metrics are off. To turn them on, set:

  global:
    metrics:
      enabled: true
{{- end -}}
{{- end -}}
