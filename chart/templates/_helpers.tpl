{{/*
Name of an object of this chart: <release>-<suffix>, or what global.observability says instead of the
release. It depends on the release and on `.Values.global` only, so that the official chart can include
this template as well. A long release name is cut, so that the whole has at most 63 characters, which is
the limit for the names of Services.
Input: dict "context" $ "suffix" "task-logs"
*/}}
{{- define "observability.resourceName" -}}
{{- $room := sub 62 (len .suffix) | int -}}
{{- printf "%s-%s" (include "observability.fullname" .context | trunc $room | trimSuffix "-") .suffix -}}
{{- end -}}

{{/* What the names of all objects begin with. Input: the root of the chart in whose scope it is rendered. */}}
{{- define "observability.fullname" -}}
{{- $names := .Values.global.observability -}}
{{- $name := empty $names.nameOverride | ternary .Release.Name (printf "%s-%s" .Release.Name $names.nameOverride) -}}
{{- $names.fullnameOverride | default $name -}}
{{- end -}}

{{/*
Labels by which selectors find a component's pods. They must never change: the selector of a
Deployment is immutable.
Input: dict "context" $ "component" "statsd-exporter"
*/}}
{{- define "observability.selectorLabels" -}}
app.kubernetes.io/name: {{ .component }}
app.kubernetes.io/instance: {{ .context.Release.Name }}
{{- end -}}

{{/*
Labels of an object. Pods do not get them all (observability.pods.labels): with the chart's version among
the labels, each new version of the chart would restart the pods.
Those of the user win, but for the ones by which selectors find an object.
Input: dict "context" $ "component" "statsd-exporter", and perhaps "labels" <more labels of this object>
*/}}
{{- define "observability.labels" -}}
{{- $fixed := include "observability.selectorLabels" . | fromYaml -}}
{{- $_ := set $fixed "app.kubernetes.io/component" .component -}}
{{- $ours := dict "app.kubernetes.io/part-of" "airflow-platform" "app.kubernetes.io/managed-by" .context.Release.Service -}}
{{- $_ := set $ours "helm.sh/chart" (printf "%s-%s" .context.Chart.Name .context.Chart.Version | replace "+" "_" | trunc 63) -}}
{{- include "observability.withoutNulls" (merge $fixed (.labels | default dict) .context.Values.commonLabels $ours) -}}
{{- end -}}

{{/* A map as YAML, without the keys that a later values file has set to null. */}}
{{- define "observability.withoutNulls" -}}
{{- range $key, $value := . -}}
{{- if kindIs "invalid" $value -}}
{{- $_ := unset $ $key -}}
{{- end -}}
{{- end -}}
{{- toYaml . -}}
{{- end -}}

{{/*
Reference of an image. A digest is used instead of the tag; global.imageRegistry replaces the registry.
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
Secrets with which pods pull their images, as Kubernetes has them: a string is the name of a Secret.
Input: the root of the chart in whose scope it is rendered.
*/}}
{{- define "observability.imagePullSecrets" -}}
{{- $secrets := list -}}
{{- range .Values.global.imagePullSecrets -}}
{{- $secrets = append $secrets (kindIs "string" . | ternary (dict "name" .) .) -}}
{{- end -}}
{{- uniq $secrets | toYaml -}}
{{- end -}}

{{/*
Refuses a custom resource whose kind the cluster does not know. `helm template` works without a cluster
and knows no kinds at all, not even Deployments; nothing is refused then.
Input: dict "context" $ "kind" "monitoring.coreos.com/v1/ServiceMonitor" "key" "serviceMonitor.enabled"
*/}}
{{- define "observability.requireKind" -}}
{{- $known := .context.Capabilities.APIVersions -}}
{{- if and .context.Values.crdCheck ($known.Has "apps/v1/Deployment") (not ($known.Has .kind)) -}}
{{- $values := include "observability.yamlToPaste" (dict "context" .context "values" (dict "crdCheck" false)) -}}
{{- fail (printf "\n\n%s is true, but this cluster does not know %s.\nInstall the operator that brings it. If the operator is installed later (GitOps), set:\n\n%s\n" .key .kind $values) -}}
{{- end -}}
{{- end -}}

{{/*
Values of this chart as YAML that a user can paste from a message into a values file: inside another
chart, such as airflow-platform, the values are below `observability:`.
Input: dict "context" $ "values" <values of this chart>
*/}}
{{- define "observability.yamlToPaste" -}}
{{- $values := .context.Chart.IsRoot | ternary .values (dict "observability" .values) -}}
{{- toYaml $values | indent 2 -}}
{{- end -}}

{{/*
"true" where this chart is part of airflow-platform, whose templates render the objects of this chart that follow values
of the official Airflow chart. The scope is that of a template file of this chart.
*/}}
{{- define "observability.insideWrapper" -}}
{{- if contains "airflow-platform/charts/" .Template.BasePath -}}true{{- end -}}
{{- end -}}
