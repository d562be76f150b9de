"""Logins and Ingresses that would let nobody in, or everybody, or lead elsewhere."""

from collections.abc import Mapping
from typing import Any

from airflow_platform.rendering.values import merged

from .case import Case, airflow, wrapper

AIRFLOW_2 = {
    "airflow": {"airflowVersion": "2.11.0", "defaultAirflowTag": "2.11.0"},
    "global": {"metrics": {"airflowVersion": "2.11.0"}},
}
OIDC: Mapping[str, Any] = {
    "oidc": {
        "enabled": True,
        "metadataUrl": "https://login.example.com/.well-known/openid-configuration",
        "clientId": "airflow",
        "roleMapping": {"admins": ["Admin"]},
    },
    "airflow": {"config": {"api": {"base_url": "https://airflow.example.com"}}},
}


def oidc(message: str, **values: Any) -> Case:
    """A login that works but for these values."""
    return wrapper(message, merged(OIDC, values))


def with_airflow(message: str, **values: Any) -> Case:
    """A login that works but for these values of the official chart."""
    return oidc(message, airflow=values)


def ingress(message: str, base_url: str = "", **values: Any) -> Case:
    """An Ingress of the API server with these values."""
    config = {"api": {"base_url": base_url}} if base_url else {}
    return airflow(message, ingress={"apiServer": {"enabled": True, **values}}, config=config)


def host(name: str, *, secret: str = "", tls: bool = True) -> dict[str, Any]:
    """A host of an Ingress."""
    return {"name": name, "tls": {"enabled": tls, "secretName": secret}}


