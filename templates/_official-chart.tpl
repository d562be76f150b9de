{{/*
Named templates of the official Airflow chart, defined anew. Names are global in Helm and the outermost chart's
definition wins, so the official chart's pods include these. Here is only what its values cannot do:

- one pull Secret and one registry reach all images, whichever chart they belong to;
- every pod fits the restricted Pod Security Standard
  (https://kubernetes.io/docs/concepts/security/pod-security-standards/), whatever part of its security context
  is set, and its user id follows the official key (airflow.uid, airflow.dags.gitSync.uid, ...).

Which values are looked at, and in which order, is as in the official chart.
*/}}

{{/*
Pull Secrets of a pod: those of airflow.imagePullSecrets or airflow.registry, and those of
global.imagePullSecrets, because the pod may have images of both charts.
*/}}
{{- define "image_pull_secrets" -}}
{{- $secrets := list -}}
{{- range include "airflow-platform.images.airflowPullSecrets" . | fromYamlArray -}}
{{- $secrets = append $secrets (dict "name" .) -}}
{{- end -}}
{{- concat $secrets (include "observability.imagePullSecrets" . | fromYamlArray) | uniq | toYaml -}}
{{- end -}}

{{/* Images of Airflow. */}}
{{- define "airflow_image" -}}
{{- $image := .Values.images.airflow -}}
{{- $repository := $image.repository | default .Values.defaultAirflowRepository -}}
{{- $tag := $image.tag | default .Values.defaultAirflowTag -}}
{{- $digest := $image.digest | default .Values.defaultAirflowDigest -}}
{{- include "airflow-platform.images.reference" (dict "values" .Values "official" "apache/airflow" "repository" $repository "tag" $tag "digest" $digest) -}}
{{- end -}}

{{- define "default_airflow_image" -}}
{{- include "airflow-platform.images.reference" (dict "values" .Values "official" "apache/airflow" "repository" .Values.defaultAirflowRepository "tag" .Values.defaultAirflowTag "digest" .Values.defaultAirflowDigest) -}}
{{- end -}}

{{/*
Image of task pods: the other pods' image, digest included, where airflow.images.pod_template sets none. The
official chart leaves the choice to airflow.cfg, which knows neither digests nor registries (values.yaml,
`worker_container_repository`).
*/}}
{{- define "pod_template_image" -}}
{{- $own := .Values.images.pod_template -}}
{{- if or $own.repository $own.tag -}}
{{- $repository := coalesce $own.repository .Values.images.airflow.repository .Values.defaultAirflowRepository -}}
{{- $tag := coalesce $own.tag .Values.images.airflow.tag .Values.defaultAirflowTag -}}
{{- include "airflow-platform.images.reference" (dict "values" .Values "official" "apache/airflow" "repository" $repository "tag" $tag) -}}
{{- else -}}
{{- include "airflow_image" . -}}
{{- end -}}
{{- end -}}

{{- define "flower_image" -}}
{{- $image := .Values.images.flower -}}
{{- include "airflow-platform.images.reference" (dict "values" .Values "official" "apache/airflow" "repository" ($image.repository | default .Values.defaultAirflowRepository) "tag" ($image.tag | default .Values.defaultAirflowTag)) -}}
{{- end -}}

{{/* Images of other programs, each with the repository that is the official chart's default. */}}
{{- define "git_sync_image" -}}
{{- include "airflow-platform.images.reference" (merge (dict "values" .Values "official" "registry.k8s.io/git-sync/git-sync") .Values.images.gitSync) -}}
{{- end -}}

{{- define "redis_image" -}}
{{- include "airflow-platform.images.reference" (merge (dict "values" .Values "official" "redis") .Values.images.redis) -}}
{{- end -}}

{{- define "statsd_image" -}}
{{- include "airflow-platform.images.reference" (merge (dict "values" .Values "official" "quay.io/prometheus/statsd-exporter") .Values.images.statsd) -}}
{{- end -}}

{{- define "pgbouncer_image" -}}
{{- include "airflow-platform.images.reference" (merge (dict "values" .Values "official" "apache/airflow") .Values.images.pgbouncer) -}}
{{- end -}}

{{- define "pgbouncer_exporter_image" -}}
{{- include "airflow-platform.images.reference" (merge (dict "values" .Values "official" "apache/airflow") .Values.images.pgbouncerExporter) -}}
{{- end -}}

{{/*
Security context of a pod of Airflow. Input: list of the values of the component, perhaps of what it belongs to,
and of the chart.
*/}}
{{- define "airflowPodSecurityContext" -}}
{{- $context := dict -}}
{{- $root := false -}}
{{- range reverse . -}}
{{- $context = (.securityContexts).pod | default .securityContext | default $context -}}
{{- range concat (.extraInitContainers | default list) (.extraContainers | default list) -}}
{{- $root = or $root (eq (toString (.securityContext).runAsUser) "0") -}}
{{- end -}}
{{- end -}}
{{- $chart := last . -}}
{{- include "airflow-platform.security.pod" (dict "context" $context "user" $chart.uid "group" $chart.gid "root" $root) -}}
{{- end -}}

{{/*
Security context of a pod of Redis, StatsD or PgBouncer. The volume of Redis belongs to the group of its user's id.
Input: the component's values.
*/}}
{{- define "localPodSecurityContext" -}}
{{- include "airflow-platform.security.pod" (dict "context" (.securityContexts.pod | default .securityContext) "user" .uid "group" .uid) -}}
{{- end -}}

{{/* Security context of a container of Airflow. Input: as of airflowPodSecurityContext. */}}
{{- define "containerSecurityContext" -}}
{{- $context := ((last .).securityContexts).containers -}}
{{- range reverse . -}}
{{- $context = (.securityContexts).container | default $context -}}
{{- end -}}
{{- include "airflow-platform.security.container" (dict "context" $context) -}}
{{- end -}}

{{/* Security context of a container of Redis, StatsD or PgBouncer. Input: the component's values. */}}
{{- define "externalContainerSecurityContext" -}}
{{- include "airflow-platform.security.container" (dict "context" .securityContexts.container) -}}
{{- end -}}

{{/* Security context of git-sync, whose user is not the pod's. Input: the values of git-sync. */}}
{{- define "localContainerSecurityContext" -}}
{{- include "airflow-platform.security.container" (dict "context" (.securityContexts.container | default .securityContext) "user" .uid) -}}
{{- end -}}
