"""The same fault has several causes, and each of them another mend."""

import json
from dataclasses import replace
from typing import Any

import pytest

from airflow_platform import cli
from airflow_platform.cluster.cluster import ApiError, Cluster
from airflow_platform.doctor.examining import examine
from airflow_platform.doctor.facts import Facts
from airflow_platform.doctor.gathering import Question, read_loki
from airflow_platform.doctor.model import Finding
from airflow_platform.support import strict_yaml

from .cases import CASES
from .objects import (
    condition,
    container,
    ended,
    event,
    facts,
    is_a,
    loki,
    made,
    pod,
    prometheus,
    task,
    waits,
)


def _find(seen: Facts, fault: str) -> Finding:
    found = [each for one in examine(seen) for each in one.findings if each.fault.id == fault]
    assert len(found) == 1
    return found[0]


def _said(finding: Finding) -> str:
    return "\n".join((finding.mend.text, *finding.mend.commands, finding.mend.values))


def _pull(message: str, name: str = "scheduler", image: str = "private.example.com/x:1") -> Facts:
    broken = pod("broken", "scheduler", containerStatuses=[waits(name, "ErrImagePull", message)])
    broken["spec"]["containers"] = [{"name": name, "image": image}]
    return facts(broken)


@pytest.mark.parametrize(
    ("seen", "mend"),
    [
        (_pull("401 Unauthorized"), "docker login private.example.com"),
        (_pull("denied", image="team/x:1"), "docker login docker.io"),
        (_pull("toomanyrequests: You have reached your limit"), "imageRegistry:"),
        (_pull("dial tcp: i/o timeout"), "imageRegistry:"),
        (_pull("manifest unknown"), "defaultAirflowTag:"),
        (_pull("manifest unknown", "vector"), "taskLogs:\n    image:\n      tag:"),
        (_pull("not found", "statsd-exporter"), "statsdExporter:\n    image:\n      tag:"),
        (_pull("not found", "git-sync"), "gitSync:\n      tag:"),
    ],
)
def test_an_image(seen: Facts, mend: str) -> None:
    assert mend in _said(_find(seen, "image-not-pulled"))


def _unscheduled(message: str) -> Facts:
    conditions = [condition("PodScheduled", "False", message)]
    return facts(pod("broken", "triggerer", conditions=conditions, containerStatuses=[]))


@pytest.mark.parametrize(
    ("message", "mend"),
    [
        ("0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory.", "cpu and memory"),
        ("1 node(s) had untolerated taint {team: a}.", "key: team\n      operator: Exists"),
        ("1 node(s) didn't match Pod's node affinity/selector.", "--show-labels"),
        ('persistentvolumeclaim "data" not found', "get pvc"),
        ("something new", "describe pod broken"),
    ],
)
def test_a_pod_without_a_node(message: str, mend: str) -> None:
    assert mend in _said(_find(_unscheduled(message), "pod-unschedulable"))


def test_a_claim_without_a_class_in_a_cluster_without_a_default_one() -> None:
    claim = made(
        "PersistentVolumeClaim",
        "logs",
        labels={"release": "airflow"},
        spec={},
        status={"phase": "Pending"},
    )
    seen = facts(claim, made("StorageClass", "slow"), without=is_a("StorageClass", "fast"))
    assert "annotate --overwrite storageclass slow" in _said(_find(seen, "claim-pending"))
    none = facts(claim, without=is_a("StorageClass"))
    assert "no StorageClass at all" in _said(_find(none, "claim-pending"))


def test_a_pod_that_waits_for_the_migration_does_not_crash() -> None:
    """Its init container ends and starts again each minute: that is how it waits."""
    found = {
        each.fault.id
        for one in examine(CASES["waits-for-migration"].fires)
        for each in one.findings
    }
    assert found == {"waits-for-migration"}


def test_a_secret_that_an_operator_makes() -> None:
    base = facts()
    assert base.record
    external = '{"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",'
    external += ' "metadata": {"name": "keys"}, "spec": {"target": {"name": "fernet"}}}'
    manifest = f"{base.record.manifest}\n---\n{external}"
    seen = facts(without=is_a("Secret", "fernet"), record={"manifest": manifest})
    assert "describe externalsecret keys" in _said(_find(seen, "secret-missing"))


