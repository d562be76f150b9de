"""Security contexts of the official chart's pods: restricted, with the user that the values say.

That the pods of every environment fit the Pod Security Standard "restricted" is a check
(pods_are_restricted), which test_checks.py makes. Here is what values of the user's own become.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from airflow_platform.checks.judge import Violation
from airflow_platform.manifests import Pod, Render
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.render import render
from airflow_platform.rendering.upstream import UpstreamChart, find_upstream, stand_in
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.frozen import thaw
from airflow_platform.support.project import ROOT

from .test_images import CELERY, EVERY_POD

OPENSHIFT = ROOT / "examples" / "openshift" / "values.yaml"
Check = Callable[[str, Render], list[Violation]]


def pod_of(release: Render, kind: str, name: str) -> Pod:
    (pod,) = (each for each in release.pods() if (each.owner.kind, each.owner.name) == (kind, name))
    return pod


def context_of_task_pods(release: Render) -> Mapping[str, Any]:
    (pod,) = (pod for pod in release.pods() if pod.key == "pod_template_file.yaml")
    context: Mapping[str, Any] = pod.spec["securityContext"]
    return context


def fixed_ids(release: Render) -> Iterator[str]:
    """Yield where a pod or container asks for a user or group of its own."""
    for pod in release.pods():
        parts = {"": pod.spec, **{n: c.document for n, c in pod.containers().items()}}
        for name, part in parts.items():
            for field in ("runAsUser", "runAsGroup", "fsGroup", "supplementalGroups"):
                if field in (part.get("securityContext") or {}):
                    yield f"{pod} {name}: {field}"


@pytest.mark.official_chart
@pytest.mark.parametrize("values", [[CELERY, EVERY_POD], []], ids=["every pod", "prod"])
def test_every_pod_that_the_official_chart_can_have_is_restricted(
    values: list[Any], check: Check
) -> None:
    release = render("prod", values=values)
    assert check("pods_are_restricted", release) == []
    assert list(fixed_ids(release))


@pytest.mark.official_chart
@pytest.mark.parametrize("helm", MAJORS)
@pytest.mark.parametrize("values", [[CELERY, EVERY_POD], []], ids=["every pod", "prod"])
def test_on_openshift_no_pod_asks_for_an_id(values: list[Any], helm: int, check: Check) -> None:
    release = render("prod", values=[*values, OPENSHIFT], helm=helm)
    assert list(fixed_ids(release)) == []
    assert check("pods_are_restricted", release) == []


def test_the_user_follows_the_official_key(upstream: UpstreamChart) -> None:
    values = {"airflow": {"uid": 1234, "gid": 5, "securityContexts": {"pod": {"runAsGroup": 6}}}}
    context = context_of_task_pods(render("prod", values=[values], upstream=upstream))
    assert context == {
        "runAsUser": 1234,
        "runAsGroup": 6,
        "fsGroup": 5,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


CONTEXTS = {
    "complete": (
        {
            "runAsUser": 7,
            "fsGroup": 8,
            "runAsNonRoot": True,
            "seccompProfile": {"type": "Localhost"},
        },
        {
            "runAsUser": 7,
            "fsGroup": 8,
            "runAsNonRoot": True,
            "seccompProfile": {"type": "Localhost"},
        },
    ),
    "root": (
        {"runAsUser": 0, "seccompProfile": {"type": "Unconfined"}},
        {"runAsUser": 0, "fsGroup": 0, "seccompProfile": {"type": "Unconfined"}},
    ),
    "perhaps root": (
        {"runAsNonRoot": False},
        {
            "runAsUser": 50000,
            "fsGroup": 0,
            "runAsNonRoot": False,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    ),
}


@pytest.mark.parametrize(("given", "expected"), CONTEXTS.values(), ids=CONTEXTS)
@pytest.mark.parametrize("where", ["everywhere", "tasks", "deprecated key"])
def test_what_the_values_say_stays(
    where: str, given: Mapping[str, Any], expected: Mapping[str, Any]
) -> None:
    values = {
        "everywhere": {"securityContexts": {"pod": given}},
        "tasks": {
            "securityContexts": {"pod": {"runAsUser": 9}},
            "workers": {"securityContexts": {"pod": given}},
        },
        "deprecated key": {"securityContext": given},
    }[where]
    release = render("prod", values=[{"airflow": values}], upstream=stand_in())
    assert thaw(context_of_task_pods(release)) == expected


CONTAINERS = {
    "none": ({}, {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}),
    "a part": (
        {"readOnlyRootFilesystem": True},
        {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    ),
    "more capabilities": (
        {"capabilities": {"add": ["NET_BIND_SERVICE"]}},
        {
            "allowPrivilegeEscalation": False,
            "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
        },
    ),
    "root, in a pod that may not be root": (
        {"runAsUser": 0},
        {
            "runAsUser": 0,
            "runAsNonRoot": False,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    ),
    # Kubernetes refuses allowPrivilegeEscalation: false beside it.
    "privileged": ({"privileged": True}, {"privileged": True}),
}


@pytest.mark.parametrize(("given", "expected"), CONTAINERS.values(), ids=CONTAINERS)
def test_containers_are_completed(given: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    values = {"airflow": {"securityContexts": {"containers": given}}}
    release = render("prod", values=[values], upstream=stand_in())
    (pod,) = (pod for pod in release.pods() if pod.key == "pod_template_file.yaml")
    assert thaw(pod.containers()["base"].document["securityContext"]) == expected


@pytest.mark.official_chart
def test_an_init_container_of_the_users_own_may_be_root(check: Check) -> None:
    chown = {
        "name": "chown",
        "image": "busybox:1.37",
        "command": ["chown", "50000", "/data"],
        "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}, "limits": {"memory": "8Mi"}},
        "securityContext": {"runAsUser": 0},
    }
    values = {"airflow": {"scheduler": {"extraInitContainers": [chown]}}}
    release = render("prod", values=[values])
    pod = pod_of(release, "Deployment", "airflow-scheduler")
    assert "runAsNonRoot" not in pod.spec["securityContext"]
    triggerer = pod_of(release, "StatefulSet", "airflow-triggerer")
    assert triggerer.spec["securityContext"]["runAsNonRoot"] is True
    assert any("chown" in str(fault) for fault in check("pods_are_restricted", release))


@pytest.mark.official_chart
def test_redis_is_not_root_and_can_write_to_its_volume() -> None:
    release = render("prod", values=[CELERY])
    context = pod_of(release, "StatefulSet", "airflow-redis").spec["securityContext"]
    assert (context["runAsUser"], context["fsGroup"]) == (999, 999)


@pytest.mark.official_chart
def test_git_sync_keeps_its_own_user() -> None:
    for values, user in (({}, 65533), ({"airflow": {"dags": {"gitSync": {"uid": 7}}}}, 7)):
        pod = pod_of(render("prod", values=[values]), "Deployment", "airflow-dag-processor")
        context = pod.containers()["git-sync"].document["securityContext"]
        assert context["runAsUser"] == user


def test_a_cluster_that_may_have_fixed_ids_keeps_them_by_a_key(upstream: UpstreamChart) -> None:
    openshift = ("security.openshift.io/v1",)
    with pytest.raises(PlatformError, match="The cluster is to assign the user ids"):
        render("prod", upstream=upstream, api_versions=openshift)
    values = {"global": {"compatibility": {"openshift": {"adaptSecurityContext": "disabled"}}}}
    assert render("prod", values=[values], upstream=upstream, api_versions=openshift).manifests


def defined_names() -> list[str]:
    text = (ROOT / "templates" / "_official-chart.tpl").read_text(encoding="utf-8")
    return re.findall(r'{{- define "([\w-]+)" -}}', text)


@pytest.mark.official_chart
def test_what_is_defined_anew_is_the_official_charts() -> None:
    """Under another name it would be defined in vain."""
    text = find_upstream().read("templates/_helpers.yaml")
    official = set(re.findall(r'define +"([\w.-]+)"', text))
    assert defined_names()
    assert set(defined_names()) <= official
