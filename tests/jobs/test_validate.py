"""Each mistake in a workflow is one clear problem, on its line."""

import json
from pathlib import Path

import pytest

from airflow_platform import cli

from .conftest import EXAMPLES, change, problems, text_at
from .mistakes import CUSTOMERS, LOAD, MISTAKES, ORDERS, TRANSFORM, WORKFLOW, Mistake

# What is written instead of what, and is right.
RIGHT = [
    (ORDERS, "registry.example.com/sales/extract:1.4.2", "localhost:5000/a/b-c/d_e.f:V1"),
    (ORDERS, "registry.example.com/sales/extract:1.4.2", f"a:latest@sha256:{'0a' * 32}"),
    (
        ORDERS,
        "registry.example.com/sales/extract:1.4.2",
        f"Registry.example.com/a@sha256:{'0' * 64}",
    ),
    (ORDERS, '{cpu: "1000m", memory: "2Gi"}', "{cpu: 0.5, memory: 2G}"),
    (ORDERS, '{cpu: "1000m", memory: "2Gi"}', "{cpu: 1, memory: 2147483648}"),
    (ORDERS, '{cpu: "1000m", memory: "2Gi"}', "{requests: {memory: 4G}, limits: {memory: 3900Mi}}"),
    (ORDERS, '{cpu: "1000m", memory: "2Gi"}', "{cpu: 1, limits: {memory: 1.5Gi, cpu: 1000m}}"),
    (ORDERS, "max_attempts: 3, ", "max_attempts: 1, "),
    (ORDERS, '"{{ params.execution_date }}"', '"{{params.execution_date}}{{ ds_nodash }}"'),
    (ORDERS, '"{{ params.execution_date }}"', '\'{"a": {"b": {}}}\''),
    (ORDERS, '"{{ params.execution_date }}"', "'echo ${#list} ${name} $(DB_HOST) {a}'"),
    (ORDERS, "source_table: orders", "source_table: [orders, {a: 1}, null]"),
    (ORDERS, "source_table: orders", "source_table: !!str 2026"),
    (ORDERS, "source_table: orders", "source_table: [1.5, -0.25, 2, '1.10', 1e3]"),
    (ORDERS, "DB_HOST: {config_map: {name: shop-database, key: host}}", "DB_HOST: 1.10"),
    (ORDERS, "key: password}", "key: password, optional: true}"),
    (ORDERS, "apiVersion: workflow-orchestration/v1\n", "%YAML 1.2\n---\n"),
    (CUSTOMERS, "{LOG_LEVEL: info}", "&env {LOG_LEVEL: info}\n  labels: *env"),
    (CUSTOMERS, "{LOG_LEVEL: info}", "{yes: no, on: off, null: x, 'true': y}"),
    (TRANSFORM, ", scratch: 10Gi", ", secret: a.b, read_only: true"),
    (TRANSFORM, "{key: batch, operator: Exists, effect: NoSchedule}", "{operator: Exists}"),
    (TRANSFORM, "{key: batch, operator: Exists, effect: NoSchedule}", "{key: a.b/c, value: ''}"),
    (TRANSFORM, "pool: batch", "topology.kubernetes.io/zone: eu-1_a.b"),
    (ORDERS, "name: shop-database, key: password", "name: a-b.c, key: ._-A"),
    (ORDERS, "outputs:", "timeout: 3650d\n  outputs:"),
    (LOAD, "description: Loads", "description: Reads {{ anything }} and"),
    (WORKFLOW, '"0 3 * * *"', '"*/15 8-18/2 1,15 JAN-MAR MON-FRI"'),
    (WORKFLOW, '"0 3 * * *"', '"5-59/15 22-23,0-5 * NOV-12,1-feb FRI-7,0-MON"'),
    (WORKFLOW, '"0 3 * * *"', '"0 3 * * Fri-Sun"'),
    (WORKFLOW, '"0 3 * * *"', '"@daily"'),
    (WORKFLOW, '"0 3 * * *"', "{every: 1h30m}"),
    (WORKFLOW, '"0 3 * * *"', "null"),
    (WORKFLOW, "2026-01-01", "2028-02-29\n  end_date: 2028-02-29\n  catchup: true"),
    (WORKFLOW, "2026-01-01", "1970-01-01\n  end_date: 2200-12-31"),
    (WORKFLOW, "[sales,", f"[{'x' * 100},"),
    (WORKFLOW, "Europe/Berlin", "America/Argentina/Buenos_Aires"),
    (WORKFLOW, "[de, fr, it]", "[1, 2.5, true]"),
    (WORKFLOW, "json", '"{{ workflow }}-{{ job }}-{{ params.warehouse_schema }}"'),
]


def test_the_examples_have_no_problem(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["jobs", "validate", str(EXAMPLES)]) == 0
    assert capsys.readouterr().out == "workflows: 1, jobs: 5, errors: 0, warnings: 0\n"


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_one_problem_where_it_is(workflows: Path, mistake: Mistake) -> None:
    folder = workflows / "sales"
    change(folder / mistake.file, mistake.old, mistake.new)
    found = problems(workflows)
    assert len(found) == 1, found
    (problem,) = found
    assert problem.file == folder / (mistake.where or mistake.file)
    assert (problem.rule, problem.level) == (mistake.rule, mistake.level)
    assert mistake.says in problem.message
    assert text_at(problem).startswith(mistake.at)


