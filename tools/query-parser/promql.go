package main

import (
	"fmt"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

func promQL(text string) (result, error) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return result{}, err
	}
	r := reader{}
	r.result.Labels = r.read(expr, nil)
	return r.result, r.err
}

type reader struct {
	result result
	err    error
}

// read notes what expr selects, given the labels that its surroundings use. It returns the labels of
// expr's result, nil when they are those of the selected series.
func (r *reader) read(expr parser.Expr, used []string) []string {
	switch e := expr.(type) {
	case *parser.VectorSelector:
		r.selects(e, used)
		return nil
	case *parser.MatrixSelector:
		return r.read(e.VectorSelector, used)
	case *parser.SubqueryExpr:
		return r.read(e.Expr, used)
	case *parser.ParenExpr:
		return r.read(e.Expr, used)
	case *parser.UnaryExpr:
		return r.read(e.Expr, used)
	case *parser.StepInvariantExpr:
		return r.read(e.Expr, used)
	case *parser.AggregateExpr:
		return r.readAggregate(e, used)
	case *parser.BinaryExpr:
		return r.readBinary(e, used)
	case *parser.Call:
		return r.readCall(e, used)
	}
	return []string{} // a number or a text
}

func (r *reader) selects(e *parser.VectorSelector, used []string) {
	s := selector{Metric: e.Name, Matchers: []string{}, Used: union(used, nil)}
	for _, m := range e.LabelMatchers {
		switch {
		case m.Name != labels.MetricName:
			s.Matchers = append(s.Matchers, m.Name)
		case m.Type == labels.MatchEqual:
			s.Metric = m.Value
		default:
			s.Pattern = m.Value
		}
	}
	r.result.Selectors = append(r.result.Selectors, s)
}

func (r *reader) readAggregate(e *parser.AggregateExpr, used []string) []string {
	if e.Param != nil {
		r.read(e.Param, nil)
	}
	switch {
	case e.Op == parser.TOPK || e.Op == parser.BOTTOMK:
		return r.read(e.Expr, union(used, e.Grouping))
	case e.Without:
		return r.read(e.Expr, union(used, e.Grouping))
	}
	for _, label := range used {
		if !slices.Contains(e.Grouping, label) {
			r.err = fmt.Errorf("%q is used but not kept by %q", label, e.String())
		}
	}
	r.read(e.Expr, e.Grouping)
	return union(e.Grouping, nil)
}

func (r *reader) readBinary(e *parser.BinaryExpr, used []string) []string {
	matching := e.VectorMatching
	if matching == nil { // a number on one side or on both
		left, right := r.read(e.LHS, used), r.read(e.RHS, used)
		if e.LHS.Type() == parser.ValueTypeVector {
			return left
		}
		return right
	}
	var on []string
	if matching.On {
		on = matching.MatchingLabels
	}
	switch {
	case e.Op == parser.LOR:
		left, right := r.read(e.LHS, union(used, on)), r.read(e.RHS, union(used, on))
		if left == nil || right == nil {
			return nil
		}
		return union(left, right)
	case matching.Card == parser.CardOneToMany:
		r.read(e.LHS, union(on, matching.Include))
		return r.read(e.RHS, union(used, on))
	default:
		left := r.read(e.LHS, union(used, on))
		r.read(e.RHS, union(on, matching.Include))
		return left
	}
}

func (r *reader) readCall(e *parser.Call, used []string) []string {
	switch e.Func.Name {
	case "label_replace": // (vector, destination, replacement, source, pattern)
		target, source := text(e.Args[1]), text(e.Args[3])
		inner := without(used, target)
		if source != "" {
			inner = append(inner, source)
		}
		kept := r.read(e.Args[0], inner)
		if kept == nil {
			return nil
		}
		return union(kept, []string{target})
	case "histogram_quantile": // (quantile, vector)
		r.read(e.Args[0], nil)
		return without(r.read(e.Args[1], union(used, []string{labels.BucketLabel})), labels.BucketLabel)
	}
	result := []string{}
	for _, arg := range e.Args {
		read := r.read(arg, used)
		if t := arg.Type(); t == parser.ValueTypeVector || t == parser.ValueTypeMatrix {
			result = read
		}
	}
	return result
}

func text(e parser.Expr) string {
	if literal, ok := e.(*parser.StringLiteral); ok {
		return literal.Val
	}
	return ""
}

// union is sorted, without repetitions and never nil.
func union(a, b []string) []string {
	all := append(append([]string{}, a...), b...)
	slices.Sort(all)
	return slices.Compact(all)
}

func without(all []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(each string) bool { return each == one })
}
