"""The Vector configuration that the chart makes of its file and the values."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_platform.manifests import Render
from airflow_platform.rendering.render import render
from airflow_platform.support import strict_yaml
from airflow_platform.support.frozen import thaw
from airflow_platform.support.project import ADDON

BARE = strict_yaml.load_file(ADDON / "files" / "task-logs" / "vector.yaml")

LOKI_WITH_CREDENTIALS = {
    "endpoint": "https://loki.example.com",
    "tenantId": "data",
    "auth": {"secretName": "loki-credentials"},
    "tls": {"caSecretName": "loki-ca", "clientSecretName": "vector-client"},
}

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "defaults": {},
    "all of it": {
        "minimumLevel": "warning",
        "redaction": {"patterns": {"customer": r"customer-\d+"}},
        "extraTransforms": [
            {"id": "team", "type": "remap", "source": '.team = "data"'},
            {"id": "even", "type": "filter", "condition": "true"},
        ],
        "extraSinks": {"archive": {"type": "console", "encoding": {"codec": "json"}}},
        "loki": {"tenantId": "data", "compression": "gzip"},
    },
    "no redaction": {"redaction": {"enabled": False}, "minimumLevel": "error"},
}


def rendered(settings: Mapping[str, Any]) -> Render:
    return render(chart="add-on", values=[{"global": {"taskLogs": settings}}])


def config(settings: Mapping[str, Any]) -> dict[str, Any]:
    (document,) = rendered(settings).embedded("VectorConfig")
    plain: dict[str, Any] = thaw(document.document)
    return plain


def chain(vector: Mapping[str, Any], last: str) -> list[str]:
    """The ids of what a line passes through on its way to ``last``."""
    inputs = {**vector["transforms"], **vector["sinks"]}
    ids = [last]
    while ids[0] in inputs:
        before = inputs[ids[0]]["inputs"][-1]  # of `parse`: the way of a line with a secret
        ids.insert(0, before.partition(".")[0])
    return ids


def test_the_defaults_are_the_file_as_it_stands() -> None:
    made = config({})
    for bare_id, bare in BARE["transforms"].items():
        if bare_id not in ("fields", "suspicious"):  # made from lists of labels and of patterns
            assert made["transforms"][bare_id] == bare
    assert made["sources"] == BARE["sources"]
    made["sinks"]["loki"].pop("path")  # Vector's own default
    assert made["sinks"] == BARE["sinks"]


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        (SETTINGS["defaults"], ["split"]),
        (SETTINGS["all of it"], ["level", "team", "even", "split"]),
        (SETTINGS["no redaction"], ["level", "split"]),
        ({"redaction": {"enabled": False}}, ["split"]),
    ],
)
def test_a_line_passes_every_step_once(settings: Mapping[str, Any], path: Sequence[str]) -> None:
    made = config(settings)
    redaction = ["suspicious", "redact"] if "redact" in made["transforms"] else []
    assert chain(made, "loki") == ["task_logs", *redaction, "parse", *path, "fields", "loki"]
    if "archive" in made["sinks"]:
        assert chain(made, "archive")[:-1] == chain(made, "loki")[:-1]


def test_without_redaction_nothing_of_it_is_left() -> None:
    made = config({"redaction": {"enabled": False}})
    assert not {"suspicious", "redact", "redacted"} & made["transforms"].keys()
    assert "redaction_count" not in made["sinks"]
    assert made["transforms"]["parse"]["files"] == ["parse.vrl"]


@pytest.mark.parametrize(
    ("minimum", "dropped"),
    [("info", '["debug"]'), ("critical", '["debug","info","warning","error"]')],
)
def test_the_level_filter_drops_what_is_below_and_keeps_lines_without_level(
    minimum: str, dropped: str
) -> None:
    condition = config({"minimumLevel": minimum})["transforms"]["level"]["condition"]
    assert condition == f"!includes({dropped}, .level)"


def test_credentials_come_through_a_pipe() -> None:
    made = config({"loki": LOKI_WITH_CREDENTIALS})
    loki = made["sinks"]["loki"]
    assert made["secret"]["loki"] == {"type": "exec", "command": ["cat", "/proc/self/fd/3"]}
    assert loki["auth"] == {
        "strategy": "basic",
        "user": "SECRET[loki.LOKI_USERNAME]",
        "password": "SECRET[loki.LOKI_PASSWORD]",
    }
    assert loki["tls"] == {
        "ca_file": "/etc/task-logs-ca/ca.crt",
        "crt_file": "SECRET[loki.LOKI_CLIENT_CERTIFICATE]",
        "key_file": "SECRET[loki.LOKI_CLIENT_KEY]",
    }
    assert loki["tenant_id"] == "data"


def test_a_secret_may_have_any_character() -> None:
    config_map = rendered({"loki": LOKI_WITH_CREDENTIALS}).get("ConfigMap", "airflow-task-logs")
    text = config_map.at("data")["vector.yaml"]
    for secret in ("a: b #c", "12345", 'quo"te', "back\\slash", "two\nlines"):
        quoted = json.dumps(secret)[1:-1]
        made = yaml.safe_load(text.replace("SECRET[loki.LOKI_PASSWORD]", quoted))
        assert made["sinks"]["loki"]["auth"]["password"] == secret


def test_a_token_can_be_read_instead_of_user_and_password() -> None:
    auth = {"secretName": "loki", "strategy": "bearer", "tokenKey": "api-token"}
    loki = config({"loki": {"auth": auth}})["sinks"]["loki"]
    assert loki["auth"] == {"strategy": "bearer", "token": "SECRET[loki.LOKI_TOKEN]"}


def test_no_file_has_credentials_and_the_secrets_may_be_missing() -> None:
    values = {"global": {"taskLogs": {"loki": LOKI_WITH_CREDENTIALS}}}
    (pod,) = (
        pod for pod in render("prod", values=[values]).pods() if pod.key == "pod_template_file.yaml"
    )
    sidecar = pod.containers()["vector"].document
    secrets = {
        variable["name"]: variable["valueFrom"]["secretKeyRef"]
        for variable in sidecar["env"]
        if "secretKeyRef" in variable.get("valueFrom", {})
    }
    assert secrets == {
        "LOKI_USERNAME": {"name": "loki-credentials", "key": "username", "optional": True},
        "LOKI_PASSWORD": {"name": "loki-credentials", "key": "password", "optional": True},
        "LOKI_CLIENT_CERTIFICATE": {"name": "vector-client", "key": "tls.crt", "optional": True},
        "LOKI_CLIENT_KEY": {"name": "vector-client", "key": "tls.key", "optional": True},
    }
    mounted = [pod.volumes()[mount["name"]] for mount in sidecar["volumeMounts"]]
    assert [volume["secret"] for volume in mounted if "secret" in volume] == [
        {"secretName": "loki-ca", "optional": True}
    ]


@pytest.mark.parametrize("name", SETTINGS)
def test_vector_accepts_it(name: str, vector: Path, tmp_path: Path) -> None:
    config_map = rendered(SETTINGS[name]).get("ConfigMap", "airflow-task-logs")
    for key, text in config_map.at("data").items():
        (tmp_path / key).write_text(text)
    done = subprocess.run(
        [vector, "validate", "--no-environment", "--deny-warnings", "vector.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
