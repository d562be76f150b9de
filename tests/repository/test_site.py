"""The documents are a site whose links lead somewhere."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from airflow_platform.support.project import ROOT

from .documents import DOCUMENTS


def build(configuration: Path, target: Path) -> "subprocess.CompletedProcess[str]":
    """Build a site; warnings are errors."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", f"--site-dir={target}"]
    return subprocess.run(
        [*command, f"--config-file={configuration}"],
        text=True,
        capture_output=True,
        timeout=120,
        env={"NO_MKDOCS_2_WARNING": "1", "PATH": ""},
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built with `make docs`' settings."""
    target = tmp_path_factory.mktemp("site")
    done = build(ROOT / "mkdocs.yml", target)
    assert not done.returncode, done.stderr
    return target


def test_every_document_is_a_page(site: Path) -> None:
    pages = {page.relative_to(site).parent.as_posix() for page in site.rglob("index.html")}
    documents = [name.removeprefix("docs/") for name in DOCUMENTS if name.startswith("docs/")]
    assert {name.removesuffix(".md").removesuffix("index") or "." for name in documents} <= pages


def test_files_outside_are_pages_too_and_are_found_by_links_of_each_other(site: Path) -> None:
    architecture = (site / "architecture" / "index.html").read_text(encoding="utf-8")
    assert 'href="../repository/chart/"' in architecture
    drain = site / "repository" / "chart" / "files" / "task-logs" / "drain.sh"
    assert "trap" in (drain / "index.html").read_text(encoding="utf-8")
    readme = (site / "repository" / "index.html").read_text(encoding="utf-8")
    assert 'href="../values/"' in readme


def test_links_that_lead_nowhere_and_pages_that_nothing_leads_to_are_errors(tmp_path: Path) -> None:
    links = ("nowhere.md", "#nowhere", "/absolute", "../docs/outside.md")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Page\n" + "".join(f"\n[x]({x})" for x in links))
    (tmp_path / "docs" / "forgotten.md").write_text("# Page\n")
    configuration = tmp_path / "mkdocs.yml"
    inherited = {"INHERIT": str(ROOT / "mkdocs.yml"), "nav": ["index.md"], "hooks": []}
    configuration.write_text(yaml.safe_dump(inherited))
    done = build(configuration, tmp_path / "site")
    assert done.returncode
    for said in (*links, "forgotten.md"):
        assert said in done.stderr
