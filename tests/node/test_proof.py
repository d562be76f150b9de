"""What `e2e --node` says, and the code that it ends with. Nothing runs here."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from airflow_platform import cli
from airflow_platform.e2e.report import Outcome
from airflow_platform.node import proof
from airflow_platform.node.requirements import NodeMissingError
from airflow_platform.node.sidecar.report import Row
from airflow_platform.support.airflow_install import VERSIONS

from .sidecar.rows import PASSED

OUTCOME = Outcome("hello_world runs", "PASS", "9 task instances")


@dataclass
class Trials:
    """What is seen on the node that is not there."""

    rows: Sequence[Row] = (PASSED,)
    outcome: Outcome = OUTCOME
    environments: tuple[str, ...] = ()


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Trials:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen = Trials()

    @contextmanager
    def node(directory: Path) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(directory=directory)

    @contextmanager
    def loki(directory: Path) -> Iterator[str]:
        assert directory.is_dir()
        yield "http://127.0.0.1:1"

    def sidecars(_node: object, _url: str, *, environments: tuple[str, ...]) -> Sequence[Row]:
        seen.environments = tuple(environments)
        return seen.rows

    monkeypatch.setattr(proof, "require", lambda: None)
    monkeypatch.setattr(proof, "find_vector", lambda: Path("vector"))
    monkeypatch.setattr(proof, "install", lambda airflow: None)
    monkeypatch.setattr(proof, "local_node", node)
    monkeypatch.setattr(proof, "local_loki", loki)
    monkeypatch.setattr(proof, "try_sidecars", sidecars)
    monkeypatch.setattr(
        proof, "try_airflows", lambda _: ((airflow, seen.outcome) for airflow in VERSIONS)
    )
    return seen


def test_what_is_missing_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> None:
        raise NodeMissingError("A node cannot run here: it has to be started by root.")

    monkeypatch.setattr(proof, "require", missing)
    monkeypatch.delenv("VECTOR", raising=False)
    monkeypatch.setenv("PATH", "")
    assert cli.main(["e2e", "--node"]) == 3
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("SKIP")
    assert "by root" in line
    assert "VECTOR" in line


def test_what_passes_is_a_table_and_json(
    trials: Trials, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.json"
    assert cli.main(["e2e", "staging", "--node", "--results", str(results)]) == 0
    assert trials.environments == ("staging",)
    printed = capsys.readouterr().out
    assert "412 ms" in printed
    for airflow in VERSIONS:
        assert f"PASS  Airflow {airflow}, hello_world runs: 9 task instances" in printed
    seen = json.loads(results.read_text(encoding="utf-8"))
    assert seen["sidecar"][0]["verdict"] == "PASS"
    assert seen["airflow"].keys() == {airflow.version for airflow in VERSIONS}


@pytest.mark.parametrize("what", ["a sidecar", "an Airflow"])
def test_a_failure_ends_it_with_1_and_keeps_the_logs(
    trials: Trials, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if what == "a sidecar":
        trials.rows = [replace(PASSED, faults=("1 of 30 lines is missing",))]
    else:
        trials.outcome = Outcome("hello_world runs", "FAIL", "it has failed")
    assert cli.main(["e2e", "--node"]) == 1
    printed = capsys.readouterr()
    assert "FAIL" in printed.out
    directory = Path(printed.err.strip().rsplit(" ", 1)[1].rstrip("."))
    assert directory.is_dir()


@pytest.mark.parametrize(
    "arguments", [["--keep"], ["-f", "mine.yaml"], ["--helm", "3"], ["--kubernetes", "oldest"]]
)
def test_what_a_node_has_no_use_for_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["e2e", "--node", *arguments])
    assert end.value.code == 2
    assert "does not go with --node" in capsys.readouterr().err


def test_results_are_those_of_a_node(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["e2e", "--results", "x.json"])
    assert "--results goes with --node" in capsys.readouterr().err
