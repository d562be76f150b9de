"""Keys, certificates and tokens of a local control plane."""

import json
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

# The names that Kubernetes knows the components by, and a group that may do everything.
_GROUPS = {
    "admin": "system:masters",
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
    "system:node:localhost": "system:nodes",
}


@dataclass(frozen=True)
class Credentials:
    """The files: what the server needs, and a kubeconfig for each client."""

    authority: Path  # the certificate that clients trust
    certificate: Path
    key: Path  # of the certificate; tokens of service accounts are signed with it as well
    tokens: Path
    admin: Path
    controller_manager: Path
    scheduler: Path
    node: Path


def make_credentials(directory: Path, server: str) -> Credentials:
    """Write new credentials for the API server at the URL ``server`` into ``directory``."""
    import trustme  # takes a tenth of a second to load

    ca = trustme.CA()
    # Kubelets know the API server by it, as an administrator.
    made = ca.issue_cert(
        *("127.0.0.1", "localhost"),
        common_name="kube-apiserver",
        organization_name=_GROUPS["admin"],
    )
    authority, certificate, key = (
        directory / name for name in ("ca.crt", "server.crt", "server.key")
    )
    ca.cert_pem.write_to_path(str(authority))
    made.cert_chain_pems[0].write_to_path(str(certificate))
    _write_private(key, made.private_key_pem.bytes().decode())

    tokens = {user: token_hex(32) for user in _GROUPS}
    token_file = directory / "tokens.csv"
    lines = (f'{token},{user},{user},"{_GROUPS[user]}"\n' for user, token in tokens.items())
    _write_private(token_file, "".join(lines))
    clients = [
        _kubeconfig(directory, user, server, authority, token) for user, token in tokens.items()
    ]
    return Credentials(authority, certificate, key, token_file, *clients)


def _kubeconfig(directory: Path, user: str, server: str, authority: Path, token: str) -> Path:
    """Write a kubeconfig, which is YAML, as JSON."""
    name = "local"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": server, "certificate-authority": str(authority)}}
        ],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    path = directory / f"{user.removeprefix('system:')}.kubeconfig"
    _write_private(path, json.dumps(config, indent=2))
    return path


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
