"""One key makes jobs run: the adapter where Airflow imports it, specifications, and rights."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_jobs.loading import load_all
from airflow_jobs.pods import Platform, pod
from airflow_platform.checks.violations import selects
from airflow_platform.manifests import Manifest, Render
from airflow_platform.rendering.helm import MAJORS, RefusedError, run
from airflow_platform.rendering.render import render
from airflow_platform.rendering.staging import stage
from airflow_platform.rendering.upstream import find_upstream
from airflow_platform.support.project import KUBE_VERSION, ROOT, environments, values_file

from ..config_maps import mounted

PACKAGE = ROOT / "contracts" / "airflow_jobs"
WORKFLOWS = ROOT / "examples" / "workflows"
EXAMPLE = WORKFLOWS / "values.yaml"
ACCOUNT = "airflow-jobs.lakehouse-platform"
ON = {"jobs": {"enabled": True}}
AIRFLOW_2 = {"airflow": {"airflowVersion": "2.11.0", "defaultAirflowTag": "2.11.0"}}
# What reads DAGs, runs tasks, or watches deferred ones.
READERS = {"scheduler", "dag-processor", "triggerer", "base"}
MY_VOLUME = {"name": "models", "emptyDir": {}}
MY_MOUNT = {"name": "models", "mountPath": "/models"}
MY_LISTS = {"extraVolumes": [MY_VOLUME], "extraVolumeMounts": [MY_MOUNT]}
SETS = {
    "executor": "CeleryExecutor",
    "redis": {"enabled": True, "passwordSecretName": "airflow-redis"},
    "data": {"brokerUrlSecretName": "airflow-broker"},
    "workers": {
        "celery": {
            "sets": [
                {"name": "plain"},
                {"name": "null", "extraVolumes": None, "extraVolumeMounts": None},
                {"name": "empty", "extraVolumes": [], "extraVolumeMounts": []},
                {"name": "own", **MY_LISTS, "serviceAccount": {"create": False, "name": "mine"}},
            ]
        }
    },
}


def inline(**values: Any) -> dict[str, Any]:
    """Values with the workflow hello, whose job greet has these settings."""
    job = {"image": "registry.example.com/greet:1.0", **values}
    return {"jobs": {"enabled": True, "workflows": {"hello": {"jobs": {"greet": job}}}}}


def mounts(rendered: Render, config_map: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield the container, the path and the volume of each mount of a ConfigMap."""
    for owner in rendered.pods():
        volumes = owner.volumes()
        for name, container in owner.containers().items():
            for mount in container.document.get("volumeMounts") or ():
                volume = volumes.get(mount["name"], {}).get("configMap") or {}
                if volume.get("name") == config_map:
                    yield name, mount["mountPath"], volume


def paths(rendered: Render, config_map: str) -> dict[str, str]:
    """The path of the ConfigMap in each of the readers that mounts it."""
    return {name: path for name, path, _ in mounts(rendered, config_map) if name in READERS}


def of_jobs(rendered: Render, kind: str = "") -> list[Manifest]:
    """What the templates of jobs made."""
    return [
        each
        for each in rendered.manifests
        if "/templates/workflows/" in each.template and kind in ("", each.kind)
    ]


def platform(rendered: Render, release: str = "airflow") -> dict[str, Any]:
    """What the adapter is told."""
    text = rendered.get("ConfigMap", f"{release}-jobs-adapter").at("data", "platform.json")
    return dict(json.loads(text))


def subjects(rendered: Render) -> set[str]:
    """The accounts that may start jobs."""
    binding = rendered.get("RoleBinding", "airflow-jobs-launcher.lakehouse-platform")
    return {subject["name"] for subject in binding.at("subjects")}


# --- The adapter


