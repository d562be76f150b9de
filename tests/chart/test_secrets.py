"""No install or upgrade loses a key: what Helm would delete, replace or make up is refused."""

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_platform import cli
from airflow_platform.manifests import Render
from airflow_platform.rendering import helm
from airflow_platform.rendering.render import render
from airflow_platform.rendering.staging import stage
from airflow_platform.rendering.upstream import find_upstream, stand_in
from airflow_platform.rendering.values import merged
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import NAMESPACE, environments, values_file

from .cluster import Secret, Values, cluster_with, key, owned
from .message_cases import secrets
from .test_messages import PROGRAMS, blocks, refusal

HOOK = "helm.sh/hook"
OLD, NEW = "the-key-of-the-database", "another-key"
BOTH_MAJORS = pytest.mark.parametrize("major", helm.MAJORS)


@BOTH_MAJORS
def test_only_values_that_helm_accepts_pass_for_accepted(major: int, tmp_path: Path) -> None:
    with cluster_with({}, tmp_path) as cluster:
        assert cluster.says({}, major=major) == ""
        assert "exampleDag" in cluster.says({"exampleDag": {"enabled": "no"}}, major=major)


# --- What Helm would delete

VARIABLE = {"name": "X", "valueFrom": {"secretKeyRef": {"name": "mine", "key": "x"}}}
VOLUME = {"name": "x", "secret": {"secretName": "mine"}}
BY_SSH = {"repo": "git@git.example.com:data/dags.git", "knownHosts": "git.example.com ssh-rsa A"}
REFERENCES: Mapping[str, Values] = {
    "a key that ends in SecretName": {"airflow": {"data": {"metadataSecretName": "mine"}}},
    "existingSecret": {"airflow": {"postgresql": {"auth": {"existingSecret": "mine"}}}},
    "credentialsSecret": {"airflow": {"dags": {"gitSync": {"credentialsSecret": "mine"}}}},
    "sshKeySecret": {"airflow": {"dags": {"gitSync": {**BY_SSH, "sshKeySecret": "mine"}}}},
    "a variable": {"airflow": {"workers": {"env": [VARIABLE]}}},
    "a volume": {"airflow": {"workers": {"extraVolumes": [VOLUME]}}},
    "a name with a template": {
        "airflow": {"volumes": [{"name": "x", "secret": {"secretName": "{{ print `mi` `ne` }}"}}]}
    },
    "the list airflow.secret": {
        "airflow": {"secret": [{"envName": "X", "secretName": "mine", "secretKey": "x"}]}
    },
    "a text of YAML": {"airflow": {"extraEnvFrom": "- secretRef: {name: mine}"}},
    "another text of YAML": {"airflow": {"extraEnv": yaml.safe_dump([VARIABLE])}},
    "a pull Secret as a string": {"airflow": {"imagePullSecrets": ["mine"]}},
    "a pull Secret as a mapping": {"global": {"imagePullSecrets": [{"name": "mine"}]}},
    "a text of YAML for git-sync": {
        "airflow": {"dags": {"gitSync": {"envFrom": "- secretRef: {name: mine}"}}}
    },
    "a volume of a CSI driver": {
        "airflow": {
            "volumes": [
                {"name": "x", "csi": {"driver": "x", "nodePublishSecretRef": {"name": "mine"}}}
            ]
        }
    },
    "scripts of PostgreSQL": {
        "airflow": {"postgresql": {"primary": {"initdb": {"scriptsSecret": "mine"}}}}
    },
    "variables of PostgreSQL": {
        "airflow": {"postgresql": {"primary": {"extraEnvVarsSecret": "mine"}}}
    },
    "the password of a scrape": {
        "observability": {
            "serviceMonitor": {
                "enabled": True,
                "basicAuth": {
                    "username": {"name": "mine", "key": "username"},
                    "password": {"name": "mine", "key": "password"},
                },
            }
        }
    },
    "an extra object in a text": {
        "observability": {
            "extraObjects": [
                "{kind: Job, apiVersion: batch/v1, metadata: {name: x}, spec: {template: {spec:"
                " {imagePullSecrets: [{name: mine}]}}}}"
            ]
        }
    },
    "credentials for Loki": {"global": {"taskLogs": {"loki": {"auth": {"secretName": "mine"}}}}},
}


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_secret_that_helm_would_delete_is_refused(reference: str, tmp_path: Path) -> None:
    with cluster_with({"mine": owned()}, tmp_path) as cluster:
        said = cluster.says(REFERENCES[reference])
    assert "Helm would delete Secrets or volumes that the values name" in said
    assert "it makes them no longer: mine." in said


