import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_platform import cli
from airflow_platform.manifests import Render
from airflow_platform.manifests.images import images
from airflow_platform.rendering import output
from airflow_platform.rendering.render import render
from airflow_platform.rendering.upstream import STAND_IN, find_upstream, stand_in
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import environments


@pytest.fixture
def run(capsys):
    """Run a command; return its exit code, stdout, and stderr less progress and the stand-in's."""

    def run_command(*arguments):
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as stopped:
            code = stopped.code
        said = capsys.readouterr()
        aside = re.compile(r"Rendering with Helm|.* a stand-in ")
        errors = [line for line in said.err.splitlines() if not aside.match(line)]
        return code, said.out, "\n".join(errors)

    return run_command


def objects(text: str) -> set[tuple[str, str]]:
    return {(m.kind, m.name) for m in Render.from_text(text).manifests}


@pytest.mark.parametrize("environment", environments())
def test_render_prints_the_manifests_and_what_to_look_at_apart_from_them(run, environment):
    code, out, err = run("render", environment)
    assert code == 0
    assert err.startswith("WARNING: ")
    assert "\nWARNING: the database runs in the cluster" in err
    assert objects(out) == {(m.kind, m.name) for m in render(environment).manifests}


def test_render_takes_helms_options(run, tmp_path):
    file = tmp_path / "more.yaml"
    file.write_text("observability: {commonLabels: {team: data}}")
    options = ["--values", file, "--set", "observability.commonLabels.cost=low", "--helm", 3]
    options += ["--release", "af", "--namespace", "data", "--kube-version", "1.34.0"]
    code, out, _ = run("render", "prod", *options)
    assert code == 0
    labels = Render.from_text(out).get("Service", "af-statsd-exporter").labels
    assert (labels["team"], labels["cost"]) == ("data", "low")


def test_render_writes_one_file_per_object(run, tmp_path):
    directory = tmp_path / "manifests"
    code, out, _ = run("render", "prod", "--output", directory)
    assert (code, out) == (0, "")
    expected = render("prod").manifests
    files = list(directory.iterdir())
    assert len(files) == len(expected)
    for manifest in expected:
        file = directory / f"{manifest.kind.lower()}-{manifest.name}.yaml"
        assert strict_yaml.load_file(file)["metadata"]["name"] == manifest.name


def test_objects_of_the_same_kind_and_name_get_files_of_their_own(tmp_path):
    text = "".join(
        f"---\n{{apiVersion: v1, kind: Role, metadata: {{name: same, namespace: {namespace}}}}}\n"
        for namespace in ("one", "two")
    )
    output.write_directory(Render.from_text(text), stand_in(), tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {
        "role-same-one.yaml",
        "role-same-two.yaml",
    }


def test_render_does_not_mix_with_what_is_in_the_directory(run, tmp_path):
    (tmp_path / "old.yaml").write_text("old: true")
    code, _, err = run("render", "prod", "--output", tmp_path)
    assert code == 1
    assert "is not empty" in err


BAD_INPUT = {
    "no such environment": (["produ"], 'no environment "produ" (did you mean "prod"?)'),
    "no such file": (["prod", "-f", "nowhere.yaml"], "nowhere.yaml: cannot be read"),
    "not YAML": (["prod", "-f", "{broken}"], "broken.yaml, line 2"),
    "duplicate key": (["prod", "-f", "{double}"], 'double.yaml, line 2: duplicate key "global"'),
    "a list": (["prod", "-f", "{list}"], "list.yaml is not a values file"),
    "unknown key": (["prod", "--set", "airflwo.a=1"], "top level: unknown key 'airflwo'"),
    "unknown key of the add-on": (
        ["prod", "--set", "observability.nonsense=1"],
        "observability: unknown key 'nonsense'",
    ),
    "unknown key below global": (
        ["prod", "--set", "global.taskLogs.nonsense=1"],
        "global.taskLogs: unknown key 'nonsense'",
    ),
    "wrong type": (
        ["prod", "--set", "global.taskLogs.enabled=maybe"],
        "global.taskLogs.enabled: got string, want boolean",
    ),
    "no mapping": (["prod", "--set", "airflow=1"], "airflow"),
    "bad --set": (["prod", "--set", "airflow"], 'key "airflow" has no value'),
    "long release name": (["prod", "--release", "r" * 54], "54 characters"),
    "bad Kubernetes version": (["prod", "--kube-version", "new"], "invalid kube version 'new'"),
    "old Kubernetes": (["prod", "--kube-version", "1.20.0"], "incompatible with Kubernetes"),
}


@pytest.mark.parametrize(("arguments", "message"), BAD_INPUT.values(), ids=BAD_INPUT)
def test_bad_input_is_one_message_on_stderr(run, tmp_path, arguments, message):
    files = {"broken": "a: [", "double": "global: {}\nglobal: {}\n", "list": "- a"}
    paths = {}
    for name, text in files.items():
        paths[name] = tmp_path / f"{name}.yaml"
        paths[name].write_text(text)
    arguments = [argument.format(**paths) for argument in arguments]
    code, out, err = run("render", *arguments)
    assert (code, out) == (1, "")
    assert message in err
    assert not re.search(r"Traceback|Error:|--debug|level=|%!", err), err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["rendr"],
        ["render"],
        ["render", "prod", "--helm", "2"],
        ["lint", "prod"],
        ["generate", "prod"],
        ["bench"],
    ],
)
def test_wrong_usage_shows_the_usage(run, arguments):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("usage: airflow-platform")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give one of these: render, lint, check,"),
        (["bench"], "give one of these: capture, injection, metrics"),
        (["validate"], "'check'"),
        (["render"], "for example: airflow-platform render prod"),
        (["render", "--set", "a=b"], "name an environment (dev, prod, staging)"),
    ],
)
def test_wrong_usage_says_what_to_write(run, arguments, message):
    assert message in run(*arguments)[2]


