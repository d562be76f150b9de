"""Releases of the official chart become releases of the wrapper, and nothing is lost in silence."""

import json
import re
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.adopt import paths
from airflow_platform.adopt.release import default_values
from airflow_platform.checks.references import not_rendered
from airflow_platform.manifests import Manifest, Render
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.render import render
from airflow_platform.rendering.upstream import find_upstream
from airflow_platform.rendering.values import merged
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import NAMESPACE

from .conftest import Adopted
from .releases import CELERY, KUBERNETES, OFFICIAL_DEFAULTS, RELEASES

pytestmark = pytest.mark.official_chart

Adopt = Callable[..., Adopted]
Say = Callable[..., tuple[int, str, str]]

EACH_RELEASE = pytest.mark.parametrize(
    "values",
    [
        pytest.param(values, id=name, marks=pytest.mark.xdist_group(f"adopt-{name}"))
        for name, values in RELEASES.items()
    ],
)


def without_hooks(rendered: Render) -> dict[str, Manifest]:
    """The objects that Helm keeps track of, by kind/name."""
    return {
        f"{each.kind}/{each.name}": each
        for each in rendered.manifests
        if "helm.sh/hook" not in each.annotations
    }


def official(values: Mapping[str, Any]) -> Render:
    return render(chart="official", values=[values])


@EACH_RELEASE
@pytest.mark.parametrize("environment", [None, "prod"])
def test_the_new_values_render_and_nothing_immutable_changes(
    adopt: Adopt, values: Mapping[str, Any], environment: str | None
) -> None:
    options = ("--environment", environment) if environment else ()
    adopted = adopt(values, *options)
    assert adopted.report["refused"] == {}
    assert adopted.report["changes"]["missing"] == []
    claims = [e for e in adopted.report["changes"]["immutable"] if "volume" in e["field"]]
    assert claims == []
    for major in MAJORS:
        assert render(environment, values=[adopted.values], helm=major).manifests


@EACH_RELEASE
def test_the_report_names_each_object_that_goes_and_each_that_comes(
    adopt: Adopt, values: Mapping[str, Any]
) -> None:
    adopted = adopt(values)
    before = without_hooks(official(values))
    after = without_hooks(render(values=[adopted.values]))
    changes = adopted.report["changes"]
    assert "Deployment/airflow-statsd" in changes["goes"]
    assert set(changes["goes"]) == before.keys() - after.keys()
    assert set(changes["comes"]) == after.keys() - before.keys()


@EACH_RELEASE
def test_each_secret_that_goes_is_named_with_the_command_that_keeps_it(
    adopt: Adopt, values: Mapping[str, Any]
) -> None:
    adopted = adopt(values)
    changes = adopted.report["changes"]
    gone = {each for each in changes["goes"] if each.startswith("Secret/")}
    assert gone == {f"Secret/{loss['name']}" for loss in changes["losses"]}
    for loss in changes["losses"]:
        name = loss["name"]
        keep = f"kubectl -n {NAMESPACE} annotate secret {name} helm.sh/resource-policy=keep"
        assert loss["command"] == keep
        assert keep in adopted.report["commands"]


@pytest.mark.parametrize("values", [OFFICIAL_DEFAULTS, CELERY], ids=["defaults", "celery"])
def test_generated_keys_are_those_that_the_release_has(
    adopt: Adopt, values: Mapping[str, Any]
) -> None:
    adopted = adopt(values)
    airflow = adopted.values["airflow"]
    assert airflow["fernetKeySecretName"] == "airflow-fernet-key"
    assert airflow["data"]["brokerUrlSecretName"] == "airflow-broker-url"
    assert airflow["redis"]["passwordSecretName"] == "airflow-redis-password"
    needed = [e["name"] for e in adopted.report["changes"]["losses"] if e["is_needed"]]
    assert needed == ["airflow-api-secret-key", "airflow-jwt-secret"]
    new = render(values=[adopted.values])
    made = {each.name for each in official(values).all("Secret")}
    assert {each.name for each in not_rendered(new) if each.kind == "Secret"} <= made