@pytest.mark.official_chart
@pytest.mark.parametrize("helm", MAJORS)
@pytest.mark.parametrize("environment", environments())
def test_one_key_brings_the_adapter_to_all_that_import_it(environment: str, helm: int) -> None:
    rendered = render(environment, sets=("jobs.enabled=true",), helm=helm)
    found = paths(rendered, "airflow-jobs-adapter")
    assert found == dict.fromkeys(READERS, "/opt/airflow/config/airflow_jobs")
    for _, _, volume in mounts(rendered, "airflow-jobs-adapter"):
        assert volume["optional"] is True, "a pod must start without it"


@pytest.mark.official_chart
def test_airflow_2_has_it_too() -> None:
    rendered = render("dev", values=[ON, AIRFLOW_2])
    assert paths(rendered, "airflow-jobs-adapter").keys() >= {"scheduler", "triggerer", "base"}


def test_it_follows_the_home_of_airflow() -> None:
    rendered = render("dev", values=[ON, {"airflow": {"airflowHome": "/srv/airflow"}}])
    assert paths(rendered, "airflow-jobs-adapter")["base"] == "/srv/airflow/config/airflow_jobs"


@pytest.mark.official_chart
@pytest.mark.parametrize("helm", MAJORS)
def test_volumes_of_the_user_stay_beside_it(helm: int) -> None:
    """Lists of values replace each other: those of the user are not in the way, nor lost."""
    own = dict.fromkeys(("scheduler", "dagProcessor"), MY_LISTS)
    workers = {
        "extraVolumeMounts": [MY_MOUNT],
        "extraVolumes": [
            {"name": 'task-logs-config{{ include "observability.taskLogs.volumeFields" . }}'},
            MY_VOLUME,
        ],
    }
    values = {"airflow": {**own, "workers": workers}}
    off = {"exampleDag": {"enabled": False}}
    rendered = render("dev", values=[ON, values, off], helm=helm)
    assert paths(rendered, "airflow-jobs-adapter").keys() == READERS
    for owner in rendered.pods():
        for name, container in owner.containers().items():
            if name in READERS - {"triggerer"}:
                assert "/models" in [m["mountPath"] for m in container.document["volumeMounts"]]


@pytest.mark.official_chart
@pytest.mark.parametrize("helm", MAJORS)
def test_celery_workers_have_it_in_each_set(helm: int) -> None:
    logs = {"global": {"taskLogs": {"enabled": False}}}
    rendered = render("prod", values=[ON, {"airflow": SETS}, logs], helm=helm)
    having = {
        owner.owner.name
        for owner in rendered.pods()
        for volume in owner.volumes().values()
        if (volume.get("configMap") or {}).get("name") == "airflow-jobs-adapter"
    }
    assert having >= {
        "airflow-worker",
        *(f"airflow-worker-{name}" for name in ("plain", "null", "empty", "own")),
    }
    assert [name for name, _, _ in mounts(rendered, "airflow-jobs-adapter")].count("worker") == 5


def test_a_list_that_was_pasted_with_it_has_it_once() -> None:
    """Messages print lists with all that is in them."""
    volume = {
        "name": "airflow-jobs-adapter",
        "configMap": {"name": "airflow-jobs-adapter", "optional": True},
    }
    rendered = render("prod", values=[ON, {"airflow": {"scheduler": {"extraVolumes": [volume]}}}])
    for owner in rendered.pods():
        names = [each["name"] for each in owner.spec.get("volumes", ())]
        assert len(names) == len(set(names))


def test_it_is_the_package_of_the_contract() -> None:
    data = dict(render("dev", values=[ON]).get("ConfigMap", "airflow-jobs-adapter").at("data"))
    data.pop("platform.json")
    files = (*PACKAGE.glob("*.py"), *PACKAGE.glob("*.json"))
    assert data == {file.name: file.read_text(encoding="utf-8") for file in files}


