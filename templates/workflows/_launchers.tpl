{{/*
ServiceAccounts of the pods of Airflow that start jobs or watch them, as a YAML list of names: of the pods in which
the executor runs tasks, and of triggerers, which watch the jobs of deferred tasks. The scope is the official chart.
*/}}
{{- define "airflow-platform.workflows.launchers" -}}
{{- $names := list -}}
{{- $executors := include "airflow-platform.executors" .Values.executor | fromYaml -}}
{{- if $executors.scheduler -}}{{- $names = append $names (include "scheduler.serviceAccountName" .) -}}{{- end -}}
{{- if $executors.pods -}}{{- $names = append $names (include "worker.serviceAccountName" .) -}}{{- end -}}
{{- if $executors.workers -}}
{{- $celery := .Values.workers.celery | default dict -}}
{{- $sets := $celery.sets | default list -}}
{{- if ne (toString $celery.enableDefault) "false" -}}{{- $sets = prepend $sets dict -}}{{- end -}}
{{- range $set := $sets -}}
{{- $account := dict -}}
{{- range list $.Values.workers $celery $set -}}
{{- range $key, $value := .serviceAccount -}}
{{- if not (kindIs "invalid" $value) -}}{{- $_ := set $account $key $value -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- $workers := merge (dict "serviceAccount" $account) (pick $set "name") (omit $.Values.workers "serviceAccount") -}}
{{- $scope := merge (dict "Values" (merge (dict "workers" $workers) (omit $.Values "workers"))) (omit $ "Values") -}}
{{- $names = append $names (include "worker.serviceAccountName" $scope) -}}
{{- end -}}
{{- end -}}
{{- if .Values.triggerer.enabled -}}{{- $names = append $names (include "triggerer.serviceAccountName" .) -}}{{- end -}}
{{- $bare := list -}}
{{- range $names -}}{{- $bare = append $bare (. | trim | trimAll "\"") -}}{{- end -}}
{{- uniq $bare | toYaml -}}
{{- end -}}

{{/*
Names of all ServiceAccounts that pods of Airflow may have, as a YAML list. The scope is the official chart.
*/}}
{{- define "airflow-platform.workflows.accountsOfAirflow" -}}
{{- $names := prepend (include "airflow-platform.workflows.launchers" . | fromYamlArray) "default" -}}
{{- $begin := include "airflow.serviceAccountName" . | trim -}}
{{- range $key, $value := .Values -}}
{{- if and (kindIs "map" $value) (kindIs "map" (get (kindIs "map" $value | ternary $value dict) "serviceAccount")) -}}
{{- $suffix := eq $key "workers" | ternary "worker" (kebabcase $key) -}}
{{- $names = append $names ($value.serviceAccount.name | default (printf "%s-%s" $begin $suffix)) -}}
{{- end -}}
{{- end -}}
{{- uniq $names | toYaml -}}
{{- end -}}