def test_a_name_of_its_own_is_in_the_names_of_the_secrets(adopt: Adopt) -> None:
    named = {"useStandardNaming": True, "fullnameOverride": "warehouse"}
    assert adopt(named).values["airflow"]["fernetKeySecretName"] == "warehouse-fernet-key"


def test_keys_in_the_values_stay_there(adopt: Adopt) -> None:
    given = {"fernetKey": "c2V2ZW50ZWVu", "jwtSecret": "x" * 64, "apiSecretKey": "y" * 32}
    adopted = adopt(given)
    assert given.items() <= adopted.values["airflow"].items()
    assert adopted.report["changes"]["losses"] == []


@EACH_RELEASE
def test_the_executor_and_the_queue_stay(adopt: Adopt, values: Mapping[str, Any]) -> None:
    adopted = adopt(values)
    executor = values.get("executor", "CeleryExecutor")
    new = render(values=[adopted.values])
    (config,) = new.embedded("AirflowConfig")
    assert config.document["core"]["executor"] == executor
    sets = {each.name for each in new.all("StatefulSet")}
    assert ({"airflow-redis", "airflow-worker"} <= sets) == (executor == "CeleryExecutor")


def test_values_of_the_owner_stay_below_airflow(adopt: Adopt) -> None:
    airflow = adopt(KUBERNETES).values["airflow"]
    of_jobs = ("createUserJob", "migrateDatabaseJob")
    for path, value in paths.leaves(KUBERNETES):
        found = paths.get(airflow, path)
        if isinstance(value, list):
            assert found[-len(value) :] == value, path
        elif path[0] not in of_jobs:
            assert found == value, path
    order = [key for key in KUBERNETES if key not in of_jobs]
    assert [key for key in airflow if key in order] == order


def test_the_job_that_creates_the_user_stays_off(adopt: Adopt) -> None:
    jobs = [each.name for each in render(values=[adopt(KUBERNETES).values]).all("Job")]
    assert not [name for name in jobs if "create-user" in name]
    assert [name for name in jobs if "migrations" in name]


def test_whether_the_jobs_have_the_variables_stays_as_it_was(adopt: Adopt) -> None:
    assert "migrateDatabaseJob" not in adopt(OFFICIAL_DEFAULTS).values.get("airflow", {})
    adopted = adopt(KUBERNETES)
    assert adopted.values["airflow"]["migrateDatabaseJob"] == {"applyCustomEnv": False}
    assert not [each for each in adopted.report["leftOut"] if "applyCustomEnv" in each["key"]]


def test_pull_secrets_reach_the_add_on(adopt: Adopt) -> None:
    new = render(values=[adopt(KUBERNETES).values])
    exporter = new.get("Deployment", "airflow-statsd-exporter")
    secrets = exporter.at("spec", "template", "spec", "imagePullSecrets")
    assert [dict(each) for each in secrets] == [{"name": "my-registry"}]


def test_settings_of_the_exporter_go_to_the_one_of_the_add_on(adopt: Adopt) -> None:
    adopted = adopt(CELERY)
    new = render(values=[adopted.values])
    (mapping,) = new.embedded("StatsdMapping")
    assert "my_metric" in {each.get("name") for each in mapping.document["mappings"]}
    container = new.get("Deployment", "airflow-statsd-exporter").at(
        "spec", "template", "spec", "containers"
    )
    (exporter,) = (each for each in container if each["name"] == "statsd-exporter")
    assert exporter["resources"]["limits"]["memory"] == "1Gi"
    assert "statsd.args" in {each["key"] for each in adopted.report["leftOut"]}


