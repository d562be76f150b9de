{{/*
What works but deserves attention. Each paragraph follows an empty line and begins with WARNING; it ends with what
to set, as YAML to paste. NOTES and the commands render and check print them, for Flux, Argo CD and `helm template`
show no NOTES.
*/}}
{{- define "airflow-platform.warnings" -}}
{{- $airflow := .Values.airflow -}}
{{- if $airflow.enabled -}}
{{- if .Values.global.taskLogs.enabled }}
{{- if and (contains "KubernetesExecutor" $airflow.executor) (not (contains "observability.taskLogs.podTemplate" ($airflow.podTemplate | default ""))) }}

WARNING: task pods have no sidecar, because airflow.podTemplate is not the chart's own. Set:

  airflow:
    podTemplate: '{{ "{{ include \"observability.taskLogs.podTemplate\" . }}" }}'
{{- end }}
{{- if and (contains "Celery" $airflow.executor) (not (contains "observability.taskLogs.initContainerFields" (toJson $airflow.workers.extraInitContainers))) }}

WARNING: Celery workers have no sidecar. Add the values file examples/celery/values.yaml to the installation.
{{- end }}
{{- if regexMatch "Local|Sequential" $airflow.executor }}

WARNING: {{ $airflow.executor }} runs tasks in the scheduler's pod, which has no sidecar. Set:

  airflow:
    executor: KubernetesExecutor
{{- end }}
{{- end }}
{{- if eq ($airflow.fernetKey | default "") "YWlyZmxvdy1wbGF0Zm9ybS1kZXZlbG9wbWVudC1rZXk=" }}

WARNING: this release has the public keys of values/dev.yaml and the login admin / admin.
{{- end }}
{{- if and $airflow.dags.gitSync.enabled (contains "git.example.com" $airflow.dags.gitSync.repo) }}

WARNING: git-sync takes DAGs from a repository that does not exist. Set yours:

  airflow:
    dags:
      gitSync:
        repo: https://github.com/my-company/my-dags.git
{{- end }}
{{- if $airflow.postgresql.enabled }}

WARNING: the database runs in the cluster, from an image that is no longer updated. For data that matters,
use a database of your own: put its URL under the key `connection` into a Secret, and set:

  airflow:
    postgresql:
      enabled: false
    data:
      metadataSecretName: {{ $airflow.data.metadataSecretName | default "airflow-metadata" }}
{{- end }}
{{- include "observability.warnings" .Subcharts.observability }}
{{- end -}}
{{- end -}}
