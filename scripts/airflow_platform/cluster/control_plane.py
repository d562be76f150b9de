"""A Kubernetes control plane on loopback, without containers.

etcd, kube-apiserver, kube-controller-manager and kube-scheduler are the real ones; kwok takes the
place of kubelet. Each of them has a token or a certificate of this control plane.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from pathlib import Path

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.cluster.credentials import Credentials, make_credentials
from airflow_platform.support import processes
from airflow_platform.support.crds import crd_modules, crds
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.ports import free_ports
from airflow_platform.support.progress import progress
from airflow_platform.support.tools import TOOLS, tool

HOST = "127.0.0.1"

# The versions of Kubernetes that can be started, by the prefix of their programs in `tools`.
KUBERNETES: Mapping[str, str] = {"newest": "", "oldest": "oldest-kubernetes/"}

_READY_SECONDS = 60.0
_POLL_SECONDS = 0.25
_SHOWN_CHARACTERS = 2000
_GUARD = Path(str(files(__package__) / "guard.sh"))
_KWOK = Path(str(files(__package__) / "kwok"))
_API_SERVER, _CONTROLLER_MANAGER, _SCHEDULER = (
    f"kube-{name}" for name in ("apiserver", "controller-manager", "scheduler")
)


def kubernetes_version(kubernetes: str = "newest") -> str:
    """Return the version, such as "1.36.3", of a key of KUBERNETES."""
    return TOOLS[f"{KUBERNETES[kubernetes]}{_API_SERVER}"].version


@contextmanager
def local_control_plane(directory: Path, kubernetes: str = "newest") -> Iterator[Cluster]:
    """Run a control plane that has the CustomResourceDefinitions of tools/crds.yaml and a node.

    ``directory`` gets its logs, which stay, and its kubeconfigs. ``kubernetes`` is a key of
    KUBERNETES. PlatformError when it cannot be built or does not start.
    """
    prefix = KUBERNETES[kubernetes]
    parts = [f"{prefix}{name}" for name in (_API_SERVER, _CONTROLLER_MANAGER, _SCHEDULER)]
    for name in ("etcd", *parts, "kwok", "kubectl"):  # to build them can take minutes
        tool(name)
    # With a short name: the path of a Unix socket has at most a hundred characters.
    with (
        tempfile.TemporaryDirectory(prefix="etcd-") as data,
        _Programs(directory, data) as programs,
    ):
        with progress("Starting a local control plane"):
            cluster = _start(programs, prefix, Path(data))
        yield cluster


class _Programs:
    """The programs of a control plane, each with a log file.

    They end with the block, or with this process, however that ends.
    """

    def __init__(self, directory: Path, data: str) -> None:
        self.directory = directory
        self._data = data
        self._stack = ExitStack()
        self._running: dict[str, processes.Process] = {}

    def __enter__(self) -> "_Programs":
        command: processes.Command = ["sh", _GUARD, self._data]
        log = self._stack.enter_context(self._log("guard").open("wb"))
        self._guard = processes.start(command, stdin=subprocess.PIPE, output=log)
        self._stack.enter_context(self._guard)  # closes the pipe
        self._stack.callback(processes.end, self._guard)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self, name: str, *arguments: str) -> None:
        log = self._stack.enter_context(self._log(name).open("wb"))
        command: processes.Command = [tool(name), *arguments]
        # Garbage is collected less often: a quarter less processor time of the API server.
        environment = {"GOGC": "400", "GOMEMLIMIT": "1GiB", **os.environ}
        started = self._stack.enter_context(processes.started(command, env=environment, output=log))
        self._running[name] = started
        assert self._guard.stdin
        self._guard.stdin.write(f"{started.pid}\n".encode())
        self._guard.stdin.flush()

    def wait(self, what: str, reached: Callable[[], bool]) -> None:
        """Wait for something; PlatformError when it takes too long, or a program has ended."""
        give_up = time.monotonic() + _READY_SECONDS
        while not reached():
            for name, process in self._running.items():
                if process.poll() is not None:
                    said = self._log(name).read_text(encoding="utf-8", errors="replace")
                    raise PlatformError(
                        f"{name} has ended with {process.returncode}. Its log, {self._log(name)},"
                        f" ends with:\n{said[-_SHOWN_CHARACTERS:]}"
                    )
            if time.monotonic() > give_up:
                raise PlatformError(
                    f"{what} is not ready after {_READY_SECONDS:.0f} s. The logs of all programs"
                    f" are in {self.directory}."
                )
            time.sleep(_POLL_SECONDS)

    def _log(self, name: str) -> Path:
        return self.directory / f"{Path(name).name}.log"


def _start(programs: _Programs, prefix: str, data: Path) -> Cluster:
    (port,) = free_ports(1)
    credentials = make_credentials(programs.directory, f"https://{HOST}:{port}")
    etcd = f"unix://{data}/etcd.sock"
    programs.start("etcd", *_etcd(data, etcd))
    programs.start(f"{prefix}{_API_SERVER}", *_api_server(credentials, etcd, port))
    cluster = Cluster(credentials.admin)
    programs.wait("The API server", lambda: cluster.succeeds("get", "--raw=/readyz"))

    programs.start(f"{prefix}{_CONTROLLER_MANAGER}", *_controller_manager(credentials))
    programs.start(f"{prefix}{_SCHEDULER}", *_client(credentials.scheduler))
    programs.start("kwok", *_kwok(credentials.admin))
    minor = int(cluster.version().split(".")[1])
    cluster.apply(
        crd
        for module in crd_modules()
        if module.kubernetes <= minor
        for crd in crds(module).values()
    )
    cluster.kubectl("apply", *(f"--filename={_KWOK / name}.yaml" for name in ("node", "storage")))
    programs.wait("The node", lambda: _is_ready(cluster))
    return cluster


def _is_ready(cluster: Cluster) -> bool:
    """Return whether pods can be made: there is the node, and what every pod needs."""
    ready = ("wait", "--for=condition=Ready", "node/local", "--timeout=1s")
    return bool(cluster.get("serviceaccount", "default", "default")) and cluster.succeeds(*ready)


def _etcd(data: Path, clients: str) -> list[str]:
    nowhere = "http://localhost:1"  # an address has to be advertised, but there are no peers
    return [
        f"--data-dir={data}/data",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={nowhere}",
        f"--listen-peer-urls=unix://{data}/peers.sock",
        f"--initial-advertise-peer-urls={nowhere}",
        f"--initial-cluster=default={nowhere}",
        "--unsafe-no-fsync",  # nothing needs to survive
        "--log-level=warn",
    ]


def _api_server(credentials: Credentials, etcd: str, port: int) -> list[str]:
    return [
        f"--etcd-servers={etcd}",
        f"--bind-address={HOST}",
        f"--secure-port={port}",
        f"--tls-cert-file={credentials.certificate}",
        f"--tls-private-key-file={credentials.key}",
        f"--token-auth-file={credentials.tokens}",
        "--anonymous-auth=false",
        "--authorization-mode=RBAC",
        f"--service-account-issuer=https://{HOST}",
        f"--service-account-signing-key-file={credentials.key}",
        f"--service-account-key-file={credentials.key}",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--endpoint-reconciler-type=none",  # it would publish an address of this host
    ]


def _controller_manager(credentials: Credentials) -> list[str]:
    return [
        *_client(credentials.controller_manager),
        "--use-service-account-credentials",
        f"--service-account-private-key-file={credentials.key}",
        f"--root-ca-file={credentials.authority}",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
    ]


def _client(kubeconfig: Path) -> list[str]:
    return [f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--secure-port=0"]


def _kwok(kubeconfig: Path) -> list[str]:
    return [
        f"--kubeconfig={kubeconfig}",
        f"--config={_KWOK / 'stages.yaml'}",
        "--manage-all-nodes",
        "--node-lease-duration-seconds=40",
        f"--node-ip={HOST}",
    ]
