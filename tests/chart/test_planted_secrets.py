"""A secret in the values of staging or prod is refused, wherever it is."""

import base64
import re
from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

import pytest

from airflow_platform.checks.judge import CHECKS
from airflow_platform.manifests import Render
from airflow_platform.rendering.helm import RefusedError
from airflow_platform.rendering.render import render
from airflow_platform.rendering.staging import stage_upstream
from airflow_platform.rendering.upstream import UpstreamChart, find_upstream, stand_in
from airflow_platform.rendering.values import merged
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ROOT

from .test_values import paths

CELERY = strict_yaml.load_file(ROOT / "examples" / "celery" / "values.yaml")
CHECKED = (
    "environment_holds_no_secrets",
    "commands_hold_no_secrets",
    "config_maps_hold_no_secrets",
    "manifests_hold_no_secrets",
    "secrets_are_made_elsewhere",
)
# It has no form by which anything could know it.
PLANTED = "correct-horse-battery-staple"
ENCODED = base64.b64encode(PLANTED.encode()).decode()
KEY = "-----BEGIN {} KEY-----\n{}\n".format("OPENSSH PRIVATE", ENCODED)
URL = f"postgresql://airflow:{PLANTED}@database.example.com:5432/airflow"
VARIABLE = {"name": "WAREHOUSE_PASSWORD", "value": PLANTED}
CONNECTION = {"name": "AIRFLOW_CONN_WAREHOUSE", "value": URL}
OWN_REDIS = merged(CELERY, {"airflow": {"redis": {"passwordSecretName": None}}})
CONTAINER = {"name": "own", "image": "busybox:1.37.0", "command": ["sleep", "1"]}


def at(path: str, value: Any) -> dict[str, Any]:
    """Values with ``value`` at a path."""
    return reduce(lambda inner, key: {key: inner}, reversed(path.split(".")), value)


# What is set where, and what is set besides so that it is used.
PLACES: Mapping[str, Mapping[str, Any]] = {
    path: merged(besides, at(path, value))
    for path, value, besides in (
        ("airflow.fernetKey", PLANTED, {}),
        ("airflow.apiSecretKey", PLANTED, {}),
        ("airflow.jwtSecret", PLANTED, {}),
        ("airflow.webserverSecretKey", PLANTED, {}),
        ("airflow.createUserJob.defaultUser.password", PLANTED, {}),
        ("airflow.createUserJob.env", [VARIABLE], {}),
        ("airflow.createUserJob.args", ["airflow", "users", "create", "-p", PLANTED], {}),
        (
            "airflow.data.metadataConnection.pass",
            PLANTED,
            at("airflow.data.metadataSecretName", None),
        ),
        (
            "airflow.data.resultBackendConnection",
            {
                "protocol": "postgresql",
                "user": "a",
                "pass": PLANTED,
                "host": "h",
                "port": 1,
                "db": "a",
                "sslmode": "require",
            },
            CELERY,
        ),
        (
            "airflow.data.brokerUrl",
            f"redis://:{PLANTED}@redis:6379/0",
            at("airflow.executor", "CeleryExecutor"),
        ),
        (
            "airflow.redis.password",
            PLANTED,
            merged(CELERY, at("airflow.redis.passwordSecretName", None)),
        ),
        ("airflow.postgresql.auth.postgresPassword", PLANTED, {}),
        ("airflow.postgresql.auth.password", PLANTED, {}),
        ("airflow.postgresql.auth.replicationPassword", PLANTED, {}),
        ("global.postgresql.auth.postgresPassword", PLANTED, {}),
        ("global.postgresql.auth.password", PLANTED, {}),
        ("airflow.dags.gitSync.sshKey", KEY, at("airflow.dags.gitSync.credentialsSecret", None)),
        ("airflow.dags.gitSync.repo", f"https://me:{PLANTED}@git.example.com/dags.git", {}),
        ("airflow.dags.gitSync.env", [VARIABLE], {}),
        ("airflow.flower.password", PLANTED, at("airflow.flower.username", "me")),
        (
            "airflow.registry.connection",
            {
                "user": "me",
                "pass": PLANTED,
                "host": "registry.example.com",
                "email": "me@example.com",
            },
            {},
        ),
        (
            "airflow.elasticsearch.connection",
            {"user": "me", "pass": PLANTED, "host": "es", "port": 9200},
            at("airflow.elasticsearch.enabled", True),
        ),
        (
            "airflow.opensearch.connection",
            {"user": "me", "pass": PLANTED, "host": "os", "port": 9200},
            at("airflow.opensearch.enabled", True),
        ),
        ("airflow.kerberos.keytabBase64Content", ENCODED, {}),
        ("airflow.pgbouncer.ssl.key", KEY, at("airflow.pgbouncer.enabled", True)),
        ("airflow.extraSecrets", {"own": {"stringData": f"key: {PLANTED}"}}, {}),
        ("airflow.extraConfigMaps.own", {"data": f"url: {URL}"}, {}),
        ("airflow.extraConfigMaps.more", {"data": f"it.yaml: 'password: {PLANTED}'"}, {}),
        ("airflow.env", [CONNECTION], {}),
        ("airflow.extraEnv", f"- {{name: WAREHOUSE_PASSWORD, value: {PLANTED}}}", {}),
        *(
            (f"airflow.{component}.env", [VARIABLE], {})
            for component in ("scheduler", "apiServer", "dagProcessor", "triggerer", "workers")
        ),
        ("airflow.migrateDatabaseJob.env", [VARIABLE], {}),
        ("airflow.cleanup.env", [VARIABLE], {}),
        ("airflow.scheduler.extraContainers", [{**CONTAINER, "env": [VARIABLE]}], {}),
        ("airflow.scheduler.args", ["bash", "-c", "x", f"--password={PLANTED}"], {}),
        ("airflow.workers.extraInitContainers", [{**CONTAINER, "args": ["--token", PLANTED]}], {}),
        ("airflow.airflowPodAnnotations", {"example.com/url": URL}, {}),
        (
            "airflow.ingress.apiServer.annotations",
            {"example.com/url": URL},
            at(
                "airflow.ingress.apiServer",
                {"enabled": True, "hosts": [{"name": "airflow.example.com"}]},
            ),
        ),
        ("airflow.apiServer.apiServerConfig", f"AUTH_LDAP_BIND_PASSWORD = '{PLANTED}'", {}),
        (
            "airflow.webserver.webserverConfig",
            f"OAUTH = [{{'client_secret': '{PLANTED}'}}]",
            {"airflow": {"airflowVersion": "2.11.0", "defaultAirflowTag": "2.11.0"}},
        ),
        ("airflow.airflowLocalSettings", f"API_TOKEN = '{PLANTED}'", {}),
        ("airflow.config.core.fernet_key", PLANTED, {}),
        ("airflow.config.database.sql_alchemy_conn", URL, {}),
        ("airflow.config.celery.broker_url", f"redis://:{PLANTED}@redis:6379/0", {}),
        ("airflow.config.celery.flower_basic_auth", f"me:{PLANTED}", {}),
        ("airflow.config.smtp.smtp_password", PLANTED, {}),
        ("airflow.config.sentry.sentry_dsn", f"https://{PLANTED}@sentry.example.com/1", {}),
        ("airflow.config.webserver.secret_key", PLANTED, {}),
        ("airflow.config.api_auth.jwt_secret", PLANTED, {}),
        (
            "airflow.config.secrets.backend_kwargs",
            f'{{"url": "http://vault", "token": "{PLANTED}"}}',
            {},
        ),
        ("global.taskLogs.extraEnv", [VARIABLE], {}),
        ("global.taskLogs.loki.endpoint", f"https://me:{PLANTED}@loki.example.com", {}),
        (
            "global.taskLogs.extraSinks",
            {
                "own": {
                    "type": "http",
                    "uri": "https://x",
                    "encoding": {"codec": "json"},
                    "auth": {"strategy": "bearer", "token": PLANTED},
                }
            },
            {},
        ),
        ("observability.statsdExporter.extraEnv", [VARIABLE], {}),
        ("observability.statsdExporter.extraArgs", [f"--web.password={PLANTED}"], {}),
        ("observability.statsdExporter.podAnnotations", {"example.com/url": URL}, {}),
        (
            "observability.extraObjects",
            [
                {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": {"name": "own"},
                    "stringData": {"key": PLANTED},
                }
            ],
            {},
        ),
        ("observability.serviceMonitor.annotations", {"example.com/url": URL}, {}),
        ("observability.dashboards.airflowUrl", f"https://me:{PLANTED}@airflow.example.com", {}),
    )
}


