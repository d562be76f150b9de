"""Real Airflows read the program for the login, and let people in as their tokens say."""

import json
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.rendering.render import dry_run, render
from airflow_platform.rendering.values import merged
from airflow_platform.support import strict_yaml
from airflow_platform.support.airflow_install import (
    VERSIONS,
    AirflowVersion,
    airflow_environment,
    install,
)
from airflow_platform.support.project import RELEASE, ROOT

from ..doubles.oidc_provider import Account, OidcProvider, oidc_provider

pytestmark = pytest.mark.traffic

EXAMPLES = ROOT / "examples" / "access"
BASIC = "airflow.providers.fab.auth_manager.api.auth.backend.basic_auth"
FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
URL = "https://airflow.example.com"
_PACKAGES = ("apache-airflow-providers-fab", "authlib")  # as in the official images
_SECONDS = 300


def of_realm(*roles: str) -> Mapping[str, Any]:
    """What an access token of Keycloak says about roles of the realm, and those that all have."""
    return {"realm_access": {"roles": ["offline_access", *roles]}}


ALICE = {
    "preferred_username": "alice",
    "given_name": "Alice",
    "family_name": "Doe",
    "email": "alice@example.com",
}
KEYCLOAK = {
    "admin": Account({**ALICE}, of_realm("airflow-admin")),
    "of the client": Account(
        {"preferred_username": "bob", "name": "Bob Builder"},
        {"resource_access": {"airflow": {"roles": ["airflow-user", "airflow-operator"]}}},
    ),
    "nameless": Account({}, of_realm("airflow-user")),
    "demoted": Account({**ALICE}, of_realm("airflow-user")),
    "of no group": Account({"preferred_username": "eve"}, of_realm("airflow-adminx")),
    "thrown out": Account({**ALICE}, of_realm()),
    "groups in the ID token only": Account(
        {"preferred_username": "eve", **of_realm("airflow-admin")}, of_realm()
    ),
    "foreign ID token": Account(
        {"preferred_username": "eve"}, of_realm("airflow-admin"), foreign_id_signature=True
    ),
    "foreign access token": Account(
        {"preferred_username": "eve"}, of_realm("airflow-admin"), foreign_access_signature=True
    ),
    "other audience": Account(
        {"preferred_username": "eve", "aud": "another", "azp": "airflow"},
        of_realm("airflow-admin"),
    ),
    "access token of another client": Account(
        {"preferred_username": "eve"}, {**of_realm("airflow-admin"), "azp": "another"}
    ),
    "access token of somebody else": Account(
        {"preferred_username": "eve"}, {**of_realm("airflow-admin"), "sub": "sub-admin"}
    ),
    "expired ID token": Account(
        {"preferred_username": "eve", "exp": int(time.time()) - 3600}, of_realm("airflow-admin")
    ),
    "expired access token": Account(
        {"preferred_username": "eve"},
        {**of_realm("airflow-admin"), "exp": int(time.time()) - 3600},
    ),
    "other issuer": Account(
        {"preferred_username": "eve", "iss": "https://evil.example.com"},
        of_realm("airflow-admin"),
    ),
    "other issuer of the access token": Account(
        {"preferred_username": "eve"},
        {**of_realm("airflow-admin"), "iss": "https://evil.example.com"},
    ),
    "replayed": Account({"preferred_username": "eve", "nonce": "x"}, of_realm("airflow-admin")),
    "without ID token": Account({}, of_realm("airflow-admin"), has_id_token=False),
    "in a long token": Account(
        {"preferred_username": "carol"}, of_realm("airflow-user", *map(str, range(2000)))
    ),
}
ENTRA = {
    "admin": Account(
        {
            "oid": "0000",
            "preferred_username": "alice@example.com",
            "name": "Alice van der Doe",
            "roles": ["Airflow.Admin"],
        }
    ),
    "of no role": Account({"preferred_username": "eve@example.com"}),
    "of another audience": Account(
        {"preferred_username": "eve@example.com", "roles": ["Airflow.Admin"], "aud": "another"}
    ),
}
GROUPS = {
    "in a group": Account({"preferred_username": "alice", "groups": ["8a1b"]}),
    "in too many groups": Account(
        {
            "preferred_username": "eve",
            "groups": ["8a1b"],
            "_claim_names": {"groups": "src1"},
            "_claim_sources": {"src1": {"endpoint": "https://graph.example.com/"}},
        }
    ),
}
USERINFO = {
    "in a group": Account({"preferred_username": "alice"}, userinfo={"groups": ["team-a"]}),
    "in no group": Account({"preferred_username": "eve"}, userinfo={"groups": ["team-b"]}),
    "userinfo of somebody else": Account(
        {"preferred_username": "eve"}, userinfo={"groups": ["team-a"], "sub": "sub-admin"}
    ),
}


