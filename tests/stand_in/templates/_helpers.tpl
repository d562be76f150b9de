{{/* Shared by the templates of the stand-in. */}}

{{- define "airflow.fullname" -}}
{{- .Release.Name -}}
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
image: {{ printf "%s:%s" $.Values.images.gitSync.repository $.Values.images.gitSync.tag }}
imagePullPolicy: {{ $.Values.images.gitSync.pullPolicy }}
securityContext:
  runAsUser: 65533
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

{{- define "airflow_image" -}}
{{- with .Values.images.airflow -}}
{{- .repository | default $.Values.defaultAirflowRepository -}}
{{- with .digest | default $.Values.defaultAirflowDigest }}@{{ . }}{{ else }}:{{ .tag | default $.Values.defaultAirflowTag }}{{ end -}}
{{- end -}}
{{- end -}}
