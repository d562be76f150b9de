{{/*
Shared by the templates of the stand-in. Its pods include the named templates that the wrapper defines anew
(templates/_official-chart.tpl), as the official chart's do.
*/}}

{{- define "airflow.fullname" -}}
{{- .Release.Name -}}
{{- end -}}

{{- define "airflow_dags" -}}
{{- $folder := .Values.dags.mountPath | default (printf "%s/dags" .Values.airflowHome) -}}
{{- if .Values.dags.gitSync.enabled -}}
{{- printf "%s/repo/%s" $folder .Values.dags.gitSync.subPath -}}
{{- else -}}
{{- $folder -}}
{{- end -}}
{{- end -}}

{{- define "airflow_pod_template_file" -}}
{{- .Values.airflowHome }}/pod_templates
{{- end -}}

{{- define "stand-in.labels" -}}
tier: airflow
release: {{ .Release.Name }}
chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
heritage: {{ .Release.Service }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "stand-in.fernetKeySecret" -}}
{{- .Values.fernetKeySecretName | default (printf "%s-fernet-key" .Release.Name) -}}
{{- end -}}

{{- define "stand-in.metadataSecret" -}}
{{- .Values.data.metadataSecretName | default (printf "%s-metadata" .Release.Name) -}}
{{- end -}}

{{/* DAGs end up below the volume's mount; git-sync keeps the clone in "repo". */}}
{{- define "stand-in.gitSyncContainer" -}}
{{- with .Values.dags.gitSync -}}
name: {{ .containerName }}-init
image: {{ include "git_sync_image" $ }}
imagePullPolicy: {{ $.Values.images.gitSync.pullPolicy }}
securityContext: {{- include "localContainerSecurityContext" . | nindent 2 }}
env:
  {{- range $prefix, $names := dict
    "GITSYNC" (dict "REPO" .repo "REF" .ref "PERIOD" .period "ROOT" "/git" "LINK" "repo" "ONE_TIME" "true")
    "GIT_SYNC" (dict "REPO" .repo "BRANCH" .branch "WAIT" .wait "ROOT" "/git" "DEST" "repo" "ONE_TIME" "true")
  }}
  {{- range $name, $value := $names }}
  {{- if not (kindIs "invalid" $value) }}
  - name: {{ printf "%s_%s" $prefix $name }}
    value: {{ $value | quote }}
  {{- end }}
  {{- end }}
  {{- with $.Values.dags.gitSync.credentialsSecret }}
  {{- $secret := . }}
  {{- range list "USERNAME" "PASSWORD" }}
  - name: {{ printf "%s_%s" $prefix . }}
    valueFrom:
      secretKeyRef:
        name: {{ $secret }}
        key: {{ printf "%s_%s" $prefix . }}
  {{- end }}
  {{- end }}
  {{- end }}
  {{- with .env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
resources: {{- toYaml .resources | nindent 2 }}
volumeMounts:
  - name: dags
    mountPath: /git
{{- end -}}
{{- end -}}

{{/* A Job by the key of its values, the name of its container, its component and that of its account. */}}
{{- define "stand-in.job" -}}
{{- $root := index . 0 -}}
{{- $settings := get $root.Values (index . 1) -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ $root.Release.Name }}-{{ index . 2 }}
  labels:
    {{- include "stand-in.labels" $root | nindent 4 }}
    component: {{ index . 3 }}
  {{- with $settings.jobAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  ttlSecondsAfterFinished: {{ $settings.ttlSecondsAfterFinished }}
  template:
    metadata:
      labels:
        tier: airflow
        component: {{ index . 3 }}
        release: {{ $root.Release.Name }}
        {{- with $root.Values.labels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $settings.annotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      restartPolicy: {{ $settings.restartPolicy }}
      serviceAccountName: {{ $root.Release.Name }}-{{ index . 4 }}
      securityContext: {{- include "airflowPodSecurityContext" (list $settings $root.Values) | nindent 8 }}
      containers:
        - name: {{ index . 2 }}
          image: {{ $root.Values.defaultAirflowRepository }}:{{ $root.Values.defaultAirflowTag }}
          imagePullPolicy: {{ $root.Values.images.airflow.pullPolicy }}
          {{- with $settings.args }}
          args:
            {{- tpl (toYaml .) $root | nindent 12 }}
          {{- end }}
          {{- if $settings.applyCustomEnv }}
          envFrom: {{- $root.Values.extraEnvFrom | default "[]" | nindent 12 }}
          {{- end }}
          env:
            {{- if $settings.applyCustomEnv }}
            {{- range $root.Values.env }}
            - {{ toJson . }}
            {{- end }}
            {{- range $root.Values.secret }}
            - name: {{ .envName }}
              valueFrom:
                secretKeyRef: {name: {{ .secretName }}, key: {{ .secretKey }}}
            {{- end }}
            {{- with $root.Values.extraEnv }}
            {{- tpl . $root | nindent 12 }}
            {{- end }}
            {{- end }}
            - name: AIRFLOW__DATABASE__SQL_ALCHEMY_CONN
              valueFrom:
                secretKeyRef:
                  name: {{ include "stand-in.metadataSecret" $root }}
                  key: connection
            {{- with $settings.env }}
            {{- tpl (toYaml .) $root | nindent 12 }}
            {{- end }}
          resources:
            {{- toYaml $settings.resources | nindent 12 }}
          securityContext: {{- include "containerSecurityContext" (list $settings $root.Values) | nindent 12 }}
{{- end -}}

{{- define "airflow_image" -}}
{{- with .Values.images.airflow -}}
{{- .repository | default $.Values.defaultAirflowRepository -}}
{{- with .digest | default $.Values.defaultAirflowDigest }}@{{ . }}{{ else }}:{{ .tag | default $.Values.defaultAirflowTag }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* Accounts of pods begin with this, and these are of the pods that start pods. */}}
{{- define "airflow.serviceAccountName" -}}
{{- .Release.Name -}}
{{- end -}}

{{- define "scheduler.serviceAccountName" -}}
{{- printf "%s-scheduler" .Release.Name | quote -}}
{{- end -}}

{{- define "worker.serviceAccountName" -}}
{{- printf "%s-worker" .Release.Name | quote -}}
{{- end -}}

{{- define "triggerer.serviceAccountName" -}}
{{- printf "%s-triggerer" .Release.Name | quote -}}
{{- end -}}

{{/* The bundles of dagProcessor as JSON, as airflow.cfg has them. */}}
{{- define "dag_bundle_config_list" -}}
{{- $bundles := list -}}
{{- range .Values.dagProcessor.dagBundleConfigList -}}
{{- $bundles = append $bundles (dict "name" .name "classpath" .classpath "kwargs" (.kwargs | default dict)) -}}
{{- end -}}
{{- toJson $bundles -}}
{{- end -}}
