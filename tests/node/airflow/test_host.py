"""What a rendered container has, on this machine."""

import base64
from pathlib import Path

import pytest
import yaml

from airflow_platform.manifests import Render
from airflow_platform.manifests.objects import Container
from airflow_platform.node.airflow.host import Host
from airflow_platform.support.errors import PlatformError

CONFIG = {"airflow.cfg": "[core]", "settings.py": "x = 1", "pod.yaml": "kind: Pod"}
OBJECTS = (
    {"kind": "ConfigMap", "metadata": {"name": "config"}, "data": CONFIG},
    {"kind": "ConfigMap", "metadata": {"name": "dags"}, "data": {"a--b.py": "1", "c.py": "2"}},
    {
        "kind": "Secret",
        "metadata": {"name": "keys"},
        "data": {"fernet": base64.b64encode(b"f").decode()},
        "stringData": {"jwt": "j"},
    },
)


def container(mounts: list[dict[str, object]], env: list[dict[str, object]]) -> Container:
    volumes = [
        {"name": "config", "configMap": {"name": "config"}},
        {"name": "dags", "configMap": {"name": "dags"}},
        {
            "name": "folders",
            "configMap": {"name": "dags", "items": [{"key": "a--b.py", "path": "a/b.py"}]},
        },
        {"name": "logs", "emptyDir": {}},
        {"name": "absent", "configMap": {"name": "absent"}},
    ]
    main = {"name": "scheduler", "image": "a:1", "volumeMounts": mounts, "env": env}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [main], "volumes": volumes},
    }
    return Render.from_text(yaml.safe_dump(pod)).pods()[0].containers()["scheduler"]


def written(home: Path, *mounts: dict[str, object]) -> dict[str, str]:
    """The files that mounts lead to, by their paths in AIRFLOW_HOME."""
    Host(home, OBJECTS).write_files(container([*mounts], []))
    return {
        str(file.relative_to(home)): file.read_text() for file in home.rglob("*") if file.is_file()
    }


@pytest.mark.parametrize(
    ("mount", "files"),
    [
        (
            {"name": "config", "mountPath": "/opt/airflow/airflow.cfg", "subPath": "airflow.cfg"},
            {"airflow.cfg": "[core]"},
        ),
        (
            {"name": "config", "mountPath": "/opt/airflow/x/other.py", "subPath": "settings.py"},
            {"x/other.py": "x = 1"},
        ),
        (
            {"name": "dags", "mountPath": "/opt/airflow/dags/jobs"},
            {"dags/jobs/a--b.py": "1", "dags/jobs/c.py": "2"},
        ),
        ({"name": "folders", "mountPath": "/opt/airflow/dags"}, {"dags/a/b.py": "1"}),
        ({"name": "logs", "mountPath": "/opt/airflow/logs"}, {}),
    ],
    ids=["one file", "by another name", "a folder", "some of its items", "no ConfigMap"],
)
def test_files_are_where_the_container_has_them(tmp_path, mount, files):
    assert written(tmp_path, mount) == files


def test_a_config_map_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PlatformError, match="a ConfigMap absent, which is not there"):
        written(tmp_path, {"name": "absent", "mountPath": "/opt/airflow/dags"})


def test_variables_have_their_own_values_and_those_of_secrets(tmp_path):
    def of_secret(name: str, key: str) -> dict[str, object]:
        at = {"secretKeyRef": {"name": "keys", "key": key}}
        return {"name": name, "valueFrom": at}

    env = [{"name": "PLAIN", "value": "p"}, of_secret("FERNET", "fernet"), of_secret("JWT", "jwt")]
    found = Host(tmp_path, OBJECTS).environment(container([], env))

    assert found == {"PLAIN": "p", "FERNET": "f", "JWT": "j"}
