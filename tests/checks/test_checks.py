"""Each check reports what it is there for, and nothing else."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

import pytest

from airflow_platform.checks.judge import CHECKS, Violation
from airflow_platform.manifests import External, Render

from . import (
    access_cases,
    database_cases,
    fact_cases,
    injection_cases,
    jobs_cases,
    network_cases,
    object_cases,
    query_cases,
    reference_cases,
    remote_logging_cases,
    secret_cases,
)
from .conftest import Edit, Edits

Check = Callable[[str, Render], list[Violation]]

Case = TypeVar("Case")


def together(*cases_by_check: Mapping[str, list[Case]]) -> dict[str, list[Case]]:
    """The cases of each check, which may be in several files."""
    found: dict[str, list[Case]] = {}
    for cases in cases_by_check:
        for name, more in cases.items():
            found[name] = [*found.get(name, ()), *more]
    return found


BROKEN = together(
    object_cases.BROKEN, reference_cases.BROKEN, secret_cases.BROKEN, network_cases.BROKEN
)
ALLOWED = together(
    object_cases.ALLOWED, reference_cases.ALLOWED, secret_cases.ALLOWED, network_cases.ALLOWED
)
BROKEN_RELEASE = together(
    access_cases.BROKEN,
    fact_cases.BROKEN,
    query_cases.BROKEN,
    injection_cases.BROKEN,
    jobs_cases.BROKEN,
    database_cases.BROKEN,
    remote_logging_cases.BROKEN,
)
ALLOWED_RELEASE = together(
    query_cases.ALLOWED,
    injection_cases.ALLOWED,
    jobs_cases.ALLOWED,
    database_cases.ALLOWED,
    access_cases.ALLOWED,
    remote_logging_cases.ALLOWED,
)


@pytest.mark.parametrize("name", BROKEN)
def test_good_manifests_are_not_reported(good: Render, check: Check, name: str) -> None:
    assert check(name, good) == []


@pytest.mark.parametrize(
    ("name", "edits", "message"),
    [
        pytest.param(name, edits, message, id=f"{name}: {message}")
        for name, cases in BROKEN.items()
        for edits, message in cases
    ],
)
def test_broken_manifests_are_reported(
    edited: Edit, check: Check, name: str, edits: Edits, message: str
) -> None:
    violations = check(name, edited(edits))
    assert any(message in str(violation) for violation in violations), violations


@pytest.mark.parametrize(
    ("name", "edits"), [(name, edits) for name, cases in ALLOWED.items() for edits in cases]
)
def test_allowed_changes_are_not_reported(
    edited: Edit, check: Check, name: str, edits: Edits
) -> None:
    assert check(name, edited(edits)) == []


@pytest.mark.parametrize(
    ("name", "edits", "message"),
    [
        pytest.param(name, edits, message, id=f"{name}: {message}")
        for name, cases in BROKEN_RELEASE.items()
        for edits, message in cases
    ],
)
def test_a_broken_release_is_reported(
    release: Render, edited_release: Edit, check: Check, name: str, edits: Edits, message: str
) -> None:
    assert check(name, release) == []
    violations = check(name, edited_release(edits))
    assert any(message in str(violation) for violation in violations), violations


@pytest.mark.parametrize(
    ("name", "edits"),
    [(name, edits) for name, cases in ALLOWED_RELEASE.items() for edits in cases],
)
def test_allowed_changes_of_a_release_are_not_reported(
    edited_release: Edit, check: Check, name: str, edits: Edits
) -> None:
    assert check(name, edited_release(edits)) == []


def test_each_check_is_shown_to_report_something() -> None:
    assert CHECKS.keys() == BROKEN.keys() | BROKEN_RELEASE.keys()


def test_a_violation_names_the_object_and_its_template(edited: Edit) -> None:
    render = edited({f"{object_cases.SIDECAR} image": "vector:latest"})
    (violation,) = CHECKS["images_are_pinned"](render)
    assert str(violation) == (
        'sidecar container "vector" of pod_template_file.yaml in ConfigMap/airflow-config'
        " (airflow-platform/charts/airflow/templates/configmaps/configmap.yaml):"
        ' image "vector:latest" needs a tag other than latest, or a digest [images_are_pinned]'
    )


def test_the_namespace_is_the_one_of_the_release(edited: Edit) -> None:
    render = edited({f"{object_cases.API_SERVER} metadata namespace": "other"})
    assert CHECKS["namespaces_are_consistent"](render.replace(namespace="other")) == []


def test_pods_of_an_airflow_that_is_there_already_need_not_be_restricted(edited: Edit) -> None:
    context = f"{object_cases.API_SERVER} spec template spec securityContext"
    render = edited({context: {"runAsUser": 50000}})
    official = "airflow-platform/charts/"
    alone = [
        replace(manifest, template=manifest.template.removeprefix(official))
        for manifest in render.manifests
    ]
    assert CHECKS["pods_are_restricted"](render)
    assert CHECKS["pods_are_restricted"](render.replace(manifests=alone)) == []


def test_external_secrets_are_declared_with_their_keys(edited: Edit) -> None:
    render = edited({"Secret/airflow-metadata": None})
    check = CHECKS["secrets_exist"]
    right = External(secrets={"airflow-metadata": {"connection"}})
    assert check(render.replace(external=right)) == []
    wrong = External(secrets={"airflow-metadata": {"url"}})
    (violation,) = check(render.replace(external=wrong))
    assert violation.message == "Secret airflow-metadata has no key connection"


def test_external_config_maps_are_declared_with_their_keys(edited: Edit) -> None:
    render = edited({"ConfigMap/airflow-statsd-mapping": None})
    check = CHECKS["config_maps_exist"]
    right = External(config_maps={"airflow-statsd-mapping": {"statsd-mapping.yaml"}})
    assert check(render.replace(external=right)) == []
    assert check(render.replace(external=External(config_maps={"another": None})))


def test_external_service_accounts_and_roles_are_declared(edited: Edit) -> None:
    render = edited(
        {
            "ServiceAccount/airflow-worker": None,
            "RoleBinding/airflow-pod-log-reader roleRef kind": "ClusterRole",
        }
    )
    assert CHECKS["bindings_bind_a_role"](render)
    there = render.replace(
        external=External(
            service_accounts={"airflow-worker"}, cluster_roles={"airflow-pod-log-reader"}
        )
    )
    assert CHECKS["service_accounts_exist"](there) == []
    assert CHECKS["bindings_bind_a_role"](there) == []
