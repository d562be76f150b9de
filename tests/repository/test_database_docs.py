"""What docs/database.md advises works: its shell, its values and its objects fit the charts."""

import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from airflow_platform.checks.judge import CHECKS
from airflow_platform.manifests import Render
from airflow_platform.rendering.render import render
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ROOT

from .documents import text_of

DOCUMENT = "docs/database.md"
EXAMPLES = ROOT / "examples" / "database"
CELERY = ROOT / "examples" / "celery" / "values.yaml"
AIRFLOW_2: Mapping[str, Any] = {
    "airflow": {"airflowVersion": "2.11.2", "defaultAirflowTag": "2.11.2"},
    "global": {"metrics": {"airflowVersion": "2.11.2"}},
}
# What the parts of values in the document are parts of.
CLOUD_NATIVE_PG: Mapping[str, Any] = {
    "airflow": {"postgresql": {"enabled": False}},
    "database": {"cloudNativePG": {"enabled": True}},
}
BACKUP: Mapping[str, Any] = {
    "enabled": True,
    "objectStore": {
        "destinationPath": "s3://backups/airflow",
        "s3Credentials": {"inheritFromIAMRole": True},
    },
}


def blocks(language: str) -> list[str]:
    """The blocks of code in a language."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```$", text_of(DOCUMENT), re.M | re.S)
    return [dedent(block) for _, block in found]


def objects() -> Iterator[Mapping[str, Any]]:
    """The objects in the commands, which kubectl reads from the shell."""
    for block in blocks("sh"):
        for text in re.findall(r"<<END\n(.*?)^END$", block, re.M | re.S):
            yield strict_yaml.load(text.replace("$password", "secret"), DOCUMENT)


def test_there_are_commands_values_and_objects() -> None:
    assert len(blocks("sh")) > 10
    assert len(blocks("yaml")) > 10
    assert len(list(objects())) == 2


def test_the_shell_can_read_the_commands() -> None:
    for block in blocks("sh"):
        done = subprocess.run(["sh", "-n"], input=block, text=True, capture_output=True)
        assert done.returncode == 0, f"{done.stderr}\n{block}"


def test_shellcheck_has_nothing_against_the_commands(
    program: Callable[[str], Path], tmp_path: Path
) -> None:
    # Another block may have set a variable; shells in containers read those in single quotes.
    for number, block in enumerate(blocks("sh")):
        (tmp_path / f"{number}.sh").write_text(block, encoding="utf-8")
    done = subprocess.run(
        [
            program("shellcheck"),
            "--shell=sh",
            "--exclude=SC2154,SC2016",
            *sorted(tmp_path.iterdir()),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("values", blocks("yaml"))
def test_the_values_are_accepted(values: str) -> None:
    pasted = strict_yaml.load(values, DOCUMENT)
    assert set(pasted) <= {"airflow", "database", "migrateDatabaseJob"}
    below: list[Mapping[str, Any]] = []
    own = pasted.get("database", {}).get("cloudNativePG", {"enabled": True})
    if "enabled" not in own:  # more of what the document has turned on above
        below = [CLOUD_NATIVE_PG]
        if not own.get("backup", {"objectStore": True}).get("objectStore"):
            below.append({"database": {"cloudNativePG": {"backup": BACKUP}}})
    assert render("prod", values=[*below, pasted]).manifests


def test_the_secret_leads_to_the_hosts_of_the_release() -> None:
    pooled = {
        **CLOUD_NATIVE_PG,
        "database": {"cloudNativePG": {"enabled": True, "pooler": {"enabled": True}}},
    }
    rendered = render("prod", values=[pooled])
    (cluster,), (pooler,) = rendered.all("Cluster"), rendered.all("Pooler")
    patch, _ = objects()
    owner = cluster.at("spec", "bootstrap", "initdb")
    assert patch["stringData"] == {
        "connection": url(owner, f"{pooler.name}.{rendered.namespace}"),
        "directConnection": url(owner, f"{cluster.name}-rw.{rendered.namespace}"),
    }


def test_one_command_makes_the_secrets_and_no_password_is_in_an_annotation() -> None:
    assert any("airflow-platform secrets prod -f mine.yaml" in block for block in blocks("sh"))
    for block in blocks("sh"):  # kubectl apply keeps what it has applied
        assert not ("kind: Secret" in block and " apply " in block)


def rendered_secret(cluster: Mapping[str, Any]) -> str:
    return str(cluster["spec"]["bootstrap"]["initdb"]["secret"]["name"])


def url(owner: Mapping[str, Any], host: str) -> str:
    return f"postgresql://{owner['owner']}:secret@{host}:5432/{owner['database']}"


def test_a_backup_by_hand_is_of_the_database_and_fits_its_schema() -> None:
    *_, backup = objects()
    cluster = render("prod", values=[CLOUD_NATIVE_PG]).all("Cluster")[0]
    assert backup["spec"]["cluster"]["name"] == cluster.name
    named = {**backup, "metadata": {"name": "backup"}}
    one = Render.from_text(yaml.safe_dump(named), name="backup/helm4")
    assert CHECKS["objects_fit_their_schema"](one) == []


def test_the_client_connects_as_airflow_does_and_is_restricted() -> None:
    client = Render.from_text((EXAMPLES / "client.yaml").read_text(encoding="utf-8"), name="client")
    (pod,) = client.pods()
    container = pod.containers()["client"]
    release = render("prod", values=[CLOUD_NATIVE_PG])
    (cluster,) = release.all("Cluster")
    assert container.document["image"] == cluster.at("spec", "imageName")
    (variable,) = container.document["env"]
    assert variable["valueFrom"]["secretKeyRef"]["name"] == rendered_secret(cluster.document)
    rules = [each for each in CHECKS.values() if each.__module__.endswith(".security")]
    assert rules
    assert [violation for rule in rules for violation in rule(client)] == []


@pytest.mark.official_chart
@pytest.mark.parametrize("values", [{}, CELERY, AIRFLOW_2])
def test_nothing_that_uses_the_database_runs_while_airflow_is_stopped(values: Any) -> None:
    stopped = render("prod", values=[values, EXAMPLES / "stopped.yaml"])
    assert not stopped.all("Job")
    assert not stopped.all("CronJob")
    assert not stopped.all("HorizontalPodAutoscaler")
    found = {
        pod.owner.name: pod.owner.at("spec", "replicas")
        for pod in stopped.pods()
        if pod.owner.kind in ("Deployment", "StatefulSet")
        and any("SQL_ALCHEMY_CONN" in str(each.document) for each in pod.containers().values())
    }
    assert "airflow-scheduler" in found
    assert set(found.values()) == {0}


def test_a_downgrade_is_another_job_of_the_same_image() -> None:
    (values,) = (each for each in blocks("yaml") if "db downgrade" in each)
    downgrade = strict_yaml.load(values, DOCUMENT)
    stopped = render("prod", values=[EXAMPLES / "stopped.yaml", downgrade])
    (job,) = stopped.all("Job")
    (usual,) = (each for each in render("prod").all("Job") if "migrations" in each.name)
    assert job.name != usual.name
    (container,) = job.at("spec", "template", "spec", "containers")
    (before,) = usual.at("spec", "template", "spec", "containers")
    assert container["image"] == before["image"]
    assert "airflow db downgrade" in container["args"][-1]
