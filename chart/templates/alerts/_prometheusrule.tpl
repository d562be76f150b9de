{{/*
The PrometheusRule. The wrapper renders it as well, because it knows what Airflow the alerts watch.
Input: dict "context" <scope of this chart> "airflow" <see files/alerts/expected.yaml; empty: not known>
*/}}
{{- define "observability.alerts.prometheusRule" -}}
{{- $context := .context -}}
{{- if and $context.Values.global.metrics.enabled $context.Values.prometheusRule.enabled }}
{{- include "observability.requireKind" (dict "context" $context "kind" "monitoring.coreos.com/v1/PrometheusRule" "key" "prometheusRule.enabled") }}
{{- $settings := $context.Values.prometheusRule }}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: {{ include "observability.resourceName" (dict "context" $context "suffix" "alerts") }}
  namespace: {{ $settings.namespace | default $context.Release.Namespace | quote }}
  labels: {{- include "observability.labels" (dict "context" $context "component" "alerts" "labels" $settings.labels) | nindent 4 }}
  {{- with $settings.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  groups: {{- concat (include "observability.alerts.groups" $ | fromYamlArray) $settings.extraGroups | toYaml | nindent 4 }}
{{- end }}
{{- end -}}
