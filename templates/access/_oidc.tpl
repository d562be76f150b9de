{{/*
Login by OpenID Connect. The program is files/access/webserver_config.py, which finds its settings beside it. The scope
of these templates is the wrapper.
*/}}

{{/* "true" where the release has a login by OpenID Connect. */}}
{{- define "airflow-platform.access.hasOidc" -}}
{{- if and .Values.airflow.enabled .Values.oidc.enabled -}}true{{- end -}}
{{- end -}}

{{/* The ConfigMap with the program and its settings. */}}
{{- define "airflow-platform.access.oidcName" -}}
{{- printf "%s-oidc" .Release.Name -}}
{{- end -}}

{{/* Name of the provider at the login page and in the redirect URI. */}}
{{- define "airflow-platform.access.providerName" -}}
{{- eq .Values.oidc.provider "generic" | ternary "oidc" .Values.oidc.provider -}}
{{- end -}}

{{/* URL of the provider's metadata; empty where the value that it is made of is. */}}
{{- define "airflow-platform.access.metadataUrl" -}}
{{- $oidc := .Values.oidc -}}
{{- $end := "/.well-known/openid-configuration" -}}
{{- if eq $oidc.provider "keycloak" -}}
{{- if and $oidc.keycloak.url $oidc.keycloak.realm -}}
{{- printf "%s/realms/%s%s" (trimSuffix "/" $oidc.keycloak.url) $oidc.keycloak.realm $end -}}
{{- end -}}
{{- else if eq $oidc.provider "entra" -}}
{{- with $oidc.entra.tenantId -}}{{- printf "https://login.microsoftonline.com/%s/v2.0%s" . $end -}}{{- end -}}
{{- else -}}
{{- $oidc.metadataUrl -}}
{{- end -}}
{{- end -}}

{{/* The settings of the program, as JSON. */}}
{{- define "airflow-platform.access.settings" -}}
{{- $oidc := .Values.oidc -}}
{{- $claims := get (dict
  "keycloak" (list "realm_access.roles" (printf "resource_access.%s.roles" $oidc.clientId))
  "entra" (list "roles")
  "generic" (list "groups")) $oidc.provider -}}
{{- $mapping := dict -}}
{{- range $group, $roles := $oidc.roleMapping -}}
{{- if $roles -}}{{- $_ := set $mapping $group $roles -}}{{- end -}}
{{- end -}}
{{- dict
  "name" (include "airflow-platform.access.providerName" .)
  "metadataUrl" (include "airflow-platform.access.metadataUrl" .)
  "clientId" $oidc.clientId
  "scopes" $oidc.scopes
  "usernameClaim" $oidc.usernameClaim
  "groupsClaims" ($oidc.groups.claims | default $claims)
  "groupsFrom" ($oidc.groups.from | default (eq $oidc.provider "keycloak" | ternary "accessToken" "idToken"))
  "roleMapping" $mapping
  "defaultRole" $oidc.defaultRole
  | toPrettyJson -}}
{{- end -}}

{{/* The files of the ConfigMap, as YAML. */}}
{{- define "airflow-platform.access.files" -}}
{{- dict
  "webserver_config.py" (.Files.Get "files/access/webserver_config.py")
  "oidc.json" (include "airflow-platform.access.settings" .)
  | toYaml -}}
{{- end -}}

{{/* URL at which people open Airflow, without a slash at its end; empty where it is not set. */}}
{{- define "airflow-platform.access.baseUrl" -}}
{{- $option := semverCompare "<3.0.0-0" .Values.airflow.airflowVersion | ternary "webserver.base_url" "api.base_url" -}}
{{- $settings := include "airflow-platform.settings" (dict "context" . "defaults" (dict $option "")) | fromYaml -}}
{{- get $settings $option | trim | trimSuffix "/" -}}
{{- end -}}

{{/* The redirect URI to register at the provider. */}}
{{- define "airflow-platform.access.redirectUri" -}}
{{- $prefix := semverCompare "<3.0.0-0" .Values.airflow.airflowVersion | ternary "" "/auth" -}}
{{- printf "%s%s/oauth-authorized/%s" (include "airflow-platform.access.baseUrl" .) $prefix (include "airflow-platform.access.providerName" .) -}}
{{- end -}}
