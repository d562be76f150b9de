"""What documents about DAGs, connections and Celery, and their overlays, tell people to type."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.manifests import Render
from airflow_platform.rendering.render import render
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import NAMESPACE, ROOT

from ..repository.documents import text_of

pytestmark = pytest.mark.official_chart

DOCUMENTS = ("docs/dags.md", "docs/connections.md", "docs/celery.md")
FOLDERS = ("dag-delivery", "connections", "celery")


def blocks(document: str, language: str) -> list[str]:
    """The blocks of code of a language, each line with those that continue it."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", text_of(document), re.M | re.S)
    return [re.sub(r"\\\n\s*", "", block) for block in found]


def helm_commands(text: str) -> Iterator[tuple[str, ...]]:
    for line in text.splitlines():
        if re.match(r"helm (install|upgrade) ", line):
            yield tuple(shlex.split(line))


def rendered(command: tuple[str, ...]) -> Render:
    """What the command installs; a file that --set-file names has a line of its own here."""
    files: list[Any] = []
    sets: list[str] = []
    words = iter(command)
    for word in words:
        if word == "-f":
            files.append(ROOT / next(words))
        elif word == "--set":
            sets.append(next(words))
        elif word == "--set-file":
            sets.append(f"{next(words).partition('=')[0]}=git.example.com ssh-ed25519 AAAA")
        elif word == "-n":
            assert next(words) == NAMESPACE
    return render(values=files, sets=sets)


def of_overlays() -> Iterator[tuple[str, tuple[str, ...]]]:
    """The file and the command in the first lines of each overlay."""
    for folder in FOLDERS:
        for file in sorted((ROOT / "examples" / folder).glob("*.yaml")):
            head = file.read_text(encoding="utf-8").partition("\n\n")[0]
            text = re.sub(r"\\\n#\s*", "", head)
            for command in helm_commands(re.sub(r"^#\s*", "", text, flags=re.MULTILINE)):
                yield file.relative_to(ROOT).as_posix(), command


COMMANDS = [
    *(
        (document, command)
        for document in DOCUMENTS
        for block in blocks(document, "sh")
        for command in helm_commands(block)
    ),
    *of_overlays(),
]


def test_each_overlay_says_how_it_is_installed() -> None:
    files = {
        file.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for file in (ROOT / "examples" / folder).glob("*.yaml")
    }
    said = dict(of_overlays())
    assert set(said) == files
    for file, command in said.items():
        assert file in command


@pytest.mark.parametrize("command", sorted({command for _, command in COMMANDS}), ids=shlex.join)
def test_every_command_of_helm_renders(command: tuple[str, ...]) -> None:
    assert rendered(command).manifests


def keys_needed(release: Render) -> dict[str, set[str]]:
    """By Secret the keys that pods take one by one."""
    found: dict[str, set[str]] = {}
    for pod in release.pods():
        volumes = pod.volumes()
        for container in pod.containers().values():
            for variable in container.document.get("env") or ():
                if source := (variable.get("valueFrom") or {}).get("secretKeyRef"):
                    found.setdefault(source["name"], set()).add(source["key"])
            for mount in container.document.get("volumeMounts") or ():
                secret = volumes.get(mount["name"], {}).get("secret")
                if secret and mount.get("subPath"):
                    found.setdefault(secret["secretName"], set()).add(mount["subPath"])
    return found


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_secrets_that_are_made_have_the_keys_that_pods_take(document: str) -> None:
    made = 0
    for block in blocks(document, "sh"):
        commands = list(helm_commands(block))
        # A block without an installation belongs to the overlay of Secrets.
        default = ("-f", "values/prod.yaml", "-f", "examples/connections/values.yaml")
        needed = keys_needed(rendered(commands[-1] if commands else default))
        for name, arguments in re.findall(r"create secret generic ([\w-]+)(.*)", block):
            keys = {
                found.partition("=")[0].rpartition("/")[2]
                for found in re.findall(r"--from-file=(\S+)", arguments)
            }
            made += 1
            assert keys == needed[name], name
    assert made


@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_command_has_a_secret_on_its_line(document: str) -> None:
    for block in blocks(document, "sh"):
        assert "--from-literal" not in block


def settings() -> Iterator[tuple[str, str]]:
    for document in DOCUMENTS:
        for block in blocks(document, "yaml"):
            yield document, block


@pytest.mark.parametrize(("document", "block"), settings())
def test_every_block_of_values_can_be_set(document: str, block: str) -> None:
    assert render("prod", values=[strict_yaml.load(block, document)]).manifests


def test_files_are_copied_into_the_dags_folder_of_a_container_that_may_write() -> None:
    (block,) = [
        each for each in blocks("docs/dags.md", "sh") if "kubectl" in each and " cp " in each
    ]
    (command,) = helm_commands(block)
    release = rendered(command)
    (container, target) = re.findall(r" cp -c (\S+) \S+ \"\$pod:(\S+)\"", block)[0]
    (selector,) = re.findall(r"-l (\S+)", block)
    wanted = dict(term.split("=") for term in selector.split(","))
    (pod,) = (pod for pod in release.pods() if wanted.items() <= pod.labels.items())
    mounts = {
        mount["mountPath"]: mount for mount in pod.containers()[container].document["volumeMounts"]
    }
    assert not mounts[target]["readOnly"]
    assert "persistentVolumeClaim" in pod.volumes()[mounts[target]["name"]]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_overlay_is_named_in_a_document(folder: str) -> None:
    texts = "".join(map(text_of, DOCUMENTS))
    for file in Path(ROOT / "examples" / folder).glob("*.yaml"):
        assert f"(../examples/{folder}/{file.name})" in texts
