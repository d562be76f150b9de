"""The script makes the Secrets of a release, and no list of processes shows what is in them."""

import base64
import os
import pty
import shutil
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from airflow_platform import cli
from airflow_platform.secrets.needs import Key, Needed
from airflow_platform.secrets.recipes import Random
from airflow_platform.secrets.script import script as write
from airflow_platform.support.project import ROOT

from ..chart.conftest import SECRETS

CELERY = ROOT / "examples" / "celery" / "values.yaml"
CLOUD_NATIVE_PG = ("database.cloudNativePG.enabled=true", "airflow.postgresql.enabled=false")
GIT = {
    "AIRFLOW_GIT_CREDENTIALS_GITSYNC_USERNAME": "me",
    "AIRFLOW_GIT_CREDENTIALS_GITSYNC_PASSWORD": "a password of $HOME and 'quotes'\\n",
}
# All that the script runs; nothing else is on its PATH.
PROGRAMS = ("awk", "cat", "cp", "ls", "mkdir", "mktemp", "od", "openssl", "rm", "stty", "tr")
WATCHED = """#!/bin/sh
printf '%s\\0' {name} "$@" >>"$ARGUMENTS"
exec {program} "$@"
"""

pytestmark = pytest.mark.official_chart


@dataclass
class Machine:
    """A machine with a shell, kubectl and openssl, which notes the arguments of all programs."""

    directory: Path

    @property
    def store(self) -> Path:
        return self.directory / "store"

    def environment(self, **variables: str) -> dict[str, str]:
        return {
            "PATH": str(self.directory / "bin"),
            "ARGUMENTS": str(self.directory / "arguments"),
            "STORE": str(self.store),
            "TMPDIR": str(self.directory / "tmp"),
            **variables,
        }

    def run(
        self, text: str, *shell: str, variables: Mapping[str, str] = GIT
    ) -> "subprocess.CompletedProcess[str]":
        """Run a script as `... | sh` does, without a terminal."""
        return subprocess.run(
            shell or ("/bin/sh",),
            input=text,
            capture_output=True,
            text=True,
            env=self.environment(**variables),
            start_new_session=True,
        )

    def secrets(self) -> dict[str, dict[str, str]]:
        return {
            folder.name: {key.name: key.read_text(encoding="utf-8") for key in folder.iterdir()}
            for folder in self.store.iterdir()
            if folder.is_dir()
        }

    def arguments(self) -> str:
        return (self.directory / "arguments").read_text(encoding="utf-8")

    def left_behind(self) -> list[Path]:
        return list((self.directory / "tmp").iterdir())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    for name in ("bin", "store", "tmp"):
        (tmp_path / name).mkdir()
    double = f"{sys.executable} {Path(__file__).with_name('kubectl_double.py')}"
    programs = {name: shutil.which(name) for name in PROGRAMS} | {"kubectl": double}
    for name, program in programs.items():
        file = tmp_path / "bin" / name
        file.write_text(WATCHED.format(name=name, program=program), encoding="utf-8")
        file.chmod(0o755)
    return Machine(tmp_path)


Script = Callable[..., str]


@pytest.fixture
def script(capsys: pytest.CaptureFixture[str]) -> Script:
    """The script for prod in the namespace `data`, with more arguments of the command."""

    def of(*arguments: object) -> str:
        words = ["prod", "--namespace", "data", "--format", "script", *map(str, arguments)]
        assert cli.main(["secrets", *words]) == 0
        return capsys.readouterr().out

    return of


SHELLS = [("/bin/sh",), ("bash", "--posix"), ("busybox", "sh")]


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_it_makes_what_prod_reads(
    machine: Machine, script: Script, shell: tuple[str, ...], program: Callable[[str], Path]
) -> None:
    done = machine.run(script(), str(program(shell[0])), *shell[1:])
    assert (done.returncode, done.stderr) == (0, "")
    made = machine.secrets()
    # Airflow 3 has no webserver.
    wanted = {name: set(keys or ()) for name, keys in SECRETS.items() if "webserver" not in name}
    assert {name: set(values) for name, values in made.items()} == wanted
    assert len(base64.urlsafe_b64decode(made["airflow-fernet"]["fernet-key"])) == 32
    assert len(made["airflow-jwt"]["jwt-secret"]) == 128
    connection = urlsplit(made["airflow-database"]["connection"])
    assert connection.hostname == "airflow-postgresql.data"
    assert connection.password == made["airflow-database-admin"]["postgres-password"]
    git = made["airflow-git-credentials"]
    password = GIT["AIRFLOW_GIT_CREDENTIALS_GITSYNC_PASSWORD"]
    assert git["GITSYNC_PASSWORD"] == git["GIT_SYNC_PASSWORD"] == password
    assert git["GITSYNC_USERNAME"] == git["GIT_SYNC_USERNAME"] == "me"


