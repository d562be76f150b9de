{{/*
How Prometheus scrapes an endpoint: what a ServiceMonitor and a PodMonitor have in common
(https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.Endpoint).
Input: .Values.serviceMonitor or .Values.podMonitor
*/}}
{{- define "observability.monitors.endpoint" -}}
{{- $endpoint := dict "honorLabels" .honorLabels -}}
{{- range $field := list "interval" "scrapeTimeout" "path" "scheme" "params" "tlsConfig" "authorization" "basicAuth" "relabelings" "metricRelabelings" -}}
{{- with get $ $field -}}
{{- $_ := set $endpoint $field . -}}
{{- end -}}
{{- end -}}
{{- toYaml $endpoint -}}
{{- end -}}
