{{/*
The groups of rules in files/alerts, for this release and with the user's changes.

The files are valid Prometheus rules. The template replaces these things in an expression:
  job="airflow-statsd-exporter"  by the job and the namespace of this release
  THRESHOLD                      by the user's threshold, the one that follows from the Airflow that is watched, or the
                                 alert's annotation `threshold`
  HEARTBEAT_SECONDS              by the seconds between two heartbeats of the component
  [5m] and [10m]                 by longer times, where less than a heartbeat a minute is sent

Input: dict "context" <scope of this chart> "airflow" <see files/alerts/expected.yaml; empty: not known>
*/}}
{{- define "observability.alerts.groups" -}}
{{- $context := .context -}}
{{- $airflow := .airflow -}}
{{- $expectations := $context.Files.Get "files/alerts/expected.yaml" | fromYaml -}}
{{- $settings := $context.Values.prometheusRule -}}
{{- $off := dict "legacy-names.rules.yaml" (not $settings.legacyNames.enabled) "task-logs.rules.yaml" (not $context.Values.global.taskLogs.enabled) -}}

{{- /* The operator takes `job` from the Service's label that jobLabel names, else from the Service's name:
https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.ServiceMonitorSpec */ -}}
{{- $serviceLabels := include "observability.statsdExporter.serviceLabels" $context | fromYaml -}}
{{- $job := $settings.job | default (get $serviceLabels $context.Values.serviceMonitor.jobLabel) | default (include "observability.statsdExporter.name" $context) -}}
{{- $selector := printf "job=%q,namespace=%q" $job $context.Release.Namespace -}}
{{- $labels := mergeOverwrite (dict "job" $job "namespace" $context.Release.Namespace) $settings.alertLabels -}}

{{- $groups := list -}}
{{- range $path, $_ := $context.Files.Glob "files/alerts/*.rules.yaml" -}}
  {{- if not (get $off (base $path)) -}}
    {{- range $group := ($context.Files.Get $path | fromYaml).groups -}}
      {{- $rules := list -}}
      {{- range $rule := $group.rules -}}
        {{- $_ := set $rule "expr" (replace "job=\"airflow-statsd-exporter\"" $selector $rule.expr) -}}
        {{- $change := dict -}}
        {{- with $rule.alert -}}
          {{- $expected := get $expectations . | default dict -}}
          {{- $follows := include "observability.alerts.follow" (dict "rule" $rule "expected" $expected "airflow" $airflow) | fromYaml -}}
          {{- $change = mergeOverwrite $follows (get $settings.alerts . | default dict) -}}
          {{- $_ := set $rule "expr" $follows.expr -}}
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

{{/*
What of an alert follows from the Airflow that it watches: dict "expr", and perhaps "enabled" and "threshold".
Input: dict "rule" <the alert> "expected" <its entry in expected.yaml> "airflow" <as above>
*/}}
{{- define "observability.alerts.follow" -}}
{{- $component := dig "components" (.expected.component | default "") dict .airflow -}}
{{- $seconds := $component.heartbeatSeconds | default 5 -}}
{{- $expression := replace "HEARTBEAT_SECONDS" (toString $seconds) .rule.expr -}}
{{- if and .expected.component (gt (float64 $seconds) 60.0) -}}
{{- range $time, $heartbeats := dict "[5m]" 5 "[10m]" 10 -}}
{{- $expression = replace $time (mulf $seconds $heartbeats | ceil | int | printf "[%ds]") $expression -}}
{{- end -}}
{{- end -}}
{{- $follows := dict "expr" $expression -}}
{{- if and $component .expected.replicas -}}
{{- $_ := set $follows "threshold" $component.replicas -}}
{{- end -}}
{{- if .expected.files -}}
{{- $_ := set $follows "threshold" (max (.rule.annotations.threshold | int64) (mulf 2 (.airflow.fileIntervalSeconds | default 0) | int64)) -}}
{{- end -}}
{{- $wanted := not (and $component (not $component.replicas)) -}}
{{- if and .expected.everyTask (hasKey .airflow "everyTask") (not .airflow.everyTask) -}}
{{- $wanted = false -}}
{{- end -}}
{{- range .expected.metrics -}}
{{- if has . ($.airflow.leftOut | default list) -}}
{{- $wanted = false -}}
{{- end -}}
{{- end -}}
{{- if not $wanted -}}
{{- $_ := set $follows "enabled" false -}}
{{- end -}}
{{- toYaml $follows -}}
{{- end -}}
