// Parses configuration of Grafana Alloy, and sends log lines through the stages of its loki.process blocks.
//
// Alloy is too large to build for this, so the stages are those of Promtail, of which Alloy's are the continuation. The
// syntax is parsed by Alloy's own parser. Not looked at are the arguments of components other than loki.process.
//
// Input and output are JSON, of the types request and answer.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/go-kit/log"
	"github.com/grafana/alloy/syntax/ast"
	"github.com/grafana/alloy/syntax/parser"
	"github.com/grafana/alloy/syntax/vm"
	"github.com/grafana/loki/v3/clients/pkg/logentry/stages"
	"github.com/grafana/loki/v3/clients/pkg/promtail/api"
	"github.com/grafana/loki/v3/pkg/logproto"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
)

type request struct {
	Files map[string]string `json:"files"` // by their names
	Run   []string          `json:"run"`   // labels of loki.process blocks, in the order of the lines' way
	Lines []line            `json:"lines"`
}

type line struct {
	Text     string            `json:"text"`
	Labels   map[string]string `json:"labels"`
	Metadata map[string]string `json:"metadata"`
}

type answer struct {
	Error string `json:"error"`
	Lines []line `json:"lines"`
}

func main() {
	var asked request
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	given := answer{Lines: []line{}}
	lines, err := run(asked)
	if err != nil {
		given.Error = err.Error()
	} else {
		given.Lines = append(given.Lines, lines...)
	}
	json.NewEncoder(os.Stdout).Encode(given)
}

func run(asked request) ([]line, error) {
	processes := map[string]stages.PipelineStages{}
	for name, text := range asked.Files {
		file, err := parser.ParseFile(name, []byte(text))
		if err != nil {
			return nil, err
		}
		if err := collect(file.Body, processes); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	job := "airflow-components"
	out := make(chan stages.Entry, len(asked.Lines))
	for number, each := range asked.Lines {
		out <- entry(number, each)
	}
	close(out)
	for _, label := range asked.Run {
		found, ok := processes[label]
		if !ok {
			return nil, fmt.Errorf("there is no loki.process %q", label)
		}
		pipeline, err := stages.NewPipeline(log.NewNopLogger(), found, &job, prometheus.NewRegistry())
		if err != nil {
			return nil, fmt.Errorf("loki.process %q: %w", label, err)
		}
		out = pipeline.Run(out)
	}
	entries := []stages.Entry{}
	for each := range out {
		entries = append(entries, each)
	}
	// A stage.match lets lines that it leaves alone overtake the others.
	sort.SliceStable(entries, func(one, other int) bool {
		return entries[one].Timestamp.Before(entries[other].Timestamp)
	})
	lines := []line{}
	for _, each := range entries {
		lines = append(lines, result(each))
	}
	return lines, nil
}

// collect finds the loki.process blocks of a file, and of the components that it declares.
func collect(body ast.Body, found map[string]stages.PipelineStages) error {
	for _, statement := range body {
		block, ok := statement.(*ast.BlockStmt)
		if !ok {
			continue
		}
		switch strings.Join(block.Name, ".") {
		case "declare":
			if err := collect(block.Body, found); err != nil {
				return err
			}
		case "loki.process":
			made, err := pipeline(block.Body)
			if err != nil {
				return fmt.Errorf("loki.process %q: %w", block.Label, err)
			}
			found[block.Label] = made
		}
	}
	return nil
}

// Stages that have other names in Promtail.
var names = map[string]string{"label_drop": "labeldrop", "label_keep": "labelallow"}

// pipeline turns the blocks stage.* into the stages that they are for Promtail.
func pipeline(body ast.Body) (stages.PipelineStages, error) {
	made := stages.PipelineStages{}
	for _, statement := range body {
		block, ok := statement.(*ast.BlockStmt)
		if !ok || block.Name[0] != "stage" {
			continue
		}
		kind := block.Name[1]
		if kind == "truncate" { // Promtail has no such stage
			continue
		}
		if name, ok := names[kind]; ok {
			kind = name
		}
		config, err := arguments(block.Body)
		if err != nil {
			return nil, fmt.Errorf("stage.%s: %w", kind, err)
		}
		var stage interface{} = config
		if values, ok := config["values"]; ok {
			stage = values
		} else if kind == "match" {
			if config["stages"], err = pipeline(block.Body); err != nil {
				return nil, err
			}
			if _, named := config["pipeline_name"]; !named {
				config["pipeline_name"] = "match"
			}
		}
		made = append(made, stages.PipelineStage{kind: stage})
	}
	return made, nil
}

func arguments(body ast.Body) (map[interface{}]interface{}, error) {
	config := map[interface{}]interface{}{}
	for _, statement := range body {
		attribute, ok := statement.(*ast.AttributeStmt)
		if !ok {
			continue
		}
		var value interface{}
		if err := vm.New(attribute.Value).Evaluate(nil, &value); err != nil {
			return nil, err
		}
		if object, ok := value.(map[string]interface{}); ok {
			pairs := map[interface{}]interface{}{}
			for key, each := range object {
				pairs[key] = each
			}
			value = pairs
		}
		config[attribute.Name.Name] = value
	}
	return config, nil
}

func entry(number int, of line) stages.Entry {
	labels, extracted := model.LabelSet{}, map[string]interface{}{}
	for name, value := range of.Labels {
		labels[model.LabelName(name)] = model.LabelValue(value)
		extracted[name] = value
	}
	read := logproto.Entry{Timestamp: time.Unix(0, int64(number)), Line: of.Text}
	return stages.Entry{Extracted: extracted, Entry: api.Entry{Labels: labels, Entry: read}}
}

func result(of stages.Entry) line {
	made := line{Text: of.Line, Labels: map[string]string{}, Metadata: map[string]string{}}
	for name, value := range of.Labels {
		made.Labels[string(name)] = string(value)
	}
	for _, each := range of.StructuredMetadata {
		made.Metadata[each.Name] = each.Value
	}
	return made
}
