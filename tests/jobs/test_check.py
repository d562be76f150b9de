"""Each item of the contract's checklist passes and fails with evidence."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from airflow_platform import cli
from airflow_platform.jobs.checklist import Item, checklist
from airflow_platform.jobs.specifications import load
from airflow_platform.support.project import ROOT

from .conftest import change
from .mistakes import CUSTOMERS, LOAD, ORDERS, REPORT, TRANSFORM, WORKFLOW

KEYS = [
    "specifications",
    "containers",
    "no-orchestrator",
    "only-triggers",
    "in-git",
    "configuration",
    "retries",
    "metrics-and-logs",
]
ADAPTER = '''\
"""DAGs of workflows."""
from pathlib import Path

from airflow_jobs.dags import dags

globals().update(dags(Path(__file__).parent / "workflows"))
'''
JOB_CODE = "import argparse\nfrom .airflow import rows\n\nAIRFLOW = 'import airflow'\n"


def _git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(workflows: Path) -> Path:
    """A repository with the workflows, the file of their DAGs, and the code of jobs."""
    top = workflows.parent
    (top / "workflows_dag.py").write_text(ADAPTER)
    (top / "code" / "sales").mkdir(parents=True)
    (top / "code" / "sales" / "extract.py").write_text(JOB_CODE)
    (top / "tests").mkdir()
    (top / "tests" / "test_dags.py").write_text("import airflow\n")
    _git(top, "init", "--quiet")
    _git(top, "add", "--all")
    _git(top, "commit", "--quiet", "--message", "all")
    return top


def _items(top: Path, code: Path | None = None) -> dict[str, Item]:
    folder = top / "workflows"
    return {item.key: item for item in checklist(folder, load(folder), code)}


def _evidence(item: Item) -> str:
    return "\n".join(map(str, item.evidence))


def test_all_items_pass(repository: Path) -> None:
    items = _items(repository)
    assert {key: item.result for key, item in items.items()} == dict.fromkeys(KEYS, "PASS")
    assert "workflows: 1, jobs: 5" in _evidence(items["specifications"])
    assert "by tag: 4, by digest: 1" in _evidence(items["containers"])
    assert "workflows_dag.py" in _evidence(items["only-triggers"])


@pytest.mark.parametrize(
    ("name", "old", "new", "key", "says"),
    [
        (ORDERS, "  image:", "  imge:", "specifications", '"image"?'),
        (WORKFLOW, "Europe/Berlin", "Berlin", "specifications", "no time zone"),
        (ORDERS, "1.4.2", "latest", "containers", "another image tomorrow"),
        (
            LOAD,
            "WAREHOUSE_TOKEN: {secret: {name: warehouse, key: token}}",
            "WAREHOUSE_TOKEN: hunter2",
            "configuration",
            "looks like a secret",
        ),
        (CUSTOMERS, "info", "db.prod.example.com", "configuration", '"db.prod.example.com"'),
        (CUSTOMERS, "LOG_LEVEL: info", "APP_ENV: staging", "configuration", '"staging" is of one'),
        (CUSTOMERS, '"customers"', '"/etc/sales/prod.yaml"', "configuration", '"prod.yaml"'),
        (CUSTOMERS, '"customers"', '"https://shop.example.com"', "configuration", "write $(URL)"),
        (WORKFLOW, "json", "logs-dev.example.com", "configuration", "logs-dev.example.com"),
        (WORKFLOW, "_schema: sales", "_host: qa.db.example.com", "configuration", "qa.db"),
        (WORKFLOW, "    retry: {max_attempts: 2, delay: 5m}\n", "", "retries", '"load" has one'),
        (ORDERS, '3, delay: "5m", backoff: exponential, max_delay: "1h"', "1", "retries", "orders"),
        (WORKFLOW, "    timeout: 1h\n", "", "metrics-and-logs", '"report" has no timeout'),
        (WORKFLOW, "  owner: team-sales\n", "", "metrics-and-logs", "no owner"),
        (CUSTOMERS, '"customers"', '"run > /tmp/run.log 2>&1"', "metrics-and-logs", "to stdout"),
        (
            TRANSFORM,
            "mount_path: /work",
            "mount_path: /var/log/sales",
            "metrics-and-logs",
            "stdout",
        ),
    ],
)
def test_an_item_fails_with_its_place(
    repository: Path, name: str, old: str, new: str, key: str, says: str
) -> None:
    file = repository / "workflows" / "sales" / name
    change(file, old, new)
    item = _items(repository)[key]
    assert item.result == "FAIL"
    assert says in _evidence(item)
    assert f"{file}:" in _evidence(item) or name == WORKFLOW


@pytest.mark.parametrize(
    ("name", "old", "new", "key"),
    [
        (CUSTOMERS, '"customers"', '"staging.customers"', "configuration"),
        (CUSTOMERS, '"customers"', '"$(URL)"', "configuration"),
        (CUSTOMERS, "info", "https://docs.example.com", "configuration"),
        (CUSTOMERS, '"customers"', '"cat a > /dev/stdout 2>&1; x 2>/dev/null"', "metrics-and-logs"),
        (CUSTOMERS, '"customers"', '"run > $OUTPUT_FILE"', "metrics-and-logs"),
    ],
)
def test_what_may_be_is_no_fault(repository: Path, name: str, old: str, new: str, key: str) -> None:
    change(repository / "workflows" / "sales" / name, old, new)
    assert _items(repository)[key].result == "PASS"


@pytest.mark.parametrize(
    ("code", "module", "line"),
    [
        ("import os\nimport airflow\n", "airflow", 2),
        ("from airflow.models import Variable\n", "airflow", 1),
        ("def run():\n    from prefect import flow\n", "prefect", 2),
        ("import luigi.contrib.s3 as s3, os\n", "luigi", 1),
        ("import importlib\nimportlib.import_module('dagster')\n", "dagster", 2),
        ("x = __import__('airflow')\n", "airflow", 1),
        ("try:\n    import airflow\nexcept ImportError:\n    pass\n", "airflow", 2),
    ],
)
def test_code_of_jobs_with_an_orchestrator(
    repository: Path, code: str, module: str, line: int
) -> None:
    file = repository / "code" / "sales" / "load.py"
    file.write_text(code)
    item = _items(repository)["no-orchestrator"]
    assert item.result == "FAIL"
    (evidence,) = map(str, item.evidence)
    assert f"{file}:{line}:1: imports {module}" in evidence


@pytest.mark.parametrize("code", ["def (", "x\0y", "print 'two'\n"])
def test_code_that_is_no_python_is_told(repository: Path, code: str) -> None:
    (repository / "code" / "sales" / "load.py").write_text(code)
    item = _items(repository)["no-orchestrator"]
    assert (item.result, "cannot be read as Python" in _evidence(item)) == ("FAIL", True)


def test_warnings_of_code_are_its_own(repository: Path) -> None:
    (repository / "code" / "sales" / "load.py").write_text("x = '\\d'\n")
    assert _items(repository)["no-orchestrator"].result == "PASS"


def test_code_elsewhere(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    code = tmp_path_factory.mktemp("code")
    assert _items(repository, code)["no-orchestrator"].result == "SKIP"
    (code / "job.py").write_text("import airflow\n")
    assert _items(repository, code)["no-orchestrator"].result == "FAIL"


def test_code_that_git_ignores_is_not_looked_at(repository: Path) -> None:
    (repository / ".gitignore").write_text("/env/\n")
    (repository / "env").mkdir()
    (repository / "env" / "airflow_venv.py").write_text("import airflow\n")
    assert _items(repository)["no-orchestrator"].result == "PASS"


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (f"{ADAPTER}print(1)\n", 7),
        (ADAPTER.replace("from pathlib", "import requests\nfrom pathlib"), 2),
        ("from airflow import DAG\n\nwith DAG('a'):\n    pass\n", 1),
        (f"{ADAPTER}\n\ndef transform():\n    return 1\n", 9),
    ],
)
def test_files_with_dags_that_do_more(repository: Path, code: str, line: int) -> None:
    file = repository / "workflows_dag.py"
    file.write_text(code)
    items = _items(repository)
    assert items["only-triggers"].result == "FAIL"
    (evidence,) = map(str, items["only-triggers"].evidence)
    assert evidence.startswith(f"{file}:{line}:1: ")
    assert items["no-orchestrator"].result == "PASS"


def test_without_files_of_dags_that_item_is_skipped(repository: Path) -> None:
    (repository / "workflows_dag.py").unlink()
    assert _items(repository)["only-triggers"].result == "SKIP"


def test_specifications_that_are_not_in_git(repository: Path) -> None:
    sales = repository / "workflows" / "sales"
    (repository / ".gitignore").write_text("report.yaml\n")
    _git(repository, "rm", "--cached", "--quiet", f"workflows/sales/{REPORT}")
    (sales / "jobs" / "höher.yaml").write_text("job: {name: b, image: 'b:1'}\n")
    change(sales / LOAD, "Loads", "Writes")
    (sales / CUSTOMERS).unlink()
    item = _items(repository)["in-git"]
    assert item.result == "FAIL"
    evidence = _evidence(item)
    assert f"{sales / 'jobs' / 'höher.yaml'}:1:1: is not in git" in evidence
    assert f"{sales / LOAD}:1:1: has changes that are not committed" in evidence
    assert f"{sales / CUSTOMERS}:1:1: has changes that are not committed" in evidence
    assert f"{sales / REPORT}:1:1:" in evidence


def test_a_folder_that_is_in_no_repository(workflows: Path) -> None:
    item = _items(workflows.parent)["in-git"]
    assert (item.result, "not a git repository" in _evidence(item)) == ("FAIL", True)


def test_git_that_is_not_installed(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    item = _items(repository)["in-git"]
    assert (item.result, "git is not installed" in _evidence(item)) == ("FAIL", True)


def test_one_workflow_has_the_file_of_dags_beside_all(repository: Path) -> None:
    folder = repository / "workflows" / "sales"
    items = {item.key: item for item in checklist(folder, load(folder))}
    assert items["only-triggers"].result == "PASS"
    assert items["in-git"].result == "PASS"


def test_a_folder_without_usable_workflows(tmp_path: Path) -> None:
    (tmp_path / "workflows" / "sales" / "jobs").mkdir(parents=True)
    (tmp_path / "workflows" / "sales" / "jobs" / "a.yaml").write_text("[")
    results = {key: item.result for key, item in _items(tmp_path).items()}
    assert results["specifications"] == "FAIL"
    assert {results[key] for key in ("containers", "retries", "metrics-and-logs")} == {"SKIP"}


def test_the_command_prints_and_fails(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["jobs", "check", str(repository / "workflows")]
    assert cli.main(command) == 0
    printed = capsys.readouterr().out
    assert "PASS  retries: every job has retries\n      attempts: 2 to 3\n" in printed
    assert printed.endswith("passed: 8, failed: 0, skipped: 0\n")
    file = repository / "workflows" / "sales" / ORDERS
    change(file, "1.4.2", "latest")
    assert cli.main(command) == 1
    assert "\nFAIL  containers: " in capsys.readouterr().out
    assert cli.main([*command, "--output", "json"]) == 1
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert [each["item"] for each in found] == KEYS
    containers = found[KEYS.index("containers")]
    assert containers["result"] == "FAIL"
    (evidence,) = containers["evidence"]
    assert (evidence["file"], evidence["line"], evidence["column"]) == (str(file), 5, 10)
    assert [set(each) for each in found[KEYS.index("retries")]["evidence"]] == [{"message"}]


def test_each_item_is_in_the_contract() -> None:
    text = (ROOT / "contracts" / "workflow-orchestration.md").read_text(encoding="utf-8")
    section = text.partition("\n## Checklist\n")[2].partition("\n## ")[0]
    assert all(f"| `{key}` |" in section for key in KEYS)