def test_metrics_are_mapped_for_the_airflow_that_is_installed(adopt: Adopt) -> None:
    adopted = adopt({"airflowVersion": "2.11.0", "defaultAirflowTag": "2.11.0"})
    assert adopted.values["global"]["metrics"]["airflowVersion"] == "2.11.0"
    assert adopted.report["refused"] == {}


def test_the_alerts_expect_the_replicas_of_the_release(adopt: Adopt) -> None:
    adopted = adopt(KUBERNETES, "--environment", "prod")
    assert "SchedulerReplicasMissing" in adopted.report["alerts"]
    new = render("prod", values=[adopted.values])
    rules = {
        rule["alert"]: rule["expr"]
        for group in new.get("PrometheusRule", "airflow-alerts").at("spec", "groups")
        for rule in group["rules"]
        if "alert" in rule
    }
    assert re.search(r"< 2\b", rules["SchedulerReplicasMissing"])


@EACH_RELEASE
def test_all_values_give_the_same_as_those_that_were_set(
    adopt: Adopt, values: Mapping[str, Any]
) -> None:
    everything = merged(default_values(find_upstream()), values)
    assert adopt(everything).values == adopt(values).values


@pytest.mark.parametrize(
    "text", ["null\n", "", "USER-SUPPLIED VALUES:\nnull\n", "{}", "# nothing\n"], ids=repr
)
def test_no_values_at_all_are_values(say: Say, tmp_path: Path, text: str) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(text)
    code, out, err = say(file)
    assert code == 0
    assert strict_yaml.load(out, "stdout")["airflow"]["executor"] == "CeleryExecutor"
    assert "Secret/airflow-jwt-secret" in err


