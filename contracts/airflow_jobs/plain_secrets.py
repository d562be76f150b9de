"""Texts that look like a secret, which everybody who reads a specification could use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

# Names of what holds a secret, unless they say where one is (a file, a URL, a name).
_NAME = re.compile(
    r"(?i)(PASSWORD|PASSWD|PASSPHRASE|API[_-]?KEY|ACCESS[_-]?KEY|PRIVATE[_-]?KEY|SECRET[_-]?KEY"
    r"|ACCOUNT[_-]?KEY|CREDENTIALS?)$"
    r"|(?i:^|[_-])(PWD|PASS|SECRET|TOKEN)$"
)
_TOKEN = (
    r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"  # AWS
    r"|\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{30,}"
    r"|\bglpat-[A-Za-z0-9_-]{20,}"
    r"|\bxox[abprs]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/T\w+/B\w+/\w+"
    r"|\bAIza[A-Za-z0-9_-]{35}"  # Google
    r"|\b[sr]k_live_[A-Za-z0-9]{20,}"  # Stripe
    r"|\bdapi[0-9a-f]{32}"  # Databricks
    r"|\bhf_[A-Za-z0-9]{30,}|\bnpm_[A-Za-z0-9]{36}|\bpypi-AgE[A-Za-z0-9_-]{20,}"
    r"|\bsk-[A-Za-z0-9_-]{32,}|\bhvs\.[A-Za-z0-9_-]{20,}"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\."  # a JSON Web Token
)
_VALUE = re.compile(
    rf"-----BEGIN [A-Z ]*PRIVATE KEY-----|{_TOKEN}"
    r"|://[^/\s:@{}]*:[^/\s@{}$<]+@"  # a password in a URL
    r"|(?i:\b(password|pwd|accountkey|sharedaccesskey)=[^\s;&$<{\"']+)"  # in a connection string
)
_TOKEN_ALONE = re.compile(_TOKEN)
# Such as --password=x; what follows a $ or {{ is a reference.
_OPTION = re.compile(r"--?([A-Za-z][A-Za-z0-9_-]*)(?:=(.*))?", re.DOTALL)
_REFERENCE = re.compile(r"\$|\{\{|/|-|$")
_SWITCHES = ("true", "false")


def named(name: str, text: str) -> bool:
    """Return whether what ``name`` holds is a secret by its name or by its text."""
    return _is_secret(name, text) or within(text)


def within(text: str) -> bool:
    """Return whether there is a secret in a text."""
    return bool(_VALUE.search(text))


def token_within(text: str) -> bool:
    """Return whether there is a token of a known form in a text."""
    return bool(_TOKEN_ALONE.search(text))


def in_words(words: Sequence[str]) -> Iterator[int]:
    """Yield the indexes of words of a command line that hold a secret."""
    for index, word in enumerate(words):
        option = _OPTION.fullmatch(words[index - 1]) if index else None
        own = _OPTION.fullmatch(word)
        if (
            within(word)
            or (own and own[2] is not None and _is_secret(own[1], own[2]))
            or (option and option[2] is None and _is_secret(option[1], word))
        ):
            yield index


def _is_secret(name: str, text: str) -> bool:
    is_named = _NAME.search(name) and text.lower() not in _SWITCHES
    return bool(is_named and not _REFERENCE.match(text))
