"""The command verify-logs: it passes when nothing is missing, and only then."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from .airflow_double import RUN_ID, USER, Airflow, serving

HEADER = "[2026-11-21T08:11:30.277+0000] {logging_mixin.py:190} INFO - "
AIRFLOW_2 = [f"{HEADER}hello", f"{HEADER}two\nlines", f"{HEADER}a\u2028b", "", "2026-01-01  1.0"]
AIRFLOW_3 = [
    '{"timestamp":"2026-11-21T08:07:48.726991Z","level":"info","event":"hello","logger":"task.stdout"}',
    '{"timestamp":"2026-11-21T08:07:48.9Z","level":"error","event":"two\\nlines","error_detail":[]}',
    '{"timestamp":"2026-11-21T08:07:48.9Z","level":"error","event":"two\\nlines","error_detail":[]}',
    "not JSON",
]
WRITTEN = {2: AIRFLOW_2, 3: AIRFLOW_3}
CANNOT_LOOK = 3
WAIT = ("--wait", "2m")


@pytest.fixture
def lines(airflow):
    """What a task's log file has in that version of Airflow."""
    return WRITTEN[airflow.major]


@pytest.fixture
def log_files(tmp_path):
    """A directory with the log of one task: a, b, c."""
    file = (
        tmp_path / "logs" / "dag_id=demo" / f"run_id={RUN_ID}" / "task_id=hello" / "attempt=1.log"
    )
    file.parent.mkdir(parents=True)
    file.write_text("a\nb\nc\n")
    return tmp_path / "logs"


@pytest.fixture
def expected(tmp_path):
    """A list of what the tasks print: hello."""
    file = tmp_path / "expected.yaml"
    file.write_text("- {task_id: hello, lines: [hello]}")
    return file


# --- Log files ---


def test_all_lines_of_log_files_are_in_loki(verify, loki, log_files):
    loki.put("a", "b", "c")
    code, out, _ = verify("--log-files", log_files)
    assert code == 0
    assert out.splitlines()[-1] == "PASS: 1 logs are complete in Loki."
    assert "hello    1         3      3        0      0    PASS" in out


def test_a_line_that_is_missing_fails_and_is_shown(verify, loki, log_files):
    loki.put("a", "c")
    code, out, _ = verify("--log-files", log_files)
    assert code == 1
    assert "hello    1         3      2        1      0    FAIL" in out
    assert "hello try 1, missing:\n  b\n" in out
    assert "FAIL: 0 of 1 logs" in out


def test_a_line_that_is_there_twice_fails_and_is_shown(verify, loki, log_files):
    loki.put("a", "b", "c")
    loki.put("b", pod="pod-2")
    code, out, _ = verify("--log-files", log_files)
    assert code == 1
    assert "hello try 1, extra:\n  b\n" in out


def test_lines_that_come_late_are_waited_for_and_it_is_said(verify, loki, log_files, monkeypatch):
    loki.put("a", "b")
    late = iter([(), ("c",)])  # nothing yet at the second look, the rest at the third
    monkeypatch.setattr(time, "sleep", lambda _: loki.put(*next(late)))
    code, out, err = verify("--log-files", log_files, *WAIT)
    assert (code, out.splitlines()[-1]) == (0, "PASS: 1 logs are complete in Loki.")
    assert "Loki has not all lines yet: looking again for 120 s" in err


def test_a_log_that_grows_meanwhile_is_read_again(verify, loki, log_files, monkeypatch):
    def grow(_):
        next(log_files.rglob("attempt=1.log")).write_text("a\nb\nc\nd\n")
        loki.put("a", "b", "c", "d")

    monkeypatch.setattr(time, "sleep", grow)
    code, out, _ = verify("--log-files", log_files, *WAIT)
    assert code == 0
    assert "hello    1         4      4        0      0    PASS" in out


def test_nothing_is_said_of_waiting_when_all_lines_are_there(verify, loki, log_files):
    loki.put("a", "b", "c")
    code, _, err = verify("--log-files", log_files, *WAIT)
    assert (code, err) == (0, "")


def test_nothing_in_loki_fails_with_what_to_look_at(verify, log_files):
    code, out, _ = verify("--log-files", log_files)
    assert code == 1
    assert "--selector" in out
    assert "docs/runbooks/task-logs.md" in out


