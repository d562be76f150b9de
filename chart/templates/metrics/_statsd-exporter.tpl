{{/*
Names and ports of the statsd-exporter. The wrapper also includes them from the official chart's
`config.metrics`, so they use nothing but the release and `.Values.global`.
*/}}
{{- define "statsd-exporter.name" -}}
{{- include "observability.resourceName" (dict "context" . "suffix" "statsd-exporter") -}}
{{- end -}}

{{- define "statsd-exporter.mappingName" -}}
{{- include "observability.resourceName" (dict "context" . "suffix" "statsd-mapping") -}}
{{- end -}}

{{- define "statsd-exporter.ingestPort" -}}9125{{- end -}}

{{- define "statsd-exporter.scrapePort" -}}9102{{- end -}}

{{/*
Options of airflow.cfg, in Python's spelling. With ours off the official chart's own StatsD server may
be on. Their scope is the official chart's.
*/}}
{{- define "statsd-exporter.statsdOn" -}}
{{- or .Values.global.metrics.enabled .Values.statsd.enabled | ternary "True" "False" -}}
{{- end -}}

{{- define "statsd-exporter.statsdHost" -}}
{{- if .Values.statsd.enabled -}}
{{- include "airflow.fullname" . }}-statsd
{{- else -}}
{{- include "statsd-exporter.name" . -}}
{{- end -}}
{{- end -}}

{{- define "statsd-exporter.influxdbEnabled" -}}
{{- ternary "True" "False" .Values.global.metrics.tags -}}
{{- end -}}

{{- define "statsd-exporter.legacyNamesOn" -}}
{{- ternary "False" "True" .Values.global.metrics.tags -}}
{{- end -}}
