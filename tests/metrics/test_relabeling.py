"""Which labels a series can have after relabelings."""

import pytest

from airflow_platform.metrics.relabeling import relabeled

LABELS = frozenset(("a", "b"))


@pytest.mark.parametrize(
    ("rule", "labels"),
    [
        ({"targetLabel": "c", "replacement": "x"}, {"a", "b", "c"}),
        ({"targetLabel": "a", "replacement": ""}, {"b"}),
        ({"sourceLabels": ["a"], "targetLabel": "c"}, {"a", "b", "c"}),
        ({"sourceLabels": ["a"], "regex": "unknown", "targetLabel": "c"}, {"a", "b", "c"}),
        ({"sourceLabels": ["__name__", "a"], "regex": "m;(.+)", "targetLabel": "c"}, {*"abc"}),
        ({"sourceLabels": ["__name__", "d"], "regex": "m;(.+)", "targetLabel": "c"}, {*"ab"}),
        ({"sourceLabels": ["__name__", "a"], "regex": "n;(.+)", "targetLabel": "c"}, {*"ab"}),
        (
            {"sourceLabels": ["__name__"], "regex": "m", "targetLabel": "a", "replacement": ""},
            {"b"},
        ),
        (
            {"sourceLabels": ["__name__"], "regex": "n", "targetLabel": "a", "replacement": ""},
            {"a", "b"},
        ),
        # Whether it matches depends on the value of b.
        ({"sourceLabels": ["b"], "targetLabel": "a", "replacement": ""}, {"a", "b"}),
        ({"action": "labeldrop", "regex": "a|c"}, {"b"}),
        ({"action": "labelkeep", "regex": "a|c"}, {"a"}),
        ({"action": "drop", "sourceLabels": ["a"], "regex": "x"}, {"a", "b"}),
        ({"action": "Lowercase", "sourceLabels": ["a"], "targetLabel": "c"}, {"a", "b", "c"}),
        ({"action": "labelmap", "regex": "a(.+)"}, None),
        ({"sourceLabels": ["a"], "targetLabel": "${1}", "regex": "(.+)"}, None),
        # Go's regular expressions know more than Python's.
        ({"action": "labeldrop", "regex": r"\pL"}, {"a", "b"}),
    ],
)
def test_what_a_rule_leaves(rule, labels):
    assert relabeled("m", LABELS, [rule]) == labels


def test_unknown_labels_stay_unknown():
    assert relabeled("m", None, [{"action": "labelkeep", "regex": "a"}]) is None


def test_a_rule_sees_what_the_one_before_has_left():
    rules = [
        {"sourceLabels": ["a"], "targetLabel": "c"},
        {"action": "labeldrop", "regex": "a"},
        {"sourceLabels": ["__name__", "a"], "regex": "m;(.+)", "targetLabel": "d"},
    ]
    assert relabeled("m", LABELS, rules) == {"b", "c"}
