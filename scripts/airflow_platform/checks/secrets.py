"""Secrets are in Secrets, and nowhere else."""

import re
from collections.abc import Iterator

from airflow_platform.checks.violations import CHECKS, Fault, containers
from airflow_platform.manifests import Render

_SECRET_WORDS = {"PASSWORD", "PASSWD", "SECRET", "TOKEN"}
# A key of these kinds is a secret; others are those of a table or a mapping.
_SECRET_KEYS = {"ACCESS", "API", "FERNET", "PRIVATE", "SECRET", "SHARED", "SIGNING", "SSH"}
# What follows says which Secret and key KubernetesExecutor takes a variable from (name=key).
_REFERENCES = "AIRFLOW__KUBERNETES_SECRETS__"
# A name that ends so says where a secret is, or something else about it.
_ABOUT_A_SECRET = {"FILE", "PATH", "DIR", "NAME", "CMD", "URL", "ENABLED", "TTL"}
_PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{16}")
_PASSWORD_IN_URI = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@]*:[^\s/:@$<{(\[*][^\s/:@]*@")


@CHECKS.add
def environment_holds_no_secrets(render: Render) -> Iterator[Fault]:
    """Refuse secrets in plain environment variables: whoever may read pods reads those."""
    for container in containers(render):
        for variable in container.document.get("env") or ():
            name, value = variable["name"], variable.get("value") or ""
            if _names_a_secret(name) and _is_literal(value):
                yield container, f"{name} has a literal value; use valueFrom.secretKeyRef"
            elif _PASSWORD_IN_URI.search(value):
                yield container, f"{name} holds a URI with a password in it"


@CHECKS.add
def config_maps_hold_no_secrets(render: Render) -> Iterator[Fault]:
    """Refuse secrets in ConfigMaps, which are not guarded as Secrets are."""
    for config_map in render.all("ConfigMap"):
        for key, text in config_map.at("data", default={}).items():
            if _PRIVATE_KEY.search(text):
                yield config_map, f"{key} holds a private key"
            if _PASSWORD_IN_URI.search(text):
                yield config_map, f"{key} holds a URI with a password in it"
    for config in render.embedded("AirflowConfig"):
        for section, options in config.document.items():
            for option, value in options.items():
                if _names_a_secret(option) and _is_literal(value):
                    yield config, f"[{section}] {option} has a literal value; take it from a Secret"


def _names_a_secret(name: str) -> bool:
    words = name.upper().split("_")
    if name.upper().startswith(_REFERENCES) or words[-1] in _ABOUT_A_SECRET:
        return False
    is_key = words[-1] == "KEY" and (len(words) == 1 or not _SECRET_KEYS.isdisjoint(words))
    return is_key or not _SECRET_WORDS.isdisjoint(words)


def _is_literal(value: str) -> bool:
    """Say whether ``value`` is more than a reference, $(OTHER_VARIABLE), or a path."""
    return bool(value) and not value.startswith(("$(", "/"))
