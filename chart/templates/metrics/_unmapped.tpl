{{/*
What keeps one line from taking all metrics down. Code in DAGs may send any name, any type and any tags.
statsd_exporter answers every scrape with an error once two metrics of one name have different help texts, or once
a metric has the name of a part of a histogram. It ends when a histogram gets the tag `le`.
*/}}

{{/*
Lets a rule take events of one type only. Otherwise an event of another type could come first and take the name.
A rule that drops takes all. Input: a rule of files/metrics, which is changed.
*/}}
{{- define "observability.statsdExporter.typed" -}}
{{- if ne .name "dropped" -}}
{{- $ofRest := ternary "counter" "observer" (hasSuffix "_total" .name) -}}
{{- $_ := set . "match_metric_type" (ternary "gauge" $ofRest (hasKey . "ttl")) -}}
{{- end -}}
{{- end -}}

{{/*
The last two rules, which refuse events. A refused event makes no metric and is counted
(statsd_exporter_events_error_total{reason="empty_metric_name"}), because the rule names the metric after a group of
its regex that is always empty. What they let pass keeps its own name, as in every statsd_exporter:
counters and gauges with names that cannot clash.

Input: the rules before them.
*/}}
{{- define "observability.statsdExporter.refusals" -}}
{{- /* statsd_exporter writes _ for each character that is not a letter or a digit, and one for several dashes. */ -}}
{{- $separator := "[\\W_]+" -}}
{{- $names := list -}}
{{- range . -}}
  {{- if not (or (eq (.action | default "map") "drop") (hasPrefix "$" .name)) -}}
    {{- $parts := regexReplaceAll "\\$\\{?\\w+\\}?" .name "\t" | trimSuffix "_total" -}}
    {{- $names = append $names ($parts | replace "_" $separator | replace "\t" ".+") -}}
  {{- end -}}
{{- end -}}
{{- $taken := printf "(?:%s)(?:%s(?:total|sum|count|bucket))?" ($names | uniq | sortAlpha | join "|") $separator -}}
{{- $ofExporter := printf "(?:go|process|promhttp|statsd)%s.*" $separator -}}
- match: {{ printf "^()(?:|%s|%s)$" $ofExporter $taken | quote }}
  match_type: regex
  name: $1
  help: Refused, because the name could clash with that of another metric.
# A timer makes a dozen series, and their names could clash with each other.
- match: ^()
  match_type: regex
  match_metric_type: observer
  name: $1
  help: Refused, because timers need a rule.
{{- end -}}

{{/*
Keeps what has a rule for a hundred years. statsd_exporter takes a rule without ttl, and also the ttl 0, for one with
the default ttl, by which metrics without a rule expire.
Input: the rules, which are changed.
*/}}
{{- define "observability.statsdExporter.kept" -}}
{{- range . -}}
  {{- if not (hasKey . "ttl") -}}
    {{- $_ := set . "ttl" "876000h" -}}
  {{- end -}}
{{- end -}}
{{- end -}}
