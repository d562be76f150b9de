{{/*
The tags of the images of Airflow, and whether they agree with `airflow.airflowVersion`, by which the official chart
and the add-on choose commands, settings and mappings. An image with a digest is left out, and so is a tag that does
not begin like a version of Airflow (1.10, 2.N or 3.N).

Input: dict "context" $ "constraints" <ranges of versions between which the add-on distinguishes>
Output: YAML, a list of
  key       path below `airflow` of the tag, or of the list of variables that has it
  name      what the tag is called in a message
  variable  true where a variable has the tag
  tag       the tag
  version   the version that it says
  corrected the value of the key with the version of airflow.airflowVersion
  official  true for an image named apache/airflow; the tags of others may be versions of their own. false where the
            key cannot be corrected, because it is text or a ConfigMap
  differs   true where it is another version than that of airflow.airflowVersion
  matters   true where the minor version or one of the constraints tells the two versions apart
*/}}
{{- define "airflow-platform.airflowVersion.tags" -}}
{{- $airflow := .context.Values.airflow -}}
{{- $constraints := .constraints -}}
{{- $images := $airflow.images | default dict -}}
{{- $executors := include "airflow-platform.executors" $airflow.executor | fromYaml -}}
{{- $used := dict "airflow" true "pod_template" $executors.pods "flower" (and $executors.workers (dig "flower" "enabled" false $airflow)) -}}
{{- $tags := list -}}
{{- range $name, $isUsed := $used -}}
{{- $image := get $images $name | default dict -}}
{{- $repository := $image.repository | default $airflow.defaultAirflowRepository -}}
{{- $digest := $image.digest | default (ternary $airflow.defaultAirflowDigest "" (eq $name "airflow")) -}}
{{- if and $isUsed (not $digest) -}}
{{- if $image.tag -}}
{{- $tags = append $tags (dict "key" (printf "images.%s.tag" $name) "tag" (toString $image.tag) "repository" $repository) -}}
{{- else if or (eq $name "airflow") $image.repository -}}
{{- $tags = append $tags (dict "key" "defaultAirflowTag" "tag" (toString $airflow.defaultAirflowTag) "repository" $repository) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $images.useDefaultImageForMigration (not $airflow.defaultAirflowDigest) -}}
{{- $tags = append $tags (dict "key" "defaultAirflowTag" "tag" (toString $airflow.defaultAirflowTag) "repository" $airflow.defaultAirflowRepository) -}}
{{- end -}}
{{- /* Airflow takes both options together, instead of the image in the pod template. */ -}}
{{- $workerTag := "kubernetes_executor.worker_container_tag" -}}
{{- $workerRepository := "kubernetes_executor.worker_container_repository" -}}
{{- $workers := include "airflow-platform.settings" (dict "context" .context "defaults" (dict $workerTag "" $workerRepository "")) | fromYaml -}}
{{- if and $executors.pods (get $workers $workerTag) (get $workers $workerRepository) -}}
{{- $tag := dict "key" (printf "config.%s" $workerTag) "tag" (get $workers $workerTag) "repository" (get $workers $workerRepository) -}}
{{- $variables := dict "settings" list -}}
{{- include "airflow-platform.settings.collectVariables" (dict "context" .context "found" $variables) -}}
{{- range $variables.settings -}}
{{- if and (eq .option $workerTag) (not .hidden) -}}
{{- $_ := mergeOverwrite $tag (dict "key" (trimPrefix "airflow." .at) "variable" .variable) -}}
{{- end -}}
{{- end -}}
{{- $tags = append $tags $tag -}}
{{- end -}}

{{- $found := list -}}
{{- $installed := regexFind "^[0-9]+\\.[0-9]+(\\.[0-9]+)?" (toString $airflow.airflowVersion) -}}
{{- range $tag := uniq $tags -}}
{{- $prefix := regexFind "^(slim-)?v?" .tag -}}
{{- $version := trimPrefix $prefix .tag | regexFind "^(1\\.10|2\\.[0-9]+|3\\.[0-9]+)(\\.[0-9]+)?" -}}
{{- /* A tag with a minor version only, such as 3.1, fits all of its patches. */ -}}
{{- $short := regexMatch "^[0-9]+\\.[0-9]+$" $version -}}
{{- $compared := $short | ternary (regexFind "^[0-9]+\\.[0-9]+" $installed) $installed -}}
{{- if and $installed $version -}}
{{- $matters := ne (regexFind "^[0-9]+\\.[0-9]+" $version) (regexFind "^[0-9]+\\.[0-9]+" $installed) -}}
{{- range $constraints -}}
{{- if ne (semverCompare . $version) (semverCompare . $installed) -}}{{- $matters = true -}}{{- end -}}
{{- end -}}
{{- $corrected := printf "%s%s%s" $prefix $compared (trimPrefix $prefix .tag | trimPrefix $version) -}}
{{- $name := printf "airflow.%s" .key -}}
{{- $visible := true -}}
{{- with .variable -}}
{{- $name = printf "%s in airflow.%s" . $tag.key -}}
{{- $variables := $airflow -}}
{{- range splitList "." $tag.key -}}
{{- $variables = kindIs "map" $variables | ternary $variables dict | pluck . | first -}}
{{- end -}}
{{- $visible = kindIs "slice" $variables -}}
{{- if $visible -}}
{{- $value := $corrected -}}
{{- $corrected = list -}}
{{- range $variables -}}
{{- $corrected = append $corrected (eq .name $tag.variable | ternary (dict "name" .name "value" $value) .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $found = append $found (dict "key" .key "name" $name "tag" .tag "version" ($short | ternary (printf "%s.0" $version) $version) "corrected" $corrected "variable" (hasKey . "variable") "official" (and $visible (regexMatch "(^|/)apache/airflow$" .repository)) "differs" (ne $version $compared) "matters" $matters) -}}
{{- end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end -}}

{{/*
Ranges of versions of Airflow between which this chart distinguishes, as YAML. Input: the root.
*/}}
{{- define "airflow-platform.airflowVersion.constraints" -}}
{{- /* airflow.config.metrics.statsd_disabled_tags in values.yaml */ -}}
{{- $constraints := list "<2.10.4-0" "<3.0.0-0" -}}
{{- range .Subcharts.observability.Files.Get "files/metrics/version-fixes.yaml" | fromYamlArray -}}
{{- $constraints = append $constraints .versions -}}
{{- end -}}
{{- uniq $constraints | toYaml -}}
{{- end -}}

{{/* Key in the official chart's values of what serves the user interface and the API. Input: .Values.airflow */}}
{{- define "airflow-platform.airflowVersion.server" -}}
{{- semverCompare "<3.0.0-0" .airflowVersion | ternary "webserver" "apiServer" -}}
{{- end -}}
