{{/*
Compares Airflow's settings with what the add-on relies on (chart/files/premises.yaml), wherever a value of the
official chart can make them. The scope of these templates is this chart.
*/}}

{{/*
The settings that do not fit, as JSON: {"refused": [...], "unknown": [...]}, each a dict
  "premise"  the entry of premises.yaml, with the facts of this release put in
  "setting"  see airflow-platform.settings.collect; with "missing" where an option that must be set is not
*/}}
{{- define "airflow-platform.premises.broken" -}}
{{- $airflow := .Values.airflow -}}
{{- $found := dict "settings" list -}}
{{- include "airflow-platform.premises.collectConfig" (dict "context" . "found" $found) -}}
{{- include "airflow-platform.settings.collectVariables" (dict "context" . "found" $found) -}}
{{- $facts := include "airflow-platform.premises.facts" (dict "context" . "settings" $found.settings) | fromYaml -}}
{{- $airflow2 := semverCompare "<3.0.0-0" $airflow.airflowVersion -}}

{{- $executors := include "airflow-platform.executors" $airflow.executor | fromYaml -}}
{{- $refused := list -}}
{{- $unknown := list -}}
{{- range $entry := .Subcharts.observability.Files.Get "files/premises.yaml" | fromYamlArray -}}
{{- $on := get (dict "taskLogs" $.Values.global.taskLogs.enabled "metrics" (and $.Values.global.metrics.enabled (not $airflow.statsd.enabled))) $entry.part -}}
{{- $when := trimPrefix "not " ($entry.when | default "") -}}
{{- if $when -}}
{{- $on = and $on (ne (eq (get $facts (trimAll "<>" $when)) "True") (hasPrefix "not " $entry.when)) -}}
{{- end -}}
{{- if and $on (semverCompare ($entry.versions | default ">=0.0.0-0") $airflow.airflowVersion) -}}
{{- $mostFit := and (eq ($entry.accepted | default "") ".*") (not $entry.items) -}}
{{- $premise := include "airflow-platform.premises.resolved" (dict "premise" $entry "facts" $facts) | fromJson -}}
{{- $inConfig := false -}}
{{- $isSet := false -}}
{{- range $found.settings -}}
{{- $inConfig = or $inConfig (and .config (eq .option $premise.option)) -}}
{{- $isSet = or $isSet (eq .option $premise.option) (and $airflow2 (eq .option ($premise.formerly | default ""))) -}}
{{- end -}}
{{- $needed := or $premise.required (ne ($premise.default | default $premise.value) $premise.value) -}}
{{- if and $needed (not $isSet) (not (and (hasPrefix "kubernetes_executor." $premise.option) (not $executors.pods))) -}}
{{- $setting := dict "option" $premise.option "at" (printf "airflow.config.%s" $premise.option) "value" "" "hidden" false "config" true "missing" true -}}
{{- $refused = append $refused (dict "premise" $premise "setting" $setting) -}}
{{- end -}}
{{- range $found.settings -}}
{{- /* In airflow.cfg a former name counts only where the name itself is missing; a variable comes before the file. */ -}}
{{- $former := and $airflow2 (eq .option ($premise.formerly | default "")) (not (and .config $inConfig)) -}}
{{- if or (eq .option $premise.option) $former -}}
{{- if not (include "airflow-platform.premises.fits" (dict "premise" $premise "setting" .)) -}}
{{- $broken := dict "premise" $premise "setting" . -}}
{{- if or $premise.unknown (and .hidden $mostFit) -}}
{{- $unknown = append $unknown $broken -}}
{{- else -}}
{{- $refused = append $refused $broken -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- dict "refused" $refused "unknown" $unknown | toJson -}}
{{- end -}}

