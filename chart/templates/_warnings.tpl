{{/*
What works but deserves attention, in the form of airflow-platform.warnings. The scope is this chart.
*/}}
{{- define "observability.warnings" -}}
{{- $metrics := .Values.global.metrics.enabled -}}
{{- if and .Values.global.taskLogs.enabled (hasSuffix "/push" (trimSuffix "/" .Values.global.taskLogs.loki.endpoint)) }}

WARNING: the URL of Loki ends in /push, and the sidecar appends {{ .Values.global.taskLogs.loki.path }} to it. Set the
URL without the path of the push API, for example:

  global:
    taskLogs:
      loki:
        endpoint: {{ regexReplaceAll "(/loki/api/v1)?/push/?$" .Values.global.taskLogs.loki.endpoint "" }}
{{- end }}
{{- if and .Values.podTemplate.base (not .Values.podTemplate.enabled) }}

WARNING: podTemplate.base has no effect while the pod template is off. Set:

{{ include "observability.yamlToPaste" (dict "context" . "values" (dict "podTemplate" (dict "enabled" true))) }}
{{- end }}
{{- $injection := .Values.injection -}}
{{- if and (or $injection.namespaces $injection.namespaceSelector $injection.objectSelector) (not $injection.enabled) }}

WARNING: the settings below injection have no effect while the injection is off. Set:

{{ include "observability.yamlToPaste" (dict "context" . "values" (dict "injection" (dict "enabled" true))) }}
{{- end }}
{{- $withoutLabels := dict -}}
{{- range $name, $needed := dict "serviceMonitor" $metrics "prometheusRule" $metrics "podMonitor" .Values.global.taskLogs.enabled -}}
{{- $settings := get $.Values $name -}}
{{- if and $needed $settings.enabled (not $settings.labels) -}}
{{- $_ := set $withoutLabels $name (dict "labels" (dict "release" "kube-prometheus-stack")) -}}
{{- end -}}
{{- end }}
{{- if $withoutLabels }}

WARNING: a Prometheus finds the objects of its operator by their labels, and these have none: {{ keys $withoutLabels | sortAlpha | join ", " }}.
kube-prometheus-stack, for example, looks for the name of its release. Set your labels:

{{ include "observability.yamlToPaste" (dict "context" . "values" $withoutLabels) }}
{{- end }}
{{- if and $metrics .Values.prometheusRule.enabled (not (regexMatch "^https?://" .Values.prometheusRule.runbookUrl)) }}

WARNING: the alerts link to runbooks at {{ .Values.prometheusRule.runbookUrl }}, which is no URL. Put the directory docs/runbooks where people
can read it, and set:

{{ include "observability.yamlToPaste" (dict "context" . "values" (dict "prometheusRule" (dict "runbookUrl" "https://wiki.example.com/airflow/runbooks"))) }}
{{- end }}
{{- if and .Values.dashboards.enabled (regexMatch "//(localhost|127[.][0-9.]+|\\[::1\\])(:|/|$)" .Values.dashboards.airflowUrl) }}

WARNING: links in the dashboards lead to Airflow at {{ .Values.dashboards.airflowUrl }}. Set the URL at which people open it:

{{ include "observability.yamlToPaste" (dict "context" . "values" (dict "dashboards" (dict "airflowUrl" "https://airflow.example.com"))) }}
{{- end }}
{{- end -}}
