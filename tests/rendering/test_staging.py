import shutil
import tarfile
from pathlib import Path

import pytest

from airflow_platform.manifests import Render
from airflow_platform.rendering import helm, staging
from airflow_platform.rendering.render import render
from airflow_platform.rendering.request import RenderRequest
from airflow_platform.rendering.upstream import find_upstream, stand_in
from airflow_platform.support.project import ADDON, ROOT, values_file

NEW = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: just-added}\n"


@pytest.fixture
def tree(tmp_path) -> Path:
    """A copy of both charts that a test may edit."""
    for part in (".helmignore", "Chart.yaml", "values.yaml", "values.schema.json"):
        shutil.copy(ROOT / part, tmp_path)
    for part in ("templates", "chart"):
        shutil.copytree(ROOT / part, tmp_path / part)
    return tmp_path


def rendered(tree: Path, major: int) -> Render:
    request = RenderRequest(
        chart=staging.stage(stand_in(), tree),
        values=(values_file("prod").read_text(encoding="utf-8"),),
        helm=major,
    )
    return Render.from_text(helm.output(request))


def package(chart: Path, destination: Path, major: int) -> set[str]:
    """The files that `helm package` ships, relative to the chart."""
    done = helm.run(major, ["package", str(chart), "--destination", str(destination)])
    assert done.returncode == 0, done.stderr
    (archive,) = destination.glob("*.tgz")
    with tarfile.open(archive) as content:
        return {member.name.partition("/")[2] for member in content}


@pytest.mark.parametrize("major", helm.MAJORS)
def test_an_edit_in_chart_is_seen_whatever_charts_holds(tree, major):
    package(tree / "chart", tree / "charts", major)  # as `helm dependency build` leaves it
    rendered(tree, major)
    (tree / "chart" / "templates" / "new.yaml").write_text(NEW)
    assert rendered(tree, major).get("ConfigMap", "just-added")


def test_an_edit_in_the_wrapper_is_seen(tree):
    rendered(tree, 4)
    (tree / "templates" / "new.yaml").write_text(NEW)
    assert rendered(tree, 4).get("ConfigMap", "just-added")


def test_the_same_content_is_staged_once(tree):
    assert staging.stage(stand_in(), tree) == staging.stage(stand_in(), tree)
    assert staging.stage_addon(tree) == staging.stage_addon(ROOT)


def files(directory: Path) -> set[str]:
    return {p.relative_to(directory).as_posix() for p in directory.rglob("*") if p.is_file()}


@pytest.mark.parametrize("major", helm.MAJORS)
def test_the_add_on_is_staged_as_it_is_packaged(major, tmp_path):
    packaged = package(ADDON, tmp_path, major)
    assert files(staging.stage_addon()) == packaged - {"README.md", ".helmignore"}


@pytest.mark.parametrize("major", helm.MAJORS)
def test_the_wrapper_is_staged_as_it_is_packaged(major, tmp_path):
    """With that, .helmignore keeps everything out of the package that is not the chart's."""
    whole = tmp_path / "whole"
    not_in_git = shutil.ignore_patterns(".git", ".venv", "charts", ".*_cache", "__pycache__")
    shutil.copytree(ROOT, whole, ignore=not_in_git)
    staged = staging.stage(stand_in())
    shutil.copytree(staged / "charts", whole / "charts")
    documents = {"Chart.lock", "README.md", "CHANGELOG.md", "UPGRADING.md", "LICENSE"}
    packaged = {
        name for name in package(whole, tmp_path, major) - documents if not name.startswith("docs/")
    }
    assert files(staged) == packaged


@pytest.mark.official_chart
# With the database's chart and without.
@pytest.mark.parametrize(("environment", "major"), [("dev", 3), ("prod", 4)])
def test_the_official_chart_renders_the_same_without_its_documents(environment, major, tmp_path):
    upstream = find_upstream()
    staged, whole = staging.stage(upstream), tmp_path / "whole"
    shutil.copytree(staged, whole, ignore=shutil.ignore_patterns("airflow"))
    if upstream.path.is_dir():
        shutil.copytree(upstream.path, whole / "charts" / "airflow")
    else:
        shutil.copy(upstream.path, whole / "charts")
    values = (values_file(environment).read_text(encoding="utf-8"),)
    output = helm.output(RenderRequest(whole, values, helm=major))
    ours, theirs = (
        {str(each): each.document for each in found.manifests}
        for found in (render(environment, helm=major), Render.from_text(output))
    )
    assert ours == theirs
