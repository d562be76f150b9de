"""Delays that people have added for a log agent are found; sleeps that wait are left alone."""

import textwrap
from pathlib import Path

import pytest

from airflow_platform.adopt.dags import delays_in
from airflow_platform.support.errors import PlatformError

# Each has the delay in the line that says HERE.
DELAYS = {
    "decorated": """
        import time
        from airflow.sdk import task
        @task
        def load():
            copy()
            time.sleep(10)  # HERE
        """,
    "decorator with arguments, then a return": """
        import time
        from airflow.decorators import task
        @task.virtualenv(retries=2)
        def load():
            rows = copy()
            time.sleep(10)  # HERE
            print("done")
            return rows
        """,
    "ahead of a result as text": """
        import json
        import time
        from airflow.sdk import task
        @task
        def load():
            rows = copy()
            time.sleep(10)  # HERE
            return json.dumps(rows)
        """,
    "ahead of a result as a string": """
        import time
        from airflow.sdk import task
        @task
        def load():
            rows = copy()
            time.sleep(10)  # HERE
            return str(rows)
        """,
    "a command of the system": """
        import os
        from airflow.sdk import task
        @task
        def load():
            copy()
            os.system("sleep 30")  # HERE
        """,
    "a process": """
        import subprocess
        from airflow.sdk import task
        @task
        def load():
            copy()
            subprocess.run(["sleep", "30"], check=True)  # HERE
        """,
    "after a form feed": """
        import time
        from airflow.sdk import task
        # A form feed: \x0c
        @task
        def load():
            copy()
            time.sleep(10)  # HERE
        """,
    "alias of the module": """
        import time as clock
        from airflow.sdk import task
        @task
        def load():
            copy()
            clock.sleep(10)  # HERE
        """,
    "alias of the function": """
        from time import sleep as pause
        def load():
            copy()
            pause(10)  # HERE
        PythonOperator(task_id="load", python_callable=load)
        """,
    "partial": """
        from functools import partial
        from time import sleep
        def load(table):
            copy(table)
            sleep(10)  # HERE
        PythonOperator(task_id="load", python_callable=partial(load, "a"))
        """,
    "asynchronous": """
        import asyncio
        from airflow.sdk import task
        @task
        async def load():
            await copy()
            await asyncio.sleep(3)  # HERE
        """,
    "operator": """
        import time
        class Load(BaseOperator):
            def execute(self, context):
                try:
                    copy()
                finally:
                    time.sleep(DELAY)  # HERE
        """,
    "behind a condition": """
        import time
        from airflow.sdk import task
        @task
        def load():
            copy()
            if in_kubernetes():
                time.sleep(10)  # HERE
        """,
    "on the way out": """
        import time
        from airflow.sdk import task
        @task
        def load():
            if not rows():
                time.sleep(10)  # HERE
                return
            copy()
        """,
    "in a helper": """
        import time
        from airflow.sdk import task
        def let_the_agent_read():
            time.sleep(10)  # HERE
        @task
        def load():
            copy()
            let_the_agent_read()
        """,
    "second by second": """
        import time
        from airflow.sdk import task
        @task
        def load():
            copy()
            for _ in range(10):
                time.sleep(1)  # HERE
        """,
    "callback": """
        import time
        def tell(context):
            post(context)
            time.sleep(10)  # HERE
        EmptyOperator(task_id="a", on_failure_callback=[tell])
        """,
    "shell": """
        BashOperator(task_id="a", bash_command="echo hello; sleep 10")  # HERE
        """,
    "shell that keeps the exit code": """
        BashOperator(
            task_id="a",
            bash_command="load.sh\\nrc=$?\\nsleep 10\\nexit $rc",  # HERE
        )
        """,
    "shell in a variable": """
        COMMAND = "load.sh" + " && sleep {{ params.delay }}"
        BashOperator(
            task_id="a",
            bash_command=COMMAND,  # HERE
        )
        """,
    "shell, whatever happens": """
        BashOperator(task_id="a", bash_command="trap 'sleep 10' EXIT; load.sh")  # HERE
        """,
    "decorated shell": """
        from airflow.sdk import task
        @task.bash
        def load():
            return f"load.sh {TABLE}; sleep 10"  # HERE
        """,
    "arguments of a pod": """
        KubernetesPodOperator(
            cmds=["sh", "-c"],
            arguments=["python load.py; sleep 30"],  # HERE
        )
        """,
    "command of a pod": """
        KubernetesPodOperator(
            cmds=["/bin/sh", "-c", "python load.py && /bin/sleep 30"],  # HERE
        )
        """,
}
NO_DELAYS = {
    "a process that does more": """
        import subprocess
        from airflow.sdk import task
        @task
        def load():
            copy()
            subprocess.run("sleep 30; load.sh", shell=True)
        """,
    "ahead of a call": """
        import time
        from airflow.sdk import task
        @task
        def load():
            copy()
            time.sleep(10)
            return json.dumps(fetch())
        """,
    "poll loop": """
        import time
        from airflow.sdk import task
        @task
        def wait():
            while not ready():
                time.sleep(5)
            return True
        """,
    "poll loop with a way out": """
        import time
        from airflow.sdk import task
        @task
        def wait():
            while True:
                if ready():
                    break
                time.sleep(5)
        """,
    "between two steps": """
        import time
        from airflow.sdk import task
        @task
        def load():
            start()
            time.sleep(5)
            finish()
        """,
    "before what is returned": """
        import time
        from airflow.sdk import task
        @task
        def load():
            start()
            time.sleep(5)
            return finish()
        """,
    "a task that is nothing else": """
        import time
        from airflow.sdk import task
        @task
        def wait():
            time.sleep(60)
        BashOperator(task_id="wait", bash_command="sleep 60")
        """,
    "no task": """
        import time
        def measure():
            copy()
            time.sleep(1)
        """,
    "another sleep": """
        from bed import sleep
        from airflow.sdk import task
        @task
        def load():
            copy()
            sleep(10)
        """,
    "shell loop": """
        BashOperator(task_id="a", bash_command="until ready; do sleep 5; done")
        """,
    "shell, between two steps": """
        BashOperator(task_id="a", bash_command="start; sleep 5; finish")
        """,
    "shell that speaks of it": """
        BashOperator(task_id="a", bash_command="echo sleep 10")
        BashOperator(task_id="b", bash_command="load.sh  # then sleep 10")
        """,
    "sensor": """
        import time
        class Wait(BaseSensorOperator):
            def poke(self, context):
                look()
                time.sleep(1)
        """,
}


