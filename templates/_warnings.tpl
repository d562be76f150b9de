{{/*
What works but deserves attention. Each paragraph follows an empty line and begins with WARNING; it ends with what
to set, as YAML to paste. NOTES and the commands render and check print them, for Flux, Argo CD and `helm template`
show no NOTES.
*/}}
{{- define "airflow-platform.warnings" -}}
{{- $airflow := .Values.airflow -}}
{{- if $airflow.enabled -}}
{{- with .Values.global.taskLogs.enabled | ternary (include "airflow-platform.executors" $airflow.executor | fromYaml) dict }}
{{- with .elsewhere }}

WARNING: {{ join " and " . }} runs tasks in pods that this chart does not make, so their logs are not shipped. Tasks of this
executor have the sidecar:

  airflow:
    executor: KubernetesExecutor
{{- end }}
{{- end }}
{{- $launchers := .Values.jobs.enabled | ternary (include "airflow-platform.workflows.launchers" .Subcharts.airflow | fromYamlArray) (list "") }}
{{- if not $launchers }}

WARNING: no pod of this release runs tasks, so it gives nobody the right to start jobs. Bind the accounts of the workers that
do to such a Role (docs/jobs.md, "Rights"), or run tasks here:

  airflow:
    executor: KubernetesExecutor
{{- end }}
{{- $constraints := include "airflow-platform.airflowVersion.constraints" . | fromYamlArray }}
{{- range include "airflow-platform.airflowVersion.tags" (dict "context" . "constraints" $constraints) | fromYamlArray }}
{{- if and .variable .differs (or .official .matters) }}

WARNING: {{ .name }} is {{ .tag }}, but the settings are those of Airflow {{ $airflow.airflowVersion }}. If the image has Airflow {{ .version }}, name
one with Airflow {{ $airflow.airflowVersion }} there.
{{- else if and .differs (or .official .matters) }}

WARNING: {{ .name }} is {{ .tag }}, but the settings are those of Airflow {{ $airflow.airflowVersion }}. If the image has Airflow {{ .version }}, set:

  airflow:
    airflowVersion: {{ .version }}
  global:
    metrics:
      airflowVersion: {{ .version }}
{{- end }}
{{- end }}
{{- range (include "airflow-platform.premises.broken" . | fromJson).unknown }}
{{- $name := include "airflow-platform.premises.name" .setting }}
{{- if .setting.hidden }}

WARNING: {{ $name }} takes its value from elsewhere, so nobody can tell whether it fits.{{ with .premise.refused }} It must not match the
regular expression {{ . }}. Otherwise:{{ end }} {{ .premise.why }}
{{- else }}

WARNING: {{ $name }} is {{ .setting.value | quote }}. {{ .premise.why }}
Nobody can tell from the name whether that holds. If not, the alert TaskLogFileMissing says so.
{{- end }}
{{- end }}
{{- range $path, $near := include "airflow-platform.premises.misspelt" . | fromJson }}

WARNING: is airflow.config.{{ $path }} a misspelt {{ $near }}? Airflow takes any name, and ignores those that it does not know.
{{- end }}
{{- $public := .Files.Get "values/dev.yaml" | fromYaml -}}
{{- $taken := list -}}
{{- range $key := list "fernetKey" "apiSecretKey" "jwtSecret" "webserverSecretKey" -}}
{{- if and (get $airflow $key) (eq (get $airflow $key | toString) (get $public.airflow $key)) -}}
{{- $taken = append $taken (printf "airflow.%s" $key) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.createUserJob.enabled (eq ($airflow.createUserJob.defaultUser.password | toString) "admin") -}}
{{- $taken = append $taken "airflow.createUserJob.defaultUser.password" -}}
{{- end -}}
{{- with $taken }}

WARNING: everybody can read these keys and passwords, because they are published with this chart or with the official one:
{{ join ", " . }}.
For anything but a trial, take them from Secrets, as values/prod.yaml does.
{{- end }}
{{- if and (include "airflow-platform.access.hasIngress" .) (not (include "airflow-platform.access.baseUrl" .)) }}

