"""A workflow as a table and a graph."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from airflow_platform import cli
from airflow_platform.jobs.explain import as_data, as_markdown
from airflow_platform.jobs.specifications import load

from .conftest import EXAMPLES, change
from .mistakes import CUSTOMERS, ORDERS, WORKFLOW

NOW = datetime(2026, 10, 24, 12, tzinfo=UTC)
# A row of GitHub's Markdown: cells between bars that no backslash is before.
CELL = re.compile(r"(?<!\\)\|")


def _markdown(workflows: Path) -> str:
    return as_markdown(load(workflows).specifications[0].workflow, NOW)


def _rows(markdown: str) -> dict[str, list[str]]:
    lines = (line for line in markdown.splitlines() if line.startswith("|"))
    cells = ([cell.strip() for cell in CELL.split(line)[1:-1]] for line in lines)
    return {row[0]: row[1:] for row in cells}


def _graph(markdown: str) -> list[str]:
    return markdown.partition("```mermaid\n")[2].partition("\n```")[0].splitlines()


def test_the_head_says_when_and_whose() -> None:
    rows = _rows(_markdown(EXAMPLES))
    assert rows["Owner"] == ["team-sales"]
    assert rows["Runs"] == [r"every day at 03:00 (0 3 \* \* \*, Europe/Berlin)"]
    (runs,) = rows["Next"]
    assert runs.split("<br>")[:2] == [
        "2026-10-25 03:00 CET, with ds 2026-10-24",
        "2026-10-26 03:00 CET, with ds 2026-10-25",
    ]


def test_the_table_has_each_job_with_what_is_for_all() -> None:
    rows = _rows(_markdown(EXAMPLES))
    assert rows["extract-orders"] == [
        "registry.example.com/sales/extract:1.4.2",
        "cpu 1000m, memory 2Gi; at most memory 2Gi",
        "3, after 5m",
        "1h",
        "",
        "",
    ]
    assert rows["report"][2:] == ["2, after 5m", "1h", "load", "de, fr, it"]
    assert rows["transform"][4] == "extract-orders, extract-customers"


def test_a_delay_that_nobody_has_written_is_told_where_there_are_retries(workflows: Path) -> None:
    change(workflows / "sales" / CUSTOMERS, ', delay: "5m"', "")
    change(workflows / "sales" / ORDERS, "max_attempts: 3, ", "max_attempts: 1, ")
    (specification,) = load(workflows).specifications
    found = as_data(specification.workflow, datetime(2026, 1, 1, tzinfo=UTC))["jobs"]
    told = {job["name"]: (job["attempts"], job["delay"]) for job in found}
    assert told["extract-customers"] == (3, "5m")
    assert told["extract-orders"] == (1, None)


def test_the_graph_has_each_job_and_dependency() -> None:
    first, *lines = _graph(_markdown(EXAMPLES))
    assert first == "flowchart LR"
    names = {
        found[1]: found[3]
        for line in lines
        if (found := re.fullmatch(r'  (job\d+)(\[\[?)"([\w-]+)(<br>.*)?"\]\]?', line))
    }
    fan_out = {line.split('"')[1].partition("<br>")[0] for line in lines if "[[" in line}
    edges = {
        (names[ends[0]], names[ends[1]])
        for line in lines
        if len(ends := line.strip().split(" --> ")) == 2
    }
    assert set(names.values()) == {
        "extract-customers",
        "extract-orders",
        "transform",
        "load",
        "report",
    }
    assert fan_out == {"transform", "report"}
    assert edges == {
        ("extract-orders", "transform"),
        ("extract-customers", "transform"),
        ("transform", "load"),
        ("load", "report"),
    }
    assert len(lines) == len(names) + len(edges)


def test_texts_break_neither_table_nor_graph(workflows: Path) -> None:
    sales = workflows / "sales"
    before = _markdown(workflows)
    change(sales / WORKFLOW, "[de, fr, it]", r"""['a"]b', "x | y\nz", '; end', '<b>', '`#1`']""")
    change(sales / WORKFLOW, "Orders of the day, from", '"# a | b\\n\\n```\\n<i>" #')
    after = _markdown(workflows)
    assert len(_graph(after)) == len(_graph(before))
    assert _rows(after).keys() == _rows(before).keys()
    assert {len(row) for row in _rows(after).values()} == {1, 6}
    (line,) = (line for line in _graph(after) if "report" in line)
    label = re.fullmatch(r'  job\d+\[\["(.*)"\]\]', line)
    assert label
    assert not set('"[]|`;{}') & set(re.sub(r"#\d+;|<br>", "", label[1]))
    assert "a#34;#93;b" in label[1]
    assert "x #124; y<br>z" in label[1]
    description = after.splitlines()[2]
    assert description == r"\# a \| b<br>\`\`\`<br>\<i\>"


def test_json_has_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["jobs", "explain", str(EXAMPLES / "sales"), "--output", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["workflow"] == "sales"
    assert found["owner"] == "team-sales"
    assert found["schedule_in_words"] == "every day at 03:00"
    jobs = {job["name"]: job for job in found["jobs"]}
    assert jobs["report"]["for_each"] == ["de", "fr", "it"]
    assert jobs["transform"]["waits_for"] == ["extract-orders", "extract-customers"]
    assert found["mermaid"].startswith("flowchart LR\n")
    moments = [datetime.fromisoformat(run["at"]) for run in found["next_runs"]]
    assert len(moments) == 5
    assert moments[0] > datetime.now(UTC)


def test_runs_of_data() -> None:
    data = as_data(load(EXAMPLES).specifications[0].workflow, NOW)
    assert data["next_runs"][0] == {"at": "2026-10-25T03:00:00+01:00", "ds": "2026-10-24"}


def test_a_workflow_without_settings_is_explained(workflows: Path) -> None:
    sales = workflows / "sales"
    (sales / WORKFLOW).unlink()
    for name in ("transform", "load", "report"):
        (sales / "jobs" / f"{name}.yaml").unlink()
    rows = _rows(_markdown(workflows))
    assert (rows["Owner"], rows["Runs"]) == (["nobody"], ["when it is triggered"])
    assert rows["extract-customers"][2:4] == ["3, after 5m", "none"]


def test_what_is_wrong_is_not_explained(
    workflows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(workflows / "sales" / ORDERS, "1.4.2", "latest")
    assert cli.main(["jobs", "explain", str(workflows / "sales")]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "extract-orders.yaml:5:10: " in captured.err


def test_one_of_many_is_to_be_named(workflows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = workflows / "other" / "jobs"
    jobs.mkdir(parents=True)
    (jobs / "a.yaml").write_text((workflows / "sales" / CUSTOMERS).read_text())
    assert cli.main(["jobs", "explain", str(workflows)]) == 1
    assert "other, sales" in capsys.readouterr().err
