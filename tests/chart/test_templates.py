"""The named templates of our charts: they are global in Helm, so each carries its chart's name."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON, ROOT

DEFINE = re.compile(r'{{-?\s*define\s+"([^"]+)"')
INCLUDE = re.compile(r'\b(?:include|template)\s+\\?"([^"\\]+)\\?"')

CHARTS = pytest.mark.parametrize("chart", [ROOT, ADDON], ids=["wrapper", "add-on"])


# Named templates of the official chart, defined anew: test_security_contexts.py looks at them.
OFFICIAL = ROOT / "templates" / "_official-chart.tpl"


def templates(chart: Path) -> Iterator[Path]:
    """Yield every file of ``chart`` that Helm renders."""
    return (file for file in (chart / "templates").rglob("*") if file.is_file())


def defined(chart: Path) -> set[str]:
    return {
        name
        for file in templates(chart)
        if file != OFFICIAL
        for name in DEFINE.findall(file.read_text())
    }


def included() -> set[str]:
    """What the templates include, and the values that the official chart evaluates as templates."""
    files = [*templates(ROOT), *templates(ADDON), ROOT / "values.yaml"]
    files += (ROOT / "examples").rglob("values.yaml")
    return {name for file in files for name in INCLUDE.findall(file.read_text())}


@CHARTS
def test_every_named_template_begins_with_the_name_of_its_chart(chart: Path) -> None:
    name = strict_yaml.load_file(chart / "Chart.yaml")["name"]
    assert {each for each in defined(chart) if not each.startswith(f"{name}.")} == set()


def test_every_named_template_is_used_and_every_used_one_exists() -> None:
    ours = defined(ROOT) | defined(ADDON)
    components = ("airflow", "scheduler", "triggerer", "worker")
    accounts = {f"{each}.serviceAccountName" for each in components}
    # Of the official chart.
    theirs = {"airflow.fullname", "custom_airflow_environment", "dag_bundle_config_list"}
    theirs |= {*accounts, *DEFINE.findall(OFFICIAL.read_text())}
    assert included() - theirs == ours