def test_lines_are_looked_for_as_far_back_as_asked(verify, loki, log_files):
    loki.put("a", "b", "c", time_ns=time.time_ns() - 2 * 24 * 3600 * 10**9)
    assert verify("--log-files", log_files)[0] == 1
    assert verify("--log-files", log_files, "--since", "3d")[0] == 0


def test_lines_are_looked_for_in_the_selected_streams(verify, loki, log_files):
    loki.put("a", "b", "c")
    assert verify("--log-files", log_files, "--selector", '{job="other"}')[0] == 1
    assert verify("--log-files", log_files, "--selector", '{job="airflow-task-logs"}')[0] == 0


def test_long_lists_of_missing_lines_are_cut(verify, log_files):
    task = next(log_files.rglob("attempt=1.log"))
    task.write_text("".join(f"line {n} \a{'x' * 500}\n" for n in range(10)))
    _, out, _ = verify("--log-files", log_files)
    assert "... and 7 more" in out
    assert max(map(len, out.splitlines())) < 200
    assert "\a" not in out


def test_json_has_all(verify, loki, log_files):
    loki.put("a", "c", "d")
    code, out, _ = verify("--log-files", log_files, "--output", "json")
    assert code == 1
    assert json.loads(out) == {
        "passed": False,
        "logs": [
            {
                "dag_id": "demo",
                "run_id": RUN_ID,
                "task_id": "hello",
                "map_index": -1,
                "try_number": 1,
                "result": "FAIL",
                "expected": 3,
                "found": 3,
                "missing": ["b"],
                "extra": ["d"],
            }
        ],
    }


# --- Airflow ---


def test_all_lines_that_airflow_shows_are_in_loki(verify, loki, airflow, lines):
    airflow.ran("hello", *lines)
    airflow.ran("hello", *lines, try_number=2)
    airflow.ran("mapped", *lines, map_index=0)
    for metadata in ({}, {"try_number": 2}, {"task": "mapped", "map_index": 0}):
        loki.put(*lines, **metadata)
    code, out, err = verify("--airflow", airflow.url, "--dag", "demo", "--run", RUN_ID)
    assert code == 0, out + err
    assert "PASS: 3 logs" in out


def test_a_line_that_airflow_shows_and_loki_lacks_fails(verify, loki, airflow, lines):
    airflow.ran("hello", *lines)
    loki.put(*lines[1:])
    code, out, _ = verify("--airflow", airflow.url, "--dag", "demo")
    assert code == 1
    assert "hello try 1, missing:" in out


def test_a_line_of_which_loki_has_more_than_airflow_shows_fails(verify, loki, airflow, lines):
    airflow.ran("hello", *lines)
    loki.put(*lines, pod="pod-1")
    loki.put(*lines, pod="pod-2")
    code, out, _ = verify("--airflow", airflow.url, "--dag", "demo")
    assert code == 1
    assert "hello try 1, extra:" in out


def test_tasks_that_have_not_run_are_not_expected(verify, loki, airflow, lines):
    airflow.ran("hello", *lines)
    airflow.instances.append(
        {"task_id": "skipped", "map_index": -1, "try_number": 0, "start_date": None}
    )
    loki.put(*lines)
    assert verify("--airflow", airflow.url, "--dag", "demo")[0] == 0


def test_a_run_of_which_no_task_has_run_does_not_pass(verify, airflow):
    airflow.ran("hello")
    airflow.instances[0]["start_date"] = None
    code, _, err = verify("--airflow", airflow.url, "--dag", "demo")
    assert code == CANNOT_LOOK
    assert "No task of" in err


def test_more_tasks_than_one_answer_of_airflow_has(verify, loki, airflow, lines):
    for index in range(101):
        airflow.ran("mapped", lines[0], map_index=index)
        loki.put(lines[0], task="mapped", map_index=index)
    code, out, _ = verify("--airflow", airflow.url, "--dag", "demo")
    assert code == 0
    assert "PASS: 101 logs" in out


@pytest.mark.parametrize("lines_in_airflow", [None, []])
def test_a_log_that_airflow_has_lost_is_not_known_to_be_complete(
    verify, loki, airflow, lines, lines_in_airflow
):
    airflow.ran("hello")
    if lines_in_airflow is None:
        del airflow.logs["hello", -1, 1]
    loki.put(*lines)
    code, out, _ = verify("--airflow", airflow.url, "--dag", "demo")
    assert code == CANNOT_LOOK
    assert "UNKNOWN" in out
    assert "--expected FILE" in out