def _with_keys(secret: str, *keys: str, **record: Any) -> Facts:
    """A release whose scheduler needs these keys of a Secret, none of which is there."""
    base = facts()
    assert base.record
    sources = [{"secretKeyRef": {"name": secret, "key": key}} for key in keys]
    env = [{"name": f"V{n}", "valueFrom": source} for n, source in enumerate(sources)]
    spec = {"containers": [{"name": "x", "image": "x", "env": env}]}
    more = made("Pod", "needy", spec=spec)
    manifest = f"{base.record.manifest}\n---\n{json.dumps(more)}"
    return facts(record={"manifest": manifest, **record})


_KEYS = ("connection", "directConnection", "gitSshKey", "jwt-secret")


@pytest.mark.parametrize("is_there", [True, False])
def test_keys_of_a_secret(is_there: bool) -> None:
    """Nothing is made up for what only people know, and values with lines come from files."""
    seen = _with_keys("needed", *_KEYS, chart="observability")
    fault = "secret-key-missing" if is_there else "secret-missing"
    if is_there:
        seen.objects["Secret"].append(made("Secret", "needed", data={}))  # type: ignore[union-attr]
    commands = _find(seen, fault).mend.commands
    if not is_there:
        assert commands[0] == "kubectl -n team create secret generic needed"
        commands = commands[1:]
    random, typed, of_files = commands
    assert all("patch secret needed --patch-file=/dev/stdin" in each for each in commands)
    assert random.splitlines()[1:] == ["jwt-secret=$(openssl rand -hex 64)", "END"]
    assert " <<'END' |" in typed
    assert typed.splitlines()[1:] == [
        "connection=<value>",
        "directConnection=<value>",
        "END",
    ]
    assert "--from-file=gitSshKey=<file> |" in of_files


def test_the_script_makes_secrets_of_any_keys() -> None:
    mend = _find(_with_keys("needed", *_KEYS), "secret-missing").mend
    assert mend.commands == (
        "airflow-platform secrets prod -f <your values> --release airflow --namespace team"
        " --format script > secrets.sh",
        "sh secrets.sh",
    )
    assert "current context" in mend.text


def test_the_script_is_made_by_options_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    mend = _find(facts(without=is_a("Secret", "fernet")), "secret-missing").mend
    with pytest.raises(SystemExit):
        cli.main(["secrets", "--help"])
    options = capsys.readouterr().out
    assert "restore that one" in mend.text
    assert [each for each in mend.commands[0].split() if each.startswith("-")] == [
        each for each in ("-f", "--release", "--namespace", "--format") if each in options
    ]


@pytest.mark.parametrize(
    ("record", "setting"),
    [
        ({"values": {"networkPolicies": {"enabled": True}}}, "(networkPolicies.prometheus.from)"),
        ({}, "(observability.statsdExporter.networkPolicy.scrapeFrom)"),
        ({"chart": "observability"}, "(statsdExporter.networkPolicy.scrapeFrom)"),
    ],
)
def test_who_may_scrape_is_set_where_the_chart_takes_it(
    record: dict[str, Any], setting: str
) -> None:
    seen = facts(prometheus=prometheus(up="0"), record=record)
    assert setting in _said(_find(seen, "target-down"))


@pytest.mark.parametrize(
    "gone",
    [
        "airflow-triggerer-0",
        "airflow-triggerer-6d4cf56db6-x2x7k",
        "airflow-worker-12",
        "airflow-worker-heavy-0",
        "airflow-worker-heavy-5f9b8c7d6-abcde",
    ],
)
def test_sidecars_of_components_start_without_a_task(gone: str) -> None:
    started = event("Started", "Pod", gone, fieldPath="spec.initContainers{vector}")
    assert not _faults(facts(started, loki=loki(lines=[])))


@pytest.mark.parametrize(
    "gone", ["sales-worker-load-12345678", "sales-load-ab12cd34", "triggerer-load-4f9b8c7d"]
)
def test_a_task_that_is_gone_has_run(gone: str) -> None:
    started = event("Started", "Pod", gone, fieldPath="spec.initContainers{vector}")
    assert _faults(facts(started, loki=loki(lines=[]))) == {"loki-without-lines"}


