"""Every alert has a runbook, and the documented inhibition does what it says."""

import re
from collections.abc import Mapping
from typing import Any

from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ROOT

DOCS = ROOT / "docs" / "alerts.md"
RUNBOOKS = ROOT / "docs" / "runbooks"

Rule = Mapping[str, Any]


def test_every_alert_has_a_runbook_and_every_runbook_an_alert(
    raw_alerts: Mapping[str, Rule],
) -> None:
    assert {page.stem for page in RUNBOOKS.glob("[A-Z]*.md")} == set(raw_alerts)


def test_each_runbook_is_named_after_its_alert_and_says_what_to_do() -> None:
    for page in sorted(RUNBOOKS.glob("[A-Z]*.md")):
        headings = re.findall(r"^#+ .+$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == [f"# {page.stem}", "## First look", "## Likely causes", "## Mitigation"]


def test_the_overview_lists_every_alert_as_it_is(raw_alerts: Mapping[str, Rule]) -> None:
    rows = re.findall(
        r"^\| \[(\w+)\]\(runbooks/(\w+)\.md\) \| (\w+) \| (.+) \|$",
        DOCS.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert sorted(rows) == sorted(
        (
            name,
            name,
            rule["labels"]["severity"],
            re.sub(r"{{ \$labels\.(\w+) }}", r"`\1`", rule["annotations"]["summary"]),
        )
        for name, rule in raw_alerts.items()
    )


def test_the_link_of_an_alert_leads_to_its_runbook(raw_alerts: Mapping[str, Rule]) -> None:
    for name, rule in raw_alerts.items():
        page = ROOT / rule["annotations"]["runbook_url"]
        assert page == RUNBOOKS / f"{name}.md"


def test_the_documented_inhibition_silences_all_but_the_alerts_about_the_exporter(
    alerts: Mapping[str, Rule],
) -> None:
    (block,) = re.findall(r"```yaml\n(inhibit_rules:.+?)```", DOCS.read_text(), re.DOTALL)
    (inhibition,) = strict_yaml.load(block, "docs/alerts.md")["inhibit_rules"]
    assert selected(alerts, inhibition["source_matchers"]) == {
        "StatsdExporterDown",
        "StatsdNoTraffic",
    }
    silenced = selected(alerts, inhibition["target_matchers"])
    assert silenced == set(alerts) - {"StatsdExporterDown", "StatsdNoTraffic"}
    for name, rule in alerts.items():
        assert set(inhibition["equal"]) <= set(rule["labels"]), name


def selected(alerts: Mapping[str, Rule], matchers: list[str]) -> set[str]:
    """The alerts that all ``matchers`` (label="value" or label!="value") select."""
    return {
        name
        for name, rule in alerts.items()
        if all(matches(matcher, rule["labels"]) for matcher in matchers)
    }


def matches(matcher: str, labels: Mapping[str, str]) -> bool:
    label, operator, value = re.split(r"(!?=)", matcher)
    return (labels.get(label, "") == value.strip('"')) == (operator == "=")
