"""The DAGs that real Airflows see in a folder of workflows."""

from pathlib import Path

import pytest

from airflow_platform.rendering.render import render
from airflow_platform.support.airflow_install import AirflowVersion

from ...config_maps import mounted
from .conftest import EXAMPLES, AirflowHome, airflow_home

pytestmark = pytest.mark.traffic


@pytest.fixture
def home(airflow: AirflowVersion, tmp_path: Path) -> AirflowHome:
    return airflow_home(airflow, tmp_path)


def test_a_workflow_is_a_dag(home: AirflowHome) -> None:
    found = home.describe()

    assert found["errors"] == {}
    assert found["dags"].keys() == {"sales"}
    sales = found["dags"]["sales"]
    tasks = sales.pop("tasks")
    assert sales == {
        "description": "Orders of the day, from the shop to the warehouse.",
        "owner": "team-sales",
        "tags": ["daily", "sales"],
        "start": "2025-12-31T23:00:00+00:00",  # the first of January in Berlin
        "runs": 1,
        "jobs": 8,
        "deadline": 6 * 3600,
    }
    assert {name: task["before"] for name, task in tasks.items()} == {
        "extract-orders": [],
        "extract-customers": [],
        "transform": ["extract-customers", "extract-orders"],
        "load": ["transform"],
        "report": ["load"],
    }
    assert {name for name, task in tasks.items() if task["mapped"]} == {"transform", "report"}
    own = {"retries": 2, "delay": 1, "exponential": True, "timeout": 3600}
    assert own.items() <= tasks["extract-orders"].items()
    of_the_workflow = {"retries": 1, "delay": 1, "exponential": False, "timeout": 3600}
    assert of_the_workflow.items() <= tasks["load"].items()


def test_airflow_imports_and_reads_what_the_chart_mounts(home: AirflowHome, tmp_path: Path) -> None:
    rendered = render("dev", values=[EXAMPLES / "values.yaml"])
    package = Path(home.environment["AIRFLOW_HOME"], "config", "airflow_jobs")
    dags = tmp_path / "dags"
    for folder, name in ((package, "airflow-jobs-adapter"), (dags / "jobs", "airflow-jobs")):
        mounted(folder, rendered.get("ConfigMap", name).at("data"))

    found = home.describe(PYTHONPATH="", AIRFLOW__CORE__DAGS_FOLDER=str(dags))

    assert found["errors"] == {}
    assert found["dags"].keys() == {"sales"}
    assert found["dags"]["sales"]["tasks"].keys() == {
        file.stem for file in EXAMPLES.glob("sales/jobs/*.yaml")
    }


def test_a_bad_specification_is_an_import_error_that_stops_no_other(home: AirflowHome) -> None:
    """Airflow starts no run of a DAG whose file has an import error."""
    assert home.processed() == ({"sales": False}, {})
    bad = home.workflows / "bad" / "jobs" / "bad.yaml"
    bad.parent.mkdir(parents=True)
    bad.write_text("job:\n  name: bad\n  image: registry.example.com/bad\n", encoding="utf-8")
    worse = home.workflows / "worse" / "workflow.yaml"
    worse.parent.mkdir()
    worse.write_text("workflow: [\n", encoding="utf-8")

    dags, errors = home.processed()

    assert dags == {"sales": False}
    told = {Path(file).name: error for file, error in errors.items()}
    assert told.keys() == {"bad.yaml", "workflow.yaml"}
    assert f"{bad}:3:" in told["bad.yaml"]
    assert "has no tag" in told["bad.yaml"]
    assert f"{worse}:2:" in told["workflow.yaml"]


def test_files_that_have_not_changed_are_not_read_again(home: AirflowHome) -> None:
    first = home.describe()

    assert home.describe(READ_NOTHING="1") == first

    job = home.workflows / "sales" / "jobs" / "load.yaml"
    job.write_text(job.read_text(encoding="utf-8") + "  timeout: 2h\n", encoding="utf-8")
    assert home.describe(READ_NOTHING="1")["dags"] == {}
    assert home.describe()["dags"]["sales"]["tasks"]["load"]["timeout"] == 2 * 3600