@dataclass(frozen=True)
class Logins:
    """What has come of the logins, by account, and what the provider has seen."""

    outcomes: Mapping[str, Mapping[str, Any]]
    redirect_uris: set[str]

    def user(self, account: str) -> str | None:
        """The user who is logged in after the attempt."""
        name: str | None = self.outcomes[account]["user"]
        return name

    def roles(self, account: str) -> list[str]:
        """Their roles."""
        roles: list[str] = self.outcomes[account]["roles"]
        return roles


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(each, id=f"airflow {each}", marks=pytest.mark.xdist_group(f"login {each}"))
        for each in VERSIONS
    ],
)
def airflow(request: pytest.FixtureRequest) -> AirflowVersion:
    version: AirflowVersion = request.param
    return version


@dataclass(frozen=True)
class Home:
    """An Airflow with an empty database, as the chart configures its login."""

    version: str
    directory: Path
    python: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str | Path, **environment: str) -> str:
        """Run its Python, and return what it printed."""
        done = subprocess.run(
            [self.python, *arguments],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
        return done.stdout


def airflow_home(
    airflow: AirflowVersion, directory: Path, provider: OidcProvider, files: Any
) -> Home:
    installed = install(airflow, *_PACKAGES)
    directory /= "home"
    directory.mkdir()
    shutil.copy(installed / "airflow.db", directory)
    settings = json.loads(files["oidc.json"]) | {"metadataUrl": provider.metadata_url}
    (directory / "oidc.json").write_text(json.dumps(settings), encoding="utf-8")
    program = files["webserver_config.py"]
    (directory / "webserver_config.py").write_text(program, encoding="utf-8")
    options = {
        "CORE__AUTH_MANAGER": FAB,
        "API__BASE_URL": URL,
        "API__SECRET_KEY": secrets.token_hex(16),
        "API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "FAB__ENABLE_PROXY_FIX": "True",
        "WEBSERVER__BASE_URL": URL,
        "WEBSERVER__ENABLE_PROXY_FIX": "True",
        "WEBSERVER__SECRET_KEY": secrets.token_hex(16),
    }
    own = {"OIDC_CLIENT_SECRET": provider.client_secret, "NO_PROXY": "*", "no_proxy": "*"}
    environment = {**airflow_environment(installed, directory, options), **own}
    python = installed / "venv" / "bin" / "python"
    home = Home(airflow.version, directory, python, environment)
    if airflow.version.startswith("3."):
        home.run("-m", "airflow", "db", "migrate")  # the tables of FAB
    return home


def rendered_files(airflow: AirflowVersion, values: Mapping[str, Any]) -> Any:
    """What is beside each other in the home of the Airflow that the chart makes."""
    rendered = render("prod", values=[values, _version(airflow)])
    return rendered.get("ConfigMap", f"{RELEASE}-oidc").at("data")


def log_in(
    airflow: AirflowVersion,
    directory: Path,
    accounts: Mapping[str, Account],
    values: Mapping[str, Any],
) -> Logins:
    """Let the accounts log in, one after another."""
    files = rendered_files(airflow, values)
    settings = json.loads(files["oidc.json"])
    with oidc_provider(settings["clientId"], secrets.token_urlsafe(16), accounts) as provider:
        home = airflow_home(airflow, directory, provider, files)
        printed = home.run(Path(__file__).with_name("log_in.py"), settings["name"], *accounts)
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith('{"account"')]
    return Logins({line["account"]: line for line in lines}, provider.redirect_uris)


def _values(example: str) -> Mapping[str, Any]:
    values: Mapping[str, Any] = strict_yaml.load_file(EXAMPLES / f"{example}.yaml")
    return values


def _version(airflow: AirflowVersion) -> Mapping[str, Any]:
    return {
        "airflow": {
            "airflowVersion": airflow.version,
            "defaultAirflowTag": airflow.version,
            "config": {"api": {"base_url": URL}, "webserver": {"base_url": URL}},
        },
        "global": {"metrics": {"airflowVersion": airflow.version}},
    }


@pytest.fixture(scope="session")
def keycloak(airflow: AirflowVersion, tmp_path_factory: pytest.TempPathFactory) -> Logins:
    directory = tmp_path_factory.mktemp("keycloak")
    return log_in(airflow, directory, KEYCLOAK, _values("keycloak"))


def test_roles_of_keycloak_are_roles_of_airflow(keycloak: Logins) -> None:
    assert (keycloak.user("admin"), keycloak.roles("admin")) == ("alice", ["Admin"])
    assert keycloak.outcomes["admin"]["name"] == ["Alice", "Doe", "alice@example.com"]
    assert keycloak.roles("of the client") == ["Op", "User"]
    assert keycloak.outcomes["of the client"]["name"][:2] == ["Bob", "Builder"]


def test_who_has_neither_names_nor_address_can_log_in(keycloak: Logins) -> None:
    assert (keycloak.user("nameless"), keycloak.roles("nameless")) == ("sub-nameless", ["User"])