def test_a_log_that_airflow_cannot_parse_is_compared_as_text(verify, loki, monkeypatch):
    airflow = Airflow(3)
    airflow.ran("hello", "a", "b")
    monkeypatch.setattr(airflow, "_log", lambda lines: {"content": lines})
    monkeypatch.setenv("AIRFLOW_USERNAME", USER["username"])
    monkeypatch.setenv("AIRFLOW_PASSWORD", USER["password"])
    loki.put("a", "b")
    with serving(airflow):
        assert verify("--airflow", airflow.url, "--dag", "demo")[0] == 0


def test_printed_lines_without_airflows_log(verify, loki, airflow, lines, expected):
    airflow.ran("hello")
    arguments = ["--airflow", airflow.url, "--dag", "demo", "--expected", expected]
    assert verify(*arguments)[0] == 1
    loki.put(*lines)
    code, out, _ = verify(*arguments)
    assert code == 0
    assert "hello    1         1      1        0      0    PASS" in out


def test_lines_are_looked_for_since_the_start_of_the_run(verify, loki, airflow, lines):
    airflow.ran("hello", *lines)
    loki.put(*lines, time_ns=time.time_ns() - 36 * 3600 * 10**9)
    assert verify("--airflow", airflow.url, "--dag", "demo")[0] == 0
    assert verify("--airflow", airflow.url, "--dag", "demo", "--since", "1h")[0] == 1


def test_a_run_can_be_triggered_and_its_last_logs_waited_for(
    verify, loki, airflow, lines, monkeypatch
):
    airflow.ran("hello", *lines)
    airflow.states = ["queued", "running", "success"]
    ended = []
    airflow.on_end = lambda: ended.append(True)

    def deliver_after_the_end(_):
        if ended:
            loki.put(*lines)
            ended.clear()

    monkeypatch.setattr(time, "sleep", deliver_after_the_end)
    code, _, err = verify("--airflow", airflow.url, "--dag", "demo", "--trigger", *WAIT)
    assert code == 0, err
    assert airflow.triggered == 1


def test_a_run_that_ended_just_now_still_fails_when_lines_do_not_come(verify, airflow, lines):
    airflow.ran("hello", *lines)
    airflow.states = ["running", "failed"]
    arguments = ["--airflow", airflow.url, "--dag", "demo", "--trigger", "--wait", "1s"]
    assert verify(*arguments)[0] == 1


BAD_AIRFLOWS = {
    "paused": ({"paused": True}, ["--trigger"], "airflow dags unpause demo"),
    "still running": ({"states": ["running"]}, ["--timeout", "0s"], "still running after 0:00:00"),
    "never ran": ({"instances": []}, [], "has never run"),
}


@pytest.mark.parametrize(("state", "arguments", "message"), BAD_AIRFLOWS.values(), ids=BAD_AIRFLOWS)
def test_a_run_that_cannot_be_looked_at_is_one_message(verify, airflow, state, arguments, message):
    airflow.ran("hello", "a")
    vars(airflow).update(state)
    code, out, err = verify("--airflow", airflow.url, "--dag", "demo", *arguments)
    assert (code, out) == (CANNOT_LOOK, "")
    assert message in err


def test_an_unknown_run_is_one_message(verify, airflow):
    code, _, err = verify("--airflow", airflow.url, "--dag", "demo", "--run", "nonsense")
    assert code == CANNOT_LOOK
    assert "answers 404" in err


def test_wrong_credentials_name_the_variables(verify, airflow, monkeypatch):
    monkeypatch.setenv("AIRFLOW_PASSWORD", "wrong")
    code, _, err = verify("--airflow", airflow.url, "--dag", "demo")
    assert code == CANNOT_LOOK
    assert "AIRFLOW_USERNAME" in err
    assert "auth_manager.api.auth.backend.basic_auth" in err


def test_a_server_that_is_no_airflow_is_one_message(verify, airflow):
    airflow.major = 3
    code, _, err = verify("--airflow", f"{airflow.url}/elsewhere", "--dag", "demo")
    assert code == CANNOT_LOOK
    assert "is no Airflow" in err


