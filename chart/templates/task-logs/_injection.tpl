{{/*
The MutatingAdmissionPolicy that adds the sidecar to task pods, in place of a pod template or beside one
(https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/).
*/}}

{{/* Name of the policy and of its binding, which belong to no namespace. */}}
{{- define "observability.taskLogs.injection.name" -}}
{{- printf "%s.%s" (include "observability.taskLogs.configMapName" .) .Release.Namespace -}}
{{- end -}}

{{/* Namespaces in which task pods get the sidecar: the release's own comes first. */}}
{{- define "observability.taskLogs.injection.namespaces" -}}
{{- concat (list .Release.Namespace) (.Values.injection.enabled | ternary .Values.injection.namespaces list) | uniq | toYaml -}}
{{- end -}}

{{/*
Version of the API in which the cluster offers MutatingAdmissionPolicy; "" where it offers none. `helm template` works
without a cluster and knows no kinds at all: then the version of Kubernetes decides.
*/}}
{{- define "observability.taskLogs.injection.apiVersion" -}}
{{- $known := .Capabilities.APIVersions -}}
{{- $version := "" -}}
{{- if or ($known.Has "apps/v1/Deployment") ($known.Has "admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicy") -}}
{{- range list "v1beta1" "v1" -}}
{{- if $known.Has (printf "admissionregistration.k8s.io/%s/MutatingAdmissionPolicy" .) -}}{{- $version = . -}}{{- end -}}
{{- end -}}
{{- else if semverCompare ">=1.36.0-0" .Capabilities.KubeVersion.Version -}}
{{- $version = "v1" -}}
{{- else if semverCompare ">=1.34.0-0" .Capabilities.KubeVersion.Version -}}
{{- $version = "v1beta1" -}}
{{- end -}}
{{- with $version -}}admissionregistration.k8s.io/{{ . }}{{- end -}}
{{- end -}}

{{/*
A value as a literal of CEL. CEL wants the items of a list or map to be of one type, so each is turned into one of
unknown type; the strings and numbers of JSON are literals of CEL as well.
*/}}
{{- define "observability.celLiteral" -}}
{{- $items := list -}}
{{- if kindIs "map" . -}}
{{- range $key, $value := . -}}
{{- $items = append $items (printf "%s: dyn(%s)" (toJson $key) (include "observability.celLiteral" $value)) -}}
{{- end -}}
{{- printf "{%s}" (join ", " $items) -}}
{{- else if kindIs "slice" . -}}
{{- range . -}}
{{- $items = append $items (printf "dyn(%s)" (include "observability.celLiteral" .)) -}}
{{- end -}}
{{- printf "[%s]" (join ", " $items) -}}
{{- else -}}
{{- toJson . -}}
{{- end -}}
{{- end -}}
