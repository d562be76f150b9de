{{/*
Settings of airflow.cfg that the values make, wherever they are: below airflow.config, and in environment variables,
which win. The scope of these templates is this chart.
*/}}

{{/*
The values of some options, as YAML; those that are not set, or whose value cannot be seen, have their default.
Input: dict "context" $ "defaults" {"scheduler.scheduler_heartbeat_sec": "5", ...}
*/}}
{{- define "airflow-platform.settings" -}}
{{- $context := .context -}}
{{- $settings := dict -}}
{{- range $option, $default := .defaults -}}
{{- $path := splitList "." $option -}}
{{- $section := get $context.Values.airflow.config (first $path) | default dict -}}
{{- $value := get $section (last $path) -}}
{{- if or (not (hasKey $section (last $path))) (kindIs "invalid" $value) -}}{{- $value = $default -}}{{- end -}}
{{- $_ := set $settings $option (tpl (toString $value) $context.Subcharts.airflow) -}}
{{- end -}}
{{- $found := dict "settings" list -}}
{{- include "airflow-platform.settings.collectVariables" (dict "context" $context "found" $found) -}}
{{- range $found.settings -}}
{{- if and (hasKey $settings .option) (not .hidden) -}}
{{- $_ := set $settings .option .value -}}
{{- end -}}
{{- end -}}
{{- toYaml $settings -}}
{{- end -}}

{{/*
Adds the variables in all values of the official chart to the settings.
Input: dict "context" $ "found" <see airflow-platform.settings.collect>
*/}}
{{- define "airflow-platform.settings.collectVariables" -}}
{{- $input := . -}}
{{- /* What neither runs tasks nor sends metrics of Airflow can have settings of its own. The keys of
enableBuiltInSecretEnvVars are names of variables, and its values are switches. */ -}}
{{- $without := list "config" "cleanup" "createUserJob" "databaseCleanup" "enableBuiltInSecretEnvVars" "flower" "migrateDatabaseJob" "pgbouncer" "postgresql" "redis" "statsd" -}}
{{- range $key, $value := .context.Values.airflow -}}
{{- if not (has $key $without) -}}
{{- include "airflow-platform.settings.collect" (dict "value" $value "at" (printf "airflow.%s" $key) "scope" $input.context.Subcharts.airflow "found" $input.found) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Adds the variables AIRFLOW__<SECTION>__<OPTION> in a value of the official chart to the settings, wherever they are:
in lists of variables, in strings of YAML such as extraEnv, and in the data of ConfigMaps and Secrets.

Input: dict
  "value"   any value
  "at"      its key, for messages
  "inText"  whether it comes from a string that is YAML
  "scope"   the scope of the official chart
  "found"   dict "settings", to which dicts are added
    "option"    <section>.<option>
    "variable"  the name of the variable
    "at"        the key of the list or string that it is in
    "value"     its value
    "hidden"    whether its value cannot be seen: it comes from a Secret, a ConfigMap or a command
    "config"    false
*/}}
{{- define "airflow-platform.settings.collect" -}}
{{- $input := . -}}
{{- if kindIs "map" .value -}}
{{- $name := .value.name | default .value.envName | toString -}}
{{- if hasPrefix "AIRFLOW__" $name -}}
{{- $hidden := or (hasKey .value "valueFrom") (not (hasKey .value "value")) -}}
{{- $at := regexReplaceAll "\\[[^\\]]*\\]$" .at "" -}}
{{- include "airflow-platform.settings.addVariable" (dict "variable" $name "at" $at "value" .value.value "hidden" $hidden "found" .found) -}}
{{- else -}}
{{- range $key, $value := .value -}}
{{- if and $input.inText (hasPrefix "AIRFLOW__" $key) -}}
{{- $encoded := and (hasPrefix "airflow.extraSecrets." $input.at) (hasSuffix ".data" $input.at) -}}
{{- $text := $encoded | ternary (b64dec (toString $value)) (toString $value) -}}
{{- include "airflow-platform.settings.addVariable" (dict "variable" $key "at" $input.at "value" $text "hidden" false "found" $input.found) -}}
{{- else -}}
{{- include "airflow-platform.settings.collect" (dict "value" $value "at" (printf "%s.%s" $input.at $key) "inText" $input.inText "scope" $input.scope "found" $input.found) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- range $index, $item := .value -}}
{{- $name := kindIs "map" $item | ternary (dig "name" $index (kindIs "map" $item | ternary $item dict)) $index -}}
{{- include "airflow-platform.settings.collect" (dict "value" $item "at" (printf "%s[%v]" $input.at $name) "inText" $input.inText "scope" $input.scope "found" $input.found) -}}
{{- end -}}
{{- else if and (kindIs "string" .value) (contains "AIRFLOW__" .value) (not .inText) (regexMatch "^airflow[.](extraEnv|podTemplate|extraConfigMaps[.].+[.]data|extraSecrets[.].+[.](data|stringData))$" .at) -}}
{{- /* Only these strings are YAML, in which the official chart evaluates templates. */ -}}
{{- $text := tpl .value .scope -}}
{{- $parsed := fromYaml $text -}}
{{- if hasKey $parsed "Error" -}}{{- $parsed = fromYamlArray $text -}}{{- end -}}
{{- include "airflow-platform.settings.collect" (dict "value" $parsed "at" .at "inText" true "scope" .scope "found" .found) -}}
{{- end -}}
{{- end -}}

{{- define "airflow-platform.settings.addVariable" -}}
{{- if regexMatch "^AIRFLOW__[A-Z0-9_]+__[A-Z0-9_]+$" .variable -}}
{{- $name := regexReplaceAll "_(CMD|SECRET)$" .variable "" -}}
{{- $option := regexReplaceAll "^AIRFLOW__([A-Z0-9_]+?)__(.+)$" $name "${1}.${2}" | lower -}}
{{- $hidden := or .hidden (ne $name .variable) -}}
{{- $value := kindIs "invalid" .value | ternary "" (toString .value) -}}
{{- $setting := dict "option" $option "variable" .variable "at" .at "value" $value "hidden" $hidden "config" false -}}
{{- $_ := set .found "settings" (append .found.settings $setting) -}}
{{- end -}}
{{- end -}}