{{/* The facts that premises.yaml names in angle brackets. Booleans are written as in airflow.cfg. */}}
{{- define "airflow-platform.premises.facts" -}}
{{- $airflow := .context.Values.airflow -}}
{{- $metrics := .context.Values.global.metrics -}}
{{- $remote := dict "elasticsearch" (dig "elasticsearch" "enabled" false $airflow) "opensearch" (dig "opensearch" "enabled" false $airflow) -}}
{{- range .settings -}}
{{- if and (has .option (list "elasticsearch.host" "opensearch.host")) (or .hidden .value) -}}
{{- $_ := set $remote (splitList "." .option | first) true -}}
{{- end -}}
{{- end -}}
logs: {{ printf "%s/logs" $airflow.airflowHome | toJson }}
prefix: {{ $metrics.prefix | toJson }}
tags: {{ ternary "True" "False" $metrics.tags | toJson }}
legacy-names: {{ or (not $metrics.tags) (eq .context.Values.observability.statsdExporter.mapping.cardinality "mixed") | ternary "True" "False" | toJson }}
record-format: {{ .context.Values.global.taskLogs.recordFormat.header | empty | ternary "False" "True" | toJson }}
host: {{ include "observability.statsdExporter.name" .context | toJson }}
port: {{ include "observability.statsdExporter.ingestPort" .context | toJson }}
namespace: {{ .context.Release.Namespace | toJson }}
pod-template-file: {{ printf "%s/pod_templates/pod_template_file.yaml" $airflow.airflowHome | toJson }}
multi-namespace-mode: {{ ternary "True" "False" $airflow.multiNamespaceMode | toJson }}
elasticsearch: {{ ternary "True" "False" $remote.elasticsearch | toJson }}
opensearch: {{ ternary "True" "False" $remote.opensearch | toJson }}
{{- end -}}

{{/* An entry of premises.yaml with the facts put in. */}}
{{- define "airflow-platform.premises.resolved" -}}
{{- $premise := .premise -}}
{{- $pattern := $premise.accepted | default (regexQuoteMeta $premise.value | replace "\\<" "<" | replace "\\>" ">") -}}
{{- range $name, $fact := .facts -}}
{{- $placeholder := printf "<%s>" $name -}}
{{- $_ := set $premise "value" (replace $placeholder $fact $premise.value) -}}
{{- $_ := set $premise "why" (replace $placeholder $fact $premise.why) -}}
{{- $pattern = $pattern | replace (regexQuoteMeta $placeholder) (regexQuoteMeta $fact) | replace $placeholder (regexQuoteMeta $fact) -}}
{{- end -}}
{{- $_ := set $premise "accepted" (printf "(?s)^(?:%s)$" $pattern) -}}
{{- toJson $premise -}}
{{- end -}}

{{/*
What below airflow.config is almost the name of a section or an option in premises.yaml, as JSON: {path: name}.
Airflow has many more of them, so names must be much alike, and one may be the beginning of another. The scope is this
chart.
*/}}
{{- define "airflow-platform.premises.misspelt" -}}
{{- $known := dict -}}
{{- range .Subcharts.observability.Files.Get "files/premises.yaml" | fromYamlArray -}}
{{- $path := splitList "." .option -}}
{{- $_ := set $known (first $path) (append (get $known (first $path) | default list) (last $path)) -}}
{{- end -}}
{{- $misspelt := dict -}}
{{- range $section, $options := .Values.airflow.config -}}
{{- $names := get $known (lower $section) | default (keys $known) -}}
{{- $words := hasKey $known (lower $section) | ternary (keys ($options | default dict)) (list $section) -}}
{{- range $word := $words -}}
{{- if not (has (lower $word) $names) -}}
{{- $near := include "observability.nearName" (dict "word" $word "names" $names "likeness" 85) -}}
{{- if and $near (not (hasPrefix $near $word)) -}}
{{- $path := hasKey $known (lower $section) | ternary (printf "%s.%s" $section $word) $section -}}
{{- $_ := set $misspelt $path $near -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $misspelt -}}
{{- end -}}

{{/* Adds what is below airflow.config to the settings. */}}
{{- define "airflow-platform.premises.collectConfig" -}}
{{- $found := .found -}}
{{- $scope := .context.Subcharts.airflow -}}
{{- $wanted := list "elasticsearch.host" "opensearch.host" -}}
{{- range .context.Subcharts.observability.Files.Get "files/premises.yaml" | fromYamlArray -}}
{{- $wanted = concat $wanted (list .option (.formerly | default .option)) -}}
{{- end -}}
{{- range $section, $options := .context.Values.airflow.config -}}
{{- range $name, $value := $options | default dict -}}
{{- $option := regexReplaceAll "_(cmd|secret)$" (printf "%s.%s" $section $name | lower) "" -}}
{{- if and (has $option $wanted) (not (kindIs "invalid" $value)) -}}
{{- $hidden := ne $option (printf "%s.%s" $section $name | lower) -}}
{{- $setting := dict "option" $option "at" (printf "airflow.config.%s.%s" $section $name) "value" (tpl (toString $value) $scope) "hidden" $hidden "config" true -}}
{{- $_ := set $found "settings" (append $found.settings $setting) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
"true" where a setting fits a premise.
Input: dict "premise" (resolved) "setting"
*/}}
{{- define "airflow-platform.premises.fits" -}}
{{- $premise := .premise -}}
{{- /* airflow.cfg doubles the percent sign. */ -}}
{{- $value := .setting.value | replace "%%" "%" | trim -}}
{{- if has $premise.value (list "True" "False") -}}
{{- $value = include "airflow-platform.premises.boolean" $value -}}
{{- end -}}
{{- $fits := and (not .setting.hidden) (regexMatch $premise.accepted $value) -}}
{{- range $premise.items -}}
{{- $fits = and $fits (has . (regexSplit " *, *" $value -1)) -}}
{{- end -}}
{{- with $premise.refused -}}
{{- $fits = and $fits (not (regexMatch . $value)) -}}
{{- end -}}
{{- if $fits -}}true{{- end -}}
{{- end -}}

