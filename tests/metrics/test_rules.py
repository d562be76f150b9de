"""The mapping as a file: valid for statsd_exporter, and in the form that the template relies on."""

from collections import defaultdict
from typing import Any

import pytest
import yaml


def form(rule):
    return "legacy" if rule.get("match_type") == "regex" else "plain"


@pytest.fixture(params=["raw", "mixed", "task", "dag", "none", "tags off"])
def any_mapping(request, raw_mapping, mapping):
    if request.param == "raw":
        return raw_mapping
    if request.param == "tags off":
        return mapping(tags=False)
    return mapping(cardinality=request.param)


def test_statsd_exporter_accepts_it(any_mapping, check_config):
    assert check_config(any_mapping) == ""


def test_statsd_exporter_refuses_a_mapping_with_an_error(raw_mapping, check_config):
    broken = raw_mapping.replace("name: airflow_ti_start_total", "name: airflow-ti-start")
    assert "airflow-ti-start" in check_config(broken)


def test_no_rule_is_hidden_behind_a_longer_one(raw_mapping, rules):
    """statsd_exporter ignores a glob that comes after a longer one which starts with it."""
    globs = [rule["match"] for rule in rules(raw_mapping) if form(rule) == "plain"]
    hidden = [
        glob
        for number, glob in enumerate(globs)
        if any(earlier.startswith(f"{glob}.") for earlier in globs[:number])
    ]
    assert hidden == []


def test_statsd_exporter_does_ignore_such_a_rule(exporter):
    """Why the order matters; when this fails, the order and the template can be simpler."""
    rules_ = [{"match": "a.b.*", "name": "longer"}, {"match": "a.b", "name": "shorter"}]
    text = {"defaults": {"glob_disable_ordering": True}, "mappings": rules_}
    with exporter(yaml.safe_dump(text)) as running:
        running.send_tcp(("a.b:1|c",))
        page = running.processed_page()
    assert set(page.metrics) == {"a_b"}


def test_each_name_is_matched_by_one_rule_only(raw_mapping, rules):
    matches = [rule["match"] for rule in rules(raw_mapping)]
    assert sorted(matches) == sorted(set(matches))


def test_rules_of_one_metric_agree(raw_mapping, rules):
    """Two help texts break the scrape; buckets come from whichever event is first."""
    by_name: defaultdict[str, list[Any]] = defaultdict(list)
    for rule in rules(raw_mapping):
        shape = {key: rule.get(key) for key in ("help", "histogram_options", "ttl")}
        if shape not in by_name[rule["name"]]:
            by_name[rule["name"]].append(shape)
    assert [name for name, shapes in by_name.items() if len(shapes) > 1] == []


def test_every_metric_has_a_help_text(raw_mapping, rules):
    without = {rule["name"] for rule in rules(raw_mapping) if "help" not in rule}
    assert without == {"dropped"}


def test_a_dropped_legacy_rule_has_a_plain_twin(raw_mapping, rules):
    """The template turns such pairs around for an Airflow without tags."""
    found = rules(raw_mapping)
    plain = {rule["name"] for rule in found if form(rule) == "plain"}
    dropped = [r for r in found if r.get("action") == "drop" and r["name"] != "dropped"]
    assert dropped
    assert {form(rule) for rule in dropped} == {"legacy"}
    assert {rule["name"] for rule in dropped} <= plain


def test_every_rule_starts_with_the_prefix(raw_mapping, rules):
    starts = {"plain": "airflow.", "legacy": r"^airflow\."}
    found = rules(raw_mapping)
    assert [rule for rule in found if not rule["match"].startswith(starts[form(rule)])] == []
