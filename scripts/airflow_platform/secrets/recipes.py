"""How the values of a release's Secrets come about: at random, from others, or from people."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_platform.checks.database import DIRECT_CONNECTION
from airflow_platform.checks.violations import containers, selects
from airflow_platform.manifests import Container, Render
from airflow_platform.secrets.needs import Needed

At = tuple[str, str]  # a Secret and one of its keys


@dataclass(frozen=True)
class Random:
    """Random hexadecimal digits."""

    size: int  # bytes


@dataclass(frozen=True)
class Fernet:
    """A key by which Airflow encrypts: 32 random bytes in URL-safe base64."""


@dataclass(frozen=True)
class Fixed:
    """A text that is no secret, such as the name of a user."""

    text: str


@dataclass(frozen=True)
class Same:
    """What another key of the same Secret holds."""

    key: str


@dataclass(frozen=True)
class Connection:
    """A URL with the password that is in ``password``, encoded."""

    before: str
    password: At
    after: str


@dataclass(frozen=True)
class Asked:
    """What only people know."""


Recipe = Random | Fernet | Fixed | Same | Connection | Asked

# The sizes are those of docs/secrets.md; HS512, with which Airflow 3 signs tokens, wants 64 bytes.
_BY_VARIABLE: Mapping[str, Recipe] = {
    "AIRFLOW__CORE__FERNET_KEY": Fernet(),
    "AIRFLOW__API__SECRET_KEY": Random(32),
    "AIRFLOW__WEBSERVER__SECRET_KEY": Random(32),
    "AIRFLOW__API_AUTH__JWT_SECRET": Random(64),
    # Servers of the release, which take what they are given.
    "POSTGRES_PASSWORD": Random(32),
    "POSTGRES_POSTGRES_PASSWORD": Random(32),
    "POSTGRES_REPLICATION_PASSWORD": Random(32),
    "REDIS_PASSWORD": Random(32),
}
_DATABASE = {
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql",
    "AIRFLOW__CORE__SQL_ALCHEMY_CONN": "postgresql",
    "AIRFLOW_CONN_AIRFLOW_DB": "postgresql",
    "AIRFLOW__CELERY__RESULT_BACKEND": "db+postgresql",
}
_BROKER = "AIRFLOW__CELERY__BROKER_URL"
_POSTGRESQL_PORT, _REDIS_PORT = 5432, 6379


def recipes(render: Render, secrets: Sequence[Needed]) -> dict[At, Recipe]:
    """Return how each key of ``secrets`` comes about."""
    found: dict[At, Recipe] = {}
    databases, brokers = list(_databases(render)), list(_brokers(render))
    users = _passwords_of_new_users(render)
    for secret in secrets:
        for name, key in secret.keys.items():
            at = (secret.name, name)
            found[at] = Asked()
            for variable in sorted(key.variables):
                if variable in _BY_VARIABLE:
                    found[at] = _BY_VARIABLE[variable]
                elif variable in _DATABASE and databases:
                    is_direct = name == DIRECT_CONNECTION
                    found[at] = databases[0].connection(_DATABASE[variable], direct=is_direct)
                elif variable == _BROKER and brokers:
                    found[at] = brokers[0].connection("redis")
            if at in users:
                found[at] = Random(32)
            # git-sync 3 and 4 call the same things differently.
            if name.startswith("GIT_SYNC_") and (other := name.replace("_", "", 1)) in secret.keys:
                found[at] = Same(other)
    for database in databases:
        found[database.password] = Random(32)
        if database.has_user_in_secret:
            found[database.password[0], "username"] = Fixed(database.user)
    return found


@dataclass(frozen=True)
class _Server:
    """A database or a broker of the release."""

    user: str
    password: At
    address: str  # host, port and what follows
    direct_address: str = ""  # the same past the Pooler, where there may be one
    has_user_in_secret: bool = False

    def connection(self, scheme: str, *, direct: bool = False) -> Connection:
        address = self.direct_address if direct else self.address
        return Connection(f"{scheme}://{self.user}:", self.password, f"@{address}")


def _databases(render: Render) -> Iterator[_Server]:
    for cluster in render.all("Cluster"):
        made = cluster.at("spec", "bootstrap", "initdb", default={})
        if secret := (made.get("secret") or {}).get("name"):
            poolers = [
                pooler.name
                for pooler in render.all("Pooler")
                if pooler.at("spec", "cluster", "name", default="") == cluster.name
            ]
            service = f"{cluster.name}-rw"
            # Without sslmode, which asyncpg, with which Airflow 3 connects as well, does not take.
            name = f"{render.namespace}:{_POSTGRESQL_PORT}/{made.get('database', 'app')}"
            yield _Server(
                made.get("owner", "app"),
                (secret, "password"),
                f"{(*poolers, service)[0]}.{name}",
                direct_address=f"{service}.{name}",
                has_user_in_secret=True,
            )
    for container, environment in _with_variable(render, "POSTGRES_PASSWORD"):
        if _text(environment, "POSTGRES_REPLICATION_MODE") == "slave":
            continue
        user = _text(environment, "POSTGRES_USER", "POSTGRESQL_USERNAME") or "postgres"
        name = _text(environment, "POSTGRES_DATABASE", "POSTGRES_DB") or "postgres"
        for service in _services(render, container):
            address = f"{service}.{render.namespace}:{_POSTGRESQL_PORT}/{name}?sslmode=disable"
            yield _Server(user, _reference(environment["POSTGRES_PASSWORD"]), address)


def _brokers(render: Render) -> Iterator[_Server]:
    for container, environment in _with_variable(render, "REDIS_PASSWORD"):
        for service in _services(render, container):
            password = _reference(environment["REDIS_PASSWORD"])
            yield _Server("", password, f"{service}:{_REDIS_PORT}/0")


def _passwords_of_new_users(render: Render) -> set[At]:
    """Return those that a Job hands to `airflow users create`."""
    return {
        _reference(variable)
        for container in containers(render)
        if "users create" in " ".join(map(str, container.document.get("args") or ()))
        for variable in container.document.get("env") or ()
        if f"$({variable['name']})" in container.document["args"]
        and "secretKeyRef" in (variable.get("valueFrom") or {})
    }


def _with_variable(
    render: Render, name: str
) -> Iterator[tuple[Container, Mapping[str, Mapping[str, Any]]]]:
    """Yield the containers of servers that take this variable from a Secret."""
    for container in containers(render):
        environment = {each["name"]: each for each in container.document.get("env") or ()}
        if "secretKeyRef" in (environment.get(name, {}).get("valueFrom") or {}):
            yield container, environment


def _services(render: Render, container: Container) -> list[str]:
    """Return the Services that lead to a container, without those that only name its pods."""
    return [
        service.name
        for service in render.all("Service")
        if service.at("spec", "clusterIP", default="") != "None"
        and (labels := service.at("spec", "selector", default=None))
        and selects({"matchLabels": labels}, container.pod.labels)
    ]


def _reference(variable: Mapping[str, Any]) -> At:
    reference = variable["valueFrom"]["secretKeyRef"]
    return reference["name"], reference["key"]


def _text(environment: Mapping[str, Mapping[str, Any]], *names: str) -> str:
    return next((environment[name].get("value") or "" for name in names if name in environment), "")
