"""Each way of examples/dag-delivery brings DAGs to all pods of Airflow that need them."""

import json
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from airflow_platform.checks.judge import judge
from airflow_platform.manifests import External, Render
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.render import render
from airflow_platform.support.project import ROOT

from .conftest import EXTERNAL, of_airflow
from .dags_folder import REFUSED, template

DELIVERY = ROOT / "examples" / "dag-delivery"
FOLDER = ROOT / "examples" / "dags"
KNOWN_HOSTS = "git.example.com ssh-ed25519 AAAA\n"
# Of each overlay the environment in which its first lines install it, and what is set besides.
OVERLAYS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "git-sync-https": ("dev", {}),
    "git-sync-ssh": ("prod", {"airflow": {"dags": {"gitSync": {"knownHosts": KNOWN_HOSTS}}}}),
    "folder": ("dev", {}),
    "volume": ("dev", {}),
    "bundles": ("prod", {}),
}
SECRETS = {"airflow-git-ssh": {"gitSshKey"}, "airflow-git-dags": {"connection"}}
# The containers that read DAGs, run tasks or watch deferred ones.
READERS = {
    "3.1.7": {"dag-processor", "triggerer", "base"},
    "2.11.0": {"scheduler", "triggerer", "base"},
}
WAYS = [
    (overlay, version)
    for overlay in OVERLAYS
    for version in READERS
    if (overlay, version) != ("bundles", "2.11.0")
]
EACH_WAY = pytest.mark.parametrize(("overlay", "version"), WAYS)


def delivered(overlay: str, version: str = "3.1.7", helm: int = 4, **arguments: Any) -> Render:
    environment, besides = OVERLAYS[overlay]
    files: list[Path | Mapping[str, Any]] = [DELIVERY / f"{overlay}.yaml", besides]
    return render(environment, values=files, sets=of_airflow(version), helm=helm, **arguments)


def readers(rendered: Render, version: str) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    """Yield each of the readers: its name, its pod and its container."""
    found = set()
    for pod in rendered.pods():
        for name, container in pod.containers().items():
            if name in READERS[version]:
                found.add(name)
                yield name, pod, container.document
    assert found == READERS[version]


def dags_mount(rendered: Render, container: Mapping[str, Any]) -> Mapping[str, Any]:
    """The mount in which the DAGs folder of Airflow is."""
    (config,) = rendered.embedded("AirflowConfig")
    folder = PurePosixPath(config.document["core"]["dags_folder"])
    (mount,) = (
        each
        for each in container["volumeMounts"]
        if folder.is_relative_to(each["mountPath"]) and each["name"] in ("dags", "dags-folder")
    )
    return mount


def test_every_overlay_is_in_a_test() -> None:
    assert {file.stem for file in DELIVERY.glob("*.yaml")} == set(OVERLAYS)


@pytest.mark.official_chart
@EACH_WAY
@pytest.mark.parametrize("helm", MAJORS)
def test_every_check_passes(overlay: str, version: str, helm: int) -> None:
    external = External({**EXTERNAL.secrets, **SECRETS}, EXTERNAL.config_maps)
    rendered = delivered(overlay, version, helm).replace(external=external)
    violations = judge(rendered).violations
    assert not violations, "\n".join(map(str, violations))


# --- git-sync


@pytest.mark.official_chart
@pytest.mark.parametrize("version", READERS)
@pytest.mark.parametrize("overlay", ["git-sync-https", "git-sync-ssh"])
def test_git_sync_brings_the_repository_to_each_pod(overlay: str, version: str) -> None:
    rendered = delivered(overlay, version)
    for name, pod, container in readers(rendered, version):
        mount = dags_mount(rendered, container)
        assert pod.volumes()[mount["name"]]["emptyDir"] is not None
        syncing = {"git-sync", "git-sync-init"} & pod.containers().keys()
        assert "git-sync-init" in syncing, name
        for each in syncing:
            variables = {
                variable["name"]: variable for variable in pod.containers()[each].document["env"]
            }
            assert "git.example.com" in variables["GITSYNC_REPO"]["value"]


