{{/*
What the pods of this chart have in common: labels, and the fields of their specs that are set up in the
same way, whatever runs in them. "settings" are the values of the pod, such as .Values.statsdExporter; a
field that they lack stays out.
*/}}

{{/*
Labels of a pod: those by which selectors find it, its own, and the common ones.
Input: dict "context" $ "component" "statsd-exporter" "settings" <values with podLabels>
*/}}
{{- define "observability.pods.labels" -}}
{{- $labels := include "observability.selectorLabels" . | fromYaml -}}
{{- $_ := set $labels "app.kubernetes.io/component" .component -}}
{{- include "observability.withoutNulls" (merge $labels .settings.podLabels .context.Values.commonLabels) -}}
{{- end -}}

{{/*
Fields of a pod's spec, without its containers and volumes.
Input: dict "context" $ "component" "statsd-exporter" "settings" <values of the pod>
*/}}
{{- define "observability.pods.spec" -}}
{{- $spec := dict "automountServiceAccountToken" false "enableServiceLinks" false -}}
{{- with include "observability.pods.serviceAccountName" . -}}
{{- $_ := set $spec "serviceAccountName" . -}}
{{- end -}}
{{- with include "observability.imagePullSecrets" .context | fromYamlArray -}}
{{- $_ := set $spec "imagePullSecrets" . -}}
{{- end -}}
{{- $securityContext := dict "context" .context "securityContext" .settings.podSecurityContext -}}
{{- with include "observability.pods.securityContext" $securityContext | fromYaml -}}
{{- $_ := set $spec "securityContext" . -}}
{{- end -}}
{{- range $field := list "affinity" "nodeSelector" "priorityClassName" "terminationGracePeriodSeconds" "tolerations" "topologySpreadConstraints" -}}
{{- $value := get $.settings $field -}}
{{- if or $value (kindIs "float64" $value) -}}
{{- $_ := set $spec $field $value -}}
{{- end -}}
{{- end -}}
{{- toYaml $spec -}}
{{- end -}}

{{/*
The securityContext of a pod or of a container. On OpenShift it has no ids: there the range of the
namespace says which ids a pod may have, and a pod that asks for others is refused.
Input: dict "context" $ "securityContext" <values>
*/}}
{{- define "observability.pods.securityContext" -}}
{{- $securityContext := .securityContext | default dict -}}
{{- if include "observability.pods.idsAreAssigned" .context -}}
{{- $securityContext = omit $securityContext "runAsUser" "runAsGroup" "fsGroup" -}}
{{- end -}}
{{- toYaml $securityContext -}}
{{- end -}}

{{/* "true" where OpenShift assigns the ids of pods. Input: the root of the chart in whose scope it is rendered. */}}
{{- define "observability.pods.idsAreAssigned" -}}
{{- $adapt := .Values.global.compatibility.openshift.adaptSecurityContext -}}
{{- if or (eq $adapt "force") (and (eq $adapt "auto") (.Capabilities.APIVersions.Has "security.openshift.io/v1")) -}}
true
{{- end -}}
{{- end -}}

{{/*
Name of the ServiceAccount of a pod. Empty: the namespace's default one.
Input: as for observability.pods.spec
*/}}
{{- define "observability.pods.serviceAccountName" -}}
{{- $account := .settings.serviceAccount -}}
{{- if $account.create -}}
{{- $account.name | default (include "observability.resourceName" (dict "context" .context "suffix" .component)) -}}
{{- else -}}
{{- $account.name -}}
{{- end -}}
{{- end -}}