def write(folder: Path, code: str, name: str = "dag.py") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(code))
    return path


@pytest.mark.parametrize("code", DELAYS.values(), ids=DELAYS)
def test_a_delay_is_found_in_its_line(tmp_path: Path, code: str) -> None:
    write(tmp_path, code)
    delays, unreadable = delays_in(tmp_path)
    lines = textwrap.dedent(code).split("\n")
    (here,) = (number for number, line in enumerate(lines, start=1) if "HERE" in line)
    assert [(delay.file, delay.line) for delay in delays] == [("dag.py", here)]
    assert "HERE" in delays[0].code
    assert unreadable == []


@pytest.mark.parametrize("code", NO_DELAYS.values(), ids=NO_DELAYS)
def test_other_sleeps_are_none(tmp_path: Path, code: str) -> None:
    write(tmp_path, code)
    assert delays_in(tmp_path) == ([], [])


@pytest.mark.parametrize(
    "content",
    [b'print "old"\n', b"def broken(:\n", b"\x00", b"\xff\xfe\n", b"x = " + b"(" * 300 + b"\n"],
    ids=["python 2", "syntax", "null byte", "encoding", "nesting"],
)
def test_a_file_that_does_not_parse_is_reported_and_the_others_are_read(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "broken.py").write_bytes(content)
    write(tmp_path, DELAYS["shell"])
    delays, unreadable = delays_in(tmp_path)
    assert [each.file for each in unreadable] == ["broken.py"]
    assert unreadable[0].reason
    assert [each.file for each in delays] == ["dag.py"]


def test_links_are_followed_and_each_file_is_read_once(tmp_path: Path) -> None:
    write(tmp_path / "revision", DELAYS["shell"], "team/dag.py")
    write(tmp_path / "revision", DELAYS["shell"], ".git/hook.py")
    (tmp_path / "revision" / "team" / "again").symlink_to(tmp_path / "revision")
    (tmp_path / "revision" / "nowhere.py").symlink_to(tmp_path / "missing")
    (tmp_path / "repo").symlink_to(tmp_path / "revision")
    delays, unreadable = delays_in(tmp_path / "repo")
    assert [each.file for each in delays] == ["team/dag.py"]
    assert [each.file for each in unreadable] == ["nowhere.py"]


def test_nothing_is_run(tmp_path: Path) -> None:
    write(tmp_path, f"import pathlib\npathlib.Path({str(tmp_path / 'run')!r}).touch()\n")
    delays_in(tmp_path)
    assert not (tmp_path / "run").exists()


def test_the_example_has_no_delays() -> None:
    assert delays_in(Path(__file__).parents[2] / "examples" / "dags") == ([], [])


def test_a_folder_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="is no directory"):
        delays_in(tmp_path / "missing")
