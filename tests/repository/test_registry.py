"""Packages go to an OCI registry and come back from it, with a provenance that Helm verifies."""

import os
import subprocess
import tarfile
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shutil import copy2

import pytest

from airflow_platform.manifests import Render
from airflow_platform.rendering import helm
from airflow_platform.rendering.render import render
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import (
    KUBE_VERSION,
    NAMESPACE,
    RELEASE,
    ROOT,
    environments,
    values_file,
)

from ..oci_registry import oci_registry
from ..packages import checkout, make_packages

pytestmark = pytest.mark.xdist_group("registry")

VERSION: str = strict_yaml.load_file(ROOT / "Chart.yaml")["version"]
CHARTS = ("airflow-platform", "observability")
SIGNER = "releases@example.com"

MAJORS = pytest.mark.parametrize("major", helm.MAJORS)

Helm = Callable[..., subprocess.CompletedProcess[str]]


@dataclass(frozen=True)
class Keys:
    """The keyrings of one who signs: to sign with, and to verify with."""

    secret: Path
    public: Path


@pytest.fixture(scope="module")
def make_keys(
    program: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Keys]:
    """Make a key that nobody has seen before."""
    gpg, gpgconf = program("gpg"), program("gpgconf")

    def make() -> Keys:
        home = tmp_path_factory.mktemp("gpg")
        home.chmod(0o700)
        environment = {**os.environ, "GNUPGHOME": str(home)}

        def run(*arguments: str) -> bytes:
            command = [str(gpg), "--batch", "--quiet", "--passphrase", "", *arguments]
            return subprocess.run(command, env=environment, check=True, stdout=-1).stdout

        try:
            run("--quick-generate-key", f"Releases <{SIGNER}>", "rsa3072", "sign", "never")
            keys = Keys(home / "secret.gpg", home / "public.gpg")
            keys.secret.write_bytes(run("--export-secret-keys"))
            keys.public.write_bytes(run("--export"))
        finally:
            subprocess.run([gpgconf, "--kill", "gpg-agent"], env=environment, check=True)
        return keys

    return make


@pytest.fixture(scope="module")
def keys(make_keys: Callable[[], Keys]) -> Keys:
    """The keys with which the packages are signed."""
    return make_keys()


@pytest.fixture(scope="module")
def packages(
    keys: Keys,
    program: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
    tracked_files: tuple[str, ...],
) -> Path:
    """The directory with both packages and their provenance files."""
    for name in ("make", "tar"):
        program(name)
    tree = checkout(tmp_path_factory.mktemp("tree"), tracked_files)
    return make_packages(tree, "--sign", "--key", SIGNER, "--keyring", str(keys.secret))


