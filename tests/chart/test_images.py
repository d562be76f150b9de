"""One registry and one pull Secret reach all images of a release, whichever chart has them."""

from collections.abc import Mapping
from typing import Any

import pytest

from airflow_platform.manifests import Pod, Render
from airflow_platform.manifests.images import images
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.render import render, warnings
from airflow_platform.rendering.upstream import UpstreamChart, stand_in
from airflow_platform.support.project import ROOT

MIRROR = "registry.example.com/mirror"
DIGEST = "sha256:" + "ab" * 32
CELERY = ROOT / "examples" / "celery" / "values.yaml"

# All that the official chart can install. The add-on's statsd-exporter cannot be on as well.
EVERY_POD = {
    "global": {"metrics": {"enabled": False}},
    "airflow": {
        "statsd": {"enabled": True},
        "flower": {"enabled": True},
        "pgbouncer": {"enabled": True, "configSecretName": "airflow-pgbouncer-config"},
        "databaseCleanup": {"enabled": True},
        "images": {"useDefaultImageForMigration": True},
        "workers": {"persistence": {"fixPermissions": True}, "kerberosSidecar": {"enabled": True}},
    },
}


def pull_secrets(pod: Pod) -> list[str]:
    return [secret["name"] for secret in pod.spec.get("imagePullSecrets") or ()]


def task_pod(release: Render) -> Pod:
    (pod,) = (pod for pod in release.pods() if pod.key == "pod_template_file.yaml")
    return pod


def image_of_tasks(release: Render) -> str:
    return str(task_pod(release).containers()["base"].document["image"])


@pytest.mark.official_chart
@pytest.mark.parametrize("helm", MAJORS)
@pytest.mark.parametrize("version", ["3.1.7", "2.11.0"])
def test_one_registry_reaches_every_image(version: str, helm: int) -> None:
    before, after = (
        images(
            render(
                "prod",
                values=[CELERY, EVERY_POD, {"global": {"imageRegistry": registry}}],
                sets=[
                    f"airflow.airflowVersion={version}",
                    f"airflow.defaultAirflowTag={version}",
                    f"global.metrics.airflowVersion={version}",
                ],
                helm=helm,
            )
        )
        for registry in ("", MIRROR)
    )
    assert not [image for image in before if image.startswith(MIRROR)]
    assert len(after) == len(before)
    assert not [image for image in after if not image.startswith(f"{MIRROR}/")]


def test_the_registry_takes_the_place_of_the_first_part(upstream: UpstreamChart) -> None:
    values = {"global": {"imageRegistry": MIRROR}}
    release = render("prod", values=[values], upstream=upstream)
    assert {
        f"{MIRROR}/apache/airflow:3.1.7",
        f"{MIRROR}/git-sync/git-sync:v4.4.2",
        f"{MIRROR}/timberio/vector:0.58.0-alpine",
    } <= set(images(release))


REPOSITORIES = {
    "another registry": ("registry.company/airflow", "registry.company/airflow"),
    "the mirror itself": (f"{MIRROR}/apache/airflow", f"{MIRROR}/apache/airflow"),
    "no registry": ("company/airflow", "company/airflow"),
    "the official one": ("apache/airflow", f"{MIRROR}/apache/airflow"),
}


@pytest.mark.parametrize(("repository", "expected"), REPOSITORIES.values(), ids=REPOSITORIES)
def test_a_repository_of_the_users_own_stays(repository: str, expected: str) -> None:
    values = {
        "global": {"imageRegistry": MIRROR},
        "airflow": {"images": {"airflow": {"repository": repository}}},
    }
    release = render("prod", values=[values], upstream=stand_in())
    assert image_of_tasks(release) == f"{expected}:3.1.7"
    said = " ".join(warnings("prod", values=[values], upstream=stand_in()))
    told = "do not come from global.imageRegistry" in said
    assert told == (not expected.startswith(MIRROR))


@pytest.mark.parametrize(
    ("values", "image"),
    [
        ({"airflow": {"digest": DIGEST}}, f"apache/airflow@{DIGEST}"),
        ({"airflow": {"tag": "3.1.7-mine"}}, "apache/airflow:3.1.7-mine"),
        ({"pod_template": {"tag": "3.1.7-task"}}, "apache/airflow:3.1.7-task"),
        (
            {"airflow": {"digest": DIGEST}, "pod_template": {"repository": "mine"}},
            "mine:3.1.7",
        ),
    ],
)
def test_task_pods_have_the_image_of_airflow_unless_they_have_their_own(
    values: Mapping[str, Any], image: str
) -> None:
    release = render("prod", values=[{"airflow": {"images": values}}], upstream=stand_in())
    assert image_of_tasks(release) == image


