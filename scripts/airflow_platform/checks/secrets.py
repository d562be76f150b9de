"""Secrets are in Secrets that something else makes, and in no manifest."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from airflow_jobs import plain_secrets
from airflow_platform.checks.violations import CHECKS, Fault, containers
from airflow_platform.manifests import Manifest, Render
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import values_file

_SECRET_WORDS = {"PASS", "PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "DSN"}
# A key of these kinds is a secret; others are those of a table or a mapping.
_SECRET_KEYS = {"ACCESS", "ACCOUNT", "API", "FERNET", "PRIVATE", "SECRET", "SHARED", "SIGNING"}
_SECRET_KEYS |= {"SSH"}
# What follows says which Secret and key KubernetesExecutor takes a variable from (name=key).
_REFERENCES = "AIRFLOW__KUBERNETES_SECRETS__"
# A name that ends so says where a secret is, or something else about it.
_ABOUT_A_SECRET = {"FILE", "PATH", "DIR", "NAME", "CMD", "URL", "ENABLED", "TTL"}
_PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{16}")
_PASSWORD_IN_URI = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@]*:([^\s/:@$<{(\[*][^\s/:@]*)@")
# Such as AUTH_PASSWORD = "x" in Python, or "token": "x" in JSON.
_ASSIGNMENT = re.compile(
    r"""(?P<name>\b[A-Za-z][\w.-]*)["']?\]?\s*[:=]\s*(?P<quote>["'])(?P<value>[^"'\n]+)(?P=quote)"""
)
# The same in files of settings, such as password: x in YAML.
_SETTING = re.compile(
    r"""^[\s-]*["']?(?P<name>[A-Za-z][\w.-]*)["']?\s*[:=]\s*["']?(?P<value>[^\s"'#][^"'\n]*)""",
    re.MULTILINE,
)
_IS_SETTINGS = re.compile(r"\.(ya?ml|ini|conf|env|properties|toml)$")
_SWITCH = re.compile(r"(?i)true|false|null")
# In a program, the name of a Secret or of anything else.
_VAGUE = {"key", "secret"}
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+(?![a-z])")
# Go's print of nothing: without a broker the official chart makes a Secret of it.
_NOTHING = "%!s(<nil>)"
_CERTIFICATE = "-----BEGIN CERTIFICATE-----"
# A line of PgBouncer's userlist.txt.
_USER = re.compile(r'^"[^"]*" "([^"]*)"$', re.MULTILINE)


@CHECKS.add
def environment_holds_no_secrets(render: Render) -> Iterator[Fault]:
    """Refuse secrets in plain environment variables: whoever may read pods reads those."""
    for container in containers(render):
        for variable in container.document.get("env") or ():
            name, value = variable["name"], variable.get("value") or ""
            if _names_a_secret(name) and _is_literal(value):
                yield container, f"{name} has a literal value; use valueFrom.secretKeyRef"
            elif found := _secret_in(value):
                yield container, f"{name} holds {found}"


@CHECKS.add
def commands_hold_no_secrets(render: Render) -> Iterator[Fault]:
    """Refuse secrets in command lines: lists of processes show those as well."""
    for container in containers(render):
        for field in ("command", "args"):
            words = [str(word) for word in container.document.get(field) or ()]
            for index in plain_secrets.in_words(words):
                if words[index] not in _public():
                    option = words[index - 1] if index else words[index].partition("=")[0]
                    yield container, f"a word of {field}, after {option}, is a secret; {_WAY_OUT}"
            if "users create" in " ".join(words) and "-p" in words[:-1]:
                password = words[words.index("-p") + 1]
                if _is_literal(password) and password not in _public():
                    yield container, f"{field} have the user's password; {_WAY_OUT}"


_WAY_OUT = "take it from a Secret by a variable, $(NAME)"


@CHECKS.add
def config_maps_hold_no_secrets(render: Render) -> Iterator[Fault]:
    """Refuse secrets in ConfigMaps, which are not guarded as Secrets are."""
    for config_map in render.all("ConfigMap"):
        for key, text in config_map.at("data", default={}).items():
            if found := _secret_in(text, _SETTING if _IS_SETTINGS.search(key) else _ASSIGNMENT):
                yield config_map, f"{key} holds {found}"
    for config in render.embedded("AirflowConfig"):
        for section, options in config.document.items():
            for option, value in options.items():
                if _names_a_secret(option) and _is_literal(value):
                    yield config, f"[{section}] {option} has a literal value; take it from a Secret"


@CHECKS.add
def manifests_hold_no_secrets(render: Render) -> Iterator[Fault]:
    """Refuse secrets anywhere else: annotations, labels, fields of custom resources."""
    for manifest in render.manifests:
        if manifest.kind in ("ConfigMap", "Secret"):
            manifest_texts = _texts(manifest.at("metadata"), "metadata")
        else:
            manifest_texts = _texts(manifest.document, "")
        for path, text in manifest_texts:
            if (found := _secret_in(text)) and not _is_of_a_container(path):
                yield manifest, f"{path} holds {found}"


@CHECKS.add
def secrets_are_made_elsewhere(render: Render) -> Iterator[Fault]:
    """Refuse values in Secrets: whoever reads the manifests, or Helm's release, reads them.

    Those that are public already, because values/dev.yaml or the official chart has them, are
    allowed; staging and prod refuse them in the values.
    """
    for secret in render.all("Secret"):
        for key, text in _contents(secret):
            if text is None or _is_private(key, text):
                yield (
                    secret,
                    f"{key} has a value, which everybody can read who may read the manifests; let"
                    " something else make the Secret (docs/secrets.md), and name it in your values",
                )


def _contents(secret: Manifest) -> Iterator[tuple[str, str | None]]:
    """Yield the keys of a Secret, and what they hold; None for what is no text."""
    for key, encoded in (secret.at("data", default=None) or {}).items():
        try:
            yield key, base64.b64decode(encoded or "", validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            yield key, None
    for key, text in (secret.at("stringData", default=None) or {}).items():
        yield key, str(text)


def _is_private(key: str, text: str) -> bool:
    text = text.strip()
    if not text or text == _NOTHING or text in _public() or key.lower().endswith("username"):
        return False
    if text.startswith(_CERTIFICATE) and "PRIVATE" not in text:
        return False
    if users := _USER.findall(text):
        return not _public().issuperset(users)
    if key.endswith(".ini") or re.fullmatch(r"[a-z][a-z0-9+.-]*://\S*", text):
        return bool(_secret_in(text))
    return True


def _secret_in(text: str, assignment: re.Pattern[str] = _ASSIGNMENT) -> str | None:
    """Say what kind of secret is in ``text``, None when there is none.

    ``assignment`` finds the names and values in it.
    """
    if _PRIVATE_KEY.search(text):
        return "a private key"
    if any(password not in _public() for password in _PASSWORD_IN_URI.findall(text)):
        return "a URI with a password in it"
    if plain_secrets.token_within(text):
        return "a token"
    for found in assignment.finditer(text):
        name, value = found["name"], found["value"]
        if name.lower() not in _VAGUE and _names_a_secret(name) and _is_literal(value):
            return f"a value for {name}"
    return None


def _names_a_secret(name: str) -> bool:
    words = [word.upper() for part in re.split(r"[_.-]+", name) for word in _WORD.findall(part)]
    if name.upper().startswith(_REFERENCES) or not words or words[-1] in _ABOUT_A_SECRET:
        return False
    if words[-2:] == ["BASIC", "AUTH"]:
        return True
    is_key = words[-1] == "KEY" and (len(words) == 1 or not _SECRET_KEYS.isdisjoint(words))
    return is_key or not _SECRET_WORDS.isdisjoint(words)


def _is_literal(value: str) -> bool:
    """Say whether ``value`` is more than a reference, $(OTHER_VARIABLE), a path or a switch."""
    is_reference = value.startswith(("$", "/", "{", "SECRET["))
    return bool(value) and not is_reference and not _SWITCH.fullmatch(value)


def _is_of_a_container(path: str) -> bool:
    """Say whether it is a variable or a word of a command, which have checks of their own."""
    return bool(re.search(r"ontainers\[\d+\]\.(env|command|args)\[", path))


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, f"{path}.{key}".removeprefix("."))
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from _texts(item, f"{path}[{index}]")


@cache
def _public() -> frozenset[str]:
    """Return the passwords that everybody knows: those of dev and of the official chart."""
    dev = strict_yaml.load_file(values_file("dev"))
    return frozenset(text for _, text in _texts(dev["airflow"], "")) | {"postgres"}