WARNING: Airflow does not know the URL at which the Ingress serves it, so links that it sends lead to localhost. Set it:

  airflow:
    config:
      {{ semverCompare "<3.0.0-0" $airflow.airflowVersion | ternary "webserver" "api" }}:
        base_url: https://{{ (include "airflow-platform.access.hosts" (get $airflow.ingress (include "airflow-platform.access.ingressKey" .)) | fromYamlArray | first | default dict).name | default "airflow.example.com" }}
{{- end }}
{{- if and $airflow.dags.gitSync.enabled (contains "git.example.com" $airflow.dags.gitSync.repo) }}

WARNING: git-sync takes DAGs from a repository that does not exist. Set yours:

  airflow:
    dags:
      gitSync:
        repo: https://github.com/my-company/my-dags.git
{{- end }}
{{- $claim := $airflow.dags.persistence }}
{{- if and $claim.enabled (not $claim.existingClaim) (eq $claim.accessMode "ReadWriteOnce") }}

WARNING: the volume with DAGs can be mounted on one node at a time, so pods on other nodes would wait for it. On a cluster with
several nodes, and a storage class that can do it, set:

  airflow:
    dags:
      persistence:
        accessMode: ReadWriteMany
{{- end }}
{{- if $airflow.postgresql.enabled }}

WARNING: the database runs in the cluster, from an image that is no longer updated. For data that matters, use
CloudNativePG (docs/database.md) or a database of your own: put its URL under the key `connection` into a Secret, and set:

  airflow:
    postgresql:
      enabled: false
    data:
      metadataSecretName: {{ $airflow.data.metadataSecretName | default "airflow-database" }}
{{- end }}
{{- with include "airflow-platform.images.pullSecretsForAll" . }}

WARNING: only the pods of Airflow have the pull Secrets of airflow.imagePullSecrets or airflow.registry. So that
the pods of the add-on and of PostgreSQL have them as well, set:

{{ indent 2 . }}
{{- end }}
{{- if .Values.global.imageRegistry }}
{{- with include "airflow-platform.images.fromOtherRegistries" . | fromYamlArray }}

WARNING: these images do not come from global.imageRegistry, because the values name their repositories:
{{ join ", " . }}
{{- end }}
{{- end }}
{{- if and (not .Values.global.taskLogs.enabled) (not $airflow.logs.persistence.enabled) (ne (tpl (dig "logging" "remote_logging" "False" $airflow.config | toString) .Subcharts.airflow | lower) "true") }}

WARNING: the log of a task is lost with its pod. Ship task logs to Loki:

  global:
    taskLogs:
      enabled: true
{{- end }}
{{- if and .Values.global.metrics.enabled .Values.observability.prometheusRule.enabled }}
{{- $lists := include "airflow-platform.alerts.leftOut" . | fromJson }}
{{- with $lists.unknown }}

WARNING: only Python can judge these patterns in metrics_allow_list and metrics_block_list: {{ join ", " . }}. If one of them
keeps Airflow from sending a metric that an alert needs, the alert fires all the time. Use patterns without (?!, (?=,
(?< and references to groups.
{{- end }}
{{- with $lists.metrics }}

WARNING: Airflow is told not to send these metrics, so the alerts that need them are left out: {{ join ", " . }}. To have
the alerts, let the metrics pass metrics_allow_list and metrics_block_list.
{{- end }}
{{- end }}
{{- $theirs := include (printf "%s/charts/airflow/templates/NOTES.txt" (dir .Template.BasePath)) .Subcharts.airflow -}}
{{- range regexFindAll "DEPRECATION WARNING:\\n( +.+\\n)+" $theirs -1 }}

WARNING: the official chart says: {{ regexReplaceAll "\n +" (trimPrefix "DEPRECATION WARNING:" . | trim) "\n" }}
{{- end }}
{{- include "observability.warnings" .Subcharts.observability }}
{{- end -}}
{{- end -}}