TLS = {"enabled": True, "secretName": "airflow-tls"}
MOUNT = {"name": "own", "mountPath": "/opt/airflow/webserver_config.py"}
FLOWER = {
    "executor": "CeleryExecutor",
    "redis": {"enabled": True, "passwordSecretName": "airflow-redis"},
    "data": {"brokerUrlSecretName": "airflow-broker"},
    "flower": {"enabled": True},
}
CASES: Mapping[str, Case] = {
    "a login without anything": wrapper(
        "oidc.enabled needs more: clientId, metadataUrl, roleMapping.",
        {"oidc": {"enabled": True}, "airflow": OIDC["airflow"]},
    ),
    "a login by Keycloak without a realm": oidc(
        "oidc.enabled needs more: keycloak.",
        oidc={"provider": "keycloak", "keycloak": {"url": "https://keycloak.example.com"}},
    ),
    "a login by Entra without a tenant": oidc(
        "oidc.enabled needs more: entra.", oidc={"provider": "entra"}
    ),
    "a login that gives nobody a role": oidc(
        "oidc.enabled needs more: roleMapping.", oidc={"roleMapping": {"admins": None}}
    ),
    "a login and a program of one's own": with_airflow(
        "airflow.apiServer.apiServerConfig is a webserver_config.py of your own",
        apiServer={"apiServerConfig": "AUTH_TYPE = 1"},
    ),
    "a login and a ConfigMap of one's own": with_airflow(
        "airflow.webserver.webserverConfigConfigMapName is a webserver_config.py of your own",
        webserver={"webserverConfigConfigMapName": "own"},
    ),
    "a login and a file of one's own": with_airflow(
        "airflow.volumeMounts mounts own at /opt/airflow/webserver_config.py",
        volumes=[{"name": "own", "configMap": {"name": "own"}}],
        volumeMounts=[{"name": "logs", "mountPath": "/elsewhere"}, MOUNT],
    ),
    "a login and a manager that does not know it": with_airflow(
        "[core] auth_manager is airflow.api_fastapi.auth.managers.simple",
        config={
            "core": {
                "auth_manager": "airflow.api_fastapi.auth.managers.simple"
                ".simple_auth_manager.SimpleAuthManager"
            }
        },
    ),
    "a login whose file Airflow does not read": with_airflow(
        "[fab] config_file is /etc/own.py", config={"fab": {"config_file": "/etc/own.py"}}
    ),
    "a login without the URL of Airflow": with_airflow(
        '[api] base_url is "http://airflow.example.com", and with oidc.enabled it must be the',
        config={"api": {"base_url": "http://airflow.example.com/"}},
    ),
    "a login that does not know of https": with_airflow(
        "[fab] enable_proxy_fix is false", config={"fab": {"enable_proxy_fix": "false"}}
    ),
    "an Ingress of the other Airflow": airflow(
        "airflow.ingress.web has no effect with Airflow 3",
        ingress={"web": {"enabled": True, "hosts": [host("airflow.example.com", secret="tls")]}},
    ),
    "an Ingress of the other Airflow, in Airflow 2": wrapper(
        "airflow.ingress.apiServer has no effect with Airflow 2.11.0",
        merged(AIRFLOW_2, {"airflow": {"ingress": {"apiServer": {"enabled": True}}}}),
    ),
    "an Ingress of a Flower that is not there": airflow(
        "airflow.ingress.flower has no effect", ingress={"flower": {"enabled": True}}
    ),
    "an Ingress of a PgBouncer that is not there": airflow(
        "airflow.ingress.pgbouncer has no effect", ingress={"pgbouncer": {"enabled": True}}
    ),
    "an Ingress that lets anybody into Flower": airflow(
        "The Ingress of Flower would let anybody in",
        **FLOWER,
        ingress={"flower": {"enabled": True}},
    ),
    "hosts of two kinds": ingress(
        "airflow.ingress.apiServer.hosts has texts as well as {name, tls}",
        hosts=["a.example.com", host("b.example.com", secret="b")],
    ),
    "a host beside the list": ingress(
        'airflow.ingress.apiServer.host, "a.example.com", has no effect beside',
        host="a.example.com",
        hosts=[host("b.example.com", tls=False)],
    ),
    "TLS beside hosts that have their own": ingress(
        "airflow.ingress.apiServer.tls has no effect where hosts are {name, tls}",
        hosts=[{"name": "a.example.com"}],
        tls=TLS,
    ),
    "TLS for no host": ingress(
        "airflow.ingress.apiServer.tls needs a host that the certificate is for", tls=TLS
    ),
    "TLS for a host without a name": ingress(
        "airflow.ingress.apiServer.hosts has an entry with TLS and without a name",
        hosts=[host("a.example.com", secret="a"), host("", secret="b")],
    ),
    "a certificate without a Secret": ingress(
        "airflow.ingress.apiServer: cert-manager would make no certificate for b.example.com",
        annotations={"cert-manager.io/cluster-issuer": "letsencrypt"},
        hosts=[host("a.example.com", secret="a"), host("b.example.com")],
    ),
    "a URL of another host": ingress(
        "[api] base_url is for the host airflow.example.com, which airflow.ingress.apiServer does",
        base_url="https://airflow.example.com",
        hosts=[host("a.example.com", secret="a"), host("b.example.com", secret="b")],
    ),
    "a URL of another machine in the tailnet": ingress(
        "[api] base_url is for the host flow.example.ts.net, which airflow.ingress.apiServer does",
        base_url="https://flow.example.ts.net",
        ingressClassName="tailscale",
        hosts=[host("airflow", secret="a")],
    ),
    "a URL without TLS": ingress(
        "[api] base_url begins with http, and airflow.ingress.apiServer has TLS",
        base_url="http://airflow.example.com",
        hosts=[host("airflow.example.com", secret="a")],
    ),
    "a URL of another path": ingress(
        '[api] base_url has the path "", and airflow.ingress.apiServer sends only /airflow',
        base_url="https://airflow.example.com",
        path="/airflow",
        pathType="Prefix",
        hosts=[host("airflow.example.com", secret="a")],
    ),
    "an administrator whose password everybody knows": wrapper(
        "Anybody could guess the password of the administrator in airflow.createUserJob",
        {
            "airflow": {"createUserJob": {"defaultUser": {"password": "admin"}}},
            "secrets": {"refuseInValues": False},
        },
    ),
}
