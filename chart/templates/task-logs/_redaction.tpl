{{/*
The regular expression that each line with a secret of a known kind matches.
Input: the root context
*/}}
{{- define "observability.taskLogs.redactGate" -}}
{{- $gates := list -}}
{{- range (.Files.Get "files/task-logs/redaction-patterns.yaml" | fromYaml).patterns -}}
{{- if not (has .name $.Values.global.taskLogs.redaction.disabledPatterns) -}}
{{- $gates = append $gates .gate -}}
{{- end -}}
{{- end -}}
{{- uniq $gates | join "|" | default "[^\\s\\S]" -}}
{{- end -}}

{{/*
VRL that says whether one of the user's own patterns could match the variable `line`; empty without such patterns. A
pattern sees the strings of JSON without JSON's escapes, and can be about the start or the end of one. Where their syntax
allows it, the patterns are looked for as one.
Input: .Values.global.taskLogs.redaction.patterns
*/}}
{{- define "observability.taskLogs.redactOwnGates" -}}
{{- $joined := list "\\\\" -}}
{{- $apart := list -}}
{{- range $name, $pattern := . -}}
{{- if regexMatch "[$^]|\\\\[Az]" $pattern -}}{{- $joined = append $joined "^\\{" -}}{{- end -}}
{{- /* Two groups of the same name, and a comment, would break the whole. */ -}}
{{- if regexMatch "\\(\\?(P?<|[A-Za-z]*x)|\\\\[wWdDpP]|\\[\\^|[.\\]][{]" $pattern -}}
{{- $apart = append $apart (printf " || match(line, { r'%s' })" $pattern) -}}
{{- else -}}
{{- $joined = append $joined (printf "(?:%s)" $pattern) -}}
{{- end -}}
{{- end -}}
{{- if . -}}
match(line, { r'{{ uniq $joined | join "|" }}' }){{ join "" $apart }}
{{- end -}}
{{- end -}}

{{/*
VRL that says whether a line can have a secret: the condition for the step `redact`. The braces make a line twenty times
as cheap, see redact.vrl.
Input: the root context
*/}}
{{- define "observability.taskLogs.redactCondition" -}}
line = string(.message) ?? ""
match(line, { r'{{ include "observability.taskLogs.redactGate" . }}' })
{{- with include "observability.taskLogs.redactOwnGates" .Values.global.taskLogs.redaction.patterns }} || {{ . }}{{ end -}}
{{- end -}}

