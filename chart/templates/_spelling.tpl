{{/*
The name that is most like a misspelt one, "" where none is like it. Alike are names that share two of five pairs
of neighbouring letters, and names of the same letters in another order.
Input: dict "word" "wrokers" "names" <list of names> "likeness" <per cent that are not enough; 43 without it>
*/}}
{{- define "observability.nearName" -}}
{{- $pairs := include "observability.letterPairs" .word | fromYamlArray -}}
{{- $letters := lower .word | splitList "" | sortAlpha -}}
{{- $best := dict "name" "" "likeness" (.likeness | default 43) -}}
{{- range $name := .names -}}
{{- $others := include "observability.letterPairs" $name | fromYamlArray -}}
{{- $shared := 0 -}}
{{- range $pairs -}}{{- if has . $others -}}{{- $shared = add1 $shared -}}{{- end -}}{{- end -}}
{{- $likeness := div (mul 200 $shared) (add (len $pairs) (len $others) | max 1) -}}
{{- if eq (join "" $letters) (lower $name | splitList "" | sortAlpha | join "") -}}{{- $likeness = 100 -}}{{- end -}}
{{- if gt $likeness $best.likeness -}}{{- $best = dict "name" $name "likeness" $likeness -}}{{- end -}}
{{- end -}}
{{- $best.name -}}
{{- end -}}

{{/* The pairs of neighbouring letters of a word, in lower case, as YAML. */}}
{{- define "observability.letterPairs" -}}
{{- $word := lower . -}}
{{- $pairs := list -}}
{{- range $index := until (max 0 (sub (len $word) 1) | int) -}}
{{- $pairs = append $pairs (substr $index (int (add $index 2)) $word) -}}
{{- end -}}
{{- uniq $pairs | toYaml -}}
{{- end -}}
