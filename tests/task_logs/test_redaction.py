"""What redaction hides and leaves alone, and that its time grows with the length of a line."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from functools import cache
from time import process_time
from typing import Any

import pytest

from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON, ROOT

from .redaction_corpus import HARMLESS, SECRETS, Secret
from .shipped import shipped

pyvrl = pytest.importorskip(
    "pyvrl", reason="needs pyVRL, Vector's VRL for Python: pip install pyVRL"
)

DATA = strict_yaml.load_file(ADDON / "files" / "task-logs" / "redaction-patterns.yaml")
NAMES = [kind["name"] for kind in DATA["patterns"]]
HEADER = "[2026-11-21T08:10:00.057+0000] {probe.py:19} INFO - "
RECORD = {"timestamp": "2026-11-21T08:10:00.057123Z", "level": "info", "event": "", "logger": "x"}


@cache
def program(*disabled: str) -> Any:
    made = shipped({"redaction": {"disabledPatterns": list(disabled)}}).files["redact.vrl"]
    return pyvrl.Transform(f"{made}\n[.]")


def redact(line: str, *disabled: str) -> tuple[str, list[str]]:
    """The line as it is shipped, and the names of what was replaced."""
    [event] = program(*disabled).remap({"message": line})
    return event["message"], event.get("redacted", "").split(",")


def airflow_3(text: str, **keys: Any) -> str:
    return json.dumps({**RECORD, "event": text, **keys}, separators=(",", ":"), ensure_ascii=False)


def lines(secret: Secret) -> Iterator[str]:
    """The lines of Airflow 2 and 3, and one that has the text in a nested field."""
    if secret.keys:
        yield airflow_3(secret.text, **secret.keys)
        return
    yield HEADER + secret.text
    yield airflow_3(secret.text)
    yield airflow_3("x", values=[{"n": 1, "text": secret.text}])


def leaves(value: Any, path: str = "") -> dict[str, list[Any]]:
    """The scalars of a JSON value by their paths. The items of a list have one path."""
    found: dict[str, list[Any]] = {}
    if isinstance(value, dict):
        below = [leaves(item, f"{path}.{key}") for key, item in value.items()]
    elif isinstance(value, list):
        below = [leaves(item, f"{path}[]") for item in value]
    else:
        return {path: [value]}
    for items in below:
        for name, values in items.items():
            found.setdefault(name, []).extend(values)
    return found


def same_keys(before: dict[str, list[Any]], after: dict[str, list[Any]]) -> bool:
    """Whether the keys are the same, but for dictionaries of which one key with *** is left."""
    hidden = {path.rpartition(".")[0] for path, values in after.items() if "***" in values}
    gone = {path.rpartition(".")[0] for path in before.keys() - after.keys()}
    return after.keys() <= before.keys() and gone <= hidden


def shown(secret: Secret) -> list[str]:
    """The lines in which something of the secret is left."""
    return [
        after
        for line in lines(secret)
        for after, _ in [redact(line)]
        if any(part in after or json.dumps(part)[1:-1] in after for part in secret.hidden)
    ]


def figures() -> tuple[int, int, int, int]:
    """Numbers of secrets, of hidden ones, of harmless texts, and of changed ones."""
    hidden = sum(not shown(secret) for secret in SECRETS)
    changed = sum(
        redact(line)[0] != line for text in HARMLESS for line in [HEADER + text, airflow_3(text)]
    )
    return len(SECRETS), hidden, len(HARMLESS), changed


def test_secrets_are_hidden() -> None:
    assert len(SECRETS) >= 120
    assert all(secret.hidden for secret in SECRETS)
    visible = {secret.name: lines for secret in SECRETS if (lines := shown(secret))}
    assert not visible


def test_harmless_texts_stay_as_they_are() -> None:
    assert len(set(HARMLESS)) >= 100
    changed = {
        line: after
        for text in HARMLESS
        for line in [HEADER + text, airflow_3(text), airflow_3("x", values=[{"text": text}])]
        for after in [redact(line)[0]]
        if after != line
    }
    assert not changed


@pytest.mark.parametrize("secret", SECRETS, ids=lambda secret: secret.name)
def test_json_stays_valid_and_keeps_all_that_is_no_secret(secret: Secret) -> None:
    for line in lines(secret):
        if not line.startswith("{"):
            continue
        before, after = leaves(json.loads(line)), leaves(json.loads(redact(line)[0]))
        assert same_keys(before, after)
        for path, values in before.items():
            for value in values:
                secret_list = path.endswith("[]") and "***" in after[path]
                if not secret_list and not any(part in str(value) for part in secret.hidden):
                    assert value in after[path]


# Values of a record that a name alone does not make secrets.
PLAIN: tuple[dict[str, Any], ...] = (
    {"token": ["id", "name"]},
    {"token": [101, 2023]},
    {"password": ["***", None, True, ""]},
    {"password": {"type": "string", "minLength": 8}},
    {"password": {"value": None}},
    {"secret": {"secretName": "airflow-tls", "defaultMode": 420}},
    {"secrets": ["db-creds-1", "tls-2"]},
    {"auth": ["basic", "digest"]},
    {"command": ["docker", "run", "-p", "8080:80"]},
    {"command": ["mysql", "-h", "db", "-P", "3306", "--port", "3"]},
    {"command": ["curl", "-u", "etl:$PASSWORD"]},
)


@pytest.mark.parametrize("keys", PLAIN, ids=str)
def test_records_without_a_secret_stay_as_they_are(keys: dict[str, Any]) -> None:
    line = airflow_3("x", **keys)
    assert redact(line)[0] == line


@pytest.mark.parametrize("name", NAMES)
def test_a_pattern_that_is_switched_off_leaves_its_secrets(name: str) -> None:
    found = [line for secret in SECRETS for line in lines(secret) if name in redact(line)[1]]
    assert found, "no secret of the corpus is hidden by this pattern"
    assert all(name not in redact(line, name)[1] for line in found)
    others = [other for other in NAMES if other != name]
    assert any(redact(line, *others)[1] == [name] for line in found)
    assert all(redact(line, *NAMES)[0] == line for line in found)


# Beginnings of what the patterns look for: each position of a line could be the start of a match.
REPEATED = (
    *("-----BEGIN PRIVATE KEY-----", "://a:", "://a:b@c", "AIRFLOW_CONN_A={", 'AIRFLOW_CONN_A={"'),
    *("AIRFLOW_CONN_A={\n", "password=", 'password="', "password='", 'password=\\"', "token: "),
    *("('token', '", "curl -u ", "mysql ", "--password ", "eyJaaaaaaaaa.", "Authorization: "),
    *("Cookie: a=", "?key=", "<password>", '{"token":', "sk-", "A" * 64, "\\", " - "),
    *("value: ", "'value': '", '"value": "', "password:\n  ", "password: |\n a", "| password |"),
    *("password  ", "echo ", "credentials={'user': 'x',", "machine a login b password ", "sl."),
    *(
        "password=['a',",
        "password=[a, ",
        '"password":["a",',
        '"auth":["a",',
        '"mysql","-p',
        "cookie: ['a',",
    ),
    *('"password":{"new":"a",', '"curl","-u","a:', '["mysql","-h",', '"Set-Cookie":["a",'),
    *("token1 ", "password=a;1", "password=((", "password=''a", "https://a.", "vault login "),
)


@pytest.mark.parametrize("text", REPEATED)
def test_time_grows_with_the_length_of_the_line(text: str) -> None:
    # 870 KB take less than a second; with the square of the length it would be half a minute.
    for line in [HEADER + text * (870_000 // len(text)), airflow_3(text * (870_000 // len(text)))]:
        started = process_time()
        redact(line)
        assert process_time() - started < 10


def test_the_documented_figures_are_those_of_the_corpus() -> None:
    secrets, hidden, harmless, changed = figures()
    text = (ROOT / "docs" / "task-logs.md").read_text(encoding="utf-8")
    assert f"{hidden} of {secrets} secrets are hidden" in text
    assert f"{changed} of {harmless} harmless texts are changed" in text
    assert hidden >= 0.95 * secrets
    assert changed <= 0.01 * harmless


def test_the_documentation_names_each_pattern_and_says_what_it_hides() -> None:
    text = (ROOT / "docs" / "task-logs.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"(?m)^\| `([a-z-]+)` \| (.+) \|$", text))
    assert {kind["name"]: kind["about"] for kind in DATA["patterns"]}.items() <= rows.items()


PIECES = (
    *('"', "\\", '\\"', "'", "{", "}", "[", "]", ":", "=", ",", " ", "\n", "\\n", "|", ">", "</"),
    *("password", "--password", "value", "name", "key", "credentials", "AIRFLOW_CONN_X", "cookie"),
    *(
        "Authorization",
        "Bearer ",
        "https://",
        "u:",
        "@h",
        "<password>",
        "password: |\n ",
        "é",
        "日",
    ),
    *("-----BEGIN PRIVATE KEY-----", "-u ", "echo ", "null", "Xk7I1Ir8iuREij", "secret", "_auth="),
)


def test_json_of_any_text_stays_valid() -> None:
    chance = random.Random("json")

    def text() -> str:
        return "".join(chance.choices(PIECES, k=chance.randint(0, 14)))

    def value(depth: int = 0) -> Any:
        if depth > 3 or chance.random() < 0.5:
            return text() if chance.random() < 0.8 else chance.choice([1, None, True, 83019275])
        if chance.random() < 0.3:
            return [value(depth + 1) for _ in range(3)]
        keys = chance.sample([piece for piece in PIECES if piece.isalnum()], 3)
        return {key: value(depth + 1) for key in keys}

    for _ in range(2000):
        record = {**RECORD, "event": text(), "extra": value(), "env": value()}
        line = json.dumps(record, ensure_ascii=chance.random() < 0.5)
        after = json.loads(redact(line)[0])
        assert same_keys(leaves(record), leaves(after)), line
        assert [after[key] for key in ("timestamp", "level")] == [RECORD["timestamp"], "info"]


def test_json_of_any_depth_stays_valid() -> None:
    secret = "q" * 8 + "7Z"
    deep = '{"a":' * 5000 + json.dumps(f"password={secret}") + "}" * 5000
    after, names = redact(deep)
    assert names == ["named-secrets"]
    assert after == deep.replace(secret, "***")
