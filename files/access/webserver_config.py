"""Login to Airflow by OpenID Connect, with roles from the groups in the provider's tokens.

Airflow's FAB auth manager reads this file: [webserver] config_file in Airflow 2, [fab] config_file
in Airflow 3. What differs between installations is in oidc.json beside it, and the client's secret
is in the variable OIDC_CLIENT_SECRET.

Authlib checks signature, issuer, nonce and times of the ID token. What it leaves out is checked
here: the audience of the ID token, and all of the access token, where groups come from that.
"""

import json
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jwt
from airflow.providers.fab.auth_manager.security_manager.override import (
    FabAirflowSecurityManagerOverride,
)
from flask import session
from flask_appbuilder.security.manager import AUTH_OAUTH

_log = logging.getLogger("airflow.oidc")
_settings: Mapping[str, Any] = json.loads(
    Path(__file__).with_name("oidc.json").read_text(encoding="utf-8")
)
_SECRET = "OIDC_CLIENT_SECRET"
# Signatures that only the holder of a private key can make.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
_LEEWAY_SECONDS = 120  # by which clocks may differ, as Authlib allows for the ID token


class LoginRefusedError(Exception):
    """Somebody may not log in; the message is for the log."""


def claim(claims: Mapping[str, Any], path: str) -> Any:
    """Return the claim at a path such as ``realm_access.roles``, or None.

    Names of claims and of clients may have dots themselves, so at each level the longest name wins.
    """
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        name, rest = ".".join(parts[:length]), ".".join(parts[length:])
        if name in claims:
            found = claims[name]
            if not rest:
                return found
            if isinstance(found, Mapping):
                inner = claim(found, rest)
                if inner is not None:
                    return inner
    return None


def groups(claims: Mapping[str, Any], paths: Iterable[str]) -> set[str]:
    """Return the groups in the claims at some paths; each is a text or a list of texts.

    Raises:
        LoginRefusedError: Entra has left the groups out, because there are too many for a token
            (https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference).

    """
    found: set[str] = set()
    for path in paths:
        if path == "groups" and _has_overage(claims):
            raise LoginRefusedError(
                "Entra has left the groups out of the token, because the user is in too many. Use"
                " app roles, or let Entra send only the groups assigned to the application"
            )
        value = claim(claims, path)
        if isinstance(value, str):
            found.add(value)
        elif isinstance(value, list | tuple):
            found.update(each for each in value if isinstance(each, str))
    return found


def _has_overage(claims: Mapping[str, Any]) -> bool:
    elsewhere = claims.get("_claim_names")
    return bool(claims.get("hasgroups")) or (
        isinstance(elsewhere, Mapping) and "groups" in elsewhere
    )


def roles(found: Iterable[str], mapping: Mapping[str, list[str]], default: str) -> list[str]:
    """Return the names of the roles of somebody who is in some groups, without duplicates.

    The default is the role of who is in no group of the mapping; empty: there are none.
    """
    names = {role for group in found for role in mapping.get(group, ())}
    return sorted(names) or ([default] if default else [])


def person(claims: Mapping[str, Any], username_claim: str) -> dict[str, str]:
    """Return user name, names and e-mail address as FAB knows them.

    Only ``sub`` is in every token, so it stands in for a user name that is missing. FAB makes up an
    address where there is none.
    """

    def text(name: str) -> str:
        value = claim(claims, name)
        return value.strip() if isinstance(value, str) else ""

    username = text(username_claim) or text("sub")
    first, _, last = text("name").partition(" ")
    return {
        "username": username,
        "first_name": text("given_name") or first or username,
        "last_name": text("family_name") or last,
        "email": text("email"),
    }


def check_audience(claims: Mapping[str, Any], client_id: str) -> None:
    """Refuse an ID token that was made for another application.

    Raises:
        LoginRefusedError: it was.

    """
    audience = claims.get("aud")
    if client_id not in (audience if isinstance(audience, list) else [audience]):
        raise LoginRefusedError(f"the ID token is for {audience}, not for {client_id}")


