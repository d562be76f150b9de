{{/*
The mapping for the statsd-exporter, from files/metrics and the values.

The result has the rules in this order:
  1. regexes of `mapping.before`
  2. this chart's regexes, for the legacy names of metrics
  3. this chart's globs, for the plain names of metrics
  4. globs of `mapping.before`
  5. `mapping.after`
  6. rules that refuse events which would do harm (_unmapped.tpl)

statsd_exporter (https://github.com/prometheus/statsd_exporter/blob/v0.31.0/pkg/mapper/mapper.go) tries
globs before regexes, whatever their order, and takes the most specific glob that matches. Therefore a
glob of this chart is left out when a rule of `mapping.before` matches the same metric. Regexes come
first for speed: on its way to the regex that matches, statsd_exporter copies every rule before that
one, globs included. The globs of `mapping.before` come after this chart's globs because
statsd_exporter ignores a glob when a longer one that begins with it stands before it.
*/}}
{{- define "observability.statsdExporter.mapping" -}}
{{- $metrics := .Values.global.metrics -}}
{{- $settings := .Values.statsdExporter.mapping -}}
{{- $mapping := .Files.Get "files/metrics/statsd-mapping.yaml" | fromYaml -}}
{{- $labelsOf := .Files.Get "files/metrics/metric-labels.yaml" | fromYaml -}}
{{- $fixes := .Files.Get "files/metrics/version-fixes.yaml" | fromYamlArray -}}
{{- $hidden := get (dict "mixed" list "task" list "dag" (list "task_id") "none" (list "task_id" "dag_id")) $settings.cardinality -}}
{{- $mixed := dict "hidden" dict "split" dict -}}
{{- if eq $settings.cardinality "mixed" -}}
  {{- $mixed = .Files.Get "files/metrics/mixed-cardinality.yaml" | fromYaml -}}
  {{- if semverCompare "<3.0.0-0" $metrics.airflowVersion -}}
    {{- $_ := mergeOverwrite $mixed.hidden $mixed.hidden_in_airflow_2 -}}
  {{- end -}}
{{- end -}}

{{- /* Metrics that Airflow sends under two names: one of their two rules has the action `drop`. */ -}}
{{- $paired := list -}}
{{- $helpOf := dict -}}
{{- range $mapping.mappings -}}
  {{- $_ := set $helpOf .name .help -}}
  {{- if and (ne .name "dropped") (eq (.action | default "map") "drop") -}}
    {{- $paired = append $paired .name -}}
  {{- end -}}
{{- end -}}

{{- $taken := list -}}
{{- $firstRegexes := list -}}
{{- $firstGlobs := list -}}
{{- range $settings.before -}}
  {{- if eq (.match_type | default "glob") "regex" -}}
    {{- $firstRegexes = append $firstRegexes . -}}
    {{- $taken = append $taken .match -}}
  {{- else -}}
    {{- $firstGlobs = append $firstGlobs . -}}
    {{- $taken = append $taken (.match | replace "." "\\." | replace "*" "[^.]*" | printf "^%s$") -}}
  {{- end -}}
{{- end -}}

{{- /* A user's rule with a name of this chart takes this chart's help text: statsd_exporter fails every scrape
when two rules with one name have different help texts. */ -}}
{{- range concat $settings.before $settings.after -}}
  {{- if and (not .help) (get $helpOf .name) -}}
    {{- $_ := set . "help" (get $helpOf .name) -}}
  {{- end -}}
{{- end -}}

