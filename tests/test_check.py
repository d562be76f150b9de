"""The command check: what is wrong with values and manifests of the user's own."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_platform import cli
from airflow_platform.rendering.render import render
from airflow_platform.rendering.upstream import STAND_IN, find_upstream
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import environments

Run = Callable[..., tuple[int, str]]
Findings = Callable[..., list[dict[str, str]]]


@pytest.fixture
def check(
    capsys: pytest.CaptureFixture[str], program: Callable[[str], Path], tmp_path: Path
) -> Run:
    """Run the command with values of the user's own, if any; return exit code and stdout."""
    for name in ("kubeconform", "pod-security", "promtool", "query-parser"):
        program(name)

    def run(*arguments: object, values: Any = None) -> tuple[int, str]:
        words = [str(argument) for argument in arguments]
        if values is not None:
            file = tmp_path / "mine.yaml"
            file.write_text(yaml.safe_dump(values), encoding="utf-8")
            words += ["-f", str(file)]
        code = cli.main(["check", *words])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out or said.err

    return run


@pytest.fixture
def findings(check: Run) -> Findings:
    """Check an environment with values on top; return what is found."""

    def run(environment: str, values: Any) -> list[dict[str, str]]:
        code, out = check(environment, "--output", "json", values=values)
        answer = json.loads(out)
        assert code == (0 if answer["passed"] else 1)
        found: list[dict[str, str]] = answer["findings"]
        return found

    return run


def test_our_environments_pass(check: Run) -> None:
    code, out = check("all")
    assert code == 0, out
    for environment in environments():
        assert f"ok     {environment}" in out.splitlines()


def test_what_the_notes_warn_of_is_said_and_is_no_finding(check: Run) -> None:
    code, out = check("prod", "--output", "json")
    answer = json.loads(out)
    assert (code, answer["findings"]) == (0, [])
    (database,) = (each for each in answer["warnings"] if "database runs" in each["message"])
    assert database["message"].endswith("metadataSecretName: airflow-database")
    assert "WARNING: the database runs in the cluster" in check("prod")[1]


def test_what_must_be_created_before_the_installation_is_listed(check: Run) -> None:
    _, out = check("prod", "--output", "json")
    needed = {(each["kind"], each["name"]): each["keys"] for each in json.loads(out)["needed"]}
    assert needed["Secret", "airflow-admin"] == ["password"]
    _, out = check("dev")
    assert "must exist" not in out


def test_pull_secrets_may_be_strings(findings: Findings) -> None:
    assert findings("prod", {"global": {"imagePullSecrets": ["registry"]}}) == []


@pytest.mark.official_chart
def test_misspelt_keys_below_airflow_are_found_with_the_near_name(findings: Findings) -> None:
    found = findings("prod", {"airflow": {"wrokers": {"replicas": 3}}})
    assert {each["check"] for each in found} == {"keys_are_known", "helm_renders_it"}
    (finding,) = (each for each in found if each["check"] == "keys_are_known")
    assert finding["object"] == "airflow.wrokers"
    assert 'did you mean "workers"' in finding["message"]


def test_a_container_of_the_name_of_ours_is_found(findings: Findings) -> None:
    own = {"name": "vector", "image": "timberio/vector:0.57.0-alpine"}
    found = findings("prod", {"airflow": {"workers": {"extraContainers": [own]}}})
    assert {each["check"] for each in found} == {"helm_renders_it"}
    assert "- airflow.workers.extraContainers: vector" in found[0]["message"]


@pytest.mark.parametrize("major", [3, 4])
def test_a_moving_tag_is_found_once_for_both_helms(findings: Findings, major: int) -> None:
    values = {"global": {"taskLogs": {"image": {"tag": "latest"}}}}
    found = findings("prod", values)
    assert {each["check"] for each in found} == {"images_are_pinned"}
    assert len(found) == len({each["object"] for each in found})


@pytest.mark.official_chart
def test_a_custom_resource_of_others_without_a_schema_is_named_and_no_finding(check: Run) -> None:
    certificate = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": "airflow"},
        "spec": {"secretName": "airflow-tls"},
    }
    code, out = check("prod", values={"observability": {"extraObjects": {"tls": certificate}}})
    assert code == 0, out
    assert "not checked: the form of Certificate of cert-manager.io/v1" in out


def test_what_helm_refuses_is_a_finding_with_the_yaml_to_paste(findings: Findings) -> None:
    found = findings("prod", {"airflow": {"statsd": {"enabled": True}}})
    assert {each["check"] for each in found} == {"helm_renders_it"}
    assert "airflow:\n    statsd:\n      enabled: false" in found[0]["message"]


def test_a_secret_that_only_a_container_names_is_found_but_not_one_of_the_values(
    findings: Findings,
) -> None:
    fernet = {"fernetKeySecretName": "mine", "extraEnvFrom": "- secretRef: {name: mine-too}"}
    assert findings("prod", {"airflow": fernet}) == []


LEGITIMATE: dict[str, dict[str, Any]] = {
    "an account of another's": {"workers": {"serviceAccount": {"create": False, "name": "mine"}}},
    "OpenShift's role": {"rbac": {"createSCCRoleBinding": True}},
    "a reference to a Secret": {
        "secret": [{"envName": "SLACK_TOKEN", "secretName": "slack", "secretKey": "token"}]
    },
    "a Secret named after the release": {
        "extraEnvFrom": "- secretRef: {name: '{{.Release.Name}}-extra'}"
    },
    "files that only look like ours": {
        "extraConfigMaps": {"own": {"data": "tsconfig.json: '{} // no'\nrun.sh: 'a=(1 2)'\n"}}
    },
}