{{/*
redact.vrl with the patterns of redaction-patterns.yaml and the user's own.

A pattern that is for the secret alone is one of TOKENS, which are one regular expression with a group for each kind.
Where a pattern keeps a part of what it matches, the secret becomes a mark, one character for each kind, so that the
program need not look after each pattern whether it changed something. MARKS are one regular expression with a group for
each kind. The name of a group is that of the kind after an underscore, with full stops for the hyphens.
Input: the root context
*/}}
{{- define "observability.taskLogs.redactProgram" -}}
{{- $settings := .Values.global.taskLogs.redaction -}}
{{- $data := .Files.Get "files/task-logs/redaction-patterns.yaml" | fromYaml -}}
{{- $kinds := list -}}
{{- range $data.patterns -}}
{{- if not (has .name $settings.disabledPatterns) -}}{{- $kinds = append $kinds (merge (dict "parts" $data.parts) .) -}}{{- end -}}
{{- end -}}
{{- range $name, $pattern := $settings.patterns -}}
{{- $kinds = append $kinds (dict "name" $name "parts" dict "patterns" (list (dict "pattern" $pattern "replacement" "***"))) -}}
{{- end -}}
{{- $shared := list -}}
{{- range $name := list "harmless" "code" "prose" -}}
{{- $shared = append $shared (printf "%s = { r'%s' }" $name (include "observability.taskLogs.redactPattern" (dict "pattern" (printf "{%s}" $name) "parts" $data.parts))) -}}
{{- end -}}
{{- $tokens := list -}}
{{- $marks := list -}}
{{- $forJson := list -}}
{{- $forText := list -}}
{{- range $index, $kind := $kinds -}}
{{- $group := printf "_%s" (replace "-" "." $kind.name) -}}
{{- $mark := printf "%c" (add 1112064 $index) -}}{{- /* U+10F800 and what follows, which Unicode leaves to programs for private use */ -}}
{{- $marks = append $marks (printf "(?P<%s>%s)" $group $mark) -}}
{{- $token := list -}}
{{- $json := list -}}
{{- $text := list -}}
{{- range $pattern := $kind.patterns -}}
{{- $pattern := merge (dict "pattern" (include "observability.taskLogs.redactPattern" (dict "pattern" .pattern "parts" $kind.parts))) . -}}
{{- if not (or .replacement .keep) -}}
{{- $token = append $token $pattern.pattern -}}
{{- else -}}
{{- $statement := include "observability.taskLogs.redactStatement" (dict "variable" (ternary "line" "text" (default false .json)) "mark" $mark "pattern" $pattern "parts" $kind.parts) -}}
{{- if .json -}}{{- $json = append $json $statement -}}{{- else -}}{{- $text = append $text $statement -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- with $token -}}
{{- $tokens = append $tokens (printf "(?P<%s>%s)" $group (join "|" .)) -}}
{{- end -}}
{{- with $json -}}
{{- $forJson = concat $forJson . -}}
{{- end -}}
{{- /* To look for the gate costs as much as a pattern, so it is worth it for several patterns only. */ -}}
{{- if gt (len $text) 2 -}}
{{- $forText = append $forText (printf "if match(text, { r'%s' }) {\n%s\n}" $kind.gate (join "\n" $text | indent 2)) -}}
{{- else -}}
{{- $forText = concat $forText $text -}}
{{- end -}}
{{- end -}}
{{- $program := .Files.Get "files/task-logs/redact.vrl"
  | replace "GATE'" (printf "%s'" (include "observability.taskLogs.redactGate" .))
  | replace "TOKENS" ($tokens | join "|" | default "[^\\s\\S]")
  | replace "MARKS" ($marks | join "|" | default "[^\\s\\S]")
  | replace "# PARTS" (join "\n" $shared)
  | replace "# PATTERNS FOR JSON" (join "\n" $forJson | indent 2 | trim)
  | splitList "# OWN GATES" -}}
{{- /* The user's patterns come last and each into a text of its own, because they can look like a place to fill in. */ -}}
{{- first $program -}}
{{- with include "observability.taskLogs.redactOwnGates" $settings.patterns }}own = {{ . }}{{ end -}}
{{- last $program | replace "# PATTERNS" (join "\n" $forText | indent 4 | trim) -}}
{{- end -}}

{{/*
VRL that puts a mark in place of what matches one pattern, but for matches that it keeps.
Input: dict "variable" <name of the text's variable> "mark" <character> "pattern" <item of `patterns`> "parts" <parts of patterns>
*/}}
{{- define "observability.taskLogs.redactStatement" -}}
{{- $replacement := .pattern.replacement | default "***" | replace "***" .mark | replace "\"" "\\\"" -}}
{{- if .pattern.keep -}}
{{- $conditions := list -}}
{{- range .pattern.keep -}}
{{- $name := regexFind "^{[a-z]+}$" . | trimAll "{}" -}}
{{- $regex := $name | default (printf "{ r'%s' }" (include "observability.taskLogs.redactPattern" (dict "pattern" . "parts" $.parts))) -}}
{{- $conditions = append $conditions (printf "match(secret, %s)" $regex) -}}
{{- end -}}
pattern = r'{{ .pattern.pattern }}'
{{ .variable }} = replace_with({{ .variable }}, pattern) -> |secret| {
  secret = secret.string
  if {{ join " || " $conditions }} { secret } else { replace(secret, pattern, "{{ $replacement }}") }
}
{{- else -}}
{{ .variable }} = replace({{ .variable }}, r'{{ .pattern.pattern }}', "{{ $replacement }}")
{{- end -}}
{{- end -}}

{{/*
A pattern with its parts, which can have parts themselves.
Input: dict "pattern" <pattern> "parts" <parts by name>
*/}}
{{- define "observability.taskLogs.redactPattern" -}}
{{- $pattern := .pattern -}}
{{- range list 1 2 -}}
{{- range $name, $part := $.parts -}}
{{- $pattern = replace (printf "{%s}" $name) $part $pattern -}}
{{- end -}}
{{- end -}}
{{- $pattern -}}
{{- end -}}
