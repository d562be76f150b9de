"""What doctor prints, how it ends, and that nothing makes it wait for long."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_platform import cli
from airflow_platform.cluster.cluster import Cluster
from airflow_platform.doctor import gathering
from airflow_platform.doctor.examining import examine
from airflow_platform.doctor.facts import Facts, Loki
from airflow_platform.doctor.gathering import CannotLookError, Question, read_loki
from airflow_platform.doctor.model import NotSeenError
from airflow_platform.doctor.report import as_json, as_text, exit_code
from airflow_platform.manifests import Render

from .cases import CASES
from .objects import NAMESPACE, changed, facts

NOWHERE = Cluster(Path("/nowhere"))


@pytest.mark.parametrize(
    ("seen", "skip", "code"),
    [
        pytest.param(facts(), (), 0, id="sound"),
        pytest.param(CASES["chart-version-differs"].fires, (), 0, id="note"),
        pytest.param(CASES["node-pressure"].fires, (), 1, id="warning"),
        pytest.param(CASES["secret-missing"].fires, (), 1, id="error"),
        pytest.param(facts(loki=NotSeenError("no way to it")), (), 3, id="not seen"),
        pytest.param(facts(loki=NotSeenError("no way to it")), ("loki",), 0, id="left out"),
        pytest.param(
            replace(CASES["secret-missing"].fires, loki=NotSeenError("-")), (), 1, id="both"
        ),
    ],
)
def test_the_exit_code_tells_a_script(seen: Facts, skip: tuple[str, ...], code: int) -> None:
    outcomes = examine(seen, skip)
    assert exit_code(outcomes) == code
    assert json.loads(as_json(seen, outcomes))["healthy"] is (code == 0)


def test_text_is_for_people() -> None:
    seen = replace(CASES["scaled-to-zero"].fires, loki=NotSeenError("no way to it"))
    sound = sum(outcome.result == "sound" for outcome in examine(seen))
    assert as_text(seen, examine(seen)).splitlines() == [
        "airflow in team: airflow-platform 0.1.0, revision 3, deployed",
        "",
        "ERROR  Deployment airflow-scheduler: A workload was scaled to zero. [scaled-to-zero]",
        "  It has no pods; Helm has made it with 1.",
        "  No task is started.",
        "  Mend: Scale it again.",
        "    kubectl -n team scale deployment/airflow-scheduler --replicas=1",
        "",
        "NOT SEEN  loki: no way to it",
        "",
        f"1 error; {sound} examinations found nothing, 1 could not see all.",
    ]


def test_json_is_for_programs() -> None:
    seen = CASES["claim-pending"].fires
    document = json.loads(as_json(seen, examine(seen)))
    (finding,) = document.pop("findings")
    mend = finding.pop("mend")
    assert finding.keys() == {"id", "severity", "subject", "title", "wrong", "means"}
    assert finding["id"] == "claim-pending"
    assert mend.keys() == {"text", "commands", "values"}
    assert yaml.safe_load(mend["values"]) == {
        "airflow": {"postgresql": {"primary": {"persistence": {"storageClass": "fast"}}}}
    }
    examinations = {each["name"]: each for each in document.pop("examinations")}
    assert examinations["claims"] == {"name": "claims", "result": "faults", "reason": None}
    assert examinations["nodes"]["result"] == "sound"
    assert document == {
        "format": 1,
        "release": {
            "name": "airflow",
            "namespace": "team",
            "chart": "airflow-platform",
            "version": "0.1.0",
            "revision": 3,
            "status": "deployed",
        },
        "healthy": False,
    }


def test_errors_come_before_warnings_and_notes() -> None:
    seen = replace(CASES["node-pressure"].fires, checkout="9.0.0", version="1.20.0")
    document = json.loads(as_json(seen, examine(seen)))
    assert [each["id"] for each in document["findings"]] == [
        "kubernetes-too-old",
        "node-pressure",
        "chart-version-differs",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kubeconfig", "/nowhere"], "/nowhere is no file"),
        (["--loki", "loki:3100"], "--loki loki:3100 is not a URL"),
        (["--prometheus", "ftp://x"], "--prometheus ftp://x is not a URL"),
        (["--skip", "node"], "there is no examination node"),
        (["--since", "soon"], "soon is not a time"),
    ],
)
def test_wrong_usage(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["doctor", *arguments])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_a_cluster_that_does_not_answer(
    tmp_path: Path, program: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    program("kubectl")
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
        "current-context": "c",
    }
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    assert cli.main(["doctor", "--kubeconfig", str(file)]) == 3
    assert "The cluster does not answer" in capsys.readouterr().err


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    held.append(server.accept()[0])
            except OSError:
                pass

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in held:
            connection.close()


def test_a_dead_loki_is_not_waited_for(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "_ANSWER_SECONDS", 0.2)
    begun = time.monotonic()
    seen = read_loki(Question(NOWHERE, loki=silent), facts().render, NAMESPACE)
    assert time.monotonic() - begun < 2
    found = [finding.fault.id for each in examine(facts(loki=seen)) for finding in each.findings]
    assert found == ["loki-unreachable"]


_PASSWORD = "hunter" + "2"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"loki": "https://x", "prometheus": "https://x", "ca_file": Path("/nowhere")}, "/nowhere"),
        ({"loki": "http://[::1", "prometheus": "http://[::1"}, "http://[::1 is not a URL"),
        (dict.fromkeys(("loki", "prometheus"), f"http://me:{_PASSWORD}@x"), "no password into"),
    ],
)
def test_what_cannot_be_asked_is_not_seen(given: dict[str, Any], reason: str) -> None:
    question = Question(NOWHERE, **given)
    for seen in (read_loki(question, None, NAMESPACE), gathering._prometheus(question)):
        assert isinstance(seen, NotSeenError)
        assert reason in str(seen)
        assert _PASSWORD not in str(seen)


@pytest.mark.parametrize("option", ["--loki", "--prometheus"])
def test_no_password_of_a_url_is_printed(
    option: str, program: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a scheme it is no URL either, and is not repeated as that."""
    program("kubectl")
    cli.main(["doctor", "--context", "nowhere", option, f"me:{_PASSWORD}@x"])
    assert _PASSWORD not in "".join(capsys.readouterr())


