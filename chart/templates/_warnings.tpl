{{/*
What works but deserves attention, in the form of airflow-platform.warnings. The scope is this chart.
*/}}
{{- define "observability.warnings" -}}
{{- end -}}
