"""The generated files, and the command that writes them."""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_platform import cli
from airflow_platform.generate import files
from airflow_platform.generate.comments import comments
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON, ROOT

CHARTS = pytest.mark.parametrize("chart", [ROOT, ADDON], ids=["wrapper", "add-on"])
REFERENCE = ROOT / "docs" / "values.md"

KeyPath = tuple[str, ...]


def test_every_generated_file_is_up_to_date() -> None:
    assert [os.path.relpath(path) for path in files.outdated()] == [], (
        "run: airflow-platform generate"
    )


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with three generated files: one as it should be, one edited, one missing."""
    texts = {tmp_path / name: f"{name}\n" for name in ("same.md", "edited.md", "missing.md")}
    monkeypatch.setattr(files, "generated", lambda: texts)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "same.md").write_text("same.md\n")
    (tmp_path / "edited.md").write_text("edited by hand\n")
    return tmp_path


def test_generate_writes_what_is_out_of_date_and_nothing_else(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.utime(repository / "same.md", (1, 1))
    assert cli.main(["generate"]) == 0
    assert capsys.readouterr().out.split() == ["edited.md", "missing.md"]
    assert (repository / "same.md").stat().st_mtime == 1
    assert (repository / "edited.md").read_text() == "edited.md\n"
    assert (repository / "missing.md").read_text() == "missing.md\n"


def test_check_names_what_is_out_of_date_and_writes_nothing(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["generate", "--check"]) == 1
    said = capsys.readouterr()
    assert said.out.split() == ["edited.md", "missing.md"]
    assert "airflow-platform generate" in said.err
    assert (repository / "edited.md").read_text() == "edited by hand\n"
    assert not (repository / "missing.md").exists()


def test_after_generate_check_finds_nothing(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files.write()
    assert cli.main(["generate", "--check"]) == 0
    assert capsys.readouterr().out == ""


def schema_of(chart: Path) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((chart / "values.schema.json").read_text(encoding="utf-8"))
    return schema


def properties(schema: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield each property that the schema names, wherever it is, by its path in the document."""
    if isinstance(schema, Mapping):
        for key, child in schema.items():
            if path and path[-1] == "properties":
                yield (*path, key), child
            yield from properties(child, (*path, key))
    elif isinstance(schema, list):
        for number, child in enumerate(schema):
            yield from properties(child, (*path, str(number)))


@CHARTS
def test_the_description_of_a_key_is_its_comment(chart: Path) -> None:
    described = {
        tuple(name for name in path if name != "properties"): child["description"]
        for path, child in properties(schema_of(chart))
        if set(path[::2]) == {"properties"}
    }
    said = comments(chart / "values.yaml")
    assert set(described) & set(said)
    assert {path: text for path, text in described.items() if path in said} == {
        path: text for path, text in said.items() if path in described
    }


@CHARTS
def test_whatever_can_be_set_has_a_description(chart: Path) -> None:
    silent = [
        ".".join(path)
        for path, child in properties(schema_of(chart))
        if child is not False and not child.get("description")
    ]
    assert silent == []


@pytest.fixture(scope="module")
def reference() -> str:
    return REFERENCE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def documented(reference: str) -> Mapping[str, str]:
    """What docs/values.md says about each key, by its full name."""
    parts = re.split(r"^(?:#+ |- \*\*)`(.+?)`(?:\*\*(?:: )?)?", reference, flags=re.MULTILINE)
    names, texts = parts[1::2], parts[2::2]
    assert {name for name, count in Counter(names).items() if count > 1} == set()
    return dict(zip(names, texts, strict=True))


def names(values: Any, prefix: str = "") -> Iterator[str]:
    for key, value in values.items() if isinstance(values, Mapping) else ():
        name = prefix + key.replace(".", r"\.")
        yield name
        yield from names(value, f"{name}.")


def test_the_reference_has_every_key_of_values_yaml_once(documented: Mapping[str, str]) -> None:
    addon = strict_yaml.load_file(ADDON / "values.yaml")
    keys = set(names(strict_yaml.load_file(ROOT / "values.yaml")))
    keys |= set(names({"global": addon.pop("global")}))
    keys |= set(names({"observability": addon}))
    assert keys - set(documented) == set()
    # What has no default is in the schema only.
    own = {name for name in set(documented) - keys if not re.search(r"<name>|\[\]", name)}
    assert {name for name in own if "default" in documented[name].partition("\\\n")[0]} == set()


def test_the_reference_says_what_a_value_must_be(documented: Mapping[str, str]) -> None:
    said = {name: text.partition("\\\n")[0] for name, text in documented.items()}
    assert said["global.taskLogs.loki.compression"] == (
        "one of `snappy`, `gzip`, `zlib`, `zstd`, `none`; default `snappy`"
    )
    assert said["global.taskLogs.drain.timeoutSeconds"] == (
        "integer or null, at least 3; default `null`"
    )
    assert said["global.taskLogs.loki.path"].startswith("string, matching `^/`; default ")
    assert "required" in said["observability.statsdExporter.extraEnv[].name"]
    assert "`DagRunFailed`" in said["observability.prometheusRule.alerts"]
    assert "containing `offset`" in said["global.taskLogs.metadataFields"]


def test_every_pattern_and_choice_of_the_schema_is_in_the_reference(reference: str) -> None:
    def facts(schema: Any) -> Iterator[str]:
        for part in schema.values() if isinstance(schema, Mapping) else schema:
            if isinstance(part, Mapping | list):
                yield from facts(part)
        if isinstance(schema, Mapping):
            yield from filter(None, (schema.get("pattern"), *schema.get("enum", ())))

    missing = {fact for fact in facts(schema_of(ADDON)) if f"`{fact}`" not in reference}
    assert missing == set()


def test_the_reference_says_by_which_command_it_is_made(reference: str) -> None:
    assert "airflow-platform generate" in reference.splitlines()[0]


def test_the_links_of_the_reference_lead_somewhere(reference: str) -> None:
    headings = re.findall(r"^#+ (.+)$", reference, re.MULTILINE)
    # GitHub's anchors: lower case, without punctuation.
    anchors = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
    without_code = re.sub(r"`[^`\n]*`", "", reference)
    for link in re.findall(r"\]\((?!https:)([^)]+)\)", without_code):
        page, _, anchor = link.partition("#")
        assert (REFERENCE.parent / page).exists(), link
        assert not anchor or anchor in anchors, link