@pytest.mark.parametrize(("name", "old", "new"), RIGHT)
def test_what_is_right_is_no_problem(workflows: Path, name: str, old: str, new: str) -> None:
    change(workflows / "sales" / name, old, new)
    assert problems(workflows) == []


def test_all_mistakes_are_told_at_once(workflows: Path) -> None:
    sales = workflows / "sales"
    for name, old, new in (
        (WORKFLOW, "Europe/Berlin", "Berlin"),
        (WORKFLOW, "6h", "6 hours"),
        (ORDERS, "extract:1.4.2", "extract"),
        (ORDERS, "max_attempts: 3", "max_attempts: 0"),
        (LOAD, "env:", "\tenv:"),
        (TRANSFORM, "name: transform", "name: load"),
        (CUSTOMERS, "job:", "jobb:"),
    ):
        change(sales / name, old, new)
    found = {(each.file.name, each.rule) for each in problems(workflows)}
    assert found >= {
        ("workflow.yaml", "time-zone"),
        ("workflow.yaml", "bad-value"),
        ("extract-orders.yaml", "image"),
        ("extract-orders.yaml", "bad-value"),
        ("load.yaml", "yaml"),
        ("extract-customers.yaml", "unknown-key"),
    }


def test_jobs_without_a_workflow_file_wait_for_none(workflows: Path) -> None:
    sales = workflows / "sales"
    (sales / "workflow.yaml").unlink()
    for name in ("transform", "load", "report"):
        (sales / "jobs" / f"{name}.yaml").unlink()
    assert problems(workflows) == []
    change(sales / CUSTOMERS, "info", '"{{ outputs.extract-orders.files }}"')
    (problem,) = problems(workflows)
    assert (problem.rule, problem.file.name) == ("output", "extract-customers.yaml")
    assert "extract-customers: [extract-orders]" in problem.message


def test_of_a_job_one_output_is_a_list_for_others(workflows: Path) -> None:
    sales = workflows / "sales"
    change(sales / ORDERS, "[files]", "[files, shops]")
    change(sales / WORKFLOW, "[de, fr, it]", '"{{ outputs.extract-orders.shops }}"')
    (problem,) = problems(workflows)
    assert "one list for both" in problem.message
    assert text_at(problem).startswith('"{{ outputs.extract-orders.shops')


def test_a_job_with_many_outputs_has_no_list_for_others(workflows: Path) -> None:
    sales = workflows / "sales"
    change(sales / TRANSFORM, "  resources:", "  outputs: [parts]\n  resources:")
    change(sales / WORKFLOW, "[de, fr, it]", '"{{ outputs.transform.parts }}"')
    (problem,) = problems(workflows)
    assert "a job that runs once" in problem.message


@pytest.mark.parametrize("name", ["workflow.yaml", "jobs/extract-orders.yaml"])
def test_an_unreadable_file_makes_no_noise_elsewhere(workflows: Path, name: str) -> None:
    (workflows / "sales" / name).write_text("[")
    assert [problem.rule for problem in problems(workflows)] == ["yaml"]


@pytest.mark.parametrize("key", ["dependencies", "for_each", "params", "defaults"])
def test_a_wrong_part_makes_no_noise_elsewhere(workflows: Path, key: str) -> None:
    change(workflows / "sales" / WORKFLOW, f"  {key}:\n", f"  {key}: 3\n  x-{key}:\n")
    rules = [(problem.rule, problem.line) for problem in problems(workflows)]
    assert sorted(rule for rule, _ in rules) == ["bad-value", "unknown-key"]


def test_the_exit_code_tells_errors_from_warnings(
    workflows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = workflows / "sales" / ORDERS
    change(file, 'cpu: "1000m"', "cpu: 1000")
    assert cli.main(["jobs", "validate", str(workflows)]) == 0
    line, summary = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{file}:14:20: warning: cpu: 1000 is 1000 processors")
    assert summary == "workflows: 1, jobs: 5, errors: 0, warnings: 1"
    change(file, "1.4.2", "latest")
    assert cli.main(["jobs", "validate", str(workflows)]) == 1


def test_json_has_each_problem(workflows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = workflows / "sales" / ORDERS
    change(file, "1.4.2", "latest")
    assert cli.main(["jobs", "validate", str(workflows), "--output", "json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert "is another image tomorrow" in found.pop("message")
    assert found == {
        "file": file.as_posix(),
        "line": 5,
        "column": 10,
        "rule": "image",
        "level": "error",
    }


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["jobs", "validate", str(tmp_path / "none")]) != 0
    assert "There is no folder" in capsys.readouterr().err


def test_a_long_chain_of_jobs(tmp_path: Path) -> None:
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    for number in range(1200):
        (jobs / f"j{number}.yaml").write_text(f"job: {{name: j{number}, image: 'a:1'}}")
    chain = [f"    j{number}: [j{number + 1}]" for number in range(1199)]
    file = tmp_path / "workflow.yaml"
    file.write_text("\n".join(["workflow:", "  dependencies:", *chain, ""]))
    assert problems(tmp_path) == []
    file.write_text("\n".join(["workflow:", "  dependencies:", *chain, "    j1199: [j0]", ""]))
    assert [problem.rule for problem in problems(tmp_path)] == ["cycle"]
