"""The login by OpenID Connect reaches the pods that serve people, and Ingresses lead to them."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from airflow_platform.checks.access import RIGHTS
from airflow_platform.checks.judge import judge
from airflow_platform.manifests import Container, Render
from airflow_platform.rendering.helm import MAJORS, RefusedError
from airflow_platform.rendering.render import render
from airflow_platform.rendering.values import merged
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import RELEASE, ROOT

from .conftest import EXTERNAL
from .message_cases.access import AIRFLOW_2, OIDC

EXAMPLES = ROOT / "examples" / "access"
HOME = "/opt/airflow"
SECRET = "OIDC_CLIENT_SECRET"
BASE_URL = {"airflow": {"config": {"webserver": {"base_url": "https://airflow.example.com"}}}}
VERSIONS: Mapping[str, Mapping[str, Any]] = {
    "api-server": {},
    "webserver": merged(AIRFLOW_2, BASE_URL),
}
MINE = {
    "extraVolumes": [{"name": "models", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "models", "mountPath": "/models"}],
    "env": [{"name": "MINE", "value": "1"}],
    "podAnnotations": {"example.com/owner": "data"},
}


def variables(container: Container) -> set[str]:
    return {each["name"] for each in container.document.get("env") or ()}


def mounts(container: Container) -> dict[str, str]:
    return {
        each["mountPath"]: each.get("subPath", "")
        for each in container.document.get("volumeMounts") or ()
    }


def settings(rendered: Render) -> Any:
    """What the program finds beside it."""
    return json.loads(rendered.get("ConfigMap", f"{RELEASE}-oidc").at("data", "oidc.json"))


@pytest.mark.official_chart
@pytest.mark.parametrize("helm", MAJORS)
@pytest.mark.parametrize("server", VERSIONS)
def test_only_what_serves_people_has_the_program_and_the_secret(server: str, helm: int) -> None:
    rendered = render("prod", values=[OIDC, VERSIONS[server]], helm=helm)
    with_secret = {
        (pod.owner.name, container.name)
        for pod in rendered.pods()
        for container in pod.containers().values()
        if SECRET in variables(container)
    }
    assert with_secret == {(f"{RELEASE}-{server}", server)}
    with_program = {
        pod.owner.name
        for pod in rendered.pods()
        for container in pod.containers().values()
        if mounts(container).get(f"{HOME}/webserver_config.py") == "webserver_config.py"
        and mounts(container).get(f"{HOME}/oidc.json") == "oidc.json"
    }
    assert with_program == {f"{RELEASE}-{server}"}


@pytest.mark.official_chart
@pytest.mark.parametrize("server", VERSIONS)
def test_the_users_own_lists_stay(server: str) -> None:
    own = {"airflow": {"apiServer": MINE, "webserver": MINE}}
    rendered = render("prod", values=[OIDC, VERSIONS[server], own])
    (pod,) = (pod for pod in rendered.pods() if pod.owner.name == f"{RELEASE}-{server}")
    container = pod.containers()[server]
    assert {"MINE", SECRET} <= variables(container)
    assert {"/models", f"{HOME}/webserver_config.py"} <= set(mounts(container))
    assert {"models", "airflow-oidc"} <= set(pod.volumes())
    assert pod.metadata["annotations"]["example.com/owner"] == "data"


@pytest.mark.official_chart
@pytest.mark.parametrize("server", VERSIONS)
def test_another_setting_replaces_only_the_pods_that_read_it(server: str) -> None:
    other = {"oidc": {"roleMapping": {"operators": ["Op"]}}}
    before, after = (
        {
            pod.owner.name: (pod.metadata, pod.spec)
            for pod in render("prod", values=[OIDC, VERSIONS[server], *more]).pods()
        }
        for more in ([], [other])
    )
    assert {name for name in before if before[name] != after[name]} == {f"{RELEASE}-{server}"}


@pytest.mark.official_chart
def test_there_is_no_job_that_creates_the_administrator() -> None:
    def jobs(*values: Mapping[str, Any]) -> set[str]:
        names = (job.name for job in render("prod", values=values).all("Job"))
        return {name for name in names if "create-user" in name}

    assert jobs()
    assert not jobs(OIDC)


@pytest.mark.parametrize("helm", MAJORS)
def test_what_is_not_set_follows_the_provider(helm: int) -> None:
    found = {
        provider: settings(render("prod", values=[OIDC, EXAMPLES / f"{provider}.yaml"], helm=helm))
        for provider in ("keycloak", "entra")
    }
    found["generic"] = settings(render("prod", values=[OIDC], helm=helm))
    assert {name: (each["groupsFrom"], each["groupsClaims"]) for name, each in found.items()} == {
        "keycloak": ("accessToken", ["realm_access.roles", "resource_access.airflow.roles"]),
        "entra": ("idToken", ["roles"]),
        "generic": ("idToken", ["groups"]),
    }
    ending = "/.well-known/openid-configuration"
    tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47"
    assert {name: each["metadataUrl"] for name, each in found.items()} == {
        "keycloak": f"https://keycloak.example.com/realms/data{ending}",
        "entra": f"https://login.microsoftonline.com/{tenant}/v2.0{ending}",
        "generic": f"https://login.example.com{ending}",
    }


def test_a_group_that_another_file_takes_out_gives_no_role() -> None:
    other = {"oidc": {"roleMapping": {"admins": None, "users": ["User"]}}}
    assert settings(render("prod", values=[OIDC, other]))["roleMapping"] == {"users": ["User"]}


@pytest.mark.official_chart
@pytest.mark.parametrize("example", sorted(file.stem for file in EXAMPLES.glob("*.yaml")))
def test_every_example_passes_the_checks(example: str) -> None:
    rendered = render("prod", values=[EXAMPLES / f"{example}.yaml"])
    assert judge(rendered.replace(external=EXTERNAL)).violations == ()


@pytest.mark.official_chart
@pytest.mark.parametrize("controller", ["nginx", "traefik", "tailscale"])
def test_an_ingress_serves_the_url_that_airflow_knows_with_tls(controller: str) -> None:
    rendered = render("prod", values=[EXAMPLES / f"ingress-{controller}.yaml"])
    (ingress,) = rendered.all("Ingress")
    assert ingress.at("spec", "ingressClassName") == controller
    (rule,) = ingress.at("spec", "rules")
    (tls,) = ingress.at("spec", "tls")
    assert list(tls["hosts"]) == [rule["host"]]
    (config,) = rendered.embedded("AirflowConfig")
    tailnet = ".example.ts.net" if controller == "tailscale" else ""
    assert config.document["api"]["base_url"] == f"https://{rule['host']}{tailnet}"


def test_the_example_for_tailscale_is_what_the_release_at_home_has() -> None:
    example, home = (
        strict_yaml.load_file(file)["airflow"]
        for file in (EXAMPLES / "ingress-tailscale.yaml", ROOT / "examples/site/homelab.yaml")
    )
    assert {key: home[key] for key in example} == example


@pytest.mark.official_chart
def test_values_in_the_document_can_be_set() -> None:
    text = (ROOT / "docs" / "access.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.+?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        assert render("prod", values=[strict_yaml.load(block, "docs/access.md")]).manifests


def test_the_document_has_the_rights_with_their_reasons() -> None:
    text = (ROOT / "docs" / "access.md").read_text(encoding="utf-8")
    for right in (entry for entries in RIGHTS.values() for entry in entries):
        row = f"| {right['resource']} | {', '.join(right['verbs'])} | {right['why']} |"
        assert row in text


@pytest.mark.parametrize("password", ["admin", "Airflow", "", "ops"])
def test_a_password_that_anybody_can_guess_is_for_development(password: str) -> None:
    user = {
        "airflow": {"createUserJob": {"defaultUser": {"username": "ops", "password": password}}}
    }
    assert render("dev", values=[user]).manifests
    mine = {"global": {"taskLogs": {"labels": {"environment": "trial"}}}}
    assert render("dev", values=[user, mine]).manifests, "with the public keys of dev"
    with pytest.raises(RefusedError, match="Anybody could guess the password of the administrator"):
        render("prod", values=[user, {"secrets": {"refuseInValues": False}}])


@pytest.mark.official_chart
def test_a_host_of_a_template_is_the_one_that_the_url_is_for() -> None:
    """The official chart evaluates templates in names of hosts."""
    hosts = [{"name": "{{ .Release.Name }}.example.com"}]
    values = {"airflow": {"ingress": {"apiServer": {"enabled": True, "hosts": hosts}}}}
    assert render("prod", values=[OIDC, values]).manifests
