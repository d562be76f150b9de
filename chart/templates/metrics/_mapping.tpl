{{/*
The mapping for the statsd-exporter, from files/metrics and the values.

The result has the rules in this order:
  1. regexes of `mapping.before`
  2. this chart's regexes, for the legacy names of metrics
  3. this chart's globs, for the plain names of metrics
  4. globs of `mapping.before`
  5. `mapping.after`

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
{{- $hidden := get (dict "task" list "dag" (list "task_id") "none" (list "task_id" "dag_id")) $settings.cardinality -}}

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
  {{- range $label := $hidden -}}
    {{- if has $label (get $labelsOf $rule.name | default list) -}}
      {{- if hasKey $rule "ttl" -}}
        {{- $_ := set $rule "action" "drop" -}}
      {{- else -}}
        {{- $_ := set $rule "labels" (set ($rule.labels | default dict) $label "") -}}
      {{- end -}}
    {{- end -}}
  {{- end -}}

  {{- if eq $form "legacy" -}}
    {{- $legacy = append $legacy . -}}
  {{- else -}}
    {{- $replaced := false -}}
    {{- range $taken -}}{{- $replaced = or $replaced (regexMatch . $rule.match) -}}{{- end -}}
    {{- if not $replaced -}}{{- $plain = append $plain . -}}{{- end -}}
  {{- end -}}
{{- end -}}

{{- $_ := set $mapping "mappings" (concat $firstRegexes $legacy $plain $firstGlobs $settings.after) -}}
{{- toYaml $mapping -}}
{{- end -}}
