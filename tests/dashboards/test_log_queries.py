"""What the log panels and the documented queries show, asked of a real Loki."""

import json
import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from airflow_platform import dashboards
from airflow_platform.logs.tracebacks import traceback_text
from airflow_platform.loki.client import Loki
from airflow_platform.rendering.render import render
from airflow_platform.support.project import ROOT

from .. import exceptions
from ..airflow3 import error_detail, line

pytestmark = pytest.mark.xdist_group("real Loki")

CHOSEN = {"namespace": "airflow", "dag_id": "demo", "task_id": ".*", "level": ".*"}
CHOSEN |= {"try_number": ".*", "run_id": "", "search": "", "groups": "group"}


def filled(query: str, **chosen: str) -> str:
    """The query as Grafana sends it: it knows only the variables of a dashboard, and its own."""
    values = {**CHOSEN, **chosen, "__auto": "5m", "__range": "1h"}

    def value(match: re.Match[str]) -> str:
        return values.get(match[1] or match[2], match[0])

    return re.sub(r"\$\{(\w+)[^}]*\}|\$(\w+)", value, query)


def panels(type_: str, texts: Iterable[str] | None = None) -> dict[str, str]:
    """The LogQL queries about tasks of all panels of a type, by the uid of the dashboard."""
    return {
        dashboard["uid"]: target["expr"]
        for dashboard in map(json.loads, texts or dashboards.generate().values())
        for panel in dashboard["panels"]
        if panel["type"] == type_
        for target in panel["targets"]
        if target["datasource"]["type"] == "loki" and "dag_id" in target["expr"]
    }


@pytest.fixture(params=panels("logs"))
def panel(request: pytest.FixtureRequest) -> str:
    """The query of each panel with log lines."""
    return panels("logs")[request.param]


@pytest.fixture
def loki(real_loki_server):
    return real_loki_server.another_tenant()


@pytest.fixture
def ask(loki):
    """Return the lines that a query shows."""

    def found(query: str) -> list[str]:
        now = datetime.now(UTC)
        connected = Loki(loki.url, {}, tenant=loki.tenant, ca_file=None)
        asked = connected.entries(query, now - timedelta(hours=3), now + timedelta(minutes=5))
        entries = list(asked)
        assert not [entry for entry in entries if "__error__" in dict(entry.fields)]
        return [entry.line for entry in entries]

    return found


@pytest.fixture
def shows(loki, ask, panel):
    """Say what a panel shows of lines."""

    def found(*lines: str, chosen=(), **fields: object) -> list[str]:
        loki.put(*lines, **fields)
        return ask(filled(panel, **dict(chosen)))

    return found


def test_a_line_of_airflow_3_is_its_level_text_and_the_keys_of_its_author(shows):
    assert shows(
        line("hello"), line("careful", "warning", rows=12_345_678, share=0.5, ok=True, none=None)
    ) == ["INFO     hello", "WARNING  careful none=null ok=true rows=12345678 share=0.5"]


HEADER = "[2026-11-21T08:11:08.057+0000] {a.py:1} INFO - "
UNCHANGED = {
    "text of Airflow 2": f"{HEADER}two\nlines",
    "text": "plain",
    "empty": "",
    "colours": "\x1b[31mred\x1b[0m",
    "JSON without an event": '{"timestamp":"2026-11-21T08:07:48Z","level":"info"}',
    "an event that is no text": '{"event": 5}',
    "almost JSON": '{"event": "a"',
    "a list": '["event"]',
    "a JSON text": '"event"',
    "a number": "5",
    "a null": "null",
    "a template": "{{ .x }} $key `a`",
    "long": "x" * 200_000,
}


@pytest.mark.parametrize("text", UNCHANGED.values(), ids=UNCHANGED)
def test_a_line_of_another_form_is_shown_as_it_is(shows, text):
    assert shows(text) == [text]


def test_texts_of_airflow_3_are_shown_as_they_are(shows):
    texts = [
        "",
        "two\nlines",
        "\x1b[31mred\x1b[0m",
        'a "quoted" \\ {{ .x }}',
        "ž\u2028",
        "x" * 90_000,
    ]
    assert shows(*map(line, texts)) == [f"INFO     {text}" for text in texts]


def test_keys_that_are_named_like_ours_replace_nothing(shows):
    keys = {"error_detail": "mine", "part": 1, "parts": 2, "err": "x", "line": "y", "pod": "mine"}
    known = {"dag_id": "demo", "run_id": "r1", "try_number": 1, "ti_id": "x", "task_id": "other"}
    assert shows(line("hello", **keys, **known)) == [
        "INFO     hello err=x error_detail=mine line=y part=1 parts=2 pod=mine task_id=other"
    ]


@pytest.mark.parametrize(
    "name", sorted(name for name in exceptions.ALL if "group" not in name and "syntax" not in name)
)
def test_a_traceback_is_what_python_prints(shows, name):
    detail = error_detail(exceptions.raised(exceptions.ALL[name]))
    [found] = shows(line("failed", "error", error_detail=detail))
    assert found == f"ERROR    failed\n{traceback_text(detail)}"


