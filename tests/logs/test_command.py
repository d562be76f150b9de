"""The command logs: what it reads, what it shows, and how it ends."""

import json
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from airflow_platform.bench.capture.loki import built_in_loki
from airflow_platform.logs import reading
from airflow_platform.loki import client

from .. import exceptions
from ..airflow3 import error_detail, line
from ..loki_server import LokiServer

HEADER = "==> load try 1, run r1 <=="
TIME = "2026-11-21T08:07:48.726Z"
MINUTE = 60 * 10**9


def shown(out: str) -> list[str]:
    """The lines below the only header."""
    header, *lines = out.splitlines()
    assert header == HEADER
    return lines


# --- What is shown of a line ---


def test_a_line_of_airflow_3_is_time_level_text_and_the_keys_of_its_author(logs, loki):
    loki.put(
        line("hello", rows=5, name="a b", ok=True, none=None, nested={"a": [1, "ž"]}, empty="")
    )
    code, out, err = logs()
    assert (code, err) == (0, "")
    assert shown(out) == [
        f'{TIME} INFO     hello rows=5 name="a b" ok=true none=null nested={{"a":[1,"ž"]}} empty=""'
    ]


def test_a_line_of_airflow_2_is_time_level_and_text(logs, loki):
    loki.put("[2026-11-21T08:11:08.057+0000] {probe.py:19} ERROR - failed\nTraceback:\n  at a")
    _, out, _ = logs()
    assert shown(out) == ["2026-11-21T08:11:08.057Z ERROR    failed", "Traceback:", "  at a"]


def test_a_line_whose_time_loki_does_not_take_is_shown_with_its_own(logs, loki):
    loki.put("2026-11-20 23:00:00,500 a.py:1 INFO - old", time="2026-11-20T23:00:00.500+00:00")
    _, out, _ = logs()
    assert shown(out)[0].startswith("2026-11-20T23:00:00.500Z ")


OTHER_FORMS = {
    "text": "plain text",
    "JSON without an event": '{"timestamp":"2026-11-21T08:07:48Z","level":"info"}',
    "an event that is no text": '{"event": 5}',
    "almost JSON": "{not JSON",
    "a list": '["event"]',
    "JSON of great depth": '{"a":' * 40_000,
    "another format": "[2026-11-21 08:11] INFO - hello",
}


@pytest.mark.parametrize("text", OTHER_FORMS.values(), ids=OTHER_FORMS)
def test_a_line_of_another_form_is_shown_as_it_is(logs, loki, text):
    at = loki.put(text, level="warning")
    _, out, _ = logs()
    time = f"{datetime.fromtimestamp(at // 1000 / 10**6, UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3]
    [found] = shown(out)
    assert found.split(" ", 1)[1] == f"WARNING  {text}"
    assert found.startswith(time)


def test_an_empty_event_is_an_empty_line(logs, loki):
    loki.put(line(""))
    _, out, _ = logs()
    assert shown(out) == [f"{TIME} INFO"]


def test_a_traceback_follows_its_line(logs, loki):
    detail = error_detail(exceptions.raised(exceptions.with_a_cause))
    loki.put(line("Task failed with exception", "error", error_detail=detail))
    _, out, _ = logs()
    first, *rest = shown(out)
    assert first == f"{TIME} ERROR    Task failed with exception"
    assert rest[0] == "Traceback (most recent call last):"
    assert "The above exception was the direct cause of the following exception:" in rest
    assert rest[-1] == "RuntimeError: because of it"


def test_keys_that_say_what_is_known_are_not_repeated_but_the_authors_own_are_shown(logs, loki):
    ids = {"dag_id": "demo", "task_id": "other", "run_id": "r1", "try_number": 1, "ti_id": "x"}
    loki.put(line("hello", **ids, error_detail="mine", part=1, offset=7))
    _, out, _ = logs()
    assert shown(out) == [f"{TIME} INFO     hello task_id=other part=1 offset=7 error_detail=mine"]


def test_colours_of_the_task_are_left_out_where_there_is_no_terminal(logs, loki):
    loki.put(line("\x1b[1;31mred\x1b[0m\x1b[2K\x1b]0;title\x07 bell\x07 \r\x00"), "\x1b[32mgreen")
    _, out, _ = logs()
    assert shown(out)[0] == rf"{TIME} INFO     red bell\x07 \x0d\x00"
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colours_on_a_terminal(logs, loki, monkeypatch, variables, coloured):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    loki.put(line("failed \x1b[32mgreen\x1b[2J", "error", a=1))
    _, out, _ = logs()
    assert ("\x1b[31mERROR   \x1b[0m" in out) is coloured
    assert ("\x1b[32mgreen\x1b[0m" in out) is coloured
    assert "\x1b[2J" not in out


