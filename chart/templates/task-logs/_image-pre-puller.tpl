{{/*
The DaemonSet that keeps the image of the sidecar on the nodes. The wrapper renders it as well, because it knows on which
nodes task pods run.
Input: dict "context" <scope of this chart> "taskPod" <spec of task pods; empty: not known>
*/}}
{{- define "observability.taskLogs.imagePrePuller" -}}
{{- $context := .context -}}
{{- $taskPod := .taskPod -}}
{{- if and $context.Values.global.taskLogs.enabled $context.Values.imagePrePuller.enabled }}
{{- $settings := deepCopy $context.Values.imagePrePuller }}
{{- range $field := list "nodeSelector" "tolerations" }}
{{- $_ := set $settings $field (get $settings $field | default (get $taskPod $field)) }}
{{- end }}
{{- with dig "affinity" "nodeAffinity" dict $taskPod }}
{{- $_ := set $settings "affinity" ($settings.affinity | default (dict "nodeAffinity" .)) }}
{{- end }}
{{- $pod := dict "context" $context "component" "image-pre-puller" "settings" $settings }}
# Keeps the sidecar's image on every node, because Airflow fails a task when an init container cannot pull
# its image. The pods of this DaemonSet use the image, so the kubelet does not remove it:
# https://kubernetes.io/docs/concepts/architecture/garbage-collection/#containers-images
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: {{ include "observability.resourceName" (dict "context" $context "suffix" "image-pre-puller") }}
  namespace: {{ $context.Release.Namespace | quote }}
  labels: {{- include "observability.labels" $pod | nindent 4 }}
spec:
  revisionHistoryLimit: {{ $settings.revisionHistoryLimit }}
  minReadySeconds: {{ $settings.minReadySeconds }}
  selector:
    matchLabels: {{- include "observability.selectorLabels" $pod | nindent 6 }}
  updateStrategy: {{- toYaml $settings.updateStrategy | nindent 4 }}
  template:
    metadata:
      labels: {{- include "observability.pods.labels" $pod | nindent 8 }}
      {{- with $settings.podAnnotations }}
      annotations: {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "observability.pods.spec" $pod | nindent 6 }}
      terminationGracePeriodSeconds: 0
      containers:
        # The sidecar's image itself, so that there is no second image to mirror.
        - name: vector-image
          image: {{ include "observability.image" (dict "image" $context.Values.global.taskLogs.image "global" $context.Values.global) }}
          imagePullPolicy: IfNotPresent
          command: [sleep, "2147483647"]
          resources: {{- toYaml $settings.resources | nindent 12 }}
          securityContext: {{- include "observability.pods.securityContext" (dict "context" $context "securityContext" $settings.securityContext) | nindent 12 }}
{{- end }}
{{- end -}}
