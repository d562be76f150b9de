{{/*
The mapping for the statsd-exporter, from files/metrics and the values.

Order of the result: the user's first regexes, our legacy (regex) rules, our plain (glob) rules, the
user's first globs, the user's last rules. statsd_exporter tries globs before regexes whatever the
order, and among globs takes the most specific one; so a plain rule that one of the user's first rules
matches is left out. Regexes go first because it copies each rule that it passes on the way to the one
that matches, and globs last because it ignores a glob that follows a longer one.
*/}}
{{- define "observability.statsdExporter.mapping" -}}
{{- $metrics := .Values.global.metrics -}}
{{- $settings := .Values.statsdExporter.mapping -}}
{{- $mapping := .Files.Get "files/metrics/statsd-mapping.yaml" | fromYaml -}}
{{- $labelsOf := .Files.Get "files/metrics/metric-labels.yaml" | fromYaml -}}
{{- $fixes := .Files.Get "files/metrics/version-fixes.yaml" | fromYamlArray -}}
{{- $hidden := get (dict "task" list "dag" (list "task_id") "none" (list "task_id" "dag_id")) $settings.cardinality -}}

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

{{- /* Two help texts for one name would make statsd_exporter refuse the whole scrape. */ -}}
{{- range concat $settings.before $settings.after -}}
  {{- if and (not .help) (get $helpOf .name) -}}
    {{- $_ := set . "help" (get $helpOf .name) -}}
  {{- end -}}
{{- end -}}

{{- $plain := list -}}
{{- $legacy := list -}}
{{- range $rule := $mapping.mappings -}}
  {{- $form := ternary "legacy" "plain" (eq (.match_type | default "glob") "regex") -}}

  {{- /* Without tags only the legacy name holds the ids. */ -}}
  {{- if and (not $metrics.tags) (has .name $paired) -}}
    {{- $_ := set . "action" (ternary "map" "drop" (eq $form "legacy")) -}}
  {{- end -}}

  {{- range $fixes -}}
    {{- if and (has $rule.name .names) (semverCompare .versions $metrics.airflowVersion) (eq $form (.form | default $form)) (eq $metrics.tags (dig "tags" $metrics.tags .)) -}}
      {{- $_ := mergeOverwrite $rule .set -}}
    {{- end -}}
  {{- end -}}

  {{- /* An empty label merges series. Gauges cannot be merged: the last one would win. */ -}}
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
