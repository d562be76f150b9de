import os
import shutil
import subprocess

import pytest

from airflow_platform.support.project import ROOT


@pytest.fixture
def make(program, tmp_path):
    """Run make where nothing is installed yet."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)

    # A make that runs the tests is no part of what is tested.
    foreign = ("MAKE", "ARGS", "ENV")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program("make"), *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )

    return run


def test_without_python_make_says_what_to_install(make):
    done = make("render", "ENV=prod", "PYTHON=")
    assert done.returncode != 0
    assert "Python 3.11 or newer with venv is needed" in done.stderr


def test_render_without_an_environment_says_how_to_name_one(make, tmp_path):
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "installed").touch()
    done = make("render")
    assert done.returncode != 0
    assert "make render ENV=prod" in done.stderr


def test_make_without_a_target_lists_the_targets(make):
    done = make()
    assert done.returncode == 0
    for target in ("render", "test", "e2e", "e2e-node", "lint", "check", "generate", "clean"):
        assert f"make {target}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["generate", "ARGS=--check"], "airflow-platform generate --check"),
        (["render", "ENV=prod", "ARGS=-f mine.yaml"], "airflow-platform render prod -f mine.yaml"),
        (["check", "ENV=all"], "airflow-platform check all"),
        (["check", "ENV=prod", "ARGS=--help"], "airflow-platform check prod --help"),
    ],
)
def test_a_target_hands_on_its_arguments(make, tmp_path, arguments, command):
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "installed").touch()
    done = make("--dry-run", *arguments)
    assert done.returncode == 0
    assert done.stdout.strip().endswith(command)