def test_python_imports_it_from_the_volume(tmp_path: Path) -> None:
    """The files are flat and are links, as Kubernetes makes them."""
    data = render("dev", values=[ON]).get("ConfigMap", "airflow-jobs-adapter").at("data")
    mounted(tmp_path / "airflow_jobs", data)
    program = (
        "import json, airflow_jobs.pods as p; from airflow_jobs.loading import load_all;"
        "w = p.platform(); print(json.dumps([p.__file__, w.namespace, w.service_account]))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env={"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    place, *told = json.loads(done.stdout)
    assert place == str(tmp_path / "airflow_jobs" / "pods.py")
    assert told == ["lakehouse-platform", ACCOUNT]


@pytest.mark.parametrize("environment", environments())
def test_without_the_key_nothing_of_jobs_is_there(environment: str) -> None:
    rendered = render(environment)
    assert not of_jobs(rendered)
    assert not list(mounts(rendered, "airflow-jobs-adapter"))


# --- The specifications


@pytest.mark.parametrize("helm", MAJORS)
def test_a_folder_is_delivered_as_it_is(helm: int) -> None:
    rendered = render("dev", values=[EXAMPLE], helm=helm)
    data = dict(rendered.get("ConfigMap", "airflow-jobs").at("data"))
    dag, ignored = data.pop("workflows_dag.py"), data.pop(".airflowignore")
    folders = (*WORKFLOWS.glob("*/workflow.yaml"), *WORKFLOWS.glob("*/jobs/*.yaml"))
    assert data.keys() == {str(file.relative_to(WORKFLOWS)).replace("/", "--") for file in folders}
    for name, text in data.items():
        source = (WORKFLOWS / name.replace("--", "/")).read_text(encoding="utf-8")
        assert text.strip() == source.strip()
    assert dag.strip() == (ROOT / "contracts" / "workflows_dag.py").read_text("utf-8").strip()
    (pattern,) = ignored.split()
    for hidden in ("..data", "..2026_11_26_08_00_00.123"):
        assert re.search(pattern, f"jobs/{hidden}"), "the syntax regexp"
        assert fnmatchcase(hidden, pattern), "the syntax glob"


def test_the_adapter_reads_them_as_they_are_mounted(tmp_path: Path) -> None:
    values = inline()
    values["jobs"]["folder"] = "examples/workflows"
    data = render("dev", values=[values]).get("ConfigMap", "airflow-jobs").at("data")
    found = load_all(mounted(tmp_path / "jobs", data))
    assert [problem for each in found for problem in each.errors] == []
    assert {each.name: set(each.workflow.jobs) for each in found} == {
        "hello": {"greet"},
        "sales": {file.stem for file in WORKFLOWS.glob("sales/jobs/*.yaml")},
    }


@pytest.mark.official_chart
def test_it_is_in_the_dags_folder() -> None:
    rendered = render("dev", values=[EXAMPLE])
    (config,) = rendered.embedded("AirflowConfig")
    folder = config.document["core"]["dags_folder"]
    assert paths(rendered, "airflow-jobs") == dict.fromkeys(READERS, f"{folder}/jobs")


def test_a_variable_says_where_the_dags_folder_is() -> None:
    values = {"airflow": {"env": [{"name": "AIRFLOW__CORE__DAGS_FOLDER", "value": "/srv/dags"}]}}
    rendered = render("dev", values=[EXAMPLE, values])
    assert set(paths(rendered, "airflow-jobs").values()) == {"/srv/dags/jobs"}


def test_airflow_takes_the_file_for_one_with_dags() -> None:
    """In its safe mode, Airflow reads files with both words only."""
    text = (ROOT / "contracts" / "workflows_dag.py").read_bytes().lower()
    assert b"dag" in text
    assert b"airflow" in text


@pytest.mark.parametrize("helm", MAJORS)
def test_workflows_of_the_values_are_delivered_as_files(helm: int) -> None:
    values = inline(args=["--date", "{{ ds }}"], env={"VERSION": "1.10"})
    values["jobs"]["workflows"]["hello"]["workflow"] = {"start_date": "2026-01-01"}
    data = render("dev", values=[values], helm=helm).get("ConfigMap", "airflow-jobs").at("data")
    job = yaml.safe_load(data["hello--jobs--greet.yaml"])["job"]
    assert job["name"] == "greet", "its key"
    assert job["args"] == ["--date", "{{ ds }}"]
    assert job["env"] == {"VERSION": "1.10"}
    assert "2026-01-01" in data["hello--workflow.yaml"]


def test_a_job_without_settings_is_delivered_for_the_check_to_see() -> None:
    values = {"jobs": {"enabled": True, "workflows": {"hello": {"jobs": {"greet": {}}}}}}
    data = render("dev", values=[values]).get("ConfigMap", "airflow-jobs").at("data")
    assert yaml.safe_load(data["hello--jobs--greet.yaml"]) == {"job": {"name": "greet"}}


@pytest.mark.parametrize("helm", MAJORS)
@pytest.mark.parametrize(
    "text", ["    job:\n  name: a", "   \n\n", "job:\t{name: a}\n", "job: # \u0085 \u2028 é\n"]
)
def test_any_text_in_a_file_is_delivered_as_it_is(helm: int, text: str, tmp_path: Path) -> None:
    """What is wrong with it is for the check and the adapter to say, with file and line."""
    chart = shutil.copytree(stage(find_upstream()), tmp_path / "chart")
    jobs = chart / "workflows" / "hello" / "jobs"
    jobs.mkdir(parents=True)
    (jobs / "greet.yaml").write_text(text, encoding="utf-8")
    command = [
        *("template", "airflow", str(chart), "--values", str(values_file("dev"))),
        *("--set", "jobs.enabled=true,jobs.folder=workflows", "--kube-version", KUBE_VERSION),
    ]
    rendered = Render.from_text(run(helm, command).stdout, name="own", namespace="default")
    found = rendered.get("ConfigMap", "airflow-jobs").at("data", "hello--jobs--greet.yaml")
    assert found == text.replace("\u0085 ", ""), "Helm leaves out this line break of old computers"


def test_a_name_in_the_job_wins_over_its_key() -> None:
    data = render("dev", values=[inline(name="hi")]).get("ConfigMap", "airflow-jobs").at("data")
    assert yaml.safe_load(data["hello--jobs--greet.yaml"])["job"]["name"] == "hi"


def test_another_specification_restarts_no_pod() -> None:
    """Kubernetes updates the files in the pods."""
    one, two = (render("dev", values=[inline(timeout=time)]) for time in ("1h", "2h"))
    assert one.get("ConfigMap", "airflow-jobs").at("data") != two.get(
        "ConfigMap", "airflow-jobs"
    ).at("data")
    assert [owner.spec for owner in one.pods()] == [owner.spec for owner in two.pods()]
    assert [owner.metadata for owner in one.pods()] == [owner.metadata for owner in two.pods()]


@pytest.mark.parametrize("left", [{}, {"workflows": {"hello": None}}])
def test_without_specifications_there_is_the_adapter_alone(left: dict[str, Any]) -> None:
    rendered = render("prod", values=[ON, {"jobs": left}])
    assert [each.name for each in of_jobs(rendered, "ConfigMap")] == ["airflow-jobs-adapter"]
    assert not list(mounts(rendered, "airflow-jobs"))


@pytest.mark.parametrize("name", ["-a", "a-", "a b", "a/b"])
def test_names_that_are_no_file_names_are_refused(name: str) -> None:
    job = {"image": "registry.example.com/greet:1.0"}
    for workflows in ({name: {"jobs": {"greet": job}}}, {"hello": {"jobs": {name: job}}}):
        with pytest.raises(RefusedError, match=rf"jobs\.workflows.*unknown key '{name}'"):
            render("dev", values=[{"jobs": {"enabled": True, "workflows": workflows}}])


@pytest.mark.parametrize("helm", MAJORS)
def test_a_folder_of_ones_own_is_one_of_the_chart(helm: int, tmp_path: Path) -> None:
    """It has nothing but workflows, and no name that a ConfigMap would cut."""
    chart = shutil.copytree(stage(find_upstream()), tmp_path / "chart")
    jobs = chart / "workflows" / "hello" / "jobs"
    jobs.mkdir(parents=True)
    (jobs / "greet.yaml").write_text("job: {name: greet, image: registry.example.com/a:1}\n")
    (jobs / "README.md").write_text("no specification")
    (chart / "workflows" / "values.yaml").write_text("jobs: {folder: workflows}\n")
    command = [
        *("template", "airflow", str(chart), "--values", str(values_file("dev"))),
        *("--set", "jobs.enabled=true,jobs.folder=workflows/", "--kube-version", KUBE_VERSION),
    ]
    rendered = Render.from_text(run(helm, command).stdout, name="own", namespace="default")
    assert rendered.get("ConfigMap", "airflow-jobs").at("data").keys() == {
        *("hello--jobs--greet.yaml", "workflows_dag.py", ".airflowignore"),
    }
    for place in ("greet.yaml", "jobs/greet.yaml", "hello/job/greet.yaml", "hello/jobs/a/b.yml"):
        elsewhere = chart / "workflows" / place
        elsewhere.parent.mkdir(exist_ok=True)
        shutil.copyfile(jobs / "greet.yaml", elsewhere)
        refused = run(helm, command)
        assert f"in jobs.folder that are not read: {place}." in refused.stderr
        elsewhere.unlink()
    (jobs / "greet.yaml").rename(jobs / "grüß #1.yaml")
    refused = run(helm, command)
    assert "has what no file in a ConfigMap can have: hello/jobs/grüß #1.yaml" in refused.stderr
    (jobs / "grüß #1.yaml").rename(jobs / "greet--all.yaml")
    refused = run(helm, command)
    assert refused.returncode
    assert 'A name in jobs.folder has "--"' in refused.stderr
    assert "hello/jobs/greet--all.yaml" in refused.stderr


def test_a_folder_with_a_pattern_in_its_name_is_refused() -> None:
    for folder in ("examples/*", "examples/{workflows,more}", "/workflows", "../workflows"):
        with pytest.raises(RefusedError, match=r"jobs\.folder"):
            render("dev", values=[{"jobs": {"enabled": True, "folder": folder}}])


# --- The pods of jobs


def test_jobs_run_in_the_namespace_of_the_release_as_its_account() -> None:
    more = {"jobs": {"imagePullSecrets": ["team"]}, "global": {"imagePullSecrets": ["mirror"]}}
    rendered = render("dev", values=[ON, more])
    assert platform(rendered) == {
        "namespace": "lakehouse-platform",
        "service_account": ACCOUNT,
        "image_pull_secrets": ["team", "mirror"],
        "labels": {
            "app.kubernetes.io/instance": "airflow",
            "app.kubernetes.io/part-of": "airflow-platform",
            "workflow-orchestration/release-namespace": "lakehouse-platform",
        },
    }
    assert rendered.get("ServiceAccount", ACCOUNT).at("automountServiceAccountToken") is False


@pytest.mark.parametrize(("name", "expected"), [("", "default"), ("runner", "runner")])
def test_an_account_of_the_user_is_not_made(name: str, expected: str) -> None:
    account = {"jobs": {"serviceAccount": {"create": False, "name": name}}}
    rendered = render("dev", values=[ON, account])
    assert platform(rendered)["service_account"] == expected
    assert not of_jobs(rendered, "ServiceAccount")


@pytest.mark.parametrize("egress", [[], [{"ports": [{"port": 443}]}]])
def test_the_network_policy_is_about_the_pods_that_the_adapter_makes(egress: Any) -> None:
    policy = {"jobs": {"networkPolicy": {"enabled": True, "egress": egress}}}
    rendered = render("dev", values=[ON, policy])
    spec = rendered.get("NetworkPolicy", ACCOUNT).at("spec")
    where = Platform(**platform(rendered))
    (specification,) = load_all(WORKFLOWS)
    workflow = specification.workflow
    for job in workflow.jobs:
        assert selects(spec["podSelector"], pod(workflow, job, where)["metadata"]["labels"])
    assert "Ingress" in spec["policyTypes"]
    assert "ingress" not in spec, "nobody connects to a job"
    assert ("Egress" in spec["policyTypes"]) == bool(egress), "by default jobs reach everything"
    other = render("dev", values=[ON, policy], release="etl")
    where = Platform(
        **json.loads(other.get("ConfigMap", "etl-jobs-adapter").at("data")["platform.json"])
    )
    labels = pod(workflow, "load", where)["metadata"]["labels"]
    assert not selects(spec["podSelector"], labels), "of another release"


def test_releases_of_one_name_share_a_namespace() -> None:
    """None makes what the other has there, and no policy is about the other's jobs."""
    more = {"jobs": {"namespaces": ["team-a"], "networkPolicy": {"enabled": True}}}
    dev, prod = (render("dev", values=[ON, more], namespace=each) for each in ("dev", "prod"))
    there = [
        {(each.kind, each.name) for each in of_jobs(rendered) if each.namespace == "team-a"}
        for rendered in (dev, prod)
    ]
    assert [len(each) for each in there] == [4, 4]
    assert not there[0] & there[1]
    (specification,) = load_all(WORKFLOWS)
    for one, other in ((dev, prod), (prod, dev)):
        job = pod(specification.workflow, "report", Platform(**platform(one)))
        assert ("ServiceAccount", job["spec"]["serviceAccountName"]) in there[one is prod]
        for rendered, expected in ((one, True), (other, False)):
            for policy in of_jobs(rendered, "NetworkPolicy"):
                selector = policy.at("spec", "podSelector")
                assert selects(selector, job["metadata"]["labels"]) is expected


# --- Rights


def test_each_namespace_with_jobs_has_all_that_they_need() -> None:
    namespaces = ["team-a", "lakehouse-platform"]
    more = {"jobs": {"namespaces": namespaces, "networkPolicy": {"enabled": True}}}
    rendered = render("dev", values=[ON, more])
    for kind in ("ServiceAccount", "Role", "RoleBinding", "NetworkPolicy"):
        found = [str(each.namespace) for each in of_jobs(rendered, kind)]
        assert sorted(found) == sorted(namespaces)


@pytest.mark.official_chart
@pytest.mark.parametrize(
    ("airflow", "expected"),
    [
        ({}, {"airflow-worker", "airflow-triggerer"}),
        ({"triggerer": {"enabled": False}}, {"airflow-worker"}),
        ({"executor": "LocalExecutor"}, {"airflow-scheduler", "airflow-triggerer"}),
        (
            {"workers": {"serviceAccount": {"create": False, "name": "tasks"}}},
            {"tasks", "airflow-triggerer"},
        ),
        (
            SETS,
            {
                *("airflow-worker", "airflow-worker-plain", "airflow-worker-null"),
                *("airflow-worker-empty", "mine", "airflow-triggerer"),
            },
        ),
    ],
)
def test_who_runs_tasks_or_watches_deferred_ones_may_start_jobs(
    airflow: dict[str, Any], expected: set[str]
) -> None:
    logs = {"global": {"taskLogs": {"enabled": False}}}
    rendered = render("prod", values=[ON, logs, {"airflow": airflow}])
    assert subjects(rendered) == expected
    made = {each.name for each in rendered.all("ServiceAccount")}
    assert expected - made <= {"mine", "tasks"}


def test_a_role_for_nobody_is_not_made() -> None:
    executor = "airflow.providers.edge3.executors.EdgeExecutor"
    airflow = {"executor": executor, "triggerer": {"enabled": False}}
    rendered = render("dev", values=[ON, {"airflow": airflow}])
    assert not [each for each in of_jobs(rendered) if each.kind in ("Role", "RoleBinding")]


def test_without_rbac_no_role_is_made() -> None:
    rendered = render("dev", values=[ON, {"airflow": {"rbac": {"create": False}}}])
    assert not [each for each in of_jobs(rendered) if each.kind in ("Role", "RoleBinding")]
    assert of_jobs(rendered, "ServiceAccount")
