{{/*
Adds environment variables to airflow.extraEnv, which all pods of Airflow have, task pods included. The lists `env` of
components would do as well, but the official chart repeats their entries in settings of Airflow, where a user interface
that shows the configuration would show them. It changes the values of the official chart in place, so it is for
templates that Helm renders before those of the official chart: Helm renders the files that are deepest first.

Input: dict "context" <this chart's scope> "variables" <list of variables>
*/}}
{{- define "airflow-platform.environment.add" -}}
{{- $airflow := .context.Values.airflow -}}
{{- $own := tpl ($airflow.extraEnv | default "[]") .context.Subcharts.airflow | fromYamlArray -}}
{{- /* What is no list is left to the official chart, which says so. */ -}}
{{- if not (kindIs "string" (first $own | default dict)) -}}
{{- range $variable := .variables -}}
{{- if not (has $variable $own) -}}{{- $own = append $own $variable -}}{{- end -}}
{{- end -}}
{{- $_ := set $airflow "extraEnv" (include "airflow-platform.environment.text" $own) -}}
{{- end -}}
{{- end -}}

{{/*
A list of environment variables as the text of airflow.extraEnv, in which the official chart evaluates templates. As JSON
because it puts spaces behind the text, which would belong to a value in a block of YAML.
*/}}
{{- define "airflow-platform.environment.text" -}}
{{- $lines := list -}}
{{- range . -}}{{- $lines = append $lines (print "- " (toJson .)) -}}{{- end -}}
{{- join "\n" $lines | replace "{{" "{{ \"{{\" }}" -}}
{{- end -}}