def test_half_of_a_character_does_not_stop_it(logs, loki):
    loki.put(
        '{"timestamp":"2026-11-21T08:07:48.726991Z","level":"info","event":"\\ud83d","k":"\\udc00"}'
    )
    code, out, _ = logs()
    assert code == 0
    assert shown(out) == [rf"{TIME} INFO     \ud83d k=\udc00"]
    assert json.loads(logs("--output", "json")[1])["text"] == "\ud83d"


def test_group_markers_are_hidden_unless_they_are_asked_for(logs, loki):
    header = "[2026-11-21T08:11:08.057+0000] {a.py:1} INFO - "
    loki.put(
        line("::group::Pre Execute"), line("a ::group:: in a text"), line("::endgroup::"),
        f"{header}::group::Post", f"{header}text", f"{header}::endgroup::",
    )  # fmt: skip
    texts = [text.split(maxsplit=2)[2] for text in shown(logs()[1])]
    assert texts == ["a ::group:: in a text", "text"]
    assert len(shown(logs("--groups")[1])) == 6


def test_json_has_all_of_a_line(logs, loki):
    detail = error_detail(exceptions.raised(exceptions.without_text))
    loki.put(line("failed", "error", rows=5, error_detail=detail), task_id="mapped", map_index=2)
    found = json.loads(logs("--output", "json")[1])
    assert found.pop("traceback").endswith("\nKeyError")
    assert found == {
        "time": "2026-11-21T08:07:48.726991Z",
        "dag_id": "demo",
        "run_id": "r1",
        "task_id": "mapped",
        "map_index": 2,
        "try_number": 1,
        "level": "error",
        "text": "failed",
        "keys": {"rows": 5},
    }


# --- Which lines, and in which order ---


def texts(out: str) -> list[str]:
    """Headers and the last word of each line."""
    return [
        each if each.startswith("==>") else each.split()[-1] for each in out.split("\n") if each
    ]


def test_each_try_of_each_task_has_its_lines_below_its_header(logs, loki):
    now = time.time_ns()
    for number in range(3):
        loki.put(f"load-{number}", time_ns=now + 10 * number)
        loki.put(f"again-{number}", time_ns=now + 10 * number + 1, try_number=2)
        loki.put(f"mapped-{number}", time_ns=now + 10 * number + 2, task_id="m", map_index=3)
        loki.put(f"run2-{number}", time_ns=now + 10 * number + 3, run_id="r2")
    assert texts(logs()[1]) == [
        *("==> load try 1, run r1 <==", "load-0", "load-1", "load-2"),
        *("==> load try 2, run r1 <==", "again-0", "again-1", "again-2"),
        *("==> m[3] try 1, run r1 <==", "mapped-0", "mapped-1", "mapped-2"),
        *("==> load try 1, run r2 <==", "run2-0", "run2-1", "run2-2"),
    ]


def test_logs_longer_than_the_buffer_stay_in_order(logs, loki, monkeypatch):
    monkeypatch.setattr("airflow_platform.logs.output._BUFFERED_CHARACTERS", 50)
    now = time.time_ns()
    for number in range(20):
        for task in "abc":
            loki.put(f"{task}{number}", time_ns=now + number, task_id=task)
    expected = []
    for task in "abc":
        expected += [f"==> {task} try 1, run r1 <==", *(f"{task}{n}" for n in range(20))]
    assert texts(logs()[1]) == expected


def test_a_log_of_many_pages_is_whole_and_in_order(logs, loki, monkeypatch):
    monkeypatch.setattr(client, "_PAGE_LINES", 10)
    written = [f"line-{number}" for number in range(95)]
    for begin in range(0, 95, 5):  # five lines of one time
        loki.put(*written[begin : begin + 5], apart=0, time_ns=time.time_ns() + begin)
    found = texts(logs()[1])[1:]
    assert sorted(found) == sorted(written)
    assert [int(each[5:]) // 5 for each in found] == [number // 5 for number in range(95)]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--run", "r2"), {"run2"}),
        (("--task", "mapped"), {"mapped3", "mapped4"}),
        (("--task", "mapped[4]"), {"mapped4"}),
        (("--try", "2"), {"again"}),
        (("--level", "warning"), {"again", "run2"}),
        (("--level", "error"), {"run2"}),
        (("--selector", '{namespace="airflow"}', "--try", "2"), {"again"}),
        (("--since", "1h"), {"run2", "mapped3", "mapped4", "again"}),
        (("--since", "3h"), {"old", "run2", "mapped3", "mapped4", "again"}),
    ],
)
def test_what_is_asked_for(logs, loki, arguments, expected):
    loki.put("old", time_ns=time.time_ns() - 120 * MINUTE)
    loki.put("again", try_number=2, level="warning")
    loki.put("mapped3", task_id="mapped", map_index=3, level="info")
    loki.put("mapped4", task_id="mapped", map_index=4)
    loki.put("run2", run_id="r2", level="error")
    loki.put("another-dag", dag_id="other")
    code, out, _ = logs(*arguments)
    assert code == 0
    assert {text for text in texts(out) if not text.startswith("==>")} == expected


