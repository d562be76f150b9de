"""Remote logging: pods that write task logs to a bucket, or read them there, must all be able to.

When one of them is not, nothing fails: the user interface just shows no log.
"""

import json
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from airflow_platform.checks.violations import CHECKS, Fault
from airflow_platform.manifests import Container, EmbeddedDocument, Pod, Render

# Kinds of connections by the beginning of `remote_base_log_folder`.
_CONNECTIONS = {
    "s3": {"aws"},
    "gs": {"google_cloud_platform"},
    "wasb": {"wasb"},
    "cloudwatch": {"aws"},
    "stackdriver": {"google_cloud_platform"},
    "oss": {"oss"},
    "hdfs": {"webhdfs", "hdfs"},
}
# By the label `component`: who writes when a task ends or is deferred, and who reads. The scheduler
# does neither on Airflow 3 unless it runs tasks.
_USERS = {"api-server", "webserver", "worker", "triggerer"}
# Annotations of ServiceAccounts by which a cloud gives pods an identity. Azure wants a label too.
_AZURE = "azure.workload.identity/client-id"
_IDENTITIES = ("eks.amazonaws.com/role-arn", "iam.gke.io/gcp-service-account", _AZURE)
_AZURE_LABEL = "azure.workload.identity/use"


@CHECKS.add
def remote_logs_are_written_and_read(render: Render) -> Iterator[Fault]:
    """Find what keeps a pod of Airflow from the bucket in which task logs are."""
    for config in render.embedded("AirflowConfig"):
        logging: Mapping[str, str] = config.document.get("logging") or {}
        if str(logging.get("remote_logging", "")).strip().lower() not in {"true", "t", "1"}:
            continue
        folder = logging.get("remote_base_log_folder", "")
        conn_id = logging.get("remote_log_conn_id", "")
        scheme = _scheme(folder)
        elsewhere = any(
            (config.document.get(section) or {}).get("host")
            for section in ("elasticsearch", "opensearch")
        )
        if scheme is None and not elsewhere:
            known = ", ".join(f"{name}://" for name in _CONNECTIONS if name != "wasb")
            yield (
                config,
                f"[logging] remote_base_log_folder is {folder!r}; Airflow knows {known} and, for"
                " Azure, what begins with wasb",
            )
        if "@" in urlsplit(folder).netloc:
            yield config, "[logging] remote_base_log_folder has credentials; use a connection"
        if conn_id:
            yield from _connection(render, config, f"AIRFLOW_CONN_{conn_id.upper()}", scheme)
        yield from _identity(render, config)
        if str(logging.get("logging_config_class", "")).startswith("remote_task_logs."):
            yield from _without_configuration(render, config)


def _without_configuration(render: Render, config: EmbeddedDocument) -> Iterator[Fault]:
    """Yield containers that have this airflow.cfg without the module that it names."""
    for pod in render.pods():
        if pod.key and pod.owner is not config.owner:
            continue  # the pod template of another Airflow
        volumes = pod.volumes()
        for container in pod.containers().values():
            mounts = container.document.get("volumeMounts") or ()
            sources = {
                mount.get("subPath"): (volumes.get(mount["name"], {}).get("configMap") or {})
                for mount in mounts
            }
            configured = (sources.get("airflow.cfg") or {}).get("name") == config.owner.name
            if configured and not any(
                mount["mountPath"].endswith("/config/remote_task_logs.py") for mount in mounts
            ):
                yield (
                    container,
                    "it must mount remote_task_logs.py, or no program of Airflow starts",
                )


def _scheme(folder: str) -> str | None:
    for name in _CONNECTIONS:
        if folder.startswith("wasb" if name == "wasb" else f"{name}://"):
            return name
    return None


def _connection(
    render: Render, config: EmbeddedDocument, variable: str, scheme: str | None
) -> Iterator[Fault]:
    """Yield users of the bucket that lack the connection which others have, or a wrong kind."""
    found = {container: _variable(container, variable) for _, container in _users(render, config)}
    if not any(found.values()):
        return  # it is in a secrets backend or in the database
    for container, entry in found.items():
        if entry is None:
            yield container, f"{variable} is not set, which other pods read task logs with"
            continue
        value = str(entry["value"]) if entry.get("value") else _of_secret(render, entry)
        kind = _kind(value) if value else None
        if kind and scheme and kind not in _CONNECTIONS[scheme]:
            wanted = " or ".join(sorted(_CONNECTIONS[scheme]))
            yield (
                container,
                f"{variable} is a connection to {kind}; for {scheme} it must be {wanted}",
            )


def _identity(render: Render, config: EmbeddedDocument) -> Iterator[Fault]:
    """Yield users of the bucket without the cloud's identity that others have."""
    accounts = {each.name: each for each in render.all("ServiceAccount")}
    for identity in _IDENTITIES:
        having: list[Pod] = []
        lacking: list[tuple[Pod, str]] = []
        for pod, _ in _users(render, config):
            name = str(pod.spec.get("serviceAccountName", "default"))
            account = accounts.get(name)
            if account is None:
                continue  # made elsewhere
            if identity in account.annotations:
                having.append(pod)
            else:
                lacking.append((pod, name))
        if having:
            for pod, name in lacking:
                yield pod, f"ServiceAccount {name} lacks {identity}, which others have"
        if identity == _AZURE:
            for pod in having:
                if pod.labels.get(_AZURE_LABEL) != "true":
                    yield pod, f'the label {_AZURE_LABEL} must be "true", or it gets no identity'


def _users(render: Render, config: EmbeddedDocument) -> Iterator[tuple[Pod, Container]]:
    """Yield the pods that write to the bucket or read there, and their container of Airflow.

    The pod template is that of the Airflow whose configuration it is.
    """
    for pod in render.pods():
        component = str(pod.labels.get("component"))
        main = "base" if pod.key else component
        if component in _USERS and (not pod.key or pod.owner is config.owner):
            yield from ((pod, each) for name, each in pod.containers().items() if name == main)


def _variable(container: Container, name: str) -> Mapping[str, object] | None:
    for entry in container.document.get("env") or ():
        if entry["name"] == name:
            found: Mapping[str, object] = entry
            return found
    return None


def _of_secret(render: Render, entry: Mapping[str, object]) -> str:
    """Return the text of a Secret that is in the manifests, empty where it is not."""
    source = entry.get("valueFrom")
    reference = source.get("secretKeyRef") if isinstance(source, Mapping) else None
    if not isinstance(reference, Mapping):
        return ""
    for secret in render.all("Secret"):
        if secret.name == reference["name"]:
            return str(secret.at("stringData", reference["key"], default=""))
    return ""


def _kind(connection: str) -> str | None:
    """Return the kind of a connection, which is a URI or JSON."""
    if connection.lstrip().startswith("{"):
        try:
            return str(json.loads(connection).get("conn_type", "")) or None
        except ValueError:
            return None
    return connection.partition("://")[0].replace("-", "_") or None