def test_an_address_of_the_release_that_is_none_is_not_seen() -> None:
    vector = yaml.safe_dump({"sinks": {"loki": {"type": "loki", "endpoint": "http://[::1"}}})
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "airflow-task-logs"}}
    render = Render.from_text(yaml.safe_dump({**config, "data": {"vector.yaml": vector}}))
    assert isinstance(read_loki(Question(NOWHERE), render, NAMESPACE), NotSeenError)


@pytest.mark.parametrize(
    ("sink", "reason"),
    [
        ({"endpoint": "http://loki:3100", "tenant_id": "a"}, "wants a tenant or credentials"),
        ({"endpoint": "http://loki:3100", "auth": {}}, None),
        ({"endpoint": "http://loki:3100", "auth": {"strategy": "basic"}}, "--loki URL"),
        ({"endpoint": "https://logs.example.com"}, "is outside of the cluster"),
    ],
)
def test_what_the_api_server_cannot_pass_on_has_to_be_given(
    sink: dict[str, object], reason: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def kubectl(_: Cluster, *arguments: str) -> str:
        asked.extend(arguments)
        return "{}"

    monkeypatch.setattr(Cluster, "kubectl", kubectl)
    vector = yaml.safe_dump({"sinks": {"loki": {"type": "loki", **sink}}})
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "airflow-task-logs"}}
    render = Render.from_text(yaml.safe_dump({**config, "data": {"vector.yaml": vector}}))
    seen = read_loki(Question(NOWHERE), render, NAMESPACE)
    if reason:
        assert isinstance(seen, NotSeenError)
        assert reason in str(seen)
        assert not asked
    else:
        assert isinstance(seen, Loki)
        path = "/api/v1/namespaces/team/services/loki:3100/proxy/loki/api/v1/labels"
        assert asked == ["get", f"--raw={path}"]


@pytest.mark.parametrize(
    ("release", "names", "found"),
    [
        (None, {"airflow"}, "airflow"),
        (None, {"airflow", "other"}, None),
        ("other", {"airflow", "other"}, "other"),
        ("third", {"airflow"}, None),
        (None, set(), None),
    ],
)
def test_a_release_that_argo_cd_has_applied_is_known_by_its_labels(
    release: str | None, names: set[str], found: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Argo CD renders the chart as `helm template` does, so Helm has no record of it."""
    pods = [
        {"metadata": {"name": name, "labels": {"release": name, "component": "scheduler"}}}
        for name in names
    ]
    stranger = {"metadata": {"name": "x", "labels": {"release": "x", "component": "shop"}}}

    def listed(_: Cluster, kinds: str, *__: object, **___: object) -> list[object]:
        return [*pods, stranger] if kinds == "pods" else []

    monkeypatch.setattr(Cluster, "list", listed)
    question = Question(NOWHERE, release=release)
    if found is None:
        with pytest.raises(CannotLookError, match="There is no release"):
            gathering._release(question, NAMESPACE)
        return
    known = gathering._release(question, NAMESPACE)
    assert known.name == found
    assert "Argo CD" in known.no_record
    tracked = {"argocd.argoproj.io/tracking-id": "flow:apps/Deployment:team/airflow-scheduler"}

    def track(each: dict[str, Any]) -> None:
        each["metadata"]["annotations"] = tracked

    seen = facts(change=changed("Deployment", "airflow-scheduler", track))
    assert replace(seen, record=None).upgrade == "argocd app sync flow"
    assert seen.upgrade.startswith("helm -n team upgrade airflow")