def test_dag_and_task_need_not_be_labels(logs, loki):
    ids = {"dag_id": "demo", "task_id": "load", "run_id": "r1", "try_number": "1"}
    loki.push({"job": "airflow-task-logs"}, [(time.time_ns(), "hello", ids)])
    loki.push({"job": "airflow-task-logs"}, [(time.time_ns(), "other", {**ids, "dag_id": "x"})])
    assert texts(logs("--task", "load")[1]) == [HEADER, "hello"]


def test_the_parts_of_a_long_line_are_one_line(logs, loki, monkeypatch):
    monkeypatch.setattr(client, "_PAGE_LINES", 2)
    text = line("x" * 50 + "ž" * 50, rows=1)
    now = time.time_ns()
    pieces = [text[:40], text[40:80], text[80:]]
    for number, piece in enumerate(pieces, start=1):
        part = {"part": number, "parts": 3, "offset": 100}
        loki.put(piece, time_ns=now + number, **part)
        loki.put(f"other-{number}", time_ns=now + number, task_id="other", offset=100)
    assert shown(logs("--task", "load")[1]) == [f"{TIME} INFO     {'x' * 50}{'ž' * 50} rows=1"]
    assert len(logs()[1].splitlines()) == 7


def test_a_line_of_which_a_part_is_missing_is_shown_with_what_there_is(logs, loki):
    now = time.time_ns()
    for number in (1, 3):
        loki.put(f"part{number}", time_ns=now + number, part=number, parts=3, offset=100)
    loki.put("next", time_ns=now + 10)
    assert texts(logs()[1]) == [HEADER, "next", "part1part3"]


# --- Following ---


def doing(*steps):
    """Return a `sleep` that takes the next of the steps each time, and is interrupted at last."""
    left = iter(steps)

    def sleep(_seconds: float) -> None:
        step = next(left, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    return sleep


def test_lines_that_come_are_followed_once_each_even_if_they_are_late(logs, loki, monkeypatch):
    now = time.time_ns()
    loki.put("first", time_ns=now)
    steps = doing(
        lambda: loki.put("second", time_ns=now + 20),
        lambda: loki.put("late", time_ns=now + 10),
        lambda: loki.put("third", time_ns=now + 30),
    )
    monkeypatch.setattr(reading.time, "sleep", steps)
    code, out, err = logs("--follow")
    assert (code, err) == (130, "")
    assert texts(out) == [HEADER, "first", "second", "late", "third"]


def test_a_header_follows_where_another_task_goes_on(logs, loki, monkeypatch):
    loki.put("a")
    loki.put("b", task_id="other")
    loki.put("c")
    monkeypatch.setattr(reading.time, "sleep", doing())
    other = "==> other try 1, run r1 <=="
    assert texts(logs("--follow")[1]) == [HEADER, "a", other, "b", HEADER, "c"]


# --- How it ends ---


def test_no_line_is_code_1_and_says_what_to_try(logs):
    code, out, err = logs("--since", "2h")
    assert (code, out) == (1, "")
    assert "no such line of the last 2h" in err
    assert "--since" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("demo",), "--loki URL (or LOKI_ADDR) is required"),
        (("--loki", "http://x"), "the following arguments are required: DAG"),
        (("demo", "--loki", "http://x", "--since", "soon"), "soon is not a time such as 30s"),
        (("demo", "--loki", "http://x", "--level", "loud"), "invalid choice: 'loud'"),
        (("demo", "--loki", "http://x", "--try", "one"), "invalid int value: 'one'"),
    ],
)
def test_wrong_usage_is_code_2(run_logs, arguments, message):
    code, _, err = run_logs(*arguments)
    assert code == 2
    assert message in err


def test_a_loki_out_of_reach_is_code_3(run_logs):
    with built_in_loki() as url:
        pass
    code, out, err = run_logs("demo", "--loki", url)
    assert (code, out) == (3, "")
    assert "cannot be reached" in err
    assert "kubectl --namespace" in err


@pytest.mark.parametrize(
    ("status", "answer", "message"),
    [(401, b"who?", "LOKI_USERNAME"), (200, b"<html>", "other than JSON"), (200, b"[]", "a proxy")],
)
def test_what_is_no_answer_of_loki_is_code_3(run_logs, status, answer, message):
    class Gateway(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        code, _, err = run_logs("demo", "--loki", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert code == 3
    assert message in err


def test_loki_comes_from_the_variables_of_logcli(run_logs, loki: LokiServer, monkeypatch):
    monkeypatch.setenv("LOKI_ADDR", loki.url)
    monkeypatch.setenv("LOKI_ORG_ID", loki.tenant)
    loki.put("hello")
    assert run_logs("demo")[0] == 0