def test_only_pods_of_tasks_that_are_there_have_run() -> None:
    started = event("Started", "Pod", "odd", fieldPath="spec.initContainers{vector}")
    worker, load = pod("odd", "worker", "StatefulSet"), task("odd")
    assert not _faults(facts(started, worker, loki=loki(lines=[])))
    assert _faults(facts(started, load, loki=loki(lines=[]))) == {"loki-without-lines"}


def _faults(seen: Facts) -> set[str]:
    (outcome,) = [each for each in examine(seen) if each.examination.name == "loki"]
    return {each.fault.id for each in outcome.findings}


def test_a_quota_that_wants_limits() -> None:
    refused = made(
        "StatefulSet",
        "airflow-triggerer",
        labels={"release": "airflow", "component": "triggerer"},
        spec={"replicas": 1},
        status={"replicas": 0},
    )
    says = event(
        "FailedCreate",
        "StatefulSet",
        "airflow-triggerer",
        'pods "x" is forbidden: failed quota: q: must specify limits.memory for: base',
    )
    said = _said(_find(facts(refused, says), "pods-refused-by-quota"))
    assert "describe resourcequota q" in said
    assert "resources:" in said


def test_a_pod_that_only_its_sidecar_keeps() -> None:
    held = task("load", containerStatuses=[container("base", ended(0))])
    assert "logs load -c vector" in _said(_find(facts(held), "task-pod-held"))


_NO_WAY = "error trying to reach service"
_PROXY = "Error from server ({}): {}"


@pytest.mark.parametrize(
    ("said", "known"),
    [
        (_PROXY.format("Forbidden", 'User "x" cannot get resource "services/proxy"'), False),
        (_PROXY.format("Forbidden", "no org id"), True),
        (_PROXY.format("ServiceUnavailable", 'no endpoints available for service "loki"'), True),
        (
            _PROXY.format("ServiceUnavailable", f"{_NO_WAY}: dial tcp 10.0.0.2:3100: i/o timeout"),
            False,
        ),
        (_PROXY.format("ServiceUnavailable", f"{_NO_WAY}: dial tcp: connection refused"), True),
    ],
)
def test_whether_loki_is_to_blame_or_the_way_to_it(
    said: str, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the API server may not or cannot do says nothing of Loki."""

    def kubectl(_: Cluster, *arguments: str) -> str:
        raise ApiError("kubectl get", said)

    monkeypatch.setattr(Cluster, "kubectl", kubectl)
    question = Question(Cluster(None))
    seen = facts()
    seen = replace(seen, loki=read_loki(question, seen.render, "team"))
    (outcome,) = [each for each in examine(seen) if each.examination.name == "loki"]
    assert outcome.result == ("faults" if known else "not seen")
    assert known or "--loki URL" in outcome.reason


def test_values_are_those_of_the_chart_that_is_installed() -> None:
    """Next to the official chart its values, and those of the add-on, have no key before them."""
    bare = task("load")
    bare["spec"]["initContainers"] = []
    wrapper: dict[str, Any] = strict_yaml.load(
        _find(facts(bare), "task-pod-without-sidecar").mend.values, "values"
    )
    add_on = strict_yaml.load(
        _find(
            facts(bare, record={"chart": "observability"}), "task-pod-without-sidecar"
        ).mend.values,
        "values",
    )
    assert wrapper == {"observability": add_on}


def test_what_it_means_that_a_workload_was_deleted() -> None:
    seen = facts(without=is_a("Deployment", "airflow-scheduler"))
    assert _find(seen, "object-missing").means == "No task is started."


def test_flux_makes_again_what_flux_has_made() -> None:
    release = made("HelmRelease", "flow", namespace="flux-system", spec={})
    seen = facts(release, without=is_a("ServiceAccount"))
    commands = _find(seen, "object-missing").mend.commands
    assert commands == ("flux reconcile helmrelease flow -n flux-system --force",)


def test_a_first_installation_that_hangs_has_nothing_to_go_back_to() -> None:
    seen = replace(facts(record={"status": "pending-install", "revision": 1}), deployed=None)
    commands = _find(seen, "release-stuck").mend.commands
    assert commands == ("kubectl -n team delete secret sh.helm.release.v1.airflow.v1",)