def test_roles_follow_the_groups_at_the_next_login(keycloak: Logins) -> None:
    assert (keycloak.user("demoted"), keycloak.roles("demoted")) == ("alice", ["User"])
    assert keycloak.user("thrown out") is None


def test_no_token_is_kept_in_the_session(keycloak: Logins) -> None:
    assert keycloak.roles("in a long token") == ["User"]
    assert not any("eyJ" in kept for kept in keycloak.outcomes["in a long token"]["session"])
    assert keycloak.outcomes["in a long token"]["cookie"] < 4096


@pytest.mark.parametrize(
    ("account", "reason"),
    [
        ("of no group", "eve is in no group of oidc.roleMapping with a role; groups: "),
        ("groups in the ID token only", "eve is in no group of oidc.roleMapping with a role"),
        ("foreign ID token", "Error authorizing OAuth access token: bad_signature"),
        ("foreign access token", "Signature verification failed"),
        ("other audience", "the ID token is for another, not for airflow"),
        ("access token of another client", "the access token was given to another, not to airflow"),
        ("access token of somebody else", "the ID token and the claims with groups are of two"),
        ("expired ID token", "Error authorizing OAuth access token: expired_token"),
        ("expired access token", "Signature has expired"),
        ("other issuer", "Error authorizing OAuth access token: invalid_claim"),
        ("other issuer of the access token", "Invalid issuer"),
        ("replayed", "Error authorizing OAuth access token: invalid_claim"),
        ("without ID token", "the provider has sent no ID token; is openid among the scopes?"),
    ],
)
def test_who_must_not_log_in_does_not(keycloak: Logins, account: str, reason: str) -> None:
    assert keycloak.user(account) is None
    assert reason in keycloak.outcomes[account]["log"]


def test_the_provider_is_asked_with_the_redirect_uri_that_notes_say(
    keycloak: Logins, airflow: AirflowVersion
) -> None:
    values = [_values("keycloak"), _version(airflow)]
    notes = dry_run("prod", values=values)
    (said,) = re.findall(r"https://\S+/oauth-authorized/\S+", notes)
    assert keycloak.redirect_uris == {said}


def test_app_roles_of_entra_are_roles_of_airflow(airflow: AirflowVersion, tmp_path: Path) -> None:
    logins = log_in(airflow, tmp_path, ENTRA, _values("entra"))
    assert (logins.user("admin"), logins.roles("admin")) == ("alice@example.com", ["Admin"])
    assert logins.outcomes["admin"]["name"][:2] == ["Alice", "van der Doe"]
    assert logins.user("of no role") is None
    assert logins.user("of another audience") is None


def test_groups_of_entra_are_refused_where_it_leaves_them_out(
    airflow: AirflowVersion, tmp_path: Path
) -> None:
    oidc = {"groups": {"claims": ["groups"]}, "roleMapping": {"8a1b": ["Viewer"]}}
    logins = log_in(airflow, tmp_path, GROUPS, merged(_values("entra"), {"oidc": oidc}))
    assert logins.roles("in a group") == ["Viewer"]
    assert logins.user("in too many groups") is None
    assert "because the user is in too many" in logins.outcomes["in too many groups"]["log"]


def test_groups_of_any_provider_come_from_userinfo(airflow: AirflowVersion, tmp_path: Path) -> None:
    oidc = {
        "enabled": True,
        "metadataUrl": "https://login.example.com/.well-known/openid-configuration",
        "clientId": "airflow",
        "groups": {"from": "userinfo"},
        "roleMapping": {"team-a": ["User", "a role that nobody has made"]},
        "defaultRole": "Viewer",
    }
    logins = log_in(airflow, tmp_path, USERINFO, {"oidc": oidc})
    assert logins.roles("in a group") == ["User"]
    assert "no roles of these names" in logins.outcomes["in a group"]["log"]
    assert logins.roles("in no group") == ["Viewer"]
    assert logins.user("userinfo of somebody else") is None


def test_a_program_calls_the_api_as_a_user_with_a_password(
    airflow: AirflowVersion, tmp_path: Path
) -> None:
    with oidc_provider("airflow", secrets.token_urlsafe(16), {}) as provider:
        files = rendered_files(airflow, _values("keycloak"))
        home = airflow_home(airflow, tmp_path, provider, files)
        user, password = "deployments", secrets.token_urlsafe(16)
        options = {"username": user, "firstname": "CI", "lastname": "CI", "email": "ci@example.com"}
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        home.run("-m", "airflow", "sync-perm")  # makes the roles, as the webserver does
        home.run(
            "-m", "airflow", "users", "create", *arguments, "--role", "User", "--password", password
        )
        printed = home.run(
            Path(__file__).with_name("call_api.py"),
            *(user, password),
            AIRFLOW__API__AUTH_BACKENDS=BASIC,
        )
    (statuses,) = re.findall(r'^{"statuses": (.+)}$', printed, re.MULTILINE)
    allowed, refused = json.loads(statuses)
    assert allowed == 200
    assert refused in {401, 403}
