"""docs/secrets.md says what the chart and the command do."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.checks.kubeconform import default_versions, faults
from airflow_platform.manifests import Render
from airflow_platform.rendering.render import render
from airflow_platform.rendering.values import load_file, merged, with_sets
from airflow_platform.secrets.needs import needed
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ROOT, values_file

from ..chart.test_external_secrets import RELEASES, made, on, sources

TEXT = (ROOT / "docs" / "secrets.md").read_text(encoding="utf-8")
EXTERNAL = "## External Secrets"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def block(language: str, word: str) -> str:
    (found,) = (each for each in blocks(language) if word in each)
    return found


def rows() -> Iterator[tuple[str, str, set[str]]]:
    """The rows of the table of entries: entry, value with the name, and words of the last cell."""
    for entry, secret, keys in re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", TEXT, re.MULTILINE):
        yield entry, secret, set(re.findall(r"`([^`]+)`", keys))


def at(values: Any, path: str) -> Any:
    for key in path.split("."):
        values = (values or {}).get(key)
    return values


# Of a user of its own in PostgreSQL, and of replicas, which the table leaves out.
SPECIAL = {"postgres-password", "replication-password"}


def _of_their_own(values: Any) -> set[str]:
    """The Secrets that the values add, which no table can name."""
    entries = at(values, "secrets.externalSecrets.entries") or {}
    return {entry["secretName"] for entry in entries.values() if "secretName" in entry}


@pytest.mark.official_chart
def test_the_table_has_every_entry_with_its_keys_and_properties() -> None:
    listed = set()
    for arguments in RELEASES.values():
        files = [values_file(arguments["environment"])]
        given = [load_file(file) for file in (ROOT / "values.yaml", *files)]
        given += [
            dict(each) if isinstance(each, Mapping) else load_file(each)
            for each in arguments.get("values", ())
        ]
        values = with_sets(given, arguments.get("sets", ()))
        found = made(render(**{**arguments, "values": [*arguments.get("values", ()), on()]}))
        for entry, value, words in rows():
            name = "airflow-admin" if entry == "admin" else at(values, value.split("`")[1])
            if name not in found:
                continue
            listed.add((entry, name))
            external = found.pop(name)
            said = {*external.at("spec", "target", "template").get("data", {})}
            said |= set(sources(external))
            said |= {property_ for _, property_ in sources(external).values()}
            assert said <= words | SPECIAL, entry
        assert set(found) == _of_their_own(values)
    assert {entry for entry, _ in listed} == {entry for entry, _, _ in rows()}


def test_the_entries_of_the_example_make_what_it_says() -> None:
    values = strict_yaml.load(block("yaml", "warehouse-hosts"), "docs/secrets.md")
    found = made(render("prod", values=[merged(on(), values)]))
    assert sources(found["airflow-fernet"]) == {"fernet-key": ("shared/fernet", "fernet-key")}
    assert sources(found["airflow-jwt"]) == {"jwt-secret": ("airflow-jwt", "value")}
    assert "airflow-git-credentials" not in found
    assert sources(found["airflow-warehouse"])["host"] == ("warehouse-hosts", "primary")
    pull = found["registry-pull"].at("spec", "target", "template", "type")
    assert pull == "kubernetes.io/dockerconfigjson"


def test_the_stores_fit_their_definition() -> None:
    stores = [each for each in blocks("yaml") if "kind: ClusterSecretStore\nmetadata" in each]
    assert len(stores) == 2
    for store in stores:
        assert list(faults(Render.from_text(store), default_versions()[-1:])) == []


KUBECTL = """#!/bin/sh
[ "$1 $2" = "-n lakehouse-platform" ] || exit 1
case "$3" in
  annotate) echo "$5 $6" >>annotated ;;
  get) echo "$5" ;;
esac
"""
KUBESEAL = """#!/bin/sh
[ "$*" = "--format yaml" ] || exit 1
sed 's/^/sealed /'
"""
COMMAND = """#!/bin/sh
exec {program} "$1" "$2" "$5" "$6"
"""


@pytest.mark.official_chart
def test_the_commands_seal_every_secret_that_the_release_needs(tmp_path: Path) -> None:
    programs = {
        "kubectl": KUBECTL,
        "kubeseal": KUBESEAL,
        "airflow-platform": COMMAND.format(program=ROOT / ".venv" / "bin" / "airflow-platform"),
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    commands = block("sh", "kubeseal")
    subprocess.run(["sh", "-eu", "-c", commands], cwd=tmp_path, env=environment, check=True)
    names = {each.name for each in needed(render("prod"))}
    sealed = {file.stem: file.read_text() for file in (tmp_path / "sealed").iterdir()}
    assert sealed == {name: f"sealed {name}\n" for name in names}
    annotated = (tmp_path / "annotated").read_text(encoding="utf-8").split("\n")
    assert {f"{name} sealedsecrets.bitnami.com/managed=true" for name in names} == set(
        filter(None, annotated)
    )


def test_the_secret_that_is_made_by_hand_is_one_that_the_release_reads() -> None:
    command = block("sh", "/dev/stdin")
    name, key = re.findall(r"create secret generic (\S+) --from-file=(\S+)=/dev/stdin", command)[0]
    (secret,) = (each for each in needed(render("prod")) if each.name == name)
    assert set(secret.keys) == {key}


def test_the_variables_of_the_script_are_those_that_it_asks_for() -> None:
    from airflow_platform.secrets.recipes import recipes
    from airflow_platform.secrets.script import script

    rendered = render("prod")
    text = script(needed(rendered), recipes(rendered, needed(rendered)), "data")
    exported = re.findall(r"^export (\w+)=", block("sh", "export"), re.MULTILINE)
    assert len(exported) == 2
    for name in exported:
        assert f" {name.removesuffix('_FILE')} " in text