def test_the_header_of_helm_is_no_value(say: Say, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("USER-SUPPLIED VALUES:\nexecutor: KubernetesExecutor\n")
    _, out, _ = say(file)
    assert strict_yaml.load(out, "stdout")["airflow"]["executor"] == "KubernetesExecutor"


def test_values_come_from_stdin_as_well(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("executor: KubernetesExecutor\n"))
    _, out, _ = say("-")
    assert strict_yaml.load(out, "stdout")["airflow"]["executor"] == "KubernetesExecutor"


def test_the_manifest_says_which_release_it_is(adopt: Adopt) -> None:
    old = render(chart="official", values=[KUBERNETES], release="etl", namespace="data")
    text = "".join(f"---\n{m.text}\n" for m in without_hooks(old).values())
    report = adopt(KUBERNETES, manifest=text).report
    assert (report["release"], report["namespace"]) == ("etl", "data")
    assert "Service/etl-statsd" in report["changes"]["goes"]


def test_what_only_the_manifest_has_goes_too(adopt: Adopt) -> None:
    claim = (
        "apiVersion: v1\nkind: PersistentVolumeClaim\n"
        "metadata: {name: airflow-logs, labels: {release: airflow}}\nspec: {}\n"
    )
    adopted = adopt({}, manifest=claim)
    (loss,) = adopted.report["changes"]["losses"]
    assert "PersistentVolumeClaim/airflow-logs" in adopted.report["changes"]["goes"]
    assert loss["command"].endswith("annotate pvc airflow-logs helm.sh/resource-policy=keep")
    assert adopted.code == 1


def test_a_pod_template_of_ones_own_is_to_be_decided(adopt: Adopt) -> None:
    template = "apiVersion: v1\nkind: Pod\nmetadata: {name: mine}\nspec: {containers: []}\n"
    adopted = adopt({"executor": "KubernetesExecutor", "podTemplate": template})
    (left_out,) = adopted.report["leftOut"]
    assert (left_out["key"], adopted.code) == ("podTemplate", 1)
    assert "workers.extraInitContainers" in left_out["way_out"]


def test_a_statsd_server_of_ones_own_can_go_on_to_receive_metrics(adopt: Adopt) -> None:
    own = {"statsd": {"enabled": False}, "config": {"metrics": {"statsd_host": "datadog.example"}}}
    adopted = adopt(own)
    assert adopted.code == 1
    (left_out,) = adopted.report["leftOut"]
    _, _, block = left_out["way_out"].partition(":\n")
    pasted = render(values=[adopted.values, strict_yaml.load(block, "the way out")])
    (config,) = pasted.embedded("AirflowConfig")
    assert config.document["metrics"]["statsd_host"] == "datadog.example"
    assert config.document["metrics"]["statsd_on"] == "True"


def test_what_the_chart_refuses_is_said_for_both_majors(adopt: Adopt) -> None:
    shared_logs = {"executor": "KubernetesExecutor", "logs": {"persistence": {"enabled": True}}}
    adopted = adopt(shared_logs)
    assert adopted.code == 1
    assert adopted.report["refused"].keys() == {"helm3", "helm4"}
    assert all("logs" in text for text in adopted.report["refused"].values())


def test_after_a_refusal_the_next_step_is_no_upgrade(say: Say, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("{executor: KubernetesExecutor, logs: {persistence: {enabled: true}}}")
    code, out, _ = say(file, "--output", tmp_path / "adopted.yaml")
    assert code == 1
    assert "helm upgrade" not in out
    _, _, steps = out.partition("Next, run adopt again with what you have decided.")
    for secret in ("airflow-api-secret-key", "airflow-jwt-secret"):
        assert f"annotate secret {secret} helm.sh/resource-policy=keep" in steps


def test_the_report_says_where_the_values_are(say: Say, tmp_path: Path) -> None:
    file, output = tmp_path / "values.yaml", tmp_path / "adopted.yaml"
    file.write_text("{}")
    _, _, report = say(file)
    assert "The new values are those above; --output adopted.yaml writes them" in report
    _, report, _ = say(file, "--output", output)
    assert f"The new values are in {output}." in report


def test_the_report_asks_for_the_url_of_loki_unless_it_is_given(say: Say, tmp_path: Path) -> None:
    file, loki, off = (tmp_path / name for name in ("values.yaml", "loki.yaml", "off.yaml"))
    file.write_text("{}")
    loki.write_text("{global: {taskLogs: {loki: {endpoint: 'http://loki:3100'}}}}")
    off.write_text("{global: {taskLogs: {enabled: false}}}")
    asked = "set the URL of your Loki"
    assert asked in say(file)[2]
    assert asked not in say(file, "-f", loki)[2]
    assert asked not in say(file, "-f", off)[2]


def test_a_trial_without_the_values_of_dev_is_not_said_to_have_them(adopt: Adopt) -> None:
    warnings = adopt({}).report["warnings"]
    (public,) = [each for each in warnings if "everybody can read" in each]
    assert "createUserJob.defaultUser.password" in public
    assert "values/dev.yaml" not in public


def test_what_a_refusal_asks_for_can_be_given_on_top(adopt: Adopt, tmp_path: Path) -> None:
    shared_logs = {"executor": "KubernetesExecutor", "logs": {"persistence": {"enabled": True}}}
    refusal = adopt(shared_logs).report["refused"]["helm4"]
    decided = tmp_path / "decided.yaml"
    decided.write_text(re.findall(r"(?:^ {2}.*\n)+", refusal, re.M)[0])
    adopted = adopt(shared_logs, "-f", str(decided))
    assert adopted.report["refused"] == {}
    assert "airflow-logs" in {loss["name"] for loss in adopted.report["changes"]["losses"]}
    assert adopted.code == 1
    assert any(f"adopted.yaml -f {decided}" in each for each in adopted.report["commands"])


def test_an_older_airflow_stays_the_one_it_is(adopt: Adopt) -> None:
    old = official({})
    text = "".join(f"---\n{m.text}\n" for m in without_hooks(old).values())
    adopted = adopt({}, manifest=text.replace("apache/airflow:3.1.7", "apache/airflow:2.10.5"))
    assert adopted.values["airflow"]["airflowVersion"] == "2.10.5"
    assert adopted.values["airflow"]["defaultAirflowTag"] == "2.10.5"
    assert adopted.values["global"]["metrics"]["airflowVersion"] == "2.10.5"
    assert not [each for each in adopted.report["changes"]["images"] if "scheduler" in each]


def test_images_that_change_are_named(adopt: Adopt) -> None:
    old = official({})
    text = "".join(f"---\n{m.text}\n" for m in without_hooks(old).values())
    adopted = adopt({}, manifest=text.replace("redis:", "redis:old-"))
    assert any("redis:old-" in each for each in adopted.report["changes"]["images"])


def test_an_image_of_the_exporter_is_to_be_decided(adopt: Adopt) -> None:
    mirror = {"images": {"statsd": {"repository": "registry.example.com/statsd-exporter"}}}
    adopted = adopt(mirror)
    assert "images" not in adopted.values["airflow"]
    assert (adopted.code, adopted.report["leftOut"][0]["key"]) == (1, "images.statsd")


def test_what_the_official_chart_ignores_is_left_out(adopt: Adopt) -> None:
    adopted = adopt({"wrokers": {"replicas": 3}})
    assert "wrokers" not in adopted.values["airflow"]
    (left_out,) = adopted.report["leftOut"]
    assert left_out["key"] == "wrokers"
    assert "workers" in left_out["reason"]
    assert adopted.report["refused"] == {}


def test_text_has_what_json_has(say: Say, tmp_path: Path) -> None:
    file, written = tmp_path / "values.yaml", tmp_path / "new.yaml"
    file.write_text(json.dumps(CELERY))
    _, text, _ = say(file, "--output", written)
    _, out, _ = say(file, "--format", "json")
    report = json.loads(out)
    changes = report["changes"]
    names = [*changes["goes"], *changes["comes"], *changes["stays_behind"]]
    assert all(name in text for name in names)
    assert all(loss["command"] in text for loss in changes["losses"])
    assert all(each["key"] in text for each in report["leftOut"])
    assert f"helm upgrade airflow . -n lakehouse-platform -f {written}" in text


WRONG_USAGE = {
    "no such file": (["nowhere.yaml"], "nowhere.yaml cannot be read"),
    "no such environment": (["{ok}", "--environment", "produ"], 'did you mean "prod"?'),
    "stdin twice": (["-", "--manifest", "-"], "cannot both be -"),
    "a list": (["{list}"], "holds no values"),
    "a manifest": (["{manifest}"], "is a manifest, not values"),
    "values of the wrapper": (["{wrapper}"], "values of this chart already"),
    "duplicate key": (["{double}"], 'duplicate key "a"'),
    "another release": (["{ok}", "--manifest", "{manifest}", "--release", "x"], "of airflow"),
    "empty manifest": (["{ok}", "--manifest", "{ok}"], "manifest is empty"),
    "no folder": (["{ok}", "--dags", "{ok}"], "is no directory"),
    "values that the official chart refuses": (["{wrong}"], "give --manifest"),
}
FILES = {
    "ok": "",
    "list": "- a",
    "manifest": "apiVersion: v1\nkind: Secret\nmetadata: {name: a, labels: {release: airflow}}\n",
    "wrapper": "airflow: {executor: KubernetesExecutor}\n",
    "double": "a: 1\na: 2\n",
    "wrong": "scheduler: {replica: 2}\n",
}


@pytest.mark.parametrize(("arguments", "message"), WRONG_USAGE.values(), ids=WRONG_USAGE)
def test_wrong_usage_says_what_to_give(
    say: Say, tmp_path: Path, arguments: list[str], message: str
) -> None:
    files = {name: tmp_path / f"{name}.yaml" for name in FILES}
    for name, text in FILES.items():
        files[name].write_text(text)
    code, out, err = say(*(argument.format(**files) for argument in arguments))
    assert (code, out) == (2, "")
    assert message in err
