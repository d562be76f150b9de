{{/*
Ingresses of the official chart. The scope of these templates is the wrapper.
*/}}

{{/* Key below airflow.ingress of what serves the user interface and the API. */}}
{{- define "airflow-platform.access.ingressKey" -}}
{{- semverCompare "<3.0.0-0" .Values.airflow.airflowVersion | ternary "web" "apiServer" -}}
{{- end -}}

{{/* "true" where it has an Ingress. */}}
{{- define "airflow-platform.access.hasIngress" -}}
{{- $ingress := .Values.airflow.ingress | default dict -}}
{{- if or $ingress.enabled (get (get $ingress (include "airflow-platform.access.ingressKey" .) | default dict) "enabled") -}}true{{- end -}}
{{- end -}}

{{/* The hosts of an Ingress, as a YAML list of {name, tls}. Input: its values. */}}
{{- define "airflow-platform.access.hosts" -}}
{{- $hosts := list -}}
{{- range .hosts | default (.host | empty | ternary list (list .host)) -}}
{{- if kindIs "map" . -}}
{{- $tls := .tls | default dict -}}
{{- $hosts = append $hosts (dict "name" (.name | default "") "tls" ($tls.enabled | default false) "secret" ($tls.secretName | default "")) -}}
{{- else -}}
{{- $tls := $.tls | default dict -}}
{{- $hosts = append $hosts (dict "name" . "tls" ($tls.enabled | default false) "secret" ($tls.secretName | default "")) -}}
{{- end -}}
{{- end -}}
{{- toYaml $hosts -}}
{{- end -}}

{{/*
"true" where an Ingress serves a host. The operator of Tailscale takes the first part of the name of the Ingress's host
and adds the name of the tailnet. Input: dict "ingress" <its values> "name" <of its host> "host".
*/}}
{{- define "airflow-platform.access.serves" -}}
{{- if eq (.ingress.ingressClassName | default "") "tailscale" -}}
{{- if eq (splitList "." .name | first) (splitList "." .host | first) -}}true{{- end -}}
{{- else if hasPrefix "*." .name -}}
{{- if eq (trimPrefix "*" .name) (regexReplaceAll "^[^.]*" .host "") -}}true{{- end -}}
{{- else if eq .name .host -}}true
{{- end -}}
{{- end -}}
