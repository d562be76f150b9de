"""The program for the login: whose claims become which roles.

Airflow is not needed for that. A real one reads the program in test_login.py.
"""

import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from airflow_platform.support.project import ROOT

PROGRAM = ROOT / "files" / "access" / "webserver_config.py"
SETTINGS = {
    "name": "oidc",
    "metadataUrl": "https://login.example.com/.well-known/openid-configuration",
    "clientId": "airflow",
    "scopes": ["openid", "groups"],
    "usernameClaim": "preferred_username",
    "groupsClaims": ["groups"],
    "groupsFrom": "idToken",
    "roleMapping": {"admins": ["Admin"], "users": ["User", "Viewer"], "also users": ["User"]},
    "defaultRole": "",
}
MODULES: Mapping[str, Mapping[str, Any]] = {
    "jwt": {"InvalidKeyError": KeyError},
    "flask": {"session": {}},
    "flask_appbuilder.security.manager": {"AUTH_OAUTH": 4},
    "airflow.providers.fab.auth_manager.security_manager.override": {
        "FabAirflowSecurityManagerOverride": object
    },
}


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """The program with settings beside it, and with names in place of the packages of Airflow."""
    for name, content in MODULES.items():
        for parent in name.split("."):
            monkeypatch.setitem(sys.modules, parent, ModuleType(parent))
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setenv("OIDC_CLIENT_SECRET", "of the client\n")
    return lambda **changes: load(tmp_path, changes)


def load(directory: Path, changes: Mapping[str, Any]) -> ModuleType:
    file = Path(shutil.copy(PROGRAM, directory))
    settings = json.dumps({**SETTINGS, **changes})
    (directory / "oidc.json").write_text(settings, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("own_webserver_config", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("groups", ["a"]),
        ("realm_access.roles", ["b"]),
        ("resource_access.my.client.roles", ["c"]),
        ("https://example.com/roles", ["d"]),
        ("groups.roles", None),
        ("nothing", None),
        ("realm_access.nothing", None),
    ],
)
def test_a_claim_is_found_where_it_is(program: Any, path: str, found: Any) -> None:
    claims = {
        "groups": ["a"],
        "realm_access": {"roles": ["b"]},
        "resource_access": {"my.client": {"roles": ["c"]}, "my": {}},
        "https://example.com/roles": ["d"],
    }
    assert program().claim(claims, path) == found


@pytest.mark.parametrize(
    ("claims", "groups"),
    [
        ({"groups": ["a", "b"], "roles": "c"}, {"a", "b", "c"}),
        ({"groups": ["a", 1, None, ["b"]]}, {"a"}),
        ({"groups": {"a": True}}, set()),
        ({}, set()),
    ],
)
def test_groups_are_texts_in_any_of_the_claims(
    program: Any, claims: Mapping[str, Any], groups: set[str]
) -> None:
    assert program().groups(claims, ["groups", "roles"]) == groups


@pytest.mark.parametrize("sign", [{"hasgroups": True}, {"_claim_names": {"groups": "src1"}}])
def test_groups_that_entra_leaves_out_are_no_groups(program: Any, sign: Mapping[str, Any]) -> None:
    module = program()
    with pytest.raises(module.LoginRefusedError, match="the user is in too many"):
        module.groups({**sign, "groups": ["a"]}, ["roles", "groups"])
    assert module.groups({**sign, "roles": ["a"]}, ["roles"]) == {"a"}


@pytest.mark.parametrize(
    ("groups", "default", "roles"),
    [
        ({"admins"}, "", ["Admin"]),
        ({"users", "also users"}, "", ["User", "Viewer"]),
        ({"admins", "users"}, "Viewer", ["Admin", "User", "Viewer"]),
        ({"others"}, "Viewer", ["Viewer"]),
        ({"Admins", "adminsx", "admin"}, "", []),
        (set(), "", []),
    ],
)
def test_groups_give_roles_by_their_exact_names(
    program: Any, groups: set[str], default: str, roles: list[str]
) -> None:
    assert program().roles(groups, SETTINGS["roleMapping"], default) == roles


@pytest.mark.parametrize(
    ("claims", "person"),
    [
        (
            {
                "preferred_username": "alice",
                "given_name": "Alice",
                "family_name": "Doe",
                "email": "alice@example.com",
            },
            ("alice", "Alice", "Doe", "alice@example.com"),
        ),
        ({"preferred_username": "bob", "name": "Bob van Doe"}, ("bob", "Bob", "van Doe", "")),
        ({"preferred_username": " ", "email": None}, ("1234", "1234", "", "")),
    ],
)
def test_what_is_missing_of_a_person_is_made_up(
    program: Any, claims: Mapping[str, Any], person: tuple[str, ...]
) -> None:
    found = program().person({"sub": "1234", **claims}, "preferred_username")
    assert tuple(found.values()) == person


@pytest.mark.parametrize("audience", ["another", ["another"], None, "airflowx"])
def test_a_token_for_another_application_is_refused(program: Any, audience: Any) -> None:
    module = program()
    with pytest.raises(module.LoginRefusedError, match="not for airflow"):
        module.check_audience({"aud": audience}, "airflow")
    module.check_audience({"aud": ["another", "airflow"]}, "airflow")


def test_the_client_is_the_one_of_the_settings(program: Any) -> None:
    (provider,) = program().OAUTH_PROVIDERS
    assert provider["remote_app"]["client_id"] == "airflow"
    assert provider["remote_app"]["client_secret"] == "of the client"
    assert provider["remote_app"]["client_kwargs"]["scope"] == "openid groups"


def test_fab_knows_each_role_that_somebody_can_have(program: Any) -> None:
    mapping = program(defaultRole="Public").AUTH_ROLES_MAPPING
    assert mapping == {role: [role] for role in ("Admin", "User", "Viewer", "Public")}


@pytest.mark.parametrize("secret", [None, " \n"])
def test_without_the_secret_airflow_says_where_it_comes_from(
    program: Any, monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    monkeypatch.delenv("OIDC_CLIENT_SECRET")
    if secret:
        monkeypatch.setenv("OIDC_CLIENT_SECRET", secret)
    with pytest.raises(RuntimeError, match=r"it comes from the Secret of oidc\.clientSecret"):
        program()
