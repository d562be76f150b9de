{{/*
Parts of the objects of CloudNativePG. The scope of these templates is this chart, unless they say otherwise.
*/}}

{{/* The plugin that backs up to an object store, and recovers from it. */}}
{{- define "airflow-platform.database.backupPlugin" -}}
barman-cloud.cloudnative-pg.io
{{- end -}}

{{/* The ObjectStore with the backups of the database, and the one from which it is recovered. */}}
{{- define "airflow-platform.database.backupStoreName" -}}
{{- printf "%s-backup" (include "airflow-platform.database.clusterName" .) -}}
{{- end -}}
{{- define "airflow-platform.database.recoveryStoreName" -}}
{{- printf "%s-recovery" (include "airflow-platform.database.clusterName" .) -}}
{{- end -}}

{{/* Folders in the object store: of the backups of this database, and of those from which it is recovered. */}}
{{- define "airflow-platform.database.backupServerName" -}}
{{- .Values.database.cloudNativePG.backup.serverName | default (include "airflow-platform.database.clusterName" .) -}}
{{- end -}}
{{- define "airflow-platform.database.recoveryServerName" -}}
{{- .Values.database.cloudNativePG.recovery.serverName | default (include "airflow-platform.database.clusterName" .) -}}
{{- end -}}

{{/*
Labels of an object.
Input: dict "context" <this chart's scope> "component" <what the object is> "labels" <more labels>
*/}}
{{- define "airflow-platform.database.labels" -}}
{{- include "observability.labels" (dict "context" .context.Subcharts.observability "component" .component "labels" .labels) -}}
{{- end -}}

{{/*
Annotations of what must outlive the release. Helm and Flux keep an object with the first one, Argo CD with the second.
*/}}
{{- define "airflow-platform.database.kept" -}}
helm.sh/resource-policy: keep
argocd.argoproj.io/sync-options: Prune=false,Delete=false
{{- end -}}

{{/* The image of PostgreSQL: CloudNativePG reads the version in its tag, so a digest comes beside the tag. */}}
{{- define "airflow-platform.database.image" -}}
{{- $image := .Values.database.cloudNativePG.image -}}
{{- include "observability.image" (dict "image" (omit $image "digest") "global" .Values.global) -}}
{{- with $image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{/* Refuses a kind that the cluster does not know. Input: list <this chart's scope> <kind> <key> */}}
{{- define "airflow-platform.database.requireKind" -}}
{{- include "observability.requireKind" (dict "context" (index . 0).Subcharts.observability "kind" (index . 1) "key" (index . 2)) -}}
{{- end -}}

{{/*
The PodMonitor of a set of pods.
Input: dict "context" <this chart's scope> "name" "component" "selector" <labels of the pods>
*/}}
{{- define "airflow-platform.database.podMonitor" -}}
{{- $settings := .context.Values.database.cloudNativePG.podMonitor -}}
{{- include "airflow-platform.database.requireKind" (list .context "monitoring.coreos.com/v1/PodMonitor" "database.cloudNativePG.podMonitor.enabled") -}}
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: {{ .name }}
  namespace: {{ .context.Release.Namespace }}
  labels: {{- include "airflow-platform.database.labels" (dict "context" .context "component" .component "labels" $settings.labels) | nindent 4 }}
spec:
  selector:
    matchLabels: {{- .selector | toYaml | nindent 6 }}
  podMetricsEndpoints:
    - port: metrics
      {{- with $settings.interval }}
      interval: {{ . }}
      {{- end }}
{{- end -}}
