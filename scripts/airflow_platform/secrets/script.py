"""The shell script that makes the Secrets of a release; its functions are in create-secrets.sh."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files

from airflow_platform.secrets.needs import Needed
from airflow_platform.secrets.recipes import (
    Asked,
    At,
    Connection,
    Fernet,
    Fixed,
    Random,
    Recipe,
    Same,
)

_FUNCTIONS = "create-secrets.sh"
# What people have in files, with lines of its own.
_IN_FILES = re.compile(r"^tls\.|\.(crt|key|pem|json|ini|txt)$|SshKey$|^\.dockerconfigjson$|keytab$")


def script(secrets: Sequence[Needed], recipes: Mapping[At, Recipe], namespace: str) -> str:
    """Return a POSIX shell script that makes those of ``secrets`` that nobody else makes."""
    functions = (files(__package__) / _FUNCTIONS).read_text(encoding="utf-8")
    yours = [secret for secret in secrets if secret.maker == "you"]
    lines = [
        "#!/bin/sh",
        functions.rstrip(),
        "",
        f"namespace={shlex.quote(namespace)}",
        "",
        "# One function, so that the whole script is read before anything runs.",
        "main() {",
        *(f"  {line}".rstrip() for line in _body(yours, recipes)),
        "  create_all",
        "}",
        "",
        "main </dev/null",
    ]
    return "\n".join(lines) + "\n"


def has_lines(key: str) -> bool:
    """Say whether the value of a key has lines, as certificates and SSH keys do."""
    return bool(_IN_FILES.search(key))


def variable(secret: str, key: str) -> str:
    """Return the name of the variable from which the script takes a value."""
    return re.sub(r"[^A-Z0-9]+", "_", f"{secret}_{key}".upper()).strip("_")


def _body(secrets: Sequence[Needed], recipes: Mapping[At, Recipe]) -> Iterator[str]:
    # Connections have passwords of other Secrets, which must be known by then.
    last = {at[0] for at, recipe in recipes.items() if isinstance(recipe, Connection)}
    for secret in sorted(secrets, key=lambda each: (each.name in last, each.name)):
        if not secret.keys:
            readers = ", ".join(sorted(secret.readers))
            yield _call("of_others", secret.name, readers)
            continue
        label = [secret.label] if secret.label else []
        yield f"if {_call('missing', secret.name, secret.type, *label)}; then"
        # What is made of another key of the same Secret comes after it.
        keys = sorted(
            secret.keys,
            key=lambda key: (isinstance(recipes[secret.name, key], Same | Connection), key),
        )
        for key in keys:
            yield f"  {_step(secret, key, recipes[secret.name, key])}"
        if demanded := sorted(name for name, key in secret.keys.items() if not key.optional):
            yield "else"
            yield f"  {_call('check_keys', secret.name, *demanded)}"
        yield "fi"


def _step(secret: Needed, key: str, recipe: Recipe) -> str:
    match recipe:
        case Random(size):
            return _call("random", key, str(size))
        case Fernet():
            return _call("fernet", key)
        case Fixed(text):
            return _call("fixed", key, text)
        case Same(other):
            return _call("same", key, other)
        case Connection(before, (owner, other), after):
            return _call("connection", key, before, owner, other, after)
        case Asked():
            kind = "text" if key.lower().endswith("username") else "password"
            kind = "file" if has_lines(key) else kind
            optional = ["optional"] if secret.optional else []
            return _call("ask", key, variable(secret.name, key), kind, *optional)


def _call(function: str, *arguments: str) -> str:
    return " ".join((function, *map(shlex.quote, arguments)))
