{{/*
Says "true" where anybody could guess the password of the administrator that this release creates, and the release says
that it is no development. The keys of values/dev.yaml are public, as its login is.
*/}}
{{- define "airflow-platform.access.passwordIsGuessable" -}}
{{- $airflow := .Values.airflow -}}
{{- $environment := dig "labels" "environment" "dev" .Values.global.taskLogs | toString -}}
{{- $public := dig "airflow" "fernetKey" "" (.Files.Get "values/dev.yaml" | fromYaml) -}}
{{- $isTrial := and $public (eq ($airflow.fernetKey | toString) $public) -}}
{{- $user := $airflow.createUserJob.defaultUser | default dict -}}
{{- $known := list "" "admin" "airflow" "changeme" "password" ($user.username | toString | lower) -}}
{{- $isKnown := has ($user.password | default "" | toString | lower) $known -}}
{{- if and .Values.createUserJob.enabled (ne $environment "dev") (not $isTrial) $isKnown -}}true{{- end -}}
{{- end -}}