def test_no_list_of_processes_shows_a_value(machine: Machine, script: Script) -> None:
    assert machine.run(script("-f", CELERY)).returncode == 0
    values = {value for secret in machine.secrets().values() for value in secret.values()}
    assert len(values) == 10
    words = machine.arguments().split("\0")
    assert "openssl" in words
    for value in values - {"me"}:
        assert not [word for word in words if value in word]


def test_it_makes_nothing_twice_and_leaves_no_file(machine: Machine, script: Script) -> None:
    text = script()
    machine.run(text)
    first = machine.secrets()
    again = machine.run(text, variables={})
    assert again.returncode == 0
    assert "airflow-fernet exists, and stays as it is." in again.stdout
    assert machine.secrets() == first
    assert machine.left_behind() == []


def test_it_names_the_keys_that_a_secret_lacks_and_makes_the_rest(
    machine: Machine, script: Script
) -> None:
    """The Secret of before CloudNativePG and its Pooler has the connection alone."""
    (machine.store / "airflow-database").mkdir()
    (machine.store / "airflow-database" / "connection").write_text("there", encoding="utf-8")
    sets = [
        f"--set={each}" for each in (*CLOUD_NATIVE_PG, "database.cloudNativePG.pooler.enabled=true")
    ]
    done = machine.run(script(*sets))
    assert done.returncode == 1
    *lacking, advice = done.stderr.splitlines()
    assert lacking == [
        f"airflow-database exists, and lacks the key {key}."
        for key in ("directConnection", "password", "username")
    ]
    assert advice.startswith("Add the keys that Secrets lack.")
    made = machine.secrets()
    assert made["airflow-database"] == {"connection": "there"}
    assert {"airflow-fernet", "airflow-jwt", "airflow-api", "airflow-git-credentials"} < set(made)


def test_a_key_that_pods_can_do_without_may_be_lacking(machine: Machine) -> None:
    keys = {"needed": Key(optional=False), "optional": Key()}
    secret = Needed("mine", keys=keys)
    text = write([secret], {("mine", key): Random(32) for key in keys}, "data")
    (machine.store / "mine").mkdir()
    (machine.store / "mine" / "needed").touch()
    done = machine.run(text)
    assert (done.returncode, done.stderr) == (0, "")


def test_cloud_native_pg_takes_over_a_password_that_changes(
    machine: Machine, script: Script
) -> None:
    assert machine.run(script(*(f"--set={each}" for each in CLOUD_NATIVE_PG))).returncode == 0
    made = machine.secrets()["airflow-database"]
    assert made.keys() == {"connection", "password", "username"}
    assert urlsplit(made["connection"]).password == made["password"]
    kind = (machine.store / "airflow-database.type").read_text(encoding="utf-8")
    assert kind == "kubernetes.io/basic-auth"
    labels = {file.stem: file.read_text("utf-8") for file in machine.store.glob("*.label")}
    assert labels == {"airflow-database": "cnpg.io/reload=true"}


@pytest.mark.parametrize("secret", ["airflow-redis", "airflow-database-admin"])
def test_a_password_that_exists_gets_into_the_connection_encoded(
    machine: Machine, script: Script, secret: str
) -> None:
    key = "password" if secret == "airflow-redis" else "postgres-password"
    password = "a b+c@d/e:f%g?h#i&j=k$lé'\"\\"
    (machine.store / secret).mkdir()
    (machine.store / secret / key).write_text(password, encoding="utf-8")
    assert machine.run(script("-f", CELERY)).returncode == 0
    made = {"airflow-redis": "airflow-broker", "airflow-database-admin": "airflow-database"}[secret]
    connection = urlsplit(machine.secrets()[made]["connection"])
    assert unquote(connection.password or "") == password
    assert password not in machine.arguments()