{{- $plain := list -}}
{{- $legacy := list -}}
{{- range $rule := $mapping.mappings -}}
  {{- $form := ternary "legacy" "plain" (eq (.match_type | default "glob") "regex") -}}

  {{- if eq $form "legacy" -}}
    {{- $_ := set . "match" (trimPrefix "^airflow" .match | printf "^%s%s" (regexQuoteMeta $metrics.prefix)) -}}
  {{- else -}}
    {{- $_ := set . "match" (trimPrefix "airflow" .match | printf "%s%s" $metrics.prefix) -}}
  {{- end -}}

  {{- /* Without tags only the legacy name of a metric has the ids, so the rule for the plain name drops. */ -}}
  {{- if and (not $metrics.tags) (has .name $paired) -}}
    {{- $_ := set . "action" (ternary "map" "drop" (eq $form "legacy")) -}}
  {{- end -}}

  {{- range $fixes -}}
    {{- if and (has $rule.name .names) (semverCompare .versions $metrics.airflowVersion) (eq $form (.form | default $form)) (eq $metrics.tags (dig "tags" $metrics.tags .)) -}}
      {{- $_ := mergeOverwrite $rule .set -}}
    {{- end -}}
  {{- end -}}

  {{- /* A label that is always empty merges the series that it told apart. Gauges (rules with a ttl) are dropped
  instead: statsd_exporter cannot add gauges up, and the merged series would have the value sent last. */ -}}
  {{- range $label := concat $hidden (get $mixed.hidden $rule.name | default list) -}}
    {{- if has $label (get $labelsOf $rule.name | default list) -}}
      {{- if hasKey $rule "ttl" -}}
        {{- $_ := set $rule "action" "drop" -}}
      {{- else -}}
        {{- $_ := set $rule "labels" (set ($rule.labels | default dict) $label "") -}}
      {{- end -}}
    {{- end -}}
  {{- end -}}

  {{- include "observability.statsdExporter.typed" $rule -}}
  {{- with get $mixed.split $rule.name -}}
    {{- include "observability.statsdExporter.split" (dict "rule" $rule "into" . "exact" (eq $form (ternary "plain" "legacy" $metrics.tags))) -}}
  {{- end -}}

  {{- if eq $form "legacy" -}}
    {{- $legacy = append $legacy . -}}
  {{- else -}}
    {{- $replaced := false -}}
    {{- range $taken -}}{{- $replaced = or $replaced (regexMatch . $rule.match) -}}{{- end -}}
    {{- if not $replaced -}}{{- $plain = append $plain . -}}{{- end -}}
  {{- end -}}
{{- end -}}

{{- if not .Values.serviceMonitor.nativeHistograms -}}
  {{- /* 1 means none. Nobody would scrape them, but they would take memory. */ -}}
  {{- $_ := set $mapping.defaults.histogram_options "native_histogram_bucket_factor" 1 -}}
{{- end -}}

{{- $mapped := concat $firstRegexes $legacy $plain $firstGlobs $settings.after -}}
{{- include "observability.statsdExporter.kept" $mapped -}}
{{- $refusals := include "observability.statsdExporter.refusals" $mapped | fromYamlArray -}}
{{- $_ := set $mapping "mappings" (concat $mapped $refusals) -}}
{{- /* JSON, and so the functions of Helm, know no infinity. */ -}}
{{- toYaml $mapping | replace "- infinity" "- .inf" -}}
{{- end -}}

{{/*
Gives one of the two rules of a metric the sum and the number of the events, the other one the buckets under a name
of its own (files/metrics/mixed-cardinality.yaml).
Input: dict "rule" <a rule, which is changed> "into" <the second metric> "exact" <the rule has the exact ids>
*/}}
{{- define "observability.statsdExporter.split" -}}
{{- $_ := set .rule "action" "map" -}}
{{- if .exact -}}
  {{- /* A native histogram beside it would take more memory than all the rest. */ -}}
  {{- $_ := set .rule "histogram_options" (dict "buckets" (list "infinity") "native_histogram_bucket_factor" 1) -}}
{{- else -}}
  {{- $_ := set .rule "name" .into.name -}}
  {{- $_ := set .rule "help" .into.help -}}
  {{- $_ := set .rule "labels" (pick (.rule.labels | default dict) (first .into.labels)) -}}
{{- end -}}
{{- end -}}
