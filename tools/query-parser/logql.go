package main

import "github.com/grafana/loki/v3/pkg/logql/syntax"

func logQL(text string) (result, error) {
	expr, err := syntax.ParseExpr(text)
	if err != nil {
		return result{}, err
	}
	var matchers, used []string
	expr.Walk(func(e syntax.Expr) bool {
		switch e := e.(type) {
		case *syntax.MatchersExpr:
			for _, m := range e.Mts {
				matchers = append(matchers, m.Name)
			}
		case *syntax.LabelFilterExpr:
			used = append(used, e.RequiredLabelNames()...)
		case *syntax.RangeAggregationExpr:
			if e.Left.Unwrap != nil {
				used = append(used, e.Left.Unwrap.Identifier)
			}
			used = append(used, groups(e.Grouping)...)
		case *syntax.VectorAggregationExpr:
			used = append(used, groups(e.Grouping)...)
		}
		return true
	})
	return result{
		Selectors: []selector{{Matchers: union(matchers, nil), Used: union(used, nil)}},
		Labels:    logQLLabels(expr),
	}, checkStages(expr)
}

// checkStages finds what the grammar allows but Loki refuses, a broken template for example.
func checkStages(expr syntax.Expr) error {
	switch e := expr.(type) {
	case syntax.LogSelectorExpr:
		_, err := e.Pipeline()
		return err
	case syntax.SampleExpr:
		_, err := e.Extractors()
		return err
	}
	return nil
}

func logQLLabels(expr syntax.Expr) []string {
	switch e := expr.(type) {
	case *syntax.VectorAggregationExpr:
		if e.Operation == syntax.OpTypeTopK || e.Operation == syntax.OpTypeBottomK {
			return logQLLabels(e.Left)
		}
		return union(groups(e.Grouping), nil)
	case *syntax.BinOpExpr:
		return logQLLabels(e.SampleExpr)
	}
	return nil
}

func groups(g *syntax.Grouping) []string {
	if g == nil || g.Without {
		return nil
	}
	return g.Groups
}
