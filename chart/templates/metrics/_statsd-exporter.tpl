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

{{/* Options of airflow.cfg, in Python's spelling. */}}
{{- define "statsd-exporter.statsdOn" -}}
{{- ternary "True" "False" .Values.global.metrics.enabled -}}
{{- end -}}

{{- define "statsd-exporter.influxdbEnabled" -}}
{{- ternary "True" "False" .Values.global.metrics.tags -}}
{{- end -}}

{{- define "statsd-exporter.legacyNamesOn" -}}
{{- ternary "False" "True" .Values.global.metrics.tags -}}
{{- end -}}
