{{/*
Which pods get a connection to the database, and which one.
*/}}

{{/*
The pod template of task pods, with the sidecar. Tasks of Airflow 3 talk to the API server and never to the database,
so their pods do not get its password, which any code of a task could read. A variable of your own, below
airflow.workers.env for example, stays. The scope is the official chart, which evaluates airflow.podTemplate.
*/}}
{{- define "airflow-platform.database.podTemplate" -}}
{{- $scope := . -}}
{{- if semverCompare ">=3.0.0-0" .Values.airflowVersion -}}
{{- $values := deepCopy .Values -}}
{{- range $variable := list "AIRFLOW__CORE__SQL_ALCHEMY_CONN" "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" "AIRFLOW_CONN_AIRFLOW_DB" "AIRFLOW__CELERY__CELERY_RESULT_BACKEND" "AIRFLOW__CELERY__RESULT_BACKEND" "AIRFLOW__CELERY__BROKER_URL" -}}
{{- $_ := set $values.enableBuiltInSecretEnvVars $variable false -}}
{{- end -}}
{{- /* KEDA_DB_CONN */ -}}
{{- $_ := set $values.workers "keda" (dict "enabled" false) -}}
{{- $scope = set (omit . "Values") "Values" $values -}}
{{- end -}}
{{- include "observability.taskLogs.podTemplate" $scope -}}
{{- end -}}

{{/*
Lets a Job connect past the Pooler. A migration holds a lock for as long as its session lasts, and transactions of one
session are on different connections of PgBouncer, where the lock would stay.
Input: list <this chart's scope> <the parsed Job, changed in place>
*/}}
{{- define "airflow-platform.database.connectDirectly" -}}
{{- $scope := index . 0 -}}
{{- $pod := (index . 1).spec.template.spec -}}
{{- if eq (include "airflow-platform.database.endpoint" $scope | fromYaml).pooler "cloudNativePG" -}}
{{- range concat ($pod.initContainers | default list) $pod.containers -}}
{{- range .env -}}
{{- $reference := dig "valueFrom" "secretKeyRef" dict . -}}
{{- if and (eq ($reference.name | default "") $scope.Values.airflow.data.metadataSecretName) (eq ($reference.key | default "") "connection") -}}
{{- $_ := set $reference "key" "directConnection" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
