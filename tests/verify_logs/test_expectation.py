"""What should be in Loki, from files."""

from pathlib import Path

import pytest

from airflow_platform.support.errors import PlatformError
from airflow_platform.verify_logs.attempts import Attempt, Run
from airflow_platform.verify_logs.expectation import from_list, from_log_files

from .airflow_double import RUN_ID

RUN = Run("probe.dag-1", RUN_ID)


def write(directory: Path, path: str, content: bytes, run: Run = RUN) -> None:
    file = directory / f"dag_id={run.dag_id}" / f"run_id={run.run_id}" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def test_log_files_in_airflows_layout(tmp_path):
    write(tmp_path, "task_id=group.hello/attempt=1.log", b"a\nb\n")
    write(tmp_path, "task_id=group.hello/attempt=2.log", b"c")
    write(tmp_path, "task_id=mapped/map_index=10/attempt=1.log", b"\xc5\xbe \xff\n")
    write(tmp_path, "task_id=empty/attempt=1.log", b"")
    write(tmp_path, "task_id=hello/notes.txt", b"x\n")
    assert from_log_files(tmp_path).logs == {
        Attempt(RUN, "group.hello", -1, 1): ["a", "b"],
        Attempt(RUN, "group.hello", -1, 2): ["c"],
        Attempt(RUN, "mapped", 10, 1): ["ž \ufffd"],
        Attempt(RUN, "empty", -1, 1): [],
    }


def test_the_triggerers_log_belongs_to_the_attempt(tmp_path):
    write(tmp_path, "task_id=waits/attempt=1.log", b"a\n")
    write(tmp_path, "task_id=waits/attempt=1.log.trigger.5.log", b"b\n")
    assert from_log_files(tmp_path).logs == {Attempt(RUN, "waits", -1, 1): ["a", "b"]}


def test_one_dag_or_run_of_many(tmp_path):
    runs = [RUN, Run("probe.dag-1", "other"), Run("other", RUN_ID)]
    for run in runs:
        write(tmp_path, "task_id=hello/attempt=1.log", b"a\n", run)

    def found(*names):
        return {attempt.run for attempt in from_log_files(tmp_path, *names).logs}

    assert found() == set(runs)
    assert found("probe.dag-1") == set(runs[:2])
    assert found("probe.dag-1", RUN_ID) == {RUN}


def test_a_directory_without_log_files_is_an_error(tmp_path):
    (tmp_path / "attempt=1.log").write_text("a\n")
    with pytest.raises(PlatformError, match="has no log file"):
        from_log_files(tmp_path)


def test_a_list_of_what_tasks_print(tmp_path):
    file = tmp_path / "expected.yaml"
    file.write_text(
        "- {task_id: hello, lines: [one, 2]}\n"
        "- {task_id: hello, count: 2, lines: ['line {n}']}\n"
        "- {task_id: mapped, map_index: 3, try_number: 2, lines: [x]}\n"
    )
    assert from_list(file, RUN).logs == {
        Attempt(RUN, "hello", -1, 1): ["one", "2", "line 1", "line 2"],
        Attempt(RUN, "mapped", 3, 2): ["x"],
    }


BAD_LISTS = {
    "a mapping": "hello: [a]",
    "no lines": "- task_id: hello",
    "lines that are none": "- {task_id: hello, lines: a}",
    "an unknown key": "- {task_id: hello, lines: [a], tries: 2}",
    "a number that is none": "- {task_id: hello, lines: [a], count: many}",
    "nothing": "",
    "an empty list": "[]",
}


@pytest.mark.parametrize("text", BAD_LISTS.values(), ids=BAD_LISTS)
def test_a_malformed_list_is_an_error(tmp_path, text):
    file = tmp_path / "expected.yaml"
    file.write_text(text)
    with pytest.raises(PlatformError, match=r"expected\.yaml: an item is not of the form"):
        from_list(file, RUN)
