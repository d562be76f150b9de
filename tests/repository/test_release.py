"""The steps of a release that are scripts of ours (.ci, .github/workflows/release.yaml)."""

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ROOT

Run = Callable[..., subprocess.CompletedProcess[str]]

VERSION: str = strict_yaml.load_file(ROOT / "Chart.yaml")["version"]

CHANGELOG = """\
# Changelog

## 1.2.3 (2026-12-01)

- Something new.

### Upgrade

Set a key.

## 1.2.30 (2026-11-01)

- Something old.
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What the scripts read, ready for the release of 1.2.3."""
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / "chart").mkdir()
    for name in ("Chart.yaml", "Chart.lock", "chart/Chart.yaml", "pyproject.toml"):
        text = (ROOT / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace(VERSION, "1.2.3"), encoding="utf-8")
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(tree: Path) -> Run:
    """Run a script of .ci in the tree."""

    def script(name: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [tree / ".ci" / name, *arguments],
            cwd=tree,
            env={**os.environ, **more},
            capture_output=True,
            text=True,
        )

    return script


def test_both_charts_and_the_package_have_one_version() -> None:
    wrapper = strict_yaml.load_file(ROOT / "Chart.yaml")
    (add_on,) = (each for each in wrapper["dependencies"] if each["name"] == "observability")
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert {
        "chart/Chart.yaml": strict_yaml.load_file(ROOT / "chart" / "Chart.yaml")["version"],
        "the dependency in Chart.yaml": add_on["version"],
        "pyproject.toml": pyproject["project"]["version"],
    } == dict.fromkeys(
        ("chart/Chart.yaml", "the dependency in Chart.yaml", "pyproject.toml"), VERSION
    )


def test_the_changelog_begins_with_the_version_that_is_next_or_was_last() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    date = r"\((?:unreleased|20\d\d-\d\d-\d\d)\)"
    assert re.fullmatch(rf"{re.escape(VERSION)} {date}", headings[0])


def test_a_tag_that_fits_all_versions_is_accepted(run: Run) -> None:
    done = run("check-version", "v1.2.3")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_tag_of_another_version_is_refused_with_all_files_to_change(run: Run) -> None:
    done = run("check-version", "v1.3.0")
    assert done.returncode == 1
    dependency = "(the dependency observability)"
    for name in (
        *("Chart.yaml", "chart/Chart.yaml", "pyproject.toml"),
        *(f"Chart.yaml {dependency}", f"Chart.lock {dependency}"),
    ):
        assert f"The tag is v1.3.0, but {name} has the version 1.2.3." in done.stderr
    assert 'CHANGELOG.md has no section "## 1.3.0 (<date>)"' in done.stderr


@pytest.mark.parametrize("name", ["Chart.yaml", "Chart.lock"])
def test_an_add_on_that_was_forgotten_as_dependency_is_named(
    run: Run, tree: Path, name: str
) -> None:
    text = (tree / name).read_text(encoding="utf-8")
    before, _, entry = text.partition("name: observability")
    (tree / name).write_text(f"{before}name: observability{entry.replace('1.2.3', '1.2.2', 1)}")
    done = run("check-version", "v1.2.3")
    assert done.returncode == 1
    place = f"{name} (the dependency observability)"
    assert done.stderr == f"The tag is v1.2.3, but {place} has the version 1.2.2.\n"


def test_a_section_without_a_date_is_not_released(run: Run, tree: Path) -> None:
    changelog = tree / "CHANGELOG.md"
    changelog.write_text(CHANGELOG.replace("1.2.3 (2026-12-01)", "1.2.3 (unreleased)"))
    assert "CHANGELOG.md has no section" in run("check-version", "v1.2.3").stderr


def test_the_release_notes_are_the_section_of_the_version(run: Run) -> None:
    notes = run("release-notes", "1.2.3").stdout
    assert "Something new" in notes
    assert "Set a key" in notes
    assert "Something old" not in notes


@pytest.fixture
def programs(tree: Path, program: Callable[[str], Path]) -> Path:
    """A directory with a helm that pushes nowhere and a cosign that notes what it signs."""
    program("sha256sum")
    directory = tree / "bin"
    directory.mkdir()
    (directory / "helm").write_text(
        "#!/bin/sh\n"
        "name=${2%-1.2.3.tgz}\n"
        'echo "Pushed: ${3#oci://}/$name:1.2.3" >&2\n'
        'echo "Digest: sha256:$(echo "$name" | sha256sum | cut -c1-64)" >&2\n'
    )
    (directory / "cosign").write_text('#!/bin/sh\necho "$@" >>signed\n')
    for script in directory.iterdir():
        script.chmod(0o755)
    dist = tree / "dist"
    dist.mkdir()
    for name in ("airflow-platform", "observability"):
        (dist / f"{name}-1.2.3.tgz").write_text(name)
    return directory


def pushed(name: str) -> str:
    """The digest that the helm above reports."""
    return sha256(f"{name}\n".encode()).hexdigest()


def test_both_charts_are_signed_by_the_digest_that_was_pushed(
    run: Run, tree: Path, programs: Path
) -> None:
    registry = "registry.example.com/charts"
    done = run("publish", "dist", registry, PATH=f"{programs}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    charts = [f"{registry}/{name}" for name in ("airflow-platform", "observability")]
    assert (tree / "dist" / "signed").read_text().splitlines() == [
        f"sign --yes {chart}@sha256:{pushed(chart.rpartition('/')[2])}" for chart in charts
    ]
    lines = (tree / "dist" / "subjects.sha256").read_text().splitlines()
    subjects = {subject: digest for digest, subject in (line.split("  ") for line in lines)}
    assert subjects == {
        **{chart: pushed(chart.rpartition("/")[2]) for chart in charts},
        **{
            f"{name}-1.2.3.tgz": sha256(name.encode()).hexdigest()
            for name in ("airflow-platform", "observability")
        },
    }


def test_what_was_not_pushed_is_not_signed(run: Run, tree: Path, programs: Path) -> None:
    (programs / "helm").write_text("#!/bin/sh\necho pushed something\n")
    done = run("publish", "dist", "registry", PATH=f"{programs}:{os.environ['PATH']}")
    assert done.returncode == 1
    assert "did not say what it had pushed" in done.stderr
    assert not (tree / "dist" / "signed").exists()
