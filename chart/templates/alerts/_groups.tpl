{{/*
The groups of rules in files/alerts, for this release and with the user's changes.

The files are valid Prometheus rules. The template replaces two things in an expression:
  job="airflow-statsd-exporter"  by the job and the namespace of this release
  THRESHOLD                      by the alert's annotation `threshold`, or the user's threshold
*/}}
{{- define "observability.alerts.groups" -}}
{{- $settings := .Values.prometheusRule -}}
{{- $off := dict "legacy-names.rules.yaml" (not $settings.legacyNames.enabled) "task-logs.rules.yaml" (not .Values.global.taskLogs.enabled) -}}

{{- /* The operator takes `job` from the Service's label that jobLabel names, else from the Service's name:
https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.ServiceMonitorSpec */ -}}
{{- $serviceLabels := include "observability.statsdExporter.serviceLabels" . | fromYaml -}}
{{- $job := $settings.job | default (get $serviceLabels .Values.serviceMonitor.jobLabel) | default (include "observability.statsdExporter.name" .) -}}
{{- $selector := printf "job=%q,namespace=%q" $job .Release.Namespace -}}
{{- $labels := mergeOverwrite (dict "job" $job "namespace" .Release.Namespace) $settings.alertLabels -}}

{{- $groups := list -}}
{{- range $path, $_ := .Files.Glob "files/alerts/*.rules.yaml" -}}
  {{- if not (get $off (base $path)) -}}
    {{- range $group := ($.Files.Get $path | fromYaml).groups -}}
      {{- $rules := list -}}
      {{- range $rule := $group.rules -}}
        {{- $_ := set $rule "expr" (replace "job=\"airflow-statsd-exporter\"" $selector $rule.expr) -}}
        {{- $change := dict -}}
        {{- with $rule.alert -}}
          {{- $change = get $settings.alerts . | default dict -}}
          {{- $threshold := $rule.annotations.threshold -}}
          {{- if hasKey $change "threshold" -}}
            {{- $threshold = toJson $change.threshold -}}
          {{- end -}}
          {{- $_ := set $rule "expr" (replace "THRESHOLD" $threshold $rule.expr) -}}
          {{- $runbook := printf "%s/%s.md" (trimSuffix "/" $settings.runbookUrl) . -}}
          {{- $ours := dict "threshold" $threshold "runbook_url" $runbook -}}
          {{- $_ := set $rule "annotations" (mergeOverwrite $rule.annotations $ours $settings.alertAnnotations) -}}
          {{- $_ := set $rule "labels" (mergeOverwrite $rule.labels $labels (pick $change "severity")) -}}
          {{- $_ := mergeOverwrite $rule (pick $change "for") -}}
        {{- end -}}
        {{- if dig "enabled" true $change -}}
          {{- $rules = append $rules $rule -}}
        {{- end -}}
      {{- end -}}
      {{- with $rules -}}
        {{- $groups = append $groups (set $group "rules" .) -}}
      {{- end -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- toYaml $groups -}}
{{- end -}}