def test_the_executor_does_not_replace_the_image_of_the_pod_template(
    upstream: UpstreamChart,
) -> None:
    (config,) = render("prod", upstream=upstream).embedded("AirflowConfig")
    executor = config.document["kubernetes_executor"]
    assert executor["worker_container_repository"] == ""
    assert executor["worker_container_tag"] == ""


@pytest.mark.official_chart
def test_containers_of_the_users_own_that_come_from_elsewhere_are_named() -> None:
    values = {
        "global": {"imageRegistry": MIRROR},
        "airflow": {
            "scheduler": {
                "extraContainers": [{"name": "proxy", "image": "{{ .Chart.Name }}/proxy:1"}]
            },
            "config": {
                "kubernetes_executor": {
                    "worker_container_repository": "registry.company/tasks",
                    "worker_container_tag": "2",
                }
            },
        },
    }
    text = " ".join(warnings("prod", values=[values]))
    assert "airflow/proxy:1, registry.company/tasks" in text
    assert "registry.company/tasks:2" in images(render("prod", values=[values]))


PULL_SECRETS = {
    "for all, as strings": ({"global": ["a", "b"]}, ["a", "b"]),
    "for all, by name": ({"global": [{"name": "a"}]}, ["a"]),
    "in both places": ({"global": ["a", "b"], "airflow": [{"name": "b"}, "c"]}, ["b", "c", "a"]),
}


@pytest.mark.official_chart
@pytest.mark.parametrize("helm", MAJORS)
@pytest.mark.parametrize(("given", "expected"), PULL_SECRETS.values(), ids=PULL_SECRETS)
def test_every_pod_has_the_pull_secrets(
    helm: int, given: Mapping[str, list[Any]], expected: list[str]
) -> None:
    values = {
        "global": {"imagePullSecrets": given["global"]},
        "airflow": {"imagePullSecrets": given.get("airflow", [])},
    }
    for_all = {secret["name"] if isinstance(secret, dict) else secret for secret in given["global"]}
    for pod in render("prod", values=[CELERY, EVERY_POD, values], helm=helm).pods():
        assert for_all <= set(pull_secrets(pod)), str(pod)
        assert len(pull_secrets(pod)) == len(set(pull_secrets(pod))), str(pod)
    release = render("prod", values=[values], helm=helm)
    assert pull_secrets(task_pod(release)) == expected


def test_task_pods_have_the_pull_secrets() -> None:
    for values in (
        {"global": {"imagePullSecrets": ["registry-pull"]}},
        {"airflow": {"imagePullSecrets": ["registry-pull"]}},
        {"airflow": {"registry": {"secretName": "registry-pull"}}},
    ):
        release = render("prod", values=[values], upstream=stand_in())
        assert pull_secrets(task_pod(release)) == ["registry-pull"]


def test_a_pod_template_of_ones_own_gets_the_pull_secret_of_the_sidecars_image() -> None:
    pod = (
        "{apiVersion: v1, kind: Pod, spec: {imagePullSecrets: [{name: mine}], containers: [{name:"
        " base, image: mine:1, volumeMounts: [{name: logs, mountPath: /opt/airflow/logs}]}]}}"
    )
    values = {
        "global": {"imagePullSecrets": ["mine", "registry-pull"]},
        "podTemplate": {"enabled": True, "base": pod},
    }
    release = render(chart="add-on", values=[values])
    assert pull_secrets(task_pod(release)) == ["mine", "registry-pull"]


def test_a_pull_secret_that_only_airflow_has_is_told_with_the_key_for_all() -> None:
    values = {"airflow": {"imagePullSecrets": ["registry-pull"]}}
    text = "\n".join(warnings("prod", values=[values], upstream=stand_in()))
    assert "  global:\n    imagePullSecrets:\n    - name: registry-pull" in text
    both = {**values, "global": {"imagePullSecrets": [{"name": "registry-pull"}]}}
    text = "\n".join(warnings("prod", values=[both], upstream=stand_in()))
    assert "imagePullSecrets" not in text