def access_token_claims(
    token: str, keys: Mapping[str, Any], issuer: str, client_id: str
) -> dict[str, Any]:
    """Return the claims of an access token that is a JWT, as Keycloak's are.

    Its audience is the API that it is for; the application that it was given to is ``azp`` or, in
    RFC 9068, ``client_id``.

    Raises:
        jwt.PyJWTError: not a JWT, not signed with one of the keys, expired, or of another issuer.
        LoginRefusedError: it was given to another application.

    """
    wanted = jwt.get_unverified_header(token).get("kid")
    known = {key.key_id: key for key in jwt.PyJWKSet.from_dict(dict(keys)).keys}
    if wanted not in known:
        raise jwt.InvalidKeyError(f"the provider has no key {wanted}")
    claims: dict[str, Any] = jwt.decode(
        token,
        known[wanted].key,
        algorithms=_ALGORITHMS,
        issuer=issuer,
        leeway=_LEEWAY_SECONDS,
        # An audience that is there would have to be expected otherwise.
        options={"require": ["exp", "iss", "sub"], "verify_aud": False},
    )
    given_to = claims.get("azp", claims.get("client_id"))
    if given_to != client_id:
        raise LoginRefusedError(f"the access token was given to {given_to}, not to {client_id}")
    return claims


class OidcSecurityManager(FabAirflowSecurityManagerOverride):  # type: ignore[misc]
    """FAB's security manager, for a provider of OpenID Connect."""

    def set_oauth_session(self, provider: str, oauth_response: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Keep no token in the session: it is a cookie, for which most are too long."""
        session["oauth_provider"] = provider

    def get_oauth_user_info(self, provider: str, resp: Mapping[str, Any]) -> dict[str, Any]:
        """Return whom the provider's tokens are about, and the roles of them.

        Raises:
            LoginRefusedError: they may not log in.
            Exception: tokens are not valid, or the provider does not answer. FAB logs what is
                raised here, and refuses the login.

        """
        id_claims = resp.get("userinfo")  # where Authlib puts the claims that it has checked
        if not id_claims:
            raise LoginRefusedError(
                "the provider has sent no ID token; is openid among the scopes?"
            )
        check_audience(id_claims, _settings["clientId"])
        user = person(id_claims, _settings["usernameClaim"])
        found = groups(
            self._claims_with_groups(provider, resp, id_claims), _settings["groupsClaims"]
        )
        names = roles(found, _settings["roleMapping"], _settings["defaultRole"])
        existing = [name for name in names if self.find_role(name)]
        if missing := sorted(set(names) - set(existing)):
            _log.warning("Airflow has no roles of these names: %s", ", ".join(missing))
        if not existing:
            has = ", ".join(sorted(found)) or "none"
            raise LoginRefusedError(
                f"{user['username']} is in no group of oidc.roleMapping with a role; groups: {has}"
            )
        return {**user, "role_keys": existing}

    def _claims_with_groups(
        self, provider: str, resp: Mapping[str, Any], id_claims: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        source = _settings["groupsFrom"]
        if source == "idToken":
            return id_claims
        remote = self.oauth_remotes[provider]
        if source == "userinfo":
            claims: Mapping[str, Any] = remote.userinfo(token=resp)
        else:
            token, issuer = resp["access_token"], remote.load_server_metadata()["issuer"]
            try:
                claims = access_token_claims(
                    token, remote.fetch_jwk_set(), issuer, _settings["clientId"]
                )
            except jwt.InvalidKeyError:
                # The provider has changed its keys since they were fetched.
                claims = access_token_claims(
                    token, remote.fetch_jwk_set(force=True), issuer, _settings["clientId"]
                )
        if claims.get("sub") != id_claims["sub"]:
            raise LoginRefusedError("the ID token and the claims with groups are of two people")
        return claims


def _client_secret() -> str:
    secret = os.environ.get(_SECRET, "").strip()
    if not secret:
        raise RuntimeError(f"{_SECRET} is not set; it comes from the Secret of oidc.clientSecret")
    return secret


AUTH_TYPE = AUTH_OAUTH
SECURITY_MANAGER_CLASS = OidcSecurityManager
OAUTH_PROVIDERS = [
    {
        "name": _settings["name"],
        "icon": "fa-key",
        "remote_app": {
            "client_id": _settings["clientId"],
            "client_secret": _client_secret(),
            "server_metadata_url": _settings["metadataUrl"],
            "client_kwargs": {
                "scope": " ".join(_settings["scopes"]),
                "code_challenge_method": "S256",
            },
        },
    }
]

# Who logs in for the first time becomes a user of Airflow. The security manager gives the names of
# roles as `role_keys`, so each is mapped to itself. FAB adds a role for newcomers to these, which
# therefore is one of them.
AUTH_USER_REGISTRATION = True
AUTH_USER_REGISTRATION_ROLE_JMESPATH = "role_keys[0]"
AUTH_ROLES_SYNC_AT_LOGIN = True
AUTH_ROLES_MAPPING = {
    role: [role]
    for role in {
        *(name for names in _settings["roleMapping"].values() for name in names),
        *filter(None, [_settings["defaultRole"]]),
    }
}