@pytest.fixture(scope="module")
def registry(
    program: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A registry without any charts."""
    with oci_registry(program("registry"), tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture
def run_helm(program: Callable[[str], Path], tmp_path: Path) -> Helm:
    """Call Helm of a major version, without what the user has told theirs."""

    def run(major: int, *arguments: object) -> subprocess.CompletedProcess[str]:
        homes = {f"HELM_{each}_HOME": str(tmp_path / each) for each in ("CACHE", "CONFIG", "DATA")}
        command = [str(program(f"helm{major}")), *map(str, arguments)]
        return subprocess.run(
            command, env={**os.environ, **homes}, cwd=tmp_path, capture_output=True, text=True
        )

    return run


@pytest.fixture(scope="module")
def published(
    packages: Path,
    registry: str,
    program: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[int], tuple[str, dict[str, str]]]:
    """Publish both packages by Helm of a major version: where they are, and what was signed."""
    known: dict[int, tuple[str, dict[str, str]]] = {}

    def publish(major: int) -> tuple[str, dict[str, str]]:
        if major not in known:
            place = f"{registry}/helm{major}/charts"
            programs = tmp_path_factory.mktemp("programs")
            (programs / "helm").symlink_to(program(f"helm{major}"))
            # Its certificates come from the network.
            (programs / "cosign").write_text("#!/bin/sh\n")
            (programs / "cosign").chmod(0o755)
            done = subprocess.run(
                [ROOT / ".ci" / "publish", packages, place, "--plain-http"],
                env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            lines = (packages / "subjects.sha256").read_text(encoding="utf-8").splitlines()
            known[major] = place, {name: digest for digest, name in map(str.split, lines)}
        return known[major]

    return publish


Published = Callable[[int], tuple[str, dict[str, str]]]


def digest_in(registry: str, repository: str, tag: str) -> str:
    """The digest of what the registry has under a tag."""
    request = urllib.request.Request(
        f"http://{registry}/v2/{repository}/manifests/{tag}",
        headers={"Accept": "application/vnd.oci.image.manifest.v1+json"},
    )
    with urllib.request.urlopen(request) as answer:
        return sha256(answer.read()).hexdigest()


@MAJORS
def test_both_charts_are_in_the_registry_as_they_were_signed(
    published: Published, registry: str, major: int
) -> None:
    place, subjects = published(major)
    for chart in CHARTS:
        repository = f"{place}/{chart}".removeprefix(f"{registry}/")
        assert subjects[f"{place}/{chart}"] == digest_in(registry, repository, VERSION)


@MAJORS
@pytest.mark.parametrize("chart", CHARTS)
def test_what_is_pulled_is_what_was_packaged(
    published: Published, packages: Path, run_helm: Helm, tmp_path: Path, chart: str, major: int
) -> None:
    place, _ = published(major)
    arguments = ["--version", VERSION, "--plain-http", "--destination", tmp_path]
    done = run_helm(major, "pull", f"oci://{place}/{chart}", *arguments)
    assert done.returncode == 0, done.stderr
    name = f"{chart}-{VERSION}.tgz"
    assert (tmp_path / name).read_bytes() == (packages / name).read_bytes()


@MAJORS
def test_a_chart_is_pulled_by_the_digest_that_was_signed(
    published: Published, run_helm: Helm, tmp_path: Path, major: int
) -> None:
    place, subjects = published(major)
    chart = f"{place}/airflow-platform"
    reference = f"oci://{chart}@sha256:{subjects[chart]}"
    done = run_helm(major, "pull", reference, "--plain-http", "--untar")
    assert done.returncode == 0, done.stderr
    for environment in environments():
        assert (tmp_path / "airflow-platform" / "values" / f"{environment}.yaml").is_file()


@MAJORS
@pytest.mark.parametrize("environment", environments())
def test_the_chart_of_the_registry_renders_what_the_repository_does(
    published: Published, run_helm: Helm, environment: str, major: int
) -> None:
    place, _ = published(major)
    arguments = ["--version", VERSION, "--plain-http", "--namespace", NAMESPACE]
    arguments += ["--kube-version", KUBE_VERSION, "--values", str(values_file(environment))]
    done = run_helm(major, "template", RELEASE, f"oci://{place}/airflow-platform", *arguments)
    assert done.returncode == 0, done.stderr
    rendered = Render.from_text(done.stdout)
    expected = render(environment, helm=major)
    assert [each.document for each in rendered.manifests] == [
        each.document for each in expected.manifests
    ]


@MAJORS
@pytest.mark.parametrize("chart", CHARTS)
def test_the_provenance_is_verified(
    published: Published, keys: Keys, run_helm: Helm, tmp_path: Path, chart: str, major: int
) -> None:
    place, _ = published(major)
    arguments = ["--version", VERSION, "--plain-http", "--verify", "--keyring", keys.public]
    done = run_helm(major, "pull", f"oci://{place}/{chart}", *arguments)
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert f"Releases <{SIGNER}>" in said
    assert sha256((tmp_path / f"{chart}-{VERSION}.tgz").read_bytes()).hexdigest() in said


@MAJORS
def test_the_signature_of_somebody_else_is_refused(
    published: Published, make_keys: Callable[[], Keys], run_helm: Helm, major: int
) -> None:
    place, _ = published(major)
    arguments = ["--version", VERSION, "--plain-http", "--verify", "--keyring", make_keys().public]
    done = run_helm(major, "pull", f"oci://{place}/airflow-platform", *arguments)
    assert done.returncode != 0
    assert "signature" in done.stderr


@MAJORS
def test_a_package_that_was_changed_after_it_was_signed_is_refused(
    packages: Path, registry: str, keys: Keys, run_helm: Helm, tmp_path: Path, major: int
) -> None:
    name = f"observability-{VERSION}.tgz"
    with tarfile.open(packages / name) as archive:
        archive.extractall(tmp_path, filter="data")
    with (tmp_path / "observability" / "values.yaml").open("a", encoding="utf-8") as values:
        values.write("\n# Something that nobody has signed.\n")
    changed = tmp_path / "changed"
    assert run_helm(major, "package", "observability", "--destination", changed).returncode == 0
    copy2(packages / f"{name}.prov", changed)

    verified = run_helm(major, "verify", changed / name, "--keyring", keys.public)
    assert verified.returncode != 0
    assert "sha256 sum does not match" in verified.stderr

    place = f"oci://{registry}/changed{major}"
    assert run_helm(major, "push", changed / name, place, "--plain-http").returncode == 0
    arguments = [f"{place}/observability", "--version", VERSION, "--plain-http"]
    assert run_helm(major, "pull", *arguments).returncode == 0
    arguments += ["--verify", "--keyring", str(keys.public)]
    for command in (["pull"], ["template", RELEASE]):
        refused = run_helm(major, *command, *arguments)
        assert refused.returncode != 0
        assert "sha256 sum does not match" in refused.stderr
