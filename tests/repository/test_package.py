"""The packages of a release have what their READMEs lead to, and install as the repository does."""

import base64
import gzip
import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_platform.manifests import Render
from airflow_platform.rendering import helm
from airflow_platform.rendering.staging import stage, stage_addon
from airflow_platform.rendering.upstream import find_upstream
from airflow_platform.support import strict_yaml
from airflow_platform.support.answers import ask
from airflow_platform.support.project import ADDON, KUBE_VERSION, RELEASE, ROOT, environments
from airflow_platform.support.tools import tool

from ..packages import URL, checkout, make_packages

pytestmark = pytest.mark.xdist_group("package")

LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^ *```.*?^ *```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
# Of the 1 MiB that the Secret of a release can hold; the rest is for manifests and values.
LARGEST_BYTES = {"airflow-platform": 800_000, "observability": 350_000}

WRAPPER, ADD_ON = "airflow-platform", "observability"
CHARTS = pytest.mark.parametrize("chart", [WRAPPER, ADD_ON])
MAJORS = pytest.mark.parametrize("major", helm.MAJORS)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory, tracked_files: tuple[str, ...]) -> Path:
    """A checkout on a closed network: the official chart is in charts/."""
    return checkout(tmp_path_factory.mktemp("tree"), tracked_files)


@pytest.fixture(scope="module")
def packages(tree: Path, program: Callable[[str], Path]) -> Path:
    """The directory with both packages."""
    for name in ("make", "tar"):
        program(name)
    return make_packages(tree)