{{/* True or False for all the spellings of a boolean that Airflow reads; anything else as it is. */}}
{{- define "airflow-platform.premises.boolean" -}}
{{- $text := splitList "#" . | first | lower | trim -}}
{{- if has $text (list "t" "true" "1") -}}True
{{- else if has $text (list "f" "false" "0") -}}False
{{- else -}}{{- . -}}
{{- end -}}
{{- end -}}

{{/* What a setting is called in a message. */}}
{{- define "airflow-platform.premises.name" -}}
{{- .config | ternary .at (printf "%s in %s" .variable .at) -}}
{{- end -}}

{{/*
The ways out of a premise that is broken: sentences, and YAML to paste.
Input: dict "premise" (resolved) "setting"
*/}}
{{- define "airflow-platform.premises.waysOut" -}}
{{- $premise := .premise -}}
{{- $setting := .setting -}}
{{- $part := get (dict "taskLogs" "the sidecar" "metrics" "metrics") $premise.part -}}
{{- $key := and $premise.key (not $setting.hidden) (include "airflow-platform.premises.keyFits" .) | empty | not -}}
{{- if $key -}}
To let everything follow it, set:

{{ include "airflow-platform.premises.keyToPaste" . | indent 2 }}

{{ end -}}
{{- if $setting.config -}}
{{ $key | ternary "or" "Set" }}:

{{ include "airflow-platform.premises.configToPaste" . | indent 2 }}

or turn {{ $part }} off:
{{- else -}}
{{ $key | ternary "Or remove" "Remove" }} {{ $setting.variable }} from {{ $setting.at }}
{{- if $setting.hidden }}, or give it a value that can be seen: {name: {{ regexReplaceAll "_(CMD|SECRET)$" $setting.variable "" }}, value: {{ $premise.value | quote }}}{{ end }},
or turn {{ $part }} off:
{{- end }}

  global:
    {{ $premise.part }}:
      enabled: false
{{ end -}}

{{/* The value that fits, as a value of the official chart, which evaluates templates in it. */}}
{{- define "airflow-platform.premises.configToPaste" -}}
{{- $premise := .premise -}}
{{- $value := $premise.value | replace "%" "%%" | replace "{{" "{{ \"{{\" }}" -}}
{{- $path := splitList "." .setting.at -}}
{{- $section := index $path 2 -}}
{{- dict "airflow" (dict "config" (dict $section (dict (last $path) $value))) | toYaml -}}
{{- end -}}

{{/* "true" where the key of ours can have the value of the setting. */}}
{{- define "airflow-platform.premises.keyFits" -}}
{{- $value := .setting.value -}}
{{- if eq .premise.key "global.metrics.tags" -}}
{{- if has (include "airflow-platform.premises.boolean" $value) (list "True" "False") -}}true{{- end -}}
{{- else if regexMatch "^[a-zA-Z_][a-zA-Z0-9_-]*([.][a-zA-Z0-9_-]+)*$" $value -}}true
{{- end -}}
{{- end -}}

{{- define "airflow-platform.premises.keyToPaste" -}}
{{- $value := .setting.value -}}
{{- if eq .premise.key "global.metrics.tags" -}}
{{- $value = eq (include "airflow-platform.premises.boolean" $value) "True" -}}
{{- end -}}
{{- dict "global" (dict "metrics" (dict (splitList "." .premise.key | last) $value)) | toYaml -}}
{{- end -}}
