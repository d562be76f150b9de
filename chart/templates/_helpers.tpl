{{/*
Name of a resource of ours: <release>-<suffix>. It depends on the release name only, so that it can
be included from any chart of the release, and is at most 63 characters long for the longest release
name that Helm allows (53).
Input: dict "context" $ "suffix" "task-logs"
*/}}
{{- define "observability.resourceName" -}}
{{- $room := sub 62 (len .suffix) | int -}}
{{- printf "%s-%s" (.context.Release.Name | trunc $room | trimSuffix "-") .suffix -}}
{{- end -}}

{{/*
Labels by which selectors find a component's pods; they never change.
Input: dict "context" $ "component" "statsd-exporter"
*/}}
{{- define "observability.selectorLabels" -}}
app.kubernetes.io/name: {{ .component }}
app.kubernetes.io/instance: {{ .context.Release.Name }}
{{- end -}}

{{/*
Labels of an object. Not for pods: the chart's version among them would restart pods on each release.
Input: dict "context" $ "component" "statsd-exporter"
*/}}
{{- define "observability.labels" -}}
{{- $ours := include "observability.selectorLabels" . | fromYaml -}}
{{- $_ := set $ours "app.kubernetes.io/component" .component -}}
{{- $_ := set $ours "app.kubernetes.io/part-of" "airflow-platform" -}}
{{- $_ := set $ours "app.kubernetes.io/managed-by" .context.Release.Service -}}
{{- $_ := set $ours "helm.sh/chart" (printf "%s-%s" .context.Chart.Name .context.Chart.Version | replace "+" "_" | trunc 63) -}}
{{- merge $ours .context.Values.commonLabels | toYaml -}}
{{- end -}}

{{/*
Reference of an image. The digest wins over the tag; global.imageRegistry replaces the registry.
Input: dict "image" <image values> "global" .Values.global
*/}}
{{- define "observability.image" -}}
{{- $registry := .global.imageRegistry | default .image.registry -}}
{{- $name := printf "%s/%s" $registry .image.repository -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $name .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name .image.tag -}}
{{- end -}}
{{- end -}}

{{/*
Security context of every container of ours: the restricted Pod Security Standard, and a read-only
root file system.
*/}}
{{- define "observability.containerSecurityContext" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
readOnlyRootFilesystem: true
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/*
Refuses a custom resource that the cluster does not know. Only a real cluster lists kinds among its
API versions, so plain `helm template` passes; `crdCheck: false` is for GitOps, where the CRD may
come later.
Input: dict "context" $ "kind" "monitoring.coreos.com/v1/ServiceMonitor" "key" "serviceMonitor.enabled"
*/}}
{{- define "observability.requireKind" -}}
{{- $known := .context.Capabilities.APIVersions -}}
{{- if and .context.Values.crdCheck ($known.Has "apps/v1/Deployment") (not ($known.Has .kind)) -}}
{{- fail (printf "\n\n%s is true, but this cluster does not know %s.\nInstall the operator that brings it, or, if it will come later (GitOps), set:\n\n  observability:\n    crdCheck: false\n" .key .kind) -}}
{{- end -}}
{{- end -}}