@pytest.mark.official_chart
@pytest.mark.parametrize("helm", MAJORS)
def test_by_ssh_the_key_is_from_a_secret_and_the_host_is_checked(helm: int) -> None:
    rendered = delivered("git-sync-ssh", helm=helm)
    found = 0
    for pod in rendered.pods():
        for name, container in pod.containers().items():
            if not name.startswith("git-sync"):
                continue
            found += 1
            variables = {each["name"]: each for each in container.document["env"]}
            assert variables["GITSYNC_SSH_KNOWN_HOSTS"]["value"] == "true"
            assert "GITSYNC_PASSWORD" not in variables
            mounts = {each["mountPath"]: each for each in container.document["volumeMounts"]}
            key = mounts[variables["GITSYNC_SSH_KEY_FILE"]["value"]]
            assert pod.volumes()[key["name"]]["secret"]["secretName"] == "airflow-git-ssh"
            hosts = mounts[variables["GITSYNC_SSH_KNOWN_HOSTS_FILE"]["value"]]
            config_map = pod.volumes()[hosts["name"]]["configMap"]["name"]
            data = rendered.get("ConfigMap", config_map).at("data")
            assert data[hosts["subPath"]].strip() == KNOWN_HOSTS.strip()
    assert found


# --- A folder of the chart


@pytest.mark.official_chart
@pytest.mark.parametrize("version", READERS)
@pytest.mark.parametrize("helm", MAJORS)
def test_the_folder_is_the_dags_folder_of_all_readers(version: str, helm: int) -> None:
    rendered = delivered("folder", version, helm)
    for name, pod, container in readers(rendered, version):
        mount = dags_mount(rendered, container)
        assert mount["mountPath"] == "/opt/airflow/dags", name
        volume = pod.volumes()[mount["name"]]["configMap"]
        assert volume == {"name": "airflow-dags", "optional": True}
        inside = [
            each["mountPath"]
            for each in container["volumeMounts"]
            if each["mountPath"].startswith("/opt/airflow/dags/")
        ]
        assert not inside, "into a ConfigMap nothing can be mounted"


def test_celery_workers_and_sets_with_lists_of_their_own_have_it_too() -> None:
    own = {"extraVolumes": [{"name": "models", "emptyDir": {}}], "extraVolumeMounts": []}
    values = {
        "airflow": {
            "executor": "CeleryExecutor",
            "redis": {"enabled": True, "passwordSecretName": "airflow-redis"},
            "data": {"brokerUrlSecretName": "airflow-broker"},
            "workers": {"celery": {"sets": [{"name": "large", **own}]}},
        },
        "global": {"taskLogs": {"enabled": False}},
    }
    rendered = render("dev", values=[DELIVERY / "folder.yaml", values])
    for pod in rendered.pods():
        if "worker" in pod.containers():
            mounts = pod.containers()["worker"].document["volumeMounts"]
            assert "dags-folder" in {each["name"] for each in mounts}
            assert "dags-folder" in pod.volumes()


def test_two_releases_in_one_namespace_have_a_folder_each() -> None:
    assert delivered("folder", release="etl").get("ConfigMap", "etl-dags")


def test_the_stand_in_has_it_too() -> None:
    """Without the mark, so that it runs with the stand-in as well."""
    rendered = delivered("folder")
    (pod,) = (pod for pod in rendered.pods() if "base" in pod.containers())
    assert "dags-folder" in pod.volumes()


FILES: dict[str, str | bytes] = {
    "sales.py": "from common.tables import NAMES\n",
    "common/__init__.py": "",
    "common/tables.py": 'NAMES = ["{{ ds }}"]\n\n',
    "common/__pycache__/tables.cpython-312.pyc": b"\xa7\r\r\n\x00\x00",
    ".airflowignore": "common",
}


