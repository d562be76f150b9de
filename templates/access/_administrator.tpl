{{/*
Where the administrator that the Job creates would have a password that anybody can guess, as YAML: the values that take
it from a Secret, and the arguments that create the Secret. Nothing in a trial, with keys that everybody can read. The
scope is the wrapper.
*/}}
{{- define "airflow-platform.access.guessable" -}}
{{- $user := .Values.airflow.createUserJob.defaultUser | default dict -}}
{{- $isTrial := eq (.Values.airflow.fernetKey | toString) (.Files.Get "values/dev.yaml" | fromYaml).airflow.fernetKey -}}
{{- $known := list "" "admin" "airflow" "changeme" "password" ($user.username | toString | lower) -}}
{{- if and .Values.createUserJob.enabled (not $isTrial) (has ($user.password | default "" | toString | lower) $known) -}}
values:
  createUserJob:
    defaultUser:
      password: $(AIRFLOW_ADMIN_PASSWORD)
    env:
      - name: AIRFLOW_ADMIN_PASSWORD
        valueFrom:
          secretKeyRef:
            name: airflow-admin
            key: password
create: airflow-admin --from-literal=password="$(openssl rand -hex 32)"
{{- end -}}
{{- end -}}