def test_the_stand_in_is_announced_in_one_line(capsys):
    output.announce_stand_in(stand_in())
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "AIRFLOW_CHART" in said.err


def test_what_is_rendered_with_the_stand_in_says_so_itself(run, monkeypatch, tmp_path):
    monkeypatch.setattr("airflow_platform.rendering.upstream.find_upstream", stand_in)
    monkeypatch.setenv("AIRFLOW_CHART", str(STAND_IN))
    code, out, _ = run("render", "dev", "--output", tmp_path / "manifests")
    assert (code, out) == (0, "")
    files = [file.read_text() for file in (tmp_path / "manifests").iterdir()]
    code, out, _ = run("render", "dev")
    assert code == 0
    for text in (out, *files):
        first, _, rest = text.partition("\n")
        assert first.startswith("# The official chart airflow "), first
        assert "a stand-in" in first
        assert Render.from_text(rest).manifests


@pytest.mark.official_chart
def test_what_is_rendered_with_the_official_chart_begins_with_it(run):
    _, out, _ = run("render", "dev")
    assert out.startswith("---\n")


@pytest.mark.official_chart
def test_the_official_chart_needs_no_announcement(capsys):
    output.announce_stand_in(find_upstream())
    assert capsys.readouterr().err == ""


def test_a_reader_that_stops_early_is_no_error():
    command = [Path(sys.executable).with_name("airflow-platform"), "render", "prod"]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert done.returncode == 1
    assert not re.search("Traceback|BrokenPipe|Exception", done.stderr)


def test_tools_shows_versions_and_paths(run):
    code, out, _ = run("tools", "helm4")
    assert code == 0
    assert re.fullmatch(r"helm4 4\.\d+\.\d+ /.*\n", out)
    code, out, _ = run("tools")
    assert code == 0
    assert re.search(r"^helm4 4\S+ /", out, re.MULTILINE)
    assert "kube-apiserver 1." in out


@pytest.mark.official_chart
def test_images_are_listed_for_a_mirror(run):
    code, out, err = run("images", "prod")
    listed = out.splitlines()
    assert (code, err) == (0, "")
    assert listed == sorted(set(listed))
    assert listed == list(images(render("prod")))
    assert {"apache/airflow:3.1.7", "registry.k8s.io/git-sync/git-sync:v4.4.2"} <= set(listed)
    _, of_all, _ = run("images")
    assert set(listed) <= set(of_all.splitlines())


@pytest.mark.official_chart
def test_images_says_which_do_not_come_from_the_registry(run):
    own = "registry.company/airflow"
    options = ["--set", "global.imageRegistry=mirror.example.com"]
    options += ["--set", f"airflow.images.airflow.repository={own}"]
    code, out, err = run("images", "prod", *options)
    assert code == 0
    assert f"{own}:3.1.7" in out.splitlines()
    assert "do not come from global.imageRegistry" in err
    assert f"  {own}:3.1.7" in err.splitlines()
    _, text, _ = run("images", "prod", *options, "--output", "json")
    answer = json.loads(text)
    assert answer == {"images": out.splitlines(), "fromOtherRegistries": [f"{own}:3.1.7"]}


def test_images_needs_the_official_chart(run, monkeypatch):
    monkeypatch.setattr("airflow_platform.rendering.upstream.find_upstream", stand_in)
    code, out, err = run("images", "prod")
    assert (code, out) == (1, "")
    assert "AIRFLOW_CHART" in err
