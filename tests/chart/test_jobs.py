"""An upgrade works at any time: what a Job runs is in its name, and nothing else is."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.checks.judge import Violation
from airflow_platform.manifests import Manifest, Render
from airflow_platform.rendering.helm import MAJORS, output
from airflow_platform.rendering.render import render
from airflow_platform.rendering.request import RenderRequest
from airflow_platform.rendering.staging import stage
from airflow_platform.rendering.upstream import UpstreamChart
from airflow_platform.support.project import ROOT, environments, values_file

MIGRATION, ADMINISTRATOR = "airflow-run-airflow-migrations", "airflow-create-user"
BOTH = {MIGRATION, ADMINISTRATOR}


def jobs(rendered: Render) -> dict[str, Manifest]:
    """The Jobs by their names without the hash."""
    found = {}
    for job in rendered.all("Job"):
        name, _, digest = job.name.rpartition("-")
        assert len(digest) == 8
        assert set(digest) <= set("0123456789abcdef")
        found[name] = job
    return found


def names(**arguments: Any) -> dict[str, str]:
    return {base: job.name for base, job in jobs(render("prod", **arguments)).items()}


@pytest.mark.parametrize("environment", environments())
def test_both_majors_of_helm_give_both_jobs_the_same_names(
    environment: str, upstream: UpstreamChart
) -> None:
    found = [
        {job.name for job in render(environment, helm=major, upstream=upstream).all("Job")}
        for major in MAJORS
    ]
    assert all(each == found[0] and len(each) == 2 for each in found)


@pytest.mark.parametrize(
    ("changed", "settings"),
    [
        (BOTH, {"defaultAirflowTag": "3.1.7-tpyo"}),
        (BOTH, {"defaultAirflowRepository": "mirror.example.com/airflow"}),
        (BOTH, {"labels": {"team": "data"}}),
        ({MIGRATION}, {"migrateDatabaseJob": {"env": [{"name": "MORE", "value": "1"}]}}),
        ({MIGRATION}, {"migrateDatabaseJob": {"args": ["airflow", "db", "migrate"]}}),
        ({MIGRATION}, {"migrateDatabaseJob": {"resources": {"limits": {"memory": "2Gi"}}}}),
        ({ADMINISTRATOR}, {"createUserJob": {"ttlSecondsAfterFinished": 60}}),
        (BOTH, {"env": [{"name": "AIRFLOW__CORE__FERNET_KEY_CMD", "value": "cat /fernet"}]}),
        (BOTH, {"extraEnv": "- {name: X, value: y}"}),
        (BOTH, {"extraEnvFrom": "- secretRef: {name: my-connection}"}),
        (BOTH, {"secret": [{"envName": "X", "secretName": "my-connection", "secretKey": "x"}]}),
        (set(), {"scheduler": {"replicas": 5}}),
        (set(), {"migrateDatabaseJob": {"jobAnnotations": {"example.com/note": "1"}}}),
    ],
)
def test_a_name_changes_with_what_the_job_runs_and_with_nothing_else(
    changed: set[str], settings: Mapping[str, Any], upstream: UpstreamChart
) -> None:
    before, after = (
        names(upstream=upstream),
        names(upstream=upstream, values=[{"airflow": settings}]),
    )
    assert before.keys() == after.keys() == BOTH
    assert {name for name in BOTH if before[name] != after[name]} == changed


def test_the_connection_to_the_database_may_come_from_a_variable(upstream: UpstreamChart) -> None:
    name, other = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD", "PASSWORD_OF_THE_DATABASE"
    settings = {
        "env": [{"name": name, "value": "cat /connection"}],
        "secret": [{"envName": other, "secretName": "mine", "secretKey": "x"}],
        "extraEnvFrom": "- secretRef: {name: my-connection}",
    }
    for job in jobs(render("prod", values=[{"airflow": settings}], upstream=upstream)).values():
        (container,) = job.at("spec", "template", "spec", "containers")
        variables = {each["name"]: each for each in container["env"]}
        assert variables[name]["value"] == "cat /connection"
        assert variables[other]["valueFrom"]["secretKeyRef"] == {"name": "mine", "key": "x"}
        assert [each["secretRef"]["name"] for each in container["envFrom"]] == ["my-connection"]


@pytest.mark.official_chart
@pytest.mark.parametrize(
    "settings",
    [
        {"securityContexts": {"pod": {"runAsUser": 1234}}},
        {"migrateDatabaseJob": {"command": ["bash"]}},
        {"migrateDatabaseJob": {"serviceAccount": {"name": "mine"}}},
    ],
)
def test_the_name_of_the_migration_changes_with_all_else_that_it_runs(
    settings: Mapping[str, Any],
) -> None:
    assert names()[MIGRATION] != names(values=[{"airflow": settings}])[MIGRATION]


def test_a_new_version_of_the_chart_alone_starts_nothing(
    upstream: UpstreamChart, tmp_path: Path
) -> None:
    def at_version(version: str) -> set[str]:
        root = tmp_path / version
        root.mkdir()
        for part in ("values.yaml", "values.schema.json", "templates", "chart"):
            (root / part).symlink_to(ROOT / part)
        chart = (ROOT / "Chart.yaml").read_text(encoding="utf-8")
        (root / "Chart.yaml").write_text(chart.replace("\nversion: ", f"\nversion: {version}+", 1))
        request = RenderRequest(stage(upstream, root), (values_file("prod").read_text(),))
        rendered = Render.from_text(output(replace(request, helm=4)), name="version")
        return {job.name for job in rendered.all("Job")}

    older, newer = at_version("7.0.0"), at_version("8.0.0")
    assert len(older) == 2
    assert newer == older


def test_the_switches_are_at_the_top_level(upstream: UpstreamChart) -> None:
    off = {"enabled": False}
    assert names(upstream=upstream, values=[{"createUserJob": off}]).keys() == {MIGRATION}
    assert names(upstream=upstream, values=[{"migrateDatabaseJob": off}]).keys() == {ADMINISTRATOR}
    assert not render(values=[{"airflow": {"enabled": False}}], upstream=upstream).all("Job")


def test_names_of_long_releases_are_cut(upstream: UpstreamChart) -> None:
    rendered = render("prod", release="a" * 41, upstream=upstream)
    assert {len(job.name) <= 63 for job in rendered.all("Job")} == {True}
    assert len({job.name for job in rendered.all("Job")}) == 2


ANNOTATIONS = {
    "argocd.argoproj.io/hook": "Sync",
    "helm.toolkit.fluxcd.io/driftDetection": "disabled",
}


@pytest.mark.official_chart
def test_labels_annotations_and_accounts_are_those_of_the_official_chart() -> None:
    rendered = render("prod")
    for name, job in jobs(rendered).items():
        assert job.annotations == ANNOTATIONS, name
        assert job.labels["tier"] == "airflow"
        assert job.at("spec", "ttlSecondsAfterFinished") == 300
        account = job.at("spec", "template", "spec", "serviceAccountName")
        assert rendered.get("ServiceAccount", account)


@pytest.mark.official_chart
def test_on_openshift_the_account_of_each_job_may_run_as_the_user_of_airflow() -> None:
    bound: set[str] = set()
    rendered = render("prod", sets=("airflow.rbac.createSCCRoleBinding=true",))
    for binding in rendered.all("RoleBinding"):
        if binding.at("roleRef", "name") == "system:openshift:scc:anyuid":
            bound |= {subject["name"] for subject in binding.at("subjects")}
    for job in rendered.all("Job"):
        assert job.at("spec", "template", "spec", "serviceAccountName") in bound


@pytest.mark.parametrize("environment", environments())
def test_the_checks_find_no_fault_with_the_jobs(
    environment: str, check: Callable[[str, Render], list[Violation]]
) -> None:
    rendered = render(environment)
    for name in ("jobs_are_no_hooks", "names_are_valid", "labels_are_valid", "resources_are_set"):
        assert check(name, rendered) == []
