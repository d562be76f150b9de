{{/*
Security contexts with what the restricted Pod Security Standard asks for, where it is not set
(https://kubernetes.io/docs/concepts/security/pod-security-standards/).
*/}}

{{/*
Security context of a pod. Input: dict
  "context"  what the values say
  "user"     user id; null: the cluster chooses users and groups
  "group"    group of the volumes, where there is a user id
  "root"     whether a container of the user's own runs as root, which runAsNonRoot would forbid
*/}}
{{- define "airflow-platform.security.pod" -}}
{{- $context := .context | default dict -}}
{{- $more := dict "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- if not (kindIs "invalid" .user) -}}
{{- $_ := set $more "runAsUser" .user -}}
{{- if not (kindIs "invalid" .group) -}}
{{- $_ := set $more "fsGroup" .group -}}
{{- end -}}
{{- end -}}
{{- $user := hasKey $context "runAsUser" | ternary $context.runAsUser .user -}}
{{- if not (or .root (eq (toString $user) "0")) -}}
{{- $_ := set $more "runAsNonRoot" true -}}
{{- end -}}
{{- include "airflow-platform.security.complete" (list $context $more) -}}
{{- end -}}

{{/*
Security context of a container. A container that the values make root says so itself, because its pod may say
the opposite. Input: dict
  "context"  what the values say
  "user"     user id, where the container has another one than its pod
*/}}
{{- define "airflow-platform.security.container" -}}
{{- $context := .context | default dict -}}
{{- $more := dict -}}
{{- if not $context.privileged -}}
{{- $more = dict "allowPrivilegeEscalation" false "capabilities" (dict "drop" (list "ALL")) -}}
{{- end -}}
{{- if not (kindIs "invalid" .user) -}}
{{- $_ := set $more "runAsUser" .user -}}
{{- end -}}
{{- with $context.capabilities -}}
{{- if and $more.capabilities (not (hasKey . "drop")) -}}
{{- $context = set (deepCopy $context) "capabilities" (merge (deepCopy .) $more.capabilities) -}}
{{- end -}}
{{- end -}}
{{- if eq (toString $context.runAsUser) "0" -}}
{{- $_ := set $more "runAsNonRoot" false -}}
{{- end -}}
{{- include "airflow-platform.security.complete" (list $context $more) -}}
{{- end -}}

{{/*
A map as YAML with the keys of another where it lacks them. (Helm's `merge` would also replace 0 and false.)
Input: list <map> <map with more keys>
*/}}
{{- define "airflow-platform.security.complete" -}}
{{- $map := deepCopy (first .) -}}
{{- range $key, $value := last . -}}
{{- if not (hasKey $map $key) -}}
{{- $_ := set $map $key $value -}}
{{- end -}}
{{- end -}}
{{- toYaml $map -}}
{{- end -}}

{{/*
The official chart's keys that fix the ids of pods, as values below `airflow:` that do not. Ids in a security
context of the user's own are not among them. Input: the root of the wrapper.
*/}}
{{- define "airflow-platform.security.fixedIds" -}}
{{- $airflow := .Values.airflow -}}
{{- $set := dict -}}
{{- if not (kindIs "invalid" $airflow.uid) -}}
{{- $_ := set $set "uid" nil -}}
{{- end -}}
{{- range $component := list "redis" "statsd" "pgbouncer" -}}
{{- $values := get $airflow $component -}}
{{- if and $values.enabled (not (kindIs "invalid" $values.uid)) -}}
{{- $_ := set $set $component (dict "uid" nil) -}}
{{- end -}}
{{- end -}}
{{- if and $airflow.dags.gitSync.enabled (not (kindIs "invalid" $airflow.dags.gitSync.uid)) -}}
{{- $_ := set $set "dags" (dict "gitSync" (dict "uid" nil)) -}}
{{- end -}}
{{- if $airflow.postgresql.enabled -}}
{{- $primary := $airflow.postgresql.primary | default dict -}}
{{- $group := ($primary.podSecurityContext).fsGroup -}}
{{- $user := ($primary.containerSecurityContext).runAsUser -}}
{{- if not (and (kindIs "invalid" $group) (kindIs "invalid" $user)) -}}
{{- $_ := set $set "postgresql" (dict "primary" (dict "podSecurityContext" (dict "fsGroup" nil) "containerSecurityContext" (dict "runAsUser" nil))) -}}
{{- end -}}
{{- end -}}
{{- if $set -}}
{{- toYaml $set -}}
{{- end -}}
{{- end -}}
