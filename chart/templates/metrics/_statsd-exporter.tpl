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

{{- define "observability.statsdExporter.influxdbEnabled" -}}
{{- ternary "True" "False" .Values.global.metrics.tags -}}
{{- end -}}
