"""What a pull request shows of the manifests that it changes (.ci/diff-manifests)."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_platform.support.project import ROOT

# In place of the harness: an environment's manifest is its values file.
HARNESS = """\
#!/bin/sh
set -e
mkdir -p "$4"
cp "values/$2.yaml" "$4/configmap-settings.yaml"
"""
MAKEFILE = """\
.venv/installed:
\t@mkdir -p .venv/bin && cp harness .venv/bin/airflow-platform && touch $@
"""


@pytest.fixture
def tree(tmp_path: Path, program: Callable[[str], Path]) -> Path:
    """A repository with two environments, both in its one commit."""
    tree = tmp_path / "tree"
    (tree / "values").mkdir(parents=True)
    (tree / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "diff-manifests", tree / ".ci")
    (tree / "Makefile").write_text(MAKEFILE)
    (tree / "harness").write_text(HARNESS)
    (tree / "harness").chmod(0o755)
    (tree / ".gitignore").write_text("/.venv/\n/*.diff\n")
    for environment in ("dev", "prod"):
        (tree / "values" / f"{environment}.yaml").write_text("replicas: 1\n")
    git = [
        str(program("git")),
        "-C",
        str(tree),
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b.example",
    ]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message=first"]):
        subprocess.run([*git, *command], check=True)
    return tree


def summary(tree: Path) -> str:
    done = subprocess.run(
        [tree / ".ci" / "diff-manifests", "HEAD", "manifests.diff"],
        cwd=tree,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_changes_is_shown_with_its_environment(tree: Path) -> None:
    (tree / "values" / "prod.yaml").write_text("replicas: 3\n")
    text = summary(tree)
    assert "1 objects change." in text
    assert "+++ after/prod/configmap-settings.yaml\n" in text
    assert "-replicas: 1\n+replicas: 3\n" in text
    assert "/dev/" not in text
    assert (tree / "manifests.diff").read_text() in text


def test_a_new_environment_is_shown_whole(tree: Path) -> None:
    (tree / "values" / "test.yaml").write_text("replicas: 2\n")
    assert "+++ after/test/configmap-settings.yaml\n@@ -0,0 +1 @@\n+replicas: 2\n" in summary(tree)


def test_where_nothing_changes_the_summary_says_so(tree: Path) -> None:
    assert "No environment changes." in summary(tree)
    assert (tree / "manifests.diff").read_text() == ""


def test_a_summary_that_github_would_refuse_is_cut(tree: Path) -> None:
    lines = "".join(f"key{number}: {'x' * 1000}\n" for number in range(2000))
    (tree / "values" / "prod.yaml").write_text(lines)
    text = summary(tree)
    assert len(text) < 1024 * 1024
    assert text.endswith("\n``````\n\nThe rest is in the artifact.\n")
    assert "key1999" in (tree / "manifests.diff").read_text()


def test_a_render_that_fails_fails_the_comparison(tree: Path) -> None:
    (tree / "harness").write_text("#!/bin/sh\nexit 1\n")
    done = subprocess.run([tree / ".ci" / "diff-manifests", "HEAD", "manifests.diff"], cwd=tree)
    assert done.returncode != 0


def test_the_work_tree_of_the_comparison_does_not_stay(
    tree: Path, program: Callable[[str], Path]
) -> None:
    summary(tree)
    listing = subprocess.run(
        [program("git"), "-C", tree, "worktree", "list"], capture_output=True, text=True
    )
    assert len(listing.stdout.splitlines()) == 1