CLAIMS: Mapping[str, Values] = {
    "of DAGs": {
        "dags": {
            "persistence": {"enabled": True, "existingClaim": "mine"},
            "gitSync": {"enabled": False},
        }
    },
    "of logs": {"logs": {"persistence": {"existingClaim": "mine"}}},
    "in a volume": {"volumes": [{"name": "x", "persistentVolumeClaim": {"claimName": "mine"}}]},
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_volume_that_helm_would_delete_is_refused(claim: str, tmp_path: Path) -> None:
    values = {"airflow": CLAIMS[claim]}
    with cluster_with({}, tmp_path) as cluster:
        cluster.api.claims = {"mine": owned()}
        (command,) = blocks(cluster.says(values))
        kept = {"helm.sh/resource-policy": "keep"}
        assert command == f"kubectl annotate pvc mine -n {NAMESPACE} helm.sh/resource-policy=keep\n"
        cluster.api.claims = {"mine": owned(**kept)}
        assert cluster.says(values) == ""


NO_LONGER_MADE: Mapping[str, Values] = {
    "registry": {
        "registry": {"connection": {"user": "u", "pass": "p", "host": "h", "email": "e"}},
        "imagePullSecrets": [{"name": "airflow-registry"}],
    },
    "ssh-secret": {
        "dags": {"gitSync": {"enabled": False, "sshKey": "x", "sshKeySecret": "airflow-ssh-secret"}}
    },
    "flower": {"flower": {"password": "x"}},
    "webserver-secret-key": {},
    "result-backend": {},
}


@pytest.mark.parametrize("end", NO_LONGER_MADE)
def test_what_the_official_chart_makes_only_with_other_values_is_deleted(
    end: str, tmp_path: Path
) -> None:
    secret = f"airflow-{end}"
    named = {"secret": [{"envName": "X", "secretName": secret, "secretKey": "x"}]}
    with cluster_with({secret: owned()}, tmp_path) as cluster:
        said = cluster.says({"airflow": {**named, **NO_LONGER_MADE[end]}})
    assert f"it makes them no longer: {secret}." in said


@pytest.mark.official_chart
@pytest.mark.parametrize("part", ["ca", "cert", "key"])
def test_a_part_of_the_certificates_of_pgbouncer_makes_their_secret(
    part: str, tmp_path: Path
) -> None:
    secret = "airflow-pgbouncer-certificates"
    named = {"secret": [{"envName": "X", "secretName": secret, "secretKey": "x"}]}
    values = {"airflow": {**named, "pgbouncer": {"ssl": {part: "x"}}}}
    rendered = render("prod", values=[values], sets=["secrets.refuseInValues=false"])
    assert secret in {each.name for each in rendered.all("Secret")}
    with cluster_with({secret: owned()}, tmp_path) as cluster:
        assert cluster.says(values, upstream=find_upstream()) == ""


@BOTH_MAJORS
def test_one_command_keeps_all_secrets(major: int, tmp_path: Path) -> None:
    """From the official chart's defaults to values that name what it made."""
    values = {"airflow": {"apiSecretKeySecretName": "a", "jwtSecretName": "j"}}
    there = {"a": owned(), "j": owned(), "airflow-fernet": key(OLD)}
    with cluster_with(there, tmp_path) as cluster:
        said = cluster.says(values, major=major)
        (command,) = blocks(said)
        kept = "helm.sh/resource-policy=keep"
        assert command == f"kubectl annotate secret a j -n {NAMESPACE} {kept}\n"
        cluster.api.secrets = {name: owned(**{"helm.sh/resource-policy": "keep"}) for name in "aj"}
        assert cluster.says(values, major=major) == ""


MANAGED = {"reconcile.external-secrets.io/managed": "true"}
OTHERS: Mapping[str, tuple[Secret, Values]] = {
    "of another release": (owned(release="other"), {}),
    "of another namespace": (owned(namespace="other"), {}),
    "kept": (owned(**{"helm.sh/resource-policy": "keep"}), {}),
    "the user's own": ({}, {}),
    "of External Secrets": (
        {"metadata": {**owned()["metadata"], "labels": MANAGED}},
        {},
    ),
    "an extra Secret": (
        owned(),
        {"airflow": {"extraSecrets": {"mine": {"useHelmHooks": False, "stringData": "x: y"}}}},
    ),
    "an extra object": (
        owned(),
        {
            "observability": {
                "extraObjects": [
                    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mine"}},
                    "---\n{kind: ConfigMap, apiVersion: v1, metadata: {name: 'x'}}",
                ]
            }
        },
    ),
    "an extra object in a text": (
        owned(),
        {
            "observability": {
                "extraObjects": ["apiVersion: v1\nkind: Secret\nmetadata: {name: mine}\n"]
            }
        },
    ),
}


@pytest.mark.parametrize("other", OTHERS)
def test_other_secrets_may_be_named(other: str, tmp_path: Path) -> None:
    secret, values = OTHERS[other]
    with cluster_with({"mine": secret}, tmp_path) as cluster:
        assert cluster.says(merged(values, {"airflow": {"jwtSecretName": "mine"}})) == ""


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_an_upgrade_from_dev_names_nothing_that_dev_made(environment: str, tmp_path: Path) -> None:
    made = {secret.name: owned() for secret in render("dev").all("Secret")}
    with cluster_with(made, tmp_path) as cluster:
        assert cluster.says({}, environment) == ""
        asked = {path.rpartition("/")[2] for path in cluster.api.asked}
    assert "airflow-fernet" in asked
    assert asked.isdisjoint(made.keys() - {"airflow-fernet-key"})


BACKEND = {"protocol": "postgresql", "user": "u", "pass": "p", "host": "h", "port": 5432}
BACKEND |= {"db": "x", "sslmode": "disable"}
NO_EXAMPLE = {"exampleDag": {"enabled": False}}  # which git-sync excludes
EVERY_SECRET: tuple[Values, ...] = (
    {
        "executor": "CeleryExecutor",
        "redis": {"enabled": True, "password": "x"},
        "data": {"resultBackendConnection": BACKEND},
        "pgbouncer": {"enabled": True, "ssl": {"ca": "x", "cert": "x", "key": "x"}},
        "elasticsearch": {"enabled": True, "connection": {"host": "es"}},
        "flower": {"enabled": True, "username": "x", "password": "x"},
        "registry": {"connection": {"user": "u", "pass": "p", "host": "h", "email": "e"}},
        "dags": {"gitSync": {**BY_SSH, "enabled": True, "sshKey": "x"}},
        "kerberos": {"keytabBase64Content": "eA=="},
    },
    {
        "airflowVersion": "2.11.0",
        "defaultAirflowTag": "2.11.0",
        "opensearch": {"enabled": True, "connection": {"host": "os"}},
    },
)


def secrets_of_the_official_chart() -> Iterator[tuple[Values, Render]]:
    for values in EVERY_SECRET:
        yield values, render("dev", values=[{"airflow": values, **NO_EXAMPLE}])


@pytest.mark.official_chart
def test_what_the_official_chart_still_makes_may_be_named(tmp_path: Path) -> None:
    for values, rendered in secrets_of_the_official_chart():
        there = {
            each.name: owned(**{HOOK: "pre-install"} if HOOK in each.annotations else {})
            for each in rendered.all("Secret")
        }
        named = [{"envName": "X", "secretName": name, "secretKey": "x"} for name in there]
        with cluster_with(there, tmp_path) as cluster:
            settings = {"airflow": {**values, "secret": named}, **NO_EXAMPLE}
            assert cluster.says(settings, "dev", upstream=find_upstream()) == ""


@pytest.mark.official_chart
@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_no_release_makes_secrets_of_the_names_that_we_choose(environment: str) -> None:
    """Their names begin with that of the release, so what follows must differ from ours."""
    ends = {
        secret.name.removeprefix("airflow")
        for _, rendered in secrets_of_the_official_chart()
        for secret in rendered.all("Secret")
    }
    assert {"-fernet-key", "-metadata", "-postgresql", "-broker-url", "-redis-password"} <= ends
    celery = values_file("prod").parents[1] / "examples" / "celery" / "values.yaml"
    names = {
        value
        for file in (values_file(environment), celery)
        for path, value in leaves(yaml.safe_load(file.read_text()))
        if path.endswith(("SecretName", "existingSecret", "credentialsSecret"))
    }
    assert {"airflow-fernet", "airflow-database", "airflow-broker", "airflow-redis"} <= names
    assert not [name for name in names if name.endswith(tuple(ends))]


def leaves(values: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(values, Mapping):
        for name, value in values.items():
            yield from leaves(value, f"{path}.{name}")
    else:
        yield path, values


# --- The fernet key


@BOTH_MAJORS
def test_another_fernet_key_than_that_of_the_release_is_refused(major: int, tmp_path: Path) -> None:
    there = {"airflow-fernet-key": key(OLD), "airflow-fernet": key(NEW)}
    with cluster_with(there, tmp_path) as cluster:
        said = cluster.says({}, major=major)
        assert "The fernet key of this release is in the Secret airflow-fernet-key" in said
        settings, command = blocks(said)
        assert command == f"kubectl delete secret airflow-fernet-key -n {NAMESPACE}\n"
        assert cluster.says(yaml.safe_load(settings), major=major) == ""


@pytest.mark.parametrize(
    ("accepted", "settings", "named"),
    [
        (True, {}, OLD),
        (True, {}, f"{NEW},{OLD}"),
        (True, {}, f"{OLD}\n"),
        (True, {}, f"{NEW}, {OLD}\n"),
        (False, {}, None),
        (True, {"fernetKeySecretName": None, "fernetKey": OLD}, None),
        (True, {"fernetKeySecretName": None, "fernetKey": f"{NEW},{OLD}"}, None),
        (True, {"fernetKeySecretName": None, "fernetKey": f"{NEW}, {OLD}"}, None),
        (False, {"fernetKeySecretName": None, "fernetKey": NEW}, None),
        (False, {"fernetKeySecretName": None}, None),
        (True, {"enableBuiltInSecretEnvVars": {"AIRFLOW__CORE__FERNET_KEY": False}}, NEW),
    ],
)
def test_the_same_key_may_come_from_elsewhere(
    accepted: bool, settings: Values, named: str | None, tmp_path: Path
) -> None:
    there = {"airflow-fernet-key": key(OLD)} | ({"airflow-fernet": key(named)} if named else {})
    with cluster_with(there, tmp_path) as cluster:
        said = cluster.says({"airflow": settings})
    assert bool(said) != accepted
    assert accepted or "The fernet key of this release is in the Secret" in said


@pytest.mark.official_chart
@pytest.mark.parametrize(
    ("secret", "settings"),
    [
        ("data-airflow-fernet-key", {"useStandardNaming": True}),
        ("data-mine-fernet-key", {"useStandardNaming": True, "nameOverride": "mine"}),
        ("all-mine-fernet-key", {"useStandardNaming": True, "fullnameOverride": "all-mine"}),
    ],
)
def test_the_key_is_found_under_each_name_that_the_official_chart_gives_it(
    secret: str, settings: Values, tmp_path: Path
) -> None:
    values = {"airflow": settings}
    assert secret in {
        each.name for each in render("dev", release="data", values=[values]).all("Secret")
    }
    with cluster_with({secret: key(OLD, "data")}, tmp_path) as cluster:
        said = cluster.says(values, release="data", upstream=find_upstream())
    assert f"The fernet key of this release is in the Secret {secret}" in said


@pytest.mark.parametrize("secret", ["data-fernet-key", "data-airflow-fernet-key"])
def test_the_key_is_found_after_a_change_of_names_unless_it_is_of_another_release(
    secret: str, tmp_path: Path
) -> None:
    with cluster_with({secret: key(OLD, "data")}, tmp_path) as cluster:
        assert f"is in the Secret {secret}" in cluster.says({}, release="data")
        cluster.api.secrets = {secret: key(OLD, "another-release")}
        assert cluster.says({}, release="data") == ""


# --- Keys that Helm would make up


def test_secrets_are_read_by_name_only(tmp_path: Path) -> None:
    """Who may read some Secrets need not be allowed to list them all."""
    with cluster_with({}, tmp_path) as cluster:
        assert cluster.says({}) == ""
        for path in cluster.api.asked:
            assert not path.endswith("/secrets"), path


@pytest.mark.parametrize("environment", environments())
def test_two_renders_of_an_environment_are_equal(environment: str) -> None:
    arguments = ["template", "airflow", str(stage(stand_in()))]
    arguments += ["-f", str(values_file(environment))]
    first, second = (helm.run(4, arguments).stdout for _ in range(2))
    assert first
    assert first == second


def way_out(message: str) -> str:
    (found,) = (block for block in blocks(message) if not block.startswith(PROGRAMS))
    return found


@pytest.mark.official_chart
@pytest.mark.parametrize("name", secrets.CASES)
def test_the_command_makes_the_secrets_that_the_values_name(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = refusal(secrets.CASES[name])
    assert "--from-literal" not in message
    settings = yaml.safe_load(way_out(message))
    mine = tmp_path / "mine.yaml"
    values = yaml.safe_dump(merged(secrets.CASES[name].values, settings))
    mine.write_text(values, encoding="utf-8")
    (block,) = (each for each in blocks(message) if each.startswith("airflow-platform "))
    command, run = block.splitlines()
    call, _, file = command.partition(" > ")
    assert run == f"sh {file}"
    words = shlex.split(call)[1:]
    assert cli.main([str(mine) if word == mine.name else word for word in words]) == 0
    text = capsys.readouterr().out
    assert f"\nnamespace={NAMESPACE}\n" in text
    made = set(re.findall(r"^  if missing (\S+) ", text, re.MULTILINE))
    # What only people have, they make of a file.
    made |= set(re.findall(r"^  kubectl create secret tls (\S+) ", message, re.MULTILINE))
    named = {
        value
        for path, value in leaves(settings)
        if path.endswith(("Secret", "SecretName"))
        # With a command for the URL nothing reads the Secret.
        and not ("broker_url_cmd" in values and path.endswith("brokerUrlSecretName"))
    }
    assert named <= made


@pytest.mark.official_chart
@pytest.mark.parametrize("name", secrets.CASES)
def test_nothing_is_made_up_once_the_secrets_are_named(name: str) -> None:
    case = secrets.CASES[name]
    values = [case.values, yaml.safe_load(way_out(refusal(case)))]
    first, second = (
        {
            (m.kind, m.name): m.text
            for m in render(**case.arguments, values=values, helm=major).manifests
        }
        for major in helm.MAJORS
    )
    assert first == second


def test_an_add_on_alone_needs_no_keys() -> None:
    assert render(values=[{"airflow": {"enabled": False}}]).manifests


def test_the_message_warns_who_moves_an_airflow_that_exists() -> None:
    with pytest.raises(PlatformError, match="name the Secret that has it, usually airflow-fernet"):
        render()
