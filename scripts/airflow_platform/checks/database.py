"""What must be true of the database: who connects where, and what CloudNativePG's objects say.

The API server takes CloudNativePG's objects one by one. What one of them says about another shows
only when the operator cannot make the database, its backups or its pool.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airflow_platform.checks.violations import (
    CHECKS,
    Fault,
    containers,
    is_ours,
    selects,
)
from airflow_platform.manifests import Container, Manifest, Render

PLUGIN = "barman-cloud.cloudnative-pg.io"
KEEP = "helm.sh/resource-policy"
# Airflow takes the first one that is set.
CONNECTIONS = ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__SQL_ALCHEMY_CONN")
CONNECTION, DIRECT_CONNECTION = "connection", "directConnection"
# Key of a Secret: what CloudNativePG reads of it.
CREDENTIALS = ("username", "password")
_TASK = "base"
_WEBSERVER = "webserver"  # Airflow 3 has an API server in its place
_MIGRATIONS = "run-airflow-migrations"
# Containers of the official chart that cannot do without the database.
_CONNECTED = {
    "api-server",
    "create-user",
    "dag-processor",
    "scheduler",
    "triggerer",
    "wait-for-airflow-migrations",
    "worker",
    _MIGRATIONS,
    _TASK,
    _WEBSERVER,
}

Connection = tuple[str, ...]  # the name and the key of a Secret, or a text


def operator_pods(render: Render) -> Iterator[tuple[Mapping[str, str], str]]:
    """Yield labels and the name of the port for metrics of pods that CloudNativePG will make.

    https://cloudnative-pg.io/documentation/current/labels_annotations/
    """
    for cluster in render.all("Cluster"):
        yield {"cnpg.io/cluster": cluster.name, "cnpg.io/podRole": "instance"}, "metrics"
    for pooler in render.all("Pooler"):
        cluster_name = str(pooler.at("spec", "cluster", "name"))
        names = {"cnpg.io/cluster": cluster_name, "cnpg.io/poolerName": pooler.name}
        yield {**names, "cnpg.io/podRole": "pooler"}, "metrics"


def secrets_of_operator(render: Render) -> Iterator[tuple[Manifest, str, str]]:
    """Yield the Secrets and keys that objects of CloudNativePG refer to, with the object."""
    for cluster in render.all("Cluster"):
        for method in cluster.at("spec", "bootstrap", default={}).values():
            if name := (method.get("secret") or {}).get("name"):
                yield from ((cluster, name, key) for key in CREDENTIALS)
    for store in render.all("ObjectStore"):
        for reference in _references(store.at("spec", "configuration")):
            yield store, reference["name"], reference["key"]


def _references(value: Any) -> Iterator[Mapping[str, str]]:
    if isinstance(value, Mapping):
        if value.keys() == {"name", "key"}:
            yield value
        else:
            for each in value.values():
                yield from _references(each)


# --- Who connects where


@CHECKS.add
def pods_connect_to_one_database(render: Render) -> Iterator[Fault]:
    """Compare the connection of each container of Airflow with the scheduler's.

    A task of Airflow 2 without it would write into a SQLite of its own, and the scheduler would
    never hear of it. Tasks of Airflow 3 need no connection, but must not have another one. The
    migrations may go past the Pooler, and must where it pools transactions: they lock the database
    for a session.
    """
    # What is injected into a pod shows only a part of it.
    all_containers = [
        each for each in containers(render) if each.pod.owner.kind != "MutatingAdmissionPolicy"
    ]
    found = {_connection(each) for each in all_containers if each.name == "scheduler"} - {None}
    if len(found) != 1:
        return
    (wanted,) = found
    assert wanted is not None
    direct = (wanted[0], DIRECT_CONNECTION)
    is_pooled = wanted[1:] == (CONNECTION,) and any(
        pooler.at("spec", "pgbouncer", "poolMode", default="session") == "transaction"
        for pooler in render.all("Pooler")
    )
    is_airflow_2 = any(each.name == _WEBSERVER for each in all_containers)
    for container in all_containers:
        connection = _connection(container)
        if container.name == _MIGRATIONS and is_pooled:
            if connection != direct:
                yield container, f"migrations must take {_text(direct)}, which is past the Pooler"
        elif container.name == _MIGRATIONS and connection == direct:
            continue
        elif connection is None:
            hidden = container.document.get("envFrom")
            may_be_without = container.name == _TASK and not is_airflow_2
            if container.name in _CONNECTED and not (hidden or may_be_without):
                yield container, f"{CONNECTIONS[0]} is missing: it must be {_text(wanted)}"
        elif connection != wanted:
            yield (
                container,
                f"the database must be that of the scheduler, {_text(wanted)},"
                f" and not {_text(connection)}",
            )


def _connection(container: Container) -> Connection | None:
    """Return where the container takes its connection from; of two variables the last one holds."""
    variables = {each["name"]: each for each in container.document.get("env") or ()}
    for name in CONNECTIONS:
        if name in variables:
            reference = (variables[name].get("valueFrom") or {}).get("secretKeyRef")
            if reference:
                return str(reference["name"]), str(reference["key"])
            return (str(variables[name].get("value")),)
    return None


def _text(connection: Connection) -> str:
    """Say where a connection comes from; what is written there may have a password."""
    if len(connection) == 1:
        return "a connection that is written in the manifest"
    return f"the key {connection[1]} of the Secret {connection[0]}"


# --- What CloudNativePG's objects say of each other


@CHECKS.add
def databases_outlive_the_release(render: Render) -> Iterator[Fault]:
    """Keep what holds data, and what an archive is written to: uninstalling deletes neither."""
    for kind in ("Cluster", "ObjectStore"):
        for manifest in filter(is_ours, render.all(kind)):
            if manifest.annotations.get(KEEP) != "keep":
                yield manifest, f"the annotation {KEEP} must be keep: with it go the data"
            options = manifest.annotations.get("argocd.argoproj.io/sync-options", "").split(",")
            if not {"Prune=false", "Delete=false"} <= set(options):
                yield manifest, "Argo CD must neither prune nor delete it"


@CHECKS.add
def databases_belong_to_airflow(render: Render) -> Iterator[Fault]:
    """Compare database and owner with what the connections of Airflow say of them."""
    used = {
        connection[0]
        for container in containers(render)
        if (connection := _connection(container)) and len(connection) > 1
    }
    for cluster in filter(is_ours, render.all("Cluster")):
        bootstrap = cluster.at("spec", "bootstrap")
        if len(bootstrap) != 1:
            yield cluster, f"spec.bootstrap must have one method, and not {sorted(bootstrap)}"
        for method in bootstrap.values():
            for field in ("database", "owner"):
                if method.get(field) != "airflow":
                    yield cluster, f"the {field} must be airflow, and not {method.get(field)}"
            name = (method.get("secret") or {}).get("name")
            if used and name not in used:
                wanted = " or ".join(sorted(used))
                yield cluster, f"the owner's Secret must be that of Airflow, {wanted}, not {name}"


@CHECKS.add
def backups_reach_an_object_store(render: Render) -> Iterator[Fault]:
    """Find the ObjectStore of each plugin, and keep the archives of two databases apart."""
    stores = {each.name: each for each in render.all("ObjectStore")}
    for cluster in filter(is_ours, render.all("Cluster")):
        archives = [_archive(cluster, each) for each in _plugins(cluster)]
        plugins = {
            each["name"]: each.get("plugin") or {}
            for each in cluster.at("spec", "externalClusters", default=())
        }
        sources = [(name, _archive(cluster, plugin)) for name, plugin in plugins.items()]
        for store, _ in (*archives, *(archive for _, archive in sources)):
            if store not in stores:
                yield cluster, f"there is no ObjectStore {store}"
        for plugin in _plugins(cluster):
            if plugin.get("isWALArchiver") is not True:
                yield cluster, "the plugin must archive the write-ahead log (isWALArchiver)"
        places = {_place(stores, archive) for archive in archives}
        for name, archive in sources:
            if _place(stores, archive) in places:
                yield cluster, f"it would archive where {name} is, from which it is recovered"
        for name, plugin in plugins.items():
            if plugin.get("name") != PLUGIN:
                yield cluster, f"{name} must be read by the plugin {PLUGIN}"
        recovery = cluster.at("spec", "bootstrap").get("recovery")
        if recovery and recovery.get("source") not in plugins:
            yield cluster, f"there is no external cluster {recovery.get('source')}"


def _plugins(cluster: Manifest) -> list[Mapping[str, Any]]:
    return [each for each in cluster.at("spec", "plugins", default=()) if each["name"] == PLUGIN]


def _archive(cluster: Manifest, plugin: Mapping[str, Any]) -> tuple[str, str]:
    """Return the ObjectStore of a plugin, and the folder in it."""
    parameters = plugin.get("parameters") or {}
    name = str(parameters.get("barmanObjectName"))
    return name, str(parameters.get("serverName", cluster.name))


def _place(stores: Mapping[str, Manifest], archive: tuple[str, str]) -> tuple[str, str]:
    store = stores.get(archive[0])
    path = store.at("spec", "configuration", "destinationPath", default="") if store else archive[0]
    return str(path).rstrip("/"), archive[1]


@CHECKS.add
def databases_are_scraped_once(render: Render) -> Iterator[Fault]:
    """Let a PodMonitor select the instances of one database or the pods of one Pooler.

    Pods of a Pooler have the label of its Cluster too, and a namespace may have several Clusters.
    """
    others = {"cnpg.io/cluster": "another", "cnpg.io/poolerName": "another"}
    pods = [labels for labels, _ in operator_pods(render)]
    pods += [
        {**labels, **{key: others[key] for key in labels.keys() & others.keys()}} for labels in pods
    ]
    for monitor in filter(is_ours, render.all("PodMonitor")):
        selector = monitor.at("spec", "selector")
        count = sum(selects(selector, labels) for labels in pods)
        if count > 1:
            yield monitor, "spec.selector must select the pods of one database or Pooler only"


@CHECKS.add
def backups_and_poolers_name_a_database(render: Render) -> Iterator[Fault]:
    """Find the Cluster of each ScheduledBackup and Pooler, which else wait for it forever."""
    clusters = {each.name: each for each in render.all("Cluster")}
    for manifest in (*render.all("ScheduledBackup"), *render.all("Pooler")):
        if not is_ours(manifest):
            continue
        name = manifest.at("spec", "cluster", "name")
        if name not in clusters:
            yield manifest, f"there is no Cluster {name}"
        elif manifest.kind == "ScheduledBackup":
            yield from _method(manifest, _plugins(clusters[name]))
        else:
            yield from _pool(manifest)


def _method(backup: Manifest, plugins: Iterable[Mapping[str, Any]]) -> Iterator[Fault]:
    method = (backup.at("spec", "method"), backup.at("spec", "pluginConfiguration").get("name"))
    if method != ("plugin", PLUGIN) or not list(plugins):
        yield backup, f"the method must be {PLUGIN}, and the Cluster must have it"
    if backup.at("spec", "immediate", default=False) is not True:
        yield backup, "nothing can be recovered before the first backup: immediate must be true"
    if backup.at("spec", "backupOwnerReference", default="none") == "none":
        yield backup, "nothing would ever delete its Backups: backupOwnerReference must not be none"


def _pool(pooler: Manifest) -> Iterator[Fault]:
    if pooler.at("spec", "type", default=None) != "rw":
        yield pooler, "Airflow writes: spec.type must be rw"
    spec = pooler.at("spec", "template", "spec")
    if [each["name"] for each in spec["containers"]] != ["pgbouncer"]:
        yield pooler, "CloudNativePG takes image and resources from the container pgbouncer only"
    rules = spec["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    wanted = ("kubernetes.io/hostname", {"matchLabels": {"cnpg.io/poolerName": pooler.name}})
    terms = [each["podAffinityTerm"] for each in rules if each["weight"] == 100]
    if [(each.get("topologyKey"), each.get("labelSelector")) for each in terms] != [wanted]:
        yield pooler, "its pods must keep away from each other's nodes"
