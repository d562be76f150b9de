"""What the API server allows the accounts of Airflow to do with the pods of jobs."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from airflow_jobs.loading import load_all
from airflow_jobs.pods import Platform, pod
from airflow_platform.cluster.cluster import Cluster
from airflow_platform.rendering.render import render
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.frozen import thaw
from airflow_platform.support.project import ROOT

from .direct import direct

pytestmark = pytest.mark.xdist_group("jobs-rights")

EXAMPLE = ROOT / "examples" / "workflows"


NEEDED = {
    *((verb, "pods") for verb in ("create", "delete", "get", "list", "patch", "watch")),
    ("get", "pods/log"),
    *((verb, "events") for verb in ("list", "watch")),
}
RIGHTS = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview"}


@dataclass(frozen=True)
class Installed:
    """What the chart makes for jobs, in the namespace of the release and in another one."""

    cluster: Cluster
    release: str
    other: str
    stranger: str  # a namespace without jobs
    platform: Platform

    def create(self, account: str, *objects: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what the API server would make of objects of an account of the release."""
        user = f"system:serviceaccount:{self.release}:{account}"
        items = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        printed = self.cluster.kubectl(
            *("create", "-f", "-", "-o", "yaml", "--dry-run=server", "--as", user), given=items
        )
        return list(yaml.safe_load_all(printed))

    def rights(self, account: str, namespace: str) -> set[tuple[str, str]]:
        """Return what an account may do with the objects of Kubernetes' core."""
        (review,) = self.create(account, {**RIGHTS, "spec": {"namespace": namespace}})
        return {
            (verb, resource)
            for rule in review["status"]["resourceRules"]
            if "" in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }


@pytest.fixture(scope="module")
def installed(cluster: Cluster, make_namespace: Callable[[str], str]) -> Installed:
    release, other, stranger = (make_namespace(f"jobs-{each}") for each in ("own", "more", "no"))
    jobs = {"enabled": True, "namespaces": [other], "networkPolicy": {"enabled": True}}
    rendered = render("dev", values=[{"jobs": jobs}, EXAMPLE / "values.yaml"], namespace=release)
    made = [each for each in rendered.manifests if "/templates/workflows/" in each.template]
    direct(cluster).apply(thaw(each.document) for each in made)
    (adapter,) = (each for each in made if each.name == "airflow-jobs-adapter")
    told = json.loads(adapter.at("data", "platform.json"))
    return Installed(cluster, release, other, stranger, Platform(**told))


@pytest.mark.parametrize("account", ["airflow-worker", "airflow-triggerer"])
def test_airflow_may_do_with_jobs_what_it_must_and_no_more(
    installed: Installed, account: str
) -> None:
    for namespace in (installed.release, installed.other):
        assert installed.rights(account, namespace) == NEEDED
    assert not installed.rights(account, installed.stranger)


def test_accounts_that_run_no_tasks_may_nothing(installed: Installed) -> None:
    jobs = str(installed.platform.service_account)
    assert direct(installed.cluster).get("serviceaccount", jobs, installed.release)
    for account in ("airflow-scheduler", jobs):
        assert not installed.rights(account, installed.other)


def pods(installed: Installed, namespace: str) -> dict[str, dict[str, Any]]:
    """The pods of the jobs of the example in a namespace, by name."""
    (sales,) = load_all(EXAMPLE)
    found = [pod(sales.workflow, job, installed.platform) for job in sales.workflow.jobs]
    for each in found:
        each["metadata"]["namespace"] = namespace
    return {each["metadata"]["name"]: each for each in found}


def test_a_task_creates_the_pod_of_each_job(installed: Installed) -> None:
    """Its ServiceAccount is there, and it fits the restricted Pod Security Standard."""
    for namespace in (installed.release, installed.other):
        wanted = pods(installed, namespace)
        direct(installed.cluster).apply(
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": each["spec"]["serviceAccountName"], "namespace": namespace},
            }
            for each in wanted.values()
            if each["spec"]["serviceAccountName"] != installed.platform.service_account
        )
        created = {
            each["metadata"]["name"]: each["spec"]
            for each in installed.create("airflow-worker", *wanted.values())
        }
        assert created.keys() == wanted.keys()
        for name, spec in created.items():
            token = "/var/run/secrets/kubernetes.io/serviceaccount"
            mounts = spec["containers"][0].get("volumeMounts", ())
            if wanted[name]["spec"]["serviceAccountName"] == installed.platform.service_account:
                assert token not in [each["mountPath"] for each in mounts]


def test_a_task_creates_no_pod_elsewhere(installed: Installed) -> None:
    wanted = next(iter(pods(installed, installed.stranger).values()))
    with pytest.raises(PlatformError, match="forbidden"):
        installed.create("airflow-worker", wanted)
