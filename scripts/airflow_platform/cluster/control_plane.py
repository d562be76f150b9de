"""A Kubernetes control plane on loopback, without containers.

etcd, kube-apiserver, kube-controller-manager and kube-scheduler are the real ones. The node is one
that kwok pretends, in whose pods nothing runs, or a real one. Each of them has a token or a
certificate of this control plane.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.cluster.credentials import Credentials, make_credentials
from airflow_platform.cluster.programs import Programs
from airflow_platform.support.crds import crd_modules, crds
from airflow_platform.support.guard import temporary_directory
from airflow_platform.support.ports import free_ports
from airflow_platform.support.progress import progress
from airflow_platform.support.tools import TOOLS, tool

HOST = "127.0.0.1"
NODE = "localhost"  # by which the API server reaches a real node, too

# The versions of Kubernetes that can be started, by the prefix of their programs in `tools`.
KUBERNETES: Mapping[str, str] = {"newest": "", "oldest": "oldest-kubernetes/"}

_KWOK = Path(str(files(__package__) / "kwok"))
_API_SERVER, _CONTROLLER_MANAGER, _SCHEDULER = (
    f"kube-{name}" for name in ("apiserver", "controller-manager", "scheduler")
)


def kubernetes_version(kubernetes: str = "newest") -> str:
    """Return the version, such as "1.36.3", of a key of KUBERNETES."""
    return TOOLS[f"{KUBERNETES[kubernetes]}{_API_SERVER}"].version


@dataclass(frozen=True)
class NodeKind:
    """The tools that a node needs, and how it is started. The control plane waits for it.

    The path is that of a directory for its data, which is removed.
    """

    tools: tuple[str, ...]
    start: Callable[[Programs, Path, Cluster, Credentials], None]


def _start_kwok(
    programs: Programs, _data: Path, cluster: Cluster, credentials: Credentials
) -> None:
    programs.start_tool("kwok", *_kwok(credentials.admin))
    cluster.kubectl("apply", *(f"--filename={_KWOK / name}.yaml" for name in ("node", "storage")))


KWOK = NodeKind(("kwok",), _start_kwok)


@contextmanager
def local_control_plane(
    directory: Path, kubernetes: str = "newest", node: NodeKind = KWOK
) -> Iterator[Cluster]:
    """Run a control plane that has the CustomResourceDefinitions of tools/crds.yaml and a node.

    ``directory`` gets its logs, which stay, and its kubeconfigs. ``kubernetes`` is a key of
    KUBERNETES. PlatformError when it cannot be built or does not start.
    """
    prefix = KUBERNETES[kubernetes]
    parts = [f"{prefix}{name}" for name in (_API_SERVER, _CONTROLLER_MANAGER, _SCHEDULER)]
    for name in ("etcd", *parts, *node.tools, "kubectl"):  # to build them can take minutes
        tool(name)
    # With a short name: the path of a Unix socket has at most a hundred characters.
    with temporary_directory("cluster-") as data, Programs(directory) as programs:
        with progress("Starting a local control plane"):
            cluster = _start(programs, prefix, data, node)
        yield cluster


def _start(programs: Programs, prefix: str, data: Path, node: NodeKind) -> Cluster:
    (port,) = free_ports(1)
    credentials = make_credentials(programs.directory, f"https://{HOST}:{port}")
    etcd = f"unix://{data}/etcd.sock"
    programs.start_tool("etcd", *_etcd(data, etcd))
    programs.start_tool(f"{prefix}{_API_SERVER}", *_api_server(credentials, etcd, port))
    cluster = Cluster(credentials.admin)
    programs.wait("The API server", lambda: cluster.succeeds("get", "--raw=/readyz"))

    programs.start_tool(f"{prefix}{_CONTROLLER_MANAGER}", *_controller_manager(credentials))
    programs.start_tool(f"{prefix}{_SCHEDULER}", *_client(credentials.scheduler))
    node.start(programs, data, cluster, credentials)  # first: it becomes ready meanwhile
    minor = int(cluster.version().split(".")[1])
    wanted = [
        crd
        for module in crd_modules()
        if module.kubernetes <= minor
        for crd in crds(module).values()
    ]
    cluster.apply(wanted)
    names = ",".join(crd["metadata"]["name"] for crd in wanted)
    served = ("get", names, "--all-namespaces", "--output=name")
    programs.wait("A CustomResourceDefinition", lambda: cluster.succeeds(*served))
    programs.wait("The node", lambda: _is_ready(cluster))
    return cluster


def _is_ready(cluster: Cluster) -> bool:
    """Return whether pods can be made: there is the node, and what every pod needs."""
    ready = ("wait", "--for=condition=Ready", f"node/{NODE}", "--timeout=1s")
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
        f"--kubelet-certificate-authority={credentials.authority}",
        f"--kubelet-client-certificate={credentials.certificate}",
        f"--kubelet-client-key={credentials.key}",
        "--kubelet-preferred-address-types=Hostname",
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
