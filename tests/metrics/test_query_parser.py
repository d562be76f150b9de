import pytest

from airflow_platform.metrics.query_parser import parse

pytestmark = pytest.mark.usefixtures("query_parser")


def parsed(language, query):
    (result,) = parse([(language, query)])
    return result


def selected(language, query):
    return [(s.metric or s.pattern, s.matchers, s.used) for s in parsed(language, query).selectors]


def test_results_are_in_the_order_of_the_queries():
    results = parse([("promql", "a"), ("logql", "{"), ("promql", "b")])
    assert [bool(result.error) for result in results] == [False, True, False]
    assert results[2].selectors[0].metric == "b"


@pytest.mark.parametrize("query", ["sum(", "rate(x)", "x{a=~'('}", "histogram_quantile(x, 0.9)"])
def test_invalid_promql_is_an_error(query):
    assert parsed("promql", query).error


@pytest.mark.parametrize(
    "query",
    ['{a="b"', "{}", 'rate({a="b"})', '{a="b"} |~ `(`', '{a="b"} | line_format `{{ .x `'],
)
def test_invalid_logql_is_an_error(query):
    assert parsed("logql", query).error


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ("x", None),
        ("rate(x[5m]) > 0", None),
        ("topk(3, x)", None),
        ("vector(0)", set()),
        ("sum(x)", set()),
        ("sum by (a) (x) * 100", {"a"}),
        ("histogram_quantile(0.9, sum by (le, a) (x))", {"a"}),
        ("sum by (a) (x) or sum by (b) (y)", {"a", "b"}),
        ('label_replace(sum(x), "a", "1", "", "")', {"a"}),
        ("sum by (a) (x) / on (a) group_left () sum by (a) (y)", {"a"}),
    ],
)
def test_the_labels_of_a_promql_result(query, labels):
    assert parsed("promql", query).labels == labels


def test_labels_are_needed_where_they_are_used():
    query = 'sum by (a) (x{b="1"}) + on (a) group_right () sum by (a, c) (rate(y[5m]))'
    assert selected("promql", query) == [("x", {"b"}, {"a"}), ("y", set(), {"a", "c"})]


def test_a_name_may_be_a_matcher():
    assert selected("promql", '{__name__="x"}') == [("x", set(), set())]
    assert selected("promql", '{__name__=~"x.+"}') == [("x.+", set(), set())]


def test_a_label_that_is_summed_away_cannot_be_used():
    assert "is used but not kept" in parsed("promql", "sum by (a) (sum by (b) (x))").error


def test_what_a_logql_query_reads():
    query = 'topk(3, sum by (a) (count_over_time({b="1"} | c=~"2|3" or d="4" | e>1 [5m])))'
    assert selected("logql", query) == [("", {"b"}, {"a", "c", "d", "e"})]
    assert parsed("logql", query).labels == {"a"}
    assert parsed("logql", '{b="1"}').labels is None
