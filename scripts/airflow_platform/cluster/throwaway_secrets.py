"""Secrets for a release that is made to be tried and removed: random keys and passwords."""

import base64
import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import yaml

from airflow_platform.manifests import Render
from airflow_platform.secrets.needs import DOCKER_CONFIG, Needed, needed
from airflow_platform.secrets.recipes import (
    Asked,
    At,
    Connection,
    Fernet,
    Fixed,
    Random,
    Recipe,
    Same,
    recipes,
)
from airflow_platform.support.errors import PlatformError

_KEY_BYTES = 64  # as many as HS512 needs
_NO_REGISTRIES = '{"auths": {}}'


def throwaway_secrets(
    render: Render, there: Collection[str], *, anything: bool
) -> list[Mapping[str, Any]]:
    """Return the Secrets that pods need and that are neither rendered nor ``there``, by name.

    ``anything``: values that nobody will look at are made up as well. PlatformError for values that
    only the user can know.
    """
    lacking = [
        secret
        for secret in needed(render)
        if secret.maker == "you" and not secret.optional and secret.name not in there
    ]
    how = recipes(render, lacking)
    made = _Values(how, lacking)
    asked = [
        _secret(secret, dict.fromkeys(_keys(secret), "..."))
        for secret in lacking
        if not anything and not (_keys(secret) and made.knows(secret))
    ]
    if asked:
        raise PlatformError(
            "Only you can know what these Secrets hold. Write them into a file and give it with"
            " --objects. A database must be an empty one: the release migrates it and runs DAGs."
            f"\n\n{yaml.safe_dump_all(asked, sort_keys=False)}"
        )
    return [_secret(each, {key: made[each.name, key] for key in _keys(each)}) for each in lacking]


def _keys(secret: Needed) -> list[str]:
    return sorted(name for name, key in secret.keys.items() if not key.optional)


class _Values(dict[At, str]):
    """The values of Secrets, each made when it is first asked for."""

    def __init__(self, how: Mapping[At, Recipe], lacking: Sequence[Needed]) -> None:
        super().__init__()
        self._how = how
        self._lacking = {secret.name for secret in lacking}

    def knows(self, secret: Needed) -> bool:
        """Say whether nobody has to be asked for a key of ``secret``."""
        return all(self._is_known(self._how[secret.name, key]) for key in _keys(secret))

    def _is_known(self, recipe: Recipe) -> bool:
        of_others = isinstance(recipe, Connection) and recipe.password[0] not in self._lacking
        return not isinstance(recipe, Asked) and not of_others

    def __missing__(self, at: At) -> str:
        name, key = at
        match self._how.get(at, Asked()):
            case Fernet():
                value = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
            case Fixed(text):
                value = text
            case Same(other):
                value = self[name, other]
            case Connection(before, password, after):
                value = f"{before}{quote(self[password], safe='')}{after}"
            case Random(size):
                value = secrets.token_urlsafe(size)
            case Asked():
                is_login = key == DOCKER_CONFIG
                value = _NO_REGISTRIES if is_login else secrets.token_urlsafe(_KEY_BYTES)
        self[at] = value
        return value


def _secret(secret: Needed, data: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret.name},
        "type": secret.type,
        "stringData": dict(data),
    }
