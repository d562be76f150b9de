{{/*
Names and ports of the statsd-exporter. The official chart includes some of them as well (the wrapper's
values.yaml, `airflow.config.metrics`), so they use nothing but the release and `.Values.global`.
*/}}
{{- define "observability.statsdExporter.name" -}}
{{- include "observability.resourceName" (dict "context" . "suffix" "statsd-exporter") -}}
{{- end -}}

{{- define "observability.statsdExporter.mappingName" -}}
{{- include "observability.resourceName" (dict "context" . "suffix" "statsd-mapping") -}}
{{- end -}}

{{/* Labels of the Service, some of which its metrics can take over (serviceMonitor.jobLabel, targetLabels). */}}
{{- define "observability.statsdExporter.serviceLabels" -}}
{{- include "observability.labels" (dict "context" . "component" "statsd-exporter" "labels" .Values.statsdExporter.service.labels) -}}
{{- end -}}

{{- define "observability.statsdExporter.ingestPort" -}}9125{{- end -}}

{{- define "observability.statsdExporter.scrapePort" -}}9102{{- end -}}

{{/*
Options of airflow.cfg, where booleans are written True and False. The scope is the official chart. With
this chart's statsd-exporter off, the official chart's own StatsD server may be on.
*/}}
{{- define "observability.statsdExporter.statsdOn" -}}
{{- or .Values.global.metrics.enabled .Values.statsd.enabled | ternary "True" "False" -}}
{{- end -}}

{{- define "observability.statsdExporter.statsdHost" -}}
{{- if .Values.statsd.enabled -}}
{{- include "airflow.fullname" . }}-statsd
{{- else -}}
{{- include "observability.statsdExporter.name" . -}}
{{- end -}}
{{- end -}}

{{/*
Tags that Airflow must not send. Each job and each run would make new series. statsd_exporter makes `_` of a character
that Prometheus does not allow in the name of a label: a name that begins with two of them fails every scrape, and the
label `le` of a duration ends the exporter. Airflow 3 looks for patterns. Airflow 2 compares beginnings, so it leaves
out all tags that begin with le; before 2.10.4 it cannot send metrics with the tag file_path.
Input: the version of Airflow
*/}}
{{- define "observability.statsdExporter.disabledTags" -}}
job_id,run_id
{{- if semverCompare "<2.10.4-0" . }},file_path{{ end }}
{{- if semverCompare "<3.0.0-0" . }},__,le{{ else }},^[^a-zA-Z0-9],^le${{ end }}
{{- end -}}

{{- define "observability.statsdExporter.influxdbEnabled" -}}
{{- ternary "True" "False" .Values.global.metrics.tags -}}
{{- end -}}