@pytest.mark.official_chart
@pytest.mark.parametrize("airflow", LEGITIMATE.values(), ids=LEGITIMATE)
def test_what_is_legitimate_is_no_finding(findings: Findings, airflow: dict[str, Any]) -> None:
    assert findings("prod", {"airflow": airflow}) == []


@pytest.mark.parametrize("options", [("--release", "r" * 40), ("--namespace", "2024")])
def test_every_legal_release_and_namespace_passes(check: Run, options: tuple[str, ...]) -> None:
    code, out = check("prod", *options)
    assert code == 0, out


def test_statsd_that_is_sent_to_another_namespace_is_found(findings: Findings) -> None:
    elsewhere = {"statsd_host": "airflow-statsd-exporter.elsewhere.svc"}
    found = findings("prod", {"airflow": {"config": {"metrics": elsewhere}}})
    assert {each["check"] for each in found} == {"helm_renders_it"}


@pytest.mark.parametrize(
    ("transform", "check_name"),
    [
        ({"id": "bad", "type": "remap", "source": ".a ="}, "vrl_compiles"),
    ],
)
def test_programs_of_the_users_own_are_judged_by_the_programs_that_run_them(
    findings: Findings, transform: dict[str, str], check_name: str
) -> None:
    pytest.importorskip("pyvrl", reason="VRL is not compiled without pyVRL: pip install pyVRL")
    found = findings("dev", {"global": {"taskLogs": {"extraTransforms": [transform]}}})
    assert check_name in {each["check"] for each in found}
    assert any("transforms.bad" in each["message"] for each in found)


def test_a_rule_that_prometheus_refuses_is_found(findings: Findings) -> None:
    groups = [{"name": "own", "rules": [{"alert": "Own", "expr": "sum("}]}]
    found = findings("prod", {"observability": {"prometheusRule": {"extraGroups": groups}}})
    assert "prometheus_accepts_the_rules" in {each["check"] for each in found}


def test_values_without_an_environment_are_complete_values(check: Run) -> None:
    code, out = check(values={"airflow": {"enabled": False}})
    assert code == 0, out
    assert out.startswith("ok     values\n")


def test_set_is_checked_like_a_file(check: Run) -> None:
    code, out = check("prod", "--set", "global.taskLogs.image.tag=latest")
    assert code == 1
    assert "images_are_pinned" in out


def test_the_official_chart_can_be_named(check: Run, tmp_path: Path) -> None:
    code, out = check("dev", "--airflow-chart", tmp_path / "nowhere.tgz")
    assert code == 1
    assert "nowhere.tgz (from --airflow-chart) is not a Helm chart" in out
    code, out = check("dev", "--airflow-chart", find_upstream().path)
    assert code == 0, out


def test_the_keys_are_not_checked_against_a_stand_in(check: Run) -> None:
    code, out = check("dev", "--airflow-chart", STAND_IN)
    assert code == 0, out
    assert "not checked: keys_are_known: needs the official chart" in out


def stream(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def manifests(**arguments: Any) -> str:
    return "".join(
        f"---\n# Source: {manifest.template}\n{manifest.text}\n"
        for manifest in render("prod", **arguments).manifests
    )


def test_a_stream_of_good_manifests_passes(check: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stream(monkeypatch, manifests())
    code, out = check("-")
    assert code == 0, out
    assert "must exist in the namespace: Secret airflow-database with connection" in out


@pytest.mark.parametrize("options", [(), ("--namespace", "data")])
def test_the_namespace_of_a_stream_is_the_one_that_its_objects_name(
    check: Run, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    stream(monkeypatch, manifests(namespace="data"))
    code, out = check("-", *options)
    assert code == 0, out


@pytest.mark.parametrize("change", ["list", "crlf"])
def test_a_stream_can_be_a_list_and_have_other_line_ends(
    check: Run, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    text = manifests()
    if change == "crlf":
        text = text.replace("\n", "\r\n")
    else:
        items = [strict_yaml.load(f"{m.text}\n", "") for m in render("prod").manifests]
        text = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items})
    stream(monkeypatch, text)
    code, out = check("-")
    assert code == 0, out


def test_a_fault_in_a_stream_is_found(check: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stream(monkeypatch, manifests(sets=("global.taskLogs.image.tag=latest",)))
    code, out = check("-")
    assert code == 1
    assert "images_are_pinned" in out


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [", "line 2"), ("- a", "not a Kubernetes object"), ("", "There is no manifest")],
)
def test_a_stream_that_holds_no_manifests_is_refused(
    check: Run, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    stream(monkeypatch, text)
    code, out = check("-")
    assert code == 1
    assert message in out


def test_values_have_no_place_beside_a_stream(check: Run) -> None:
    code, out = check("-", "--set", "a=b")
    assert code == 1
    assert "rendered already" in out


@pytest.mark.parametrize(
    ("values", "message"),
    [(["a"], "is not a values file"), ({"airflow": 1}, "airflow"), ({"global": None}, "global")],
)
def test_values_of_the_wrong_form_are_no_traceback(check: Run, values: Any, message: str) -> None:
    code, out = check("prod", values=values)
    assert code == 1
    assert message in out


def test_an_unknown_environment_is_named_with_the_near_one(check: Run) -> None:
    code, out = check("produ")
    assert code == 1
    assert 'did you mean "prod"?' in out