def found(rendered: Render) -> Iterator[str]:
    """What the checks of secrets say of a render."""
    for name in CHECKED:
        for violation in CHECKS[name](rendered):
            yield str(violation)


def refusal(place: str, upstream: UpstreamChart, environment: str) -> str:
    """What the chart or the checks say of it; nothing where no manifest has it, either."""
    try:
        rendered = render(environment, values=[PLACES[place]], upstream=upstream)
    except RefusedError as refused:
        return str(refused)
    if said := list(found(rendered)):
        return said[0]
    texts = [manifest.text for manifest in rendered.manifests]
    assert not [text for text in texts if PLANTED in text or ENCODED in text]
    return ""


@pytest.mark.official_chart
@pytest.mark.parametrize("place", PLACES)
def test_a_secret_in_the_values_of_prod_is_refused(place: str) -> None:
    said = refusal(place, find_upstream(), "prod")
    assert said
    # A message about an option of Airflow names it as airflow.cfg does.
    option = "[{}] {}".format(*place.split(".")[-2:])
    assert place in said or option in said or any(name in said for name in CHECKED)


@pytest.mark.parametrize("place", PLACES)
def test_with_the_stand_in_it_is_refused_or_in_no_manifest(place: str) -> None:
    refusal(place, stand_in(), "staging")


# Values of the official chart that sound like a secret and are none, by the end of their names.
NO_SECRETS = (
    "automountServiceAccountToken",
    "SecretName",
    "secretName",
    "statsSecretKey",
    "mountConfigSecret",
    "keytabPath",
)
SOUNDS_LIKE_ONE = re.compile(
    r"(?i)(pass|password|secret|token|keytab\w*|(fernet|ssh|secret|private|api)_?key|ssl\.key)$"
)


@pytest.mark.official_chart
def test_every_value_of_the_official_chart_that_sounds_like_a_secret_is_planted() -> None:
    planted = {".".join(path) for values in PLACES.values() for path in paths(values)}
    official = strict_yaml.load_file(stage_upstream(find_upstream()) / "values.yaml")
    sounding = {
        f"airflow.{'.'.join(path)}"
        for path in paths(official)
        if SOUNDS_LIKE_ONE.search(".".join(path)) and not path[-1].endswith(NO_SECRETS)
    }
    assert {"airflow.fernetKey", "airflow.redis.password"} <= sounding
    # Its list of references to Secrets is called so, and so are the names of variables.
    switches = {each for each in sounding if ".enableBuiltInSecretEnvVars." in each}
    assert sounding - switches - {"airflow.secret", "airflow.config.kerberos.keytab"} <= planted
