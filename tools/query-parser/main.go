// query-parser parses PromQL and LogQL with the parsers of Prometheus and Loki, and tells what a
// query reads.
//
// It reads a JSON list of {"language": "promql" or "logql", "query": "..."} and prints a JSON list
// of results in the same order.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

type query struct {
	Language string `json:"language"`
	Query    string `json:"query"`
}

// result says what a query reads, or why it is no query.
type result struct {
	Error     string     `json:"error"`
	Selectors []selector `json:"selectors"`
	// Labels of the query's result; null when they are those of the selected series or lines.
	Labels []string `json:"labels"`
}

// selector selects series or log lines.
type selector struct {
	// Name of the metric or regular expression for it; PromQL only.
	Metric  string `json:"metric"`
	Pattern string `json:"pattern"`
	// Matchers are the labels inside the braces.
	Matchers []string `json:"matchers"`
	// Used are the labels that the rest of the query takes from what is selected.
	Used []string `json:"used"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var queries []query
	if err := json.NewDecoder(os.Stdin).Decode(&queries); err != nil {
		return err
	}
	parsers := map[string]func(string) (result, error){"promql": promQL, "logql": logQL}
	results := make([]result, len(queries))
	for i, q := range queries {
		parse, known := parsers[q.Language]
		if !known {
			return fmt.Errorf("there is no language %q", q.Language)
		}
		parsed, err := parse(q.Query)
		if err != nil {
			parsed.Error = err.Error()
		}
		results[i] = parsed
	}
	return json.NewEncoder(os.Stdout).Encode(results)
}
