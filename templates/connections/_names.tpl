{{/*
Names of the environment variables from which Airflow reads connections and variables. The scope is the wrapper.
*/}}

{{/*
What `connections` and `variables` ask for, as a YAML list: `key` (connections or variables), `id`, `name` of the
environment variable, and `value` (what the values say of it). null takes an entry away.
*/}}
{{- define "airflow-platform.connections.entries" -}}
{{- $entries := list -}}
{{- range $key, $prefix := dict "connections" "AIRFLOW_CONN_" "variables" "AIRFLOW_VAR_" -}}
{{- range $id, $value := get $.Values $key -}}
{{- if not (kindIs "invalid" $value) -}}
{{- $entries = append $entries (dict "key" $key "id" $id "name" (print $prefix (upper $id)) "value" $value) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $entries -}}
{{- end -}}

{{/* The environment variables of connections and variables, as a YAML list. */}}
{{- define "airflow-platform.connections.environment" -}}
{{- $environment := list -}}
{{- range include "airflow-platform.connections.entries" . | fromYamlArray -}}
{{- $variable := dict "name" .name -}}
{{- with .value.secret -}}
{{- $_ := set $variable "valueFrom" (dict "secretKeyRef" .) -}}
{{- else -}}
{{- /* Kubernetes would replace $(NAME) and make one dollar of two. */ -}}
{{- $_ := set $variable "value" (.value.value | default "" | replace "$" "$$") -}}
{{- end -}}
{{- $environment = append $environment $variable -}}
{{- end -}}
{{- /* JSON keeps the line breaks at the end of a value. */ -}}
{{- toJson $environment -}}
{{- end -}}

{{/* The names of the Secrets of connections and variables, as a YAML list. */}}
{{- define "airflow-platform.connections.secrets" -}}
{{- $names := list -}}
{{- range include "airflow-platform.connections.environment" . | fromYamlArray -}}
{{- with .valueFrom -}}{{- $names = append $names .secretKeyRef.name -}}{{- end -}}
{{- end -}}
{{- $names | uniq | sortAlpha | toYaml -}}
{{- end -}}

{{/*
The environment variables of connections and variables that the values of the official chart set, as a YAML list of
`name` and `at`, the key that sets it. Those of this chart, which are in airflow.extraEnv as well, are left out.
*/}}
{{- define "airflow-platform.connections.given" -}}
{{- $found := dict "variables" list -}}
{{- range $key, $value := .Values.airflow -}}
{{- include "airflow-platform.connections.collect" (dict "value" $value "at" (printf "airflow.%s" $key) "scope" $.Subcharts.airflow "found" $found) -}}
{{- end -}}
{{- $ours := include "airflow-platform.connections.environment" . | fromYamlArray -}}
{{- $given := list -}}
{{- range $found.variables -}}
{{- if not (and (eq .at "airflow.extraEnv") (has .entry $ours)) -}}
{{- $given = append $given (dict "name" .name "at" .at) -}}
{{- end -}}
{{- end -}}
{{- toYaml $given -}}
{{- end -}}

{{/*
Adds the variables AIRFLOW_CONN_* and AIRFLOW_VAR_* in a value of the official chart to `found`: in lists of variables,
in the text extraEnv, and in the data of extraSecrets and extraConfigMaps.
*/}}
{{- define "airflow-platform.connections.collect" -}}
{{- $input := . -}}
{{- $pattern := "^AIRFLOW_(CONN|VAR)_" -}}
{{- if kindIs "map" .value -}}
{{- $name := .value.name | default .value.envName | toString -}}
{{- if regexMatch $pattern $name -}}
{{- $_ := set .found "variables" (append .found.variables (dict "name" $name "at" .at "entry" .value)) -}}
{{- else -}}
{{- range $key, $value := .value -}}
{{- include "airflow-platform.connections.collect" (merge (dict "value" $value "at" (printf "%s.%s" $input.at $key)) (omit $input "value")) -}}
{{- end -}}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- range $value := .value -}}
{{- include "airflow-platform.connections.collect" (merge (dict "value" $value) (omit $input "value")) -}}
{{- end -}}
{{- else if and (kindIs "string" .value) (regexMatch "AIRFLOW_(CONN|VAR)_" .value) -}}
{{- if eq .at "airflow.extraEnv" -}}
{{- include "airflow-platform.connections.collect" (merge (dict "value" (tpl .value .scope | fromYamlArray)) (omit $input "value")) -}}
{{- else if regexMatch "^airflow[.](extraConfigMaps|extraSecrets)[.]" .at -}}
{{- range regexFindAll "(?m)^\\s*[\"']?AIRFLOW_(CONN|VAR)_\\w+[\"']?\\s*:" .value -1 -}}
{{- $_ := set $input.found "variables" (append $input.found.variables (dict "name" (regexFind "AIRFLOW_\\w+" .) "at" $input.at)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
