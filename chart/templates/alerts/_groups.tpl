{{/*
The groups of files/alerts, for this release and with the user's changes.

The files are plain Prometheus rules. What the template relies on: each selector carries
job="airflow-statsd-exporter", and the number that ends an alert's expression is its threshold.
*/}}
{{- define "observability.alerts.groups" -}}
{{- $settings := .Values.prometheusRule -}}
{{- $off := dict "legacy-names.rules.yaml" (not $settings.legacyNames.enabled) "task-logs.rules.yaml" (not .Values.global.taskLogs.enabled) -}}

{{- /* The label `job`, as the Prometheus operator sets it. */ -}}
{{- $serviceLabels := include "observability.labels" (dict "context" . "component" "statsd-exporter") | fromYaml -}}
{{- $job := $settings.job | default (get $serviceLabels .Values.serviceMonitor.jobLabel) | default (include "observability.statsdExporter.name" .) -}}
{{- $selector := printf "job=%q,namespace=%q" $job .Release.Namespace -}}
{{- $labels := mergeOverwrite (dict "job" $job "namespace" .Release.Namespace) $settings.alertLabels -}}

{{- $groups := list -}}
{{- range $path, $_ := .Files.Glob "files/alerts/*.rules.yaml" -}}
  {{- if not (get $off (base $path)) -}}
    {{- range $group := ($.Files.Get $path | fromYaml).groups -}}
      {{- $rules := list -}}
      {{- range $rule := $group.rules -}}
        {{- $change := dict -}}
        {{- $_ := set $rule "expr" (replace "job=\"airflow-statsd-exporter\"" $selector $rule.expr) -}}
        {{- with $rule.alert -}}
          {{- $change = get $settings.alerts . | default dict -}}
          {{- $runbook := printf "%s/%s.md" (trimSuffix "/" $settings.runbookUrl) . -}}
          {{- $_ := set $rule "labels" (mergeOverwrite $rule.labels $labels (pick $change "severity")) -}}
          {{- $_ := set $rule "annotations" (mergeOverwrite $rule.annotations (dict "runbook_url" $runbook) $settings.alertAnnotations) -}}
        {{- end -}}
        {{- if hasKey $change "threshold" -}}
          {{- $_ := set $rule "expr" (regexReplaceAll "[-0-9.]+$" $rule.expr (toJson $change.threshold)) -}}
        {{- end -}}
        {{- $_ := mergeOverwrite $rule (pick $change "for") -}}
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