def test_an_airflow_out_of_reach_names_the_command_that_brings_it_near(verify):
    code, _, err = verify("--airflow", "http://127.0.0.1:1", "--dag", "demo")
    assert code == CANNOT_LOOK
    assert "kubectl --namespace lakehouse-platform port-forward" in err


def test_lines_that_are_missing_count_more_than_a_log_that_is_unknown(verify, airflow, lines):
    airflow.ran("hello", *lines)
    airflow.ran("lost")
    del airflow.logs["lost", -1, 1]
    code, out, _ = verify("--airflow", airflow.url, "--dag", "demo")
    assert code == 1
    assert "FAIL" in out
    assert "UNKNOWN" in out


# --- A Loki that cannot be asked ---


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """Serve the same answer to each request; yield the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


BAD_LOKIS = {
    "credentials": (401, b"no org id", "LOKI_USERNAME"),
    "no such path": (404, b"404 page not found", "answers 404"),
    "an error": (500, b"too many outstanding requests", "answers 500"),
    "a page": (200, b"<html>Log in</html>", "other than JSON"),
    "another program": (200, b'{"status": "up"}', "in a form that verify-logs does not know"),
    "a list": (200, b"[]", "in a form that verify-logs does not know"),
}


@pytest.mark.parametrize(("status", "body", "message"), BAD_LOKIS.values(), ids=BAD_LOKIS)
def test_a_loki_that_cannot_be_asked_is_not_a_loki_without_the_lines(
    verify, log_files, status, body, message
):
    with answering(status, body) as url:
        code, out, err = verify("--log-files", log_files, "--loki", url)
    assert (code, out) == (CANNOT_LOOK, "")
    assert message in err


def test_a_loki_out_of_reach_is_not_a_loki_without_the_lines(verify, log_files):
    code, _, err = verify("--log-files", log_files, "--loki", "http://127.0.0.1:1")
    assert code == CANNOT_LOOK
    assert "cannot be reached" in err


@pytest.mark.parametrize("body", [b'{"version": "3.1.7"}', b"[]"])
def test_an_airflow_that_answers_in_another_form_is_one_message(verify, body, monkeypatch):
    monkeypatch.delenv("AIRFLOW_USERNAME", raising=False)
    with answering(200, body) as url:
        code, out, err = verify("--airflow", url, "--dag", "demo")
    assert (code, out) == (CANNOT_LOOK, "")
    assert "in a form that verify-logs does not know" in err


MISSING_FILES = {
    "log files": ["--log-files", "{nowhere}"],
    "a list": ["--expected", "{nowhere}", "--dag", "d", "--run", "r"],
    "certificates": ["--log-files", ".", "--loki", "https://127.0.0.1:1", "--ca-file", "{nowhere}"],
}


@pytest.mark.parametrize("arguments", MISSING_FILES.values(), ids=MISSING_FILES)
def test_a_file_that_is_not_there_says_nothing_about_lines(verify, tmp_path, arguments):
    nowhere = str(tmp_path / "nowhere")
    code, out, err = verify(*[argument.format(nowhere=nowhere) for argument in arguments])
    assert (code, out) == (CANNOT_LOOK, "")
    assert nowhere in err


def test_the_help_names_every_exit_code(verify):
    code, out, _ = verify("--help")
    assert code == 0
    assert re.findall(r"^  (\d)  ", out, re.MULTILINE) == ["0", "1", "2", "3"]


# --- Usage ---


WRONG_USAGE = {
    "nothing to compare with": [],
    "two things to compare with": ["--log-files", "x", "--expected", "y"],
    "Airflow without a DAG": ["--airflow", "http://x"],
    "a new run with a name": ["--airflow", "http://x", "--dag", "d", "--run", "r", "--trigger"],
    "a new run without Airflow": ["--log-files", "x", "--trigger"],
    "a list without a run": ["--expected", "x", "--dag", "d"],
    "no time to wait": ["--log-files", "x", "--wait", "long"],
    "no time": ["--log-files", "x", "--since", "yesterday"],
    "no Loki": ["--loki", "", "--log-files", "x"],
}


@pytest.mark.parametrize("arguments", WRONG_USAGE.values(), ids=WRONG_USAGE)
def test_wrong_usage_shows_the_usage(verify, arguments):
    code, out, err = verify(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("usage: airflow-platform verify-logs")
