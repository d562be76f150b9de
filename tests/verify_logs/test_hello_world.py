"""The DAG hello_world prints what its list says, with the imports of Airflow 2 and of Airflow 3."""

import runpy
import sys
import time
from collections import defaultdict
from contextlib import suppress
from types import ModuleType, SimpleNamespace

import pytest

from airflow_platform.support.project import ROOT
from airflow_platform.verify_logs.attempts import Attempt, Run
from airflow_platform.verify_logs.expectation import from_list

DAGS = ROOT / "examples" / "dags"
RUN = Run("hello_world", "run")


class Airflow:
    """Runs the task instances of a DAG when the DAG calls them, retries included."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.printed: dict[Attempt, list[str]] = defaultdict(list)
        self.context = {"ti": SimpleNamespace(try_number=1)}

    def dag(self, **_):
        return lambda function: function

    def task(self, function=None, *, retries=0, **_):
        if function is None:
            return lambda decorated: self.task(decorated, retries=retries)

        def run(map_index=-1, **arguments):
            for try_number in range(1, retries + 2):
                self.context["ti"].try_number = try_number
                failed = True
                with suppress(RuntimeError):
                    function(**arguments)
                    failed = False
                attempt = Attempt(RUN, function.__name__, map_index, try_number)
                self.printed[attempt] += self.capsys.readouterr().out.splitlines()
                if not failed:
                    return
            raise AssertionError(f"{function.__name__} has failed for good")

        def expand(**arguments):
            [(name, values)] = arguments.items()
            for map_index, value in enumerate(values):
                run(map_index, **{name: value})

        run.expand = expand
        return run

    def modules(self, major):
        names = {"dag": self.dag, "task": self.task, "get_current_context": lambda: self.context}
        where = {
            3: {"airflow": (), "airflow.sdk": names},
            2: {
                "airflow": (),
                "airflow.decorators": ("dag", "task"),
                "airflow.operators": (),
                "airflow.operators.python": ("get_current_context",),
            },
        }
        for module, has in where[major].items():
            made = ModuleType(module)
            vars(made).update({name: names[name] for name in has})
            yield module, made


@pytest.mark.parametrize("major", [2, 3])
def test_the_dag_prints_what_its_list_says(major, capsys, monkeypatch):
    airflow = Airflow(capsys)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    for name, module in airflow.modules(major):
        monkeypatch.setitem(sys.modules, name, module)
    runpy.run_path(str(DAGS / "hello_world.py"))
    assert airflow.printed == from_list(DAGS / "hello_world.expected.yaml", RUN).logs