@pytest.mark.parametrize("name", sorted(name for name in exceptions.ALL if "group" in name))
def test_exceptions_of_a_group_are_shown_one_after_the_other(shows, name):
    detail = error_detail(exceptions.raised(exceptions.ALL[name]))
    [found] = shows(line("failed", "error", error_detail=detail))
    python = traceback_text(detail) or ""
    text_alone = [re.sub(r"^[ |+-]*", "", each) for each in python.splitlines()]
    shown = [re.sub(r"^[ |+-]*", "", each) for each in found.splitlines()[1:]]
    assert [each for each in shown if each] == [each for each in text_alone if each]


def test_a_syntax_error_is_shown_with_its_line(shows):
    detail = error_detail(exceptions.raised(exceptions.broken_syntax))
    [found] = shows(line("failed", "error", error_detail=detail))
    assert found.splitlines()[-3:] == [
        '  File "dag.py", line 2',
        "    y = )",
        "SyntaxError: unmatched ')'",
    ]


def test_parts_of_a_long_line_say_which_they_are(shows):
    assert shows('{"timestamp":"', part=1, parts=2) == ['[part 1 of 2] {"timestamp":"']


def test_group_markers_are_hidden_by_a_switch(loki, ask, panel):
    loki.put(
        line("::group::Pre Execute"), line("a ::group:: in a text"), line("::endgroup::"),
        f"{HEADER}::group::Post", f"{HEADER}text", f"{HEADER}::endgroup::",
        line('"event":"::group::"'), "::group::",
    )  # fmt: skip
    hidden = ask(filled(panel))
    assert hidden == [
        "INFO     a ::group:: in a text",
        f"{HEADER}text",
        'INFO     "event":"::group::"',
    ]
    assert len(ask(filled(panel, groups="none"))) == 8


@pytest.mark.parametrize("labels", [["namespace", "dag_id"], ["namespace"]])
def test_dag_and_task_need_not_be_labels(loki, ask, labels):
    values = {"global": {"taskLogs": {"labelFields": labels}}, "dashboards": {"enabled": True}}
    rendered = render(chart="add-on", values=[values])
    fields = {"namespace": "airflow", "dag_id": "demo", "task_id": "load"}
    metadata = {name: fields[name] for name in fields if name not in labels}
    stream = {name: fields[name] for name in labels}
    loki.push(stream, [(time.time_ns(), line("hello"), metadata)])
    queries = panels("logs", [each.text for each in rendered.embedded("Dashboard")])
    for query in queries.values():
        assert ask(filled(query)) == ["INFO     hello"]
    assert len(queries) == 2


def test_the_switch_has_the_values_that_the_query_knows():
    for dashboard in map(json.loads, dashboards.generate().values()):
        variables = {each["name"]: each for each in dashboard["templating"]["list"]}
        if dashboard["uid"] in panels("logs"):
            assert variables["groups"]["query"] == "Hidden : group, Shown : none"
            assert variables["groups"]["current"]["value"] == "group"


@pytest.mark.parametrize("type_", ["timeseries", "bargauge"])
def test_numbers_of_lines_are_counted(loki, type_):
    """Loki takes the queries, and counts the one error."""
    loki.put(line("failed", "error"), level="error")
    connected = Loki(loki.url, {}, tenant=loki.tenant, ca_file=None)
    for query in panels(type_).values():
        answer = connected._server.get("/loki/api/v1/query", query=filled(query))
        assert [series["value"][1] for series in answer["data"]["result"]] == ["1"]


def documented() -> list[str]:
    """The queries of docs/task-logs.md."""
    text = (ROOT / "docs" / "task-logs.md").read_text(encoding="utf-8")
    return re.findall(r"^```logql\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_documented_query_shows_what_the_panels_show(loki, ask):
    [query] = [each for each in documented() if "line_format `{{define" in each]
    detail = error_detail(exceptions.raised(exceptions.while_handling))
    loki.put(
        line("::group::x"), line("hello", rows=5), line("failed", "error", error_detail=detail),
        f"{HEADER}text",
        dag_id="my_dag",
    )  # fmt: skip
    assert ask(query) == [
        "INFO     hello rows=5",
        f"ERROR    failed\n{traceback_text(detail)}",
        f"{HEADER}text",
    ]


def test_the_documented_query_is_that_of_the_panels():
    [query] = [each for each in documented() if "line_format `{{define" in each]
    [template] = {expr.partition("| line_format ")[2] for expr in panels("logs").values()}
    assert query.partition("| line_format ")[2].strip() == template.strip()


def test_the_short_queries_of_the_documentation_are_taken_by_loki(loki):
    connected = Loki(loki.url, {}, tenant=loki.tenant, ca_file=None)
    text = "\n".join(each for each in documented() if "{{define" not in each)
    queries = [each.strip() for each in re.split(r"^#.*$|\n\n", text, flags=re.MULTILINE)]
    assert len([query for query in queries if query]) >= 6
    for query in filter(None, queries):
        connected._server.get("/loki/api/v1/query_range", query=query, limit=1)
