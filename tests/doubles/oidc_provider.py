"""A provider of OpenID Connect on loopback, which signs real tokens with a key of its own.

Whoever visits its authorization endpoint says by the parameter ``account`` as whom to log in; no
password is asked for. It checks what a real provider checks: client, redirect URI, PKCE and the
client's secret.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

TOKEN_SECONDS = 300
Claims = Mapping[str, Any]


class SigningKey:
    """An RSA key, made when it is asked for."""

    def __init__(self) -> None:
        self.id = secrets.token_hex(4)
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def jwk(self) -> dict[str, str]:
        """Return its public half (RFC 7517)."""
        numbers = self._key.public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.id,
            "n": _encoded(numbers.n.to_bytes(256, "big")),
            "e": _encoded(numbers.e.to_bytes(3, "big")),
        }

    def sign(self, claims: Claims, kid: str | None = None) -> str:
        """Return a JWT; ``kid`` is the key that it says to be signed with."""
        header = {"alg": "RS256", "typ": "JWT", "kid": kid or self.id}
        parts = [_encoded(json.dumps(part).encode()) for part in (header, claims)]
        signature = self._key.sign(".".join(parts).encode(), padding.PKCS1v15(), hashes.SHA256())
        return ".".join([*parts, _encoded(signature)])


@dataclass(frozen=True)
class Account:
    """Somebody who logs in, and what is wrong with the tokens about them."""

    id_claims: Claims = field(default_factory=dict)  # beside those that every ID token has
    access_claims: Claims = field(default_factory=dict)  # beside those that every access token has
    userinfo: Claims = field(default_factory=dict)
    foreign_id_signature: bool = False  # a key of somebody else, under our key's name
    foreign_access_signature: bool = False
    has_id_token: bool = True


@dataclass
class OidcProvider:
    """The provider while it runs."""

    client_id: str
    client_secret: str
    accounts: Mapping[str, Account]
    issuer: str = ""
    key: SigningKey = field(default_factory=SigningKey)
    foreign_key: SigningKey = field(default_factory=SigningKey)
    redirect_uris: set[str] = field(default_factory=set)  # where it was asked to send people
    _codes: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    _access_tokens: dict[str, str] = field(default_factory=dict)

    @property
    def metadata_url(self) -> str:
        """The URL of its metadata (OpenID Connect Discovery 1.0)."""
        return f"{self.issuer}/.well-known/openid-configuration"

    def metadata(self) -> dict[str, Any]:
        """Return its metadata."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def authorize(self, query: dict[str, str]) -> str:
        """Return where somebody who has logged in is sent to."""
        assert query["client_id"] == self.client_id
        assert query["response_type"] == "code"
        self.redirect_uris.add(query["redirect_uri"])
        code = secrets.token_urlsafe(16)
        self._codes[code] = (query["account"], query)
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def tokens(self, form: dict[str, str], authorization: str) -> dict[str, Any]:
        """Return the tokens for a code."""
        given = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        assert given == f"{self.client_id}:{self.client_secret}"
        name, query = self._codes.pop(form["code"])
        assert form["redirect_uri"] == query["redirect_uri"]
        challenge = _encoded(hashlib.sha256(form["code_verifier"].encode()).digest())
        assert challenge == query["code_challenge"]
        account, now = self.accounts[name], int(time.time())
        common = {"iss": self.issuer, "sub": f"sub-{name}", "iat": now, "exp": now + TOKEN_SECONDS}
        access = common | {"aud": "account", "azp": self.client_id} | dict(account.access_claims)
        identity = common | {"aud": self.client_id, "nonce": query["nonce"]}
        tokens: dict[str, Any] = {
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "access_token": self._sign(access, account.foreign_access_signature),
        }
        if account.has_id_token:
            claims = identity | dict(account.id_claims)
            tokens["id_token"] = self._sign(claims, account.foreign_id_signature)
        self._access_tokens[tokens["access_token"]] = name
        return tokens

    def userinfo(self, authorization: str) -> dict[str, Any]:
        """Return what it says about whom an access token is about."""
        name = self._access_tokens[authorization.removeprefix("Bearer ")]
        return {"sub": f"sub-{name}", **self.accounts[name].userinfo}

    def _sign(self, claims: Claims, is_foreign: bool) -> str:
        return (self.foreign_key if is_foreign else self.key).sign(claims, self.key.id)


@contextmanager
def oidc_provider(
    client_id: str, client_secret: str, accounts: Mapping[str, Account]
) -> Iterator[OidcProvider]:
    """Run a provider that knows one client and some accounts."""
    provider = OidcProvider(client_id, client_secret, accounts)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(provider))
    provider.issuer = f"http://127.0.0.1:{server.server_port}/realms/data"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()


def _handler(provider: OidcProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            authorization = self.headers.get("Authorization", "")
            endpoint = url.path.removeprefix("/realms/data/")
            if endpoint == "authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize(_flat(url.query)))
                self.end_headers()
                return
            documents: dict[str, Callable[[], dict[str, Any]]] = {
                ".well-known/openid-configuration": provider.metadata,
                "keys": lambda: {"keys": [provider.key.jwk()]},
                "userinfo": lambda: provider.userinfo(authorization),
            }
            self._answer(documents[endpoint]())

        def do_POST(self) -> None:
            assert self.path == "/realms/data/token"
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(provider.tokens(_flat(body), self.headers.get("Authorization", "")))

        def _answer(self, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def _flat(query: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(query).items()}


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