@pytest.fixture(scope="module")
def unpacked(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the contents of both packages."""
    directory = tmp_path_factory.mktemp("unpacked")
    for package in packages.glob("*.tgz"):
        with tarfile.open(package) as archive:
            archive.extractall(directory, filter="data")
    return directory


def files(directory: Path) -> set[str]:
    return {
        path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()
    }


def links(document: Path) -> Iterator[str]:
    """The links of a document without their anchors; those within the document are left out."""
    for link in LINK.findall(CODE.sub("", document.read_text(encoding="utf-8"))):
        if not link.startswith("#"):
            yield link.partition("#")[0]


def test_values_examples_and_documents_are_in_the_package(
    unpacked: Path, tracked_files: tuple[str, ...]
) -> None:
    folders = r"(values|examples|docs|contracts)/"
    wanted = {name for name in tracked_files if re.match(folders, name)}
    assert {f"values/{environment}.yaml" for environment in environments()} <= wanted
    assert "docs/runbooks/task-logs.md" in wanted
    assert "contracts/airflow_jobs/dags.py" in wanted, "templates read the package"
    assert wanted <= files(unpacked / WRAPPER)


def test_nothing_else_is_in_the_package(unpacked: Path) -> None:
    found = {Path(name).parts[0] for name in files(unpacked / WRAPPER)}
    assert found == {
        *("Chart.yaml", "Chart.lock", "values.yaml", "values.schema.json", "charts", "templates"),
        *(
            "files",
            "contracts",
            "values",
            "examples",
            "docs",
            "README.md",
            "CHANGELOG.md",
            "LICENSE",
        ),
    }
    found = {Path(name).parts[0] for name in files(unpacked / ADD_ON)}
    assert found == {
        *("Chart.yaml", "values.yaml", "values.schema.json", "templates", "files", "README.md"),
    }


@pytest.mark.parametrize(
    ("readme", "source"),
    [
        (f"{WRAPPER}/README.md", "README.md"),
        (f"{WRAPPER}/charts/{ADD_ON}/README.md", "chart/README.md"),
        (f"{ADD_ON}/README.md", "chart/README.md"),
    ],
)
def test_every_link_of_a_readme_is_absolute_and_leads_to_a_file(
    unpacked: Path, readme: str, source: str
) -> None:
    def absolute(link: str) -> str:
        if re.match(r"https?://", link):
            return link
        return f"{URL}/{((ROOT / source).parent / link).resolve().relative_to(ROOT)}"

    expected = [absolute(link) for link in links(ROOT / source)]
    assert expected
    found = list(links(unpacked / readme))
    assert [link.rstrip("/") for link in found] == [link.rstrip("/") for link in expected]


def test_every_link_of_a_document_leads_into_the_package_or_is_absolute(unpacked: Path) -> None:
    documents = list((unpacked / WRAPPER / "docs").rglob("*.md"))
    assert documents
    for document in documents:
        for link in links(document):
            if link.startswith(URL):
                assert (ROOT / link.removeprefix(f"{URL}/")).exists(), f"{document}: {link}"
            elif not re.match(r"https?://", link):
                assert (document.parent / link).exists(), f"{document}: {link}"


@CHARTS
def test_a_release_leaves_room_in_its_secret(unpacked: Path, chart: str) -> None:
    """Helm keeps the files of the chart, documents included, in the Secret of each release.

    They are compressed, in base64 as members of a JSON text. Those of charts in charts/ are not.
    """
    kept = [
        {"name": name, "data": base64.b64encode((unpacked / chart / name).read_bytes()).decode()}
        for name in sorted(files(unpacked / chart))
        if not name.startswith("charts/")
    ]
    stored = base64.b64encode(gzip.compress(json.dumps(kept).encode(), 9))
    assert len(stored) < LARGEST_BYTES[chart]


CHART_PARTS = r"(Chart\.lock|values\.yaml|values\.schema\.json|templates/.+|files/.+)"


@pytest.mark.parametrize(
    ("chart", "source"),
    [(WRAPPER, ROOT), (f"{WRAPPER}/charts/{ADD_ON}", ADDON), (ADD_ON, ADDON)],
)
def test_the_package_is_the_chart_of_the_repository(
    unpacked: Path, chart: str, source: Path
) -> None:
    found = {name for name in files(unpacked / chart) if re.fullmatch(CHART_PARTS, name)}
    assert found
    for name in found:
        assert (unpacked / chart / name).read_bytes() == (source / name).read_bytes(), name
    for part in ("templates", "files"):
        assert {f"{part}/{name}" for name in files(source / part)} <= found


def test_the_official_chart_is_in_the_package_unchanged(unpacked: Path, tmp_path: Path) -> None:
    path = find_upstream().path
    if path.is_file():
        with tarfile.open(path) as archive:
            archive.extractall(tmp_path, filter="data")
        path = tmp_path / "airflow"
    packaged = unpacked / WRAPPER / "charts" / "airflow"
    wanted = {name for name in files(path) if re.fullmatch(CHART_PARTS, name)}
    assert wanted
    for name in wanted:
        assert (packaged / name).read_bytes() == (path / name).read_bytes(), name


@MAJORS
@pytest.mark.parametrize("chart", [WRAPPER, ADD_ON])
def test_helm_lint_passes_without_a_values_file(
    program: Callable[[str], Path], chart: str, major: int
) -> None:
    staged = stage(find_upstream()) if chart == WRAPPER else stage_addon()
    arguments = [str(staged), "--strict", "--kube-version", KUBE_VERSION]
    answer = ask(program(f"helm{major}"), "lint", *arguments, given="")
    assert answer.code == 0, answer.stdout + answer.stderr


@MAJORS
def test_helm_lint_passes_with_a_values_file_that_sets_one_key(
    program: Callable[[str], Path], major: int
) -> None:
    arguments = [str(stage(find_upstream())), "--strict", "--kube-version", KUBE_VERSION]
    arguments += ["--set", "global.imageRegistry=registry.example.com"]
    answer = ask(program(f"helm{major}"), "lint", *arguments, given="")
    assert answer.code == 0, answer.stdout + answer.stderr


@MAJORS
def test_a_vendored_official_chart_needs_no_repository(
    tree: Path, tmp_path: Path, major: int
) -> None:
    """The commands of "Closed networks" in the README."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("### Closed networks\n")[2]
    commands = re.findall(r"^helm (package .+?)(?: *#.*)?$", section, re.MULTILINE)
    assert commands == ["package chart --destination charts", "package ."]
    checkout = tmp_path / "checkout"
    shutil.copytree(
        tree, checkout, ignore=shutil.ignore_patterns(".venv", "dist", "observability*")
    )
    for command in commands:
        done = subprocess.run(
            [str(tool(f"helm{major}")), *command.split()],
            cwd=checkout,
            env={**os.environ, "HELM_CONFIG_HOME": str(tmp_path), "HELM_CACHE_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    version = strict_yaml.load_file(ROOT / "Chart.yaml")["version"]
    for chart in (checkout, checkout / f"{WRAPPER}-{version}.tgz"):
        # Helm asks for each dependency first, also for one that is switched off.
        arguments = ["template", RELEASE, str(chart), "--set", "airflow.enabled=false"]
        done = helm.run(major, [*arguments, "--kube-version", KUBE_VERSION])
        assert done.returncode == 0, done.stderr
        assert Render.from_text(done.stdout).get("ConfigMap", f"{RELEASE}-task-logs")