@pytest.mark.parametrize("helm", MAJORS)
def test_files_in_folders_are_where_they_were(helm: int, tmp_path: Path) -> None:
    rendered = Render.from_text(template(tmp_path, FILES, helm).stdout)
    data = rendered.get("ConfigMap", "airflow-dags").at("data")
    (pod,) = (pod for pod in rendered.pods() if "base" in pod.containers())
    volume = pod.volumes()["dags-folder"]["configMap"]
    placed = {item["path"]: data[item["key"]] for item in volume["items"]}
    expected = {name: text for name, text in FILES.items() if isinstance(text, str)}
    assert placed == {**expected, ".airflowignore": "common\n[.][.][a-z0-9]*\n"}


@pytest.mark.parametrize("helm", MAJORS)
@pytest.mark.parametrize("message", REFUSED)
def test_what_a_config_map_cannot_hold_is_refused(message: str, helm: int, tmp_path: Path) -> None:
    refused = template(tmp_path, REFUSED[message], helm)
    assert refused.returncode
    assert f"\n\n{message}" in refused.stderr
    assert '\n  dags:\n    folder: ""\n' in refused.stderr


def test_airflow_does_not_come_to_a_directory_of_the_volume_twice() -> None:
    """Kubernetes links the files to `..data`, and that to `..2026_11_26_08_00_00.123`."""
    pattern = delivered("folder").get("ConfigMap", "airflow-dags").at("data")[".airflowignore"]
    for ignored in ("..data", "..2026_11_26_08_00_00.123"):
        assert re.search(pattern.strip(), ignored), "the syntax regexp"
        assert fnmatchcase(ignored, pattern.strip()), "the syntax glob"
    assert not fnmatchcase("hello_world.py", pattern.strip())


# --- A volume


@pytest.mark.official_chart
@pytest.mark.parametrize("version", READERS)
def test_all_readers_mount_one_volume_and_may_write_into_it(version: str) -> None:
    """`kubectl cp` writes as the user of the container."""
    rendered = delivered("volume", version)
    claim = rendered.get("PersistentVolumeClaim", "airflow-dags")
    assert list(claim.at("spec", "accessModes")) == ["ReadWriteOnce"]
    for name, pod, container in readers(rendered, version):
        mount = dags_mount(rendered, container)
        volume = pod.volumes()[mount["name"]]["persistentVolumeClaim"]
        assert volume == {"claimName": claim.name}, name
        assert mount["mountPath"] == "/opt/airflow/dags"
        assert not mount["readOnly"]
        assert "fsGroup" in pod.spec["securityContext"]


# --- DAG bundles


@pytest.mark.parametrize("helm", MAJORS)
def test_airflow_gets_the_bundles_and_each_pod_their_connection(helm: int) -> None:
    rendered = delivered("bundles", helm=helm)
    (config,) = rendered.embedded("AirflowConfig")
    bundles = json.loads(config.document["dag_processor"]["dag_bundle_config_list"])
    by_name = {each["name"]: each for each in bundles}
    assert set(by_name) == {"dags", "dags-folder"}
    assert by_name["dags"]["kwargs"]["git_conn_id"] == "git_dags"
    found = 0
    for pod in rendered.pods():
        for name, container in pod.containers().items():
            if name in {"api-server", "scheduler", *READERS["3.1.7"]}:
                found += 1
                variables = {each["name"]: each for each in container.document["env"]}
                source = variables["AIRFLOW_CONN_GIT_DAGS"]["valueFrom"]["secretKeyRef"]
                assert source == {"name": "airflow-git-dags", "key": "connection"}
            assert not name.startswith("git-sync")
    assert found


def test_a_bundle_whose_class_is_not_known_is_passed_on() -> None:
    own = {
        "name": "mine",
        "classpath": "my.bundles.MyBundle",
        "kwargs": {"anything": 1, "tracking": "main"},
    }
    folder = {
        "name": "local",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
    }
    values = {"airflow": {"dagProcessor": {"dagBundleConfigList": [own, folder]}}}
    (config,) = render("prod", values=[values]).embedded("AirflowConfig")
    assert "my.bundles.MyBundle" in config.document["dag_processor"]["dag_bundle_config_list"]