def test_what_only_people_know_is_named_before_anything_is_made(
    machine: Machine, script: Script
) -> None:
    done = machine.run(script(), variables={"AIRFLOW_GIT_CREDENTIALS_GITSYNC_USERNAME": "me"})
    assert done.returncode == 1
    assert "AIRFLOW_GIT_CREDENTIALS_GITSYNC_PASSWORD or" in done.stderr
    assert "USERNAME" not in done.stderr
    assert machine.secrets() == {}
    assert machine.left_behind() == []


def test_a_value_may_be_in_a_file(machine: Machine, script: Script, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("line\nline\n", encoding="utf-8")
    sets = ["--set", "airflow.dags.gitSync.credentialsSecret=null"]
    sets += ["--set", "airflow.dags.gitSync.sshKeySecret=airflow-git-ssh"]
    sets += ["--set", "airflow.dags.gitSync.repo=ssh://git@git.example.com/data/dags.git"]
    sets += ["--set", "airflow.dags.gitSync.knownHosts=git.example.com ssh-ed25519 AAAA"]
    done = machine.run(script(*sets), variables={"AIRFLOW_GIT_SSH_GITSSHKEY_FILE": str(file)})
    assert done.returncode == 0, done.stderr
    assert machine.secrets()["airflow-git-ssh"] == {"gitSshKey": "line\nline\n"}


def test_a_pull_secret_has_the_type_that_kubernetes_wants(
    machine: Machine, script: Script, tmp_path: Path
) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"auths": {}}', encoding="utf-8")
    variables = {**GIT, "REGISTRY_DOCKERCONFIGJSON_FILE": str(file)}
    text = script("--set", "global.imagePullSecrets={registry}")
    assert machine.run(text, variables=variables).returncode == 0
    assert machine.secrets()["registry"] == {".dockerconfigjson": '{"auths": {}}'}
    kind = (machine.store / "registry.type").read_text(encoding="utf-8")
    assert kind == "kubernetes.io/dockerconfigjson"


def test_people_are_asked_and_a_password_is_not_echoed(
    machine: Machine, script: Script, tmp_path: Path
) -> None:
    file = tmp_path / "secrets.sh"
    file.write_text(script(), encoding="utf-8")
    child, terminal = pty.fork()
    if child == 0:
        os.execve("/bin/sh", ["sh", str(file)], machine.environment())
    seen = ""
    for prompt, answer in (("GITSYNC_PASSWORD", "hunter2"), ("GITSYNC_USERNAME", "somebody")):
        while f"{prompt} of airflow-git-credentials: " not in seen:
            seen += os.read(terminal, 1024).decode()
        os.write(terminal, f"{answer}\n".encode())
    try:
        while text := os.read(terminal, 1024):
            seen += text.decode()
    except OSError:  # the script has ended, and its terminal with it
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, seen
    assert "hunter2" not in seen
    assert "somebody" in seen
    made = machine.secrets()["airflow-git-credentials"]
    assert (made["GIT_SYNC_PASSWORD"], made["GIT_SYNC_USERNAME"]) == ("hunter2", "somebody")


def test_the_terminal_echoes_again_when_nobody_gives_a_password(
    machine: Machine, script: Script, tmp_path: Path
) -> None:
    file = tmp_path / "secrets.sh"
    file.write_text(script(), encoding="utf-8")
    child, terminal = pty.fork()
    if child == 0:
        os.execve("/bin/sh", ["sh", str(file)], machine.environment())
    seen = ""
    while "GITSYNC_PASSWORD of airflow-git-credentials: " not in seen:
        seen += os.read(terminal, 1024).decode()
    assert not echoes(terminal)
    os.write(terminal, b"\x04")  # Ctrl-D
    try:
        while text := os.read(terminal, 1024):
            seen += text.decode()
    except OSError:  # the script has ended, and its terminal with it
        pass
    assert echoes(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert "No value was given." in seen
    assert machine.secrets() == {}
    assert machine.left_behind() == []


def echoes(terminal: int) -> bool:
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("-f", CELERY),
        ("--set", "airflow.postgresql.enabled=false"),
        [f"--set={each}" for each in CLOUD_NATIVE_PG],
    ],
    ids=["prod", "Celery", "a database elsewhere", "CloudNativePG"],
)
def test_shellcheck(
    script: Script, program: Callable[[str], Path], arguments: Any, tmp_path: Path
) -> None:
    file = tmp_path / "secrets.sh"
    file.write_text(script(*arguments), encoding="utf-8")
    found = subprocess.run(
        [program("shellcheck"), "--shell=sh", "--severity=style", file],
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout
