"""Every message about values that do not fit is given, and what it advises works."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from airflow_platform.checks.judge import Violation
from airflow_platform.manifests import Render
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.render import render
from airflow_platform.rendering.upstream import UpstreamChart, stand_in
from airflow_platform.support import strict_yaml
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import ADDON, NAMESPACE, ROOT

from .cluster import cluster_with, key, owned
from .dags_folder import REFUSED, template
from .message_cases import (
    access,
    add_on,
    airflow_values,
    celery,
    connections,
    dags,
    database,
    example_dag,
    external_secrets,
    grafana_link,
    images,
    injection,
    jobs,
    network_policies,
    plain_secrets,
    pods,
    premises,
    redaction,
    remote_logging,
    secrets,
    sidecars,
    task_log_labels,
    user_ids,
    workflows,
)
from .message_cases.case import Case, airflow
from .message_cases.case import add_on as case_of

LONGEST_RELEASE_NAME = "a-release-name-of-exactly-fifty-three-characters-long"

# What messages give commands of.
PROGRAMS = ("kubectl ", "airflow-platform ")

# One module a concern, so that each has its place.
CASES: dict[str, Case] = {
    **access.CASES,
    **add_on.CASES,
    **airflow_values.CASES,
    **celery.CASES,
    **connections.CASES,
    **dags.CASES,
    **database.CASES,
    **example_dag.CASES,
    **external_secrets.CASES,
    **grafana_link.CASES,
    **images.CASES,
    **injection.CASES,
    **jobs.CASES,
    **plain_secrets.CASES,
    **network_policies.CASES,
    **pods.CASES,
    **premises.CASES,
    **redaction.CASES,
    **remote_logging.CASES,
    **secrets.CASES,
    **sidecars.CASES,
    **task_log_labels.CASES,
    **user_ids.CASES,
    **workflows.CASES,
}


def refusal(case: Case, helm: int = MAJORS[-1]) -> str:
    """What is said about the values of ``case``."""
    with pytest.raises(PlatformError) as refused:
        render(values=[case.values], helm=helm, **case.arguments)
    return str(refused.value)


def blocks(message: str) -> list[str]:
    """Each indented paragraph of the message, which is to be pasted."""
    return [dedent(block) for block in re.findall(r"(?:^ {2}.*\n)+", message, re.MULTILINE)]


@pytest.mark.parametrize("name", CASES)
def test_values_that_do_not_fit_are_refused_with_the_reason(name: str) -> None:
    assert refusal(CASES[name]).startswith(CASES[name].message)


@pytest.mark.parametrize("name", CASES)
def test_each_way_out_that_the_message_gives_works(name: str) -> None:
    case = CASES[name]
    ways_out = [block for block in blocks(refusal(case)) if not block.startswith(PROGRAMS)]
    assert ways_out
    for way_out in ways_out:
        pasted = strict_yaml.load(way_out, "the message")
        # Helm merges mappings, so the sink with the new id has to stand instead of the user's.
        values = [pasted] if name.startswith("sink") else [case.values, pasted]
        assert render(values=values, **case.arguments).manifests


def test_messages_advise_the_pod_template_of_the_values() -> None:
    own = strict_yaml.load_file(ROOT / "values.yaml")["airflow"]["podTemplate"]
    advised = {
        name: pasted["airflow"]["podTemplate"]
        for name in (
            "a pod template without connections",
            "DAGs of a folder without a mount in task pods",
            "pod template of one's own",
            "jobs without the package in task pods",
        )
        for block in blocks(refusal(CASES[name]))
        if "podTemplate" in (pasted := strict_yaml.load(block, name)).get("airflow", {})
    }
    assert len(advised) == 4
    assert set(advised.values()) == {own}


@pytest.mark.parametrize("helm", MAJORS)
@pytest.mark.parametrize("name", ["scraped twice", "scraped twice, in the wrapper"])
def test_a_message_of_the_add_on_knows_whether_it_is_in_a_wrapper(name: str, helm: int) -> None:
    for block in blocks(refusal(CASES[name], helm)):
        assert block.startswith("observability:\n") == ("wrapper" in name)


def test_settings_of_what_is_off_are_not_checked() -> None:
    """The example is Loki's address, which is needed for task logs only."""
    off = {"global": {"taskLogs": {"enabled": False}}}
    assert render(values=[CASES["no Loki"].values, off], chart="add-on").manifests


def pod_of_short_grace() -> tuple[dict[str, Any], Case]:
    """A pod template of one's own that is killed before the drain may end, and its case."""
    pod: dict[str, Any] = strict_yaml.load_file(ADDON / "files" / "task-logs" / "pod-template.yaml")
    pod["spec"]["terminationGracePeriodSeconds"] = 20
    values = {"enabled": True, "base": str(pod)}
    return pod, case_of(add_on.GRACE.format(25, 20), podTemplate=values)


def test_the_grace_period_of_a_pod_template_of_ones_own_is_set_in_it() -> None:
    pod, case = pod_of_short_grace()
    message = refusal(case)
    assert message.startswith(case.message)
    assert "In podTemplate.base, set:" in message
    (block,) = blocks(message)
    pod["spec"] |= strict_yaml.load(block, "the message")["spec"]
    assert render(
        chart="add-on", values=[{"podTemplate": {"enabled": True, "base": str(pod)}}]
    ).manifests


def without_pod_template(directory: Path) -> UpstreamChart:
    """The official chart (its stand-in) without the file that the sidecar is added to."""
    shutil.copytree(stand_in().path, directory)
    (directory / "files" / "pod-template-file.kubernetes-helm-yaml").unlink()
    return replace(stand_in(), path=directory)


def test_a_chart_without_the_pod_template_file_is_refused_and_the_supported_one_named(
    tmp_path: Path,
) -> None:
    with pytest.raises(PlatformError, match="has no files/pod-template-file") as refused:
        render("prod", upstream=without_pod_template(tmp_path / "airflow"))
    (block,) = blocks(str(refused.value))
    (named,) = strict_yaml.load(block, "the message")["dependencies"]
    dependencies = strict_yaml.load_file(ROOT / "Chart.yaml")["dependencies"]
    (pinned,) = (each for each in dependencies if each["name"] == "airflow")
    assert named.items() <= pinned.items()


def test_a_release_name_that_is_too_long_for_airflow_is_refused() -> None:
    with pytest.raises(PlatformError, match="Install with a name of at most 41") as refused:
        render("prod", release=LONGEST_RELEASE_NAME)
    (command,) = blocks(str(refused.value))
    assert command == f"helm install airflow . -n {NAMESPACE}\n"
    assert render("prod", release="airflow").manifests


@pytest.mark.parametrize(
    ("longest", "settings"),
    [
        (41, {}),
        (42, {"postgresql": {"enabled": False}}),
        (35, {"databaseCleanup": {"enabled": True}}),
        (34, {"useStandardNaming": True}),
    ],
)
@pytest.mark.official_chart
def test_the_longest_release_name_fits_and_one_character_more_does_not(
    longest: int, settings: dict[str, object], check: Callable[[str, Render], list[Violation]]
) -> None:
    values = [{"airflow": settings}]
    longest_one = render("prod", release=LONGEST_RELEASE_NAME[:longest], values=values)
    assert check("names_are_valid", longest_one) == []
    with pytest.raises(PlatformError, match=f"Install with a name of at most {longest} char"):
        render("prod", release=LONGEST_RELEASE_NAME[: longest + 1], values=values)


@pytest.mark.official_chart
@pytest.mark.parametrize("helm", MAJORS)
def test_a_full_name_that_is_too_long_is_refused_and_one_that_fits_is_pasted(helm: int) -> None:
    case = case_of_names("a" * 60)
    message = refusal(case, helm)
    assert 'airflow.fullnameOverride, "' in message
    assert "at most 42 characters" in message
    (way_out,) = blocks(message)
    values = [case.values, strict_yaml.load(way_out, "the message")]
    assert render("prod", values=values, helm=helm).manifests


def case_of_names(name: str) -> Case:
    names = {"useStandardNaming": True, "fullnameOverride": name}
    return airflow("airflow.fullnameOverride", **names)


def first_lines() -> Iterator[str]:
    """Yield the first line of every message in the templates of both charts, as its Go format."""
    for chart in (ROOT, ADDON):
        for file in (chart / "templates").rglob("*"):
            if file.is_file():
                text = file.read_text(encoding="utf-8")
                found = re.findall(r'{{-? fail (?:\(printf )?"\\n\\n(.+?)\\n', text)
                assert len(found) == len(re.findall(r"{{-? fail\b", text)), file
                yield from (line.replace('\\"', '"') for line in found)


def test_every_message_of_the_templates_has_a_case_here(tmp_path: Path) -> None:
    others = (case_of_names("a" * 60), pod_of_short_grace()[1])
    given = [refusal(case) for case in (*CASES.values(), *others)]
    for arguments in (
        {"upstream": without_pod_template(tmp_path / "airflow")},
        {"release": LONGEST_RELEASE_NAME},
    ):
        with pytest.raises(PlatformError) as refused:
            render("prod", **arguments)
        given.append(str(refused.value))
    with cluster_with(
        {"airflow-fernet-key": key("old"), "airflow-jwt": owned()}, tmp_path
    ) as cluster:
        keep_the_key = {"airflow": {"fernetKeySecretName": "airflow-fernet-key"}}
        said = [cluster.says({}), cluster.says(keep_the_key)]
        labels = {"metadata": {"labels": {"app.kubernetes.io/instance": "airflow"}}}
        cluster.api.stateful_sets = {"airflow-postgresql": labels}
        another = {"postgresql": {"enabled": False}, "fernetKeySecretName": "airflow-fernet-key"}
        cluster.api.secrets = {"airflow-fernet-key": key("old")}
        said.append(cluster.says({"airflow": another}))
    for number, files in enumerate(REFUSED.values()):
        said.append(template(tmp_path / str(number), files).stderr)
    given += [each.partition("\n\n")[2] for each in said]
    for line in first_lines():
        pattern = ".+".join(map(re.escape, re.split("%[sdq]", line)))
        assert any(re.match(pattern, message) for message in given), line
