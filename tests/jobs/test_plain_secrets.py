"""Secrets in plain text are refused. Those here are put together when the tests run."""

import string
from pathlib import Path

import pytest

from .conftest import change, problems, text_at
from .mistakes import CUSTOMERS, WORKFLOW


def _like(*parts: str | int) -> str:
    """Return texts, and as many letters and digits as a number says."""
    letters = string.ascii_uppercase + string.digits
    return "".join(part if isinstance(part, str) else (letters * 4)[:part] for part in parts)


TOKENS = {
    "AWS": _like("AK", "IA", 16),
    "GitHub": _like("gh", "p_", 36),
    "fine-grained GitHub": _like("github", "_pat_", 40),
    "GitLab": _like("gl", "pat-", 20),
    "Slack": _like("xo", "xb-", 24),
    "a Slack hook": _like("https://hooks.", "slack.com/services/T", 8, "/B", 8, "/", 24),
    "Google": _like("AI", "za", 35),
    "Stripe": _like("sk_", "live_", 24),
    "Databricks": _like("da", "pi") + "0123456789abcdef" * 2,
    "Hugging Face": _like("h", "f_", 34),
    "npm": _like("np", "m_", 36),
    "PyPI": _like("py", "pi-AgE", 40),
    "a model's API": _like("s", "k-", 48),
    "Vault": _like("hv", "s.", 24),
    "a private key": _like("-----BEGIN ", "RSA PRIVATE", " KEY-----"),
    "a JSON Web Token": _like("ey", "J", 20, ".", 20, ".", 20),
    "a password in a URL": _like("postgresql://sales:", 12, "@db/sales"),
    "a password without a user": _like("redis://:", 12, "@cache:6379"),
    "a connection string": _like("Server=db;User=sales;Pass", "word=", 12),
    "an account key": _like("Endpoint=https;Account", "Key=", 40),
}
NAMES = [
    "DB_PASSWORD",
    "db_passwd",
    "PGPASSWORD",
    "PASSPHRASE",
    "API_KEY",
    "APIKEY",
    "AWS_SECRET_ACCESS_KEY",
    "DB_PASS",
    "TOKEN",
    "GITHUB_TOKEN",
    "CLIENT_SECRET",
    "PRIVATE_KEY",
    "CREDENTIALS",
    "PWD",
]
NO_SECRETS = [
    "DB_PASSWORD_FILE: /secrets/password",
    "TOKEN_URL: https://login.example.com/token",
    "SECRET_NAME: shop",
    "DB_PASSWORD: $(OTHER)",
    "DB_PASSWORD: /secrets/password",
    "USE_TOKEN: true",
    'DB_PASSWORD: ""',
    "DB_URL: postgresql://sales:$(DB_PASSWORD)@db/sales",
    "DB_URL: postgresql://sales@db/sales",
    "BYPASS: x",
    "SORT_KEY: id",
    "MAX_TOKENS: 5",
    "DSN: 'host=db;password=$(DB_PASSWORD)'",
]


@pytest.mark.parametrize("kind", TOKENS)
@pytest.mark.parametrize("place", ["env: {X: '%s'}", "params: {x: '%s'}", "args: ['%s']"])
def test_a_token_is_refused_wherever_it_is(workflows: Path, kind: str, place: str) -> None:
    file = workflows / "sales" / CUSTOMERS
    key = place.partition(":")[0]
    lines = file.read_text().splitlines()
    written = [line for line in lines if not line.strip().startswith(f"{key}:")]
    file.write_text("\n".join([*written, f"  {place % TOKENS[kind]}", ""]))
    (problem,) = problems(workflows)
    assert (problem.rule, problem.level) == ("plain-secret", "error")
    assert "{secret: {name: NAME-OF-A-SECRET, key: KEY}}" in problem.message
    assert TOKENS[kind] not in problem.message
    assert problem.line == len(written) + 1


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("{url: %s}", "url"),
        ("[a, %s]", ""),
        ("{databases: [{url: [%s]}]}", ""),
        ("{password: hunter2}", "password"),
    ],
)
@pytest.mark.parametrize(
    ("file", "old"), [(CUSTOMERS, "{execution_date:"), (WORKFLOW, "\n    warehouse_schema:")]
)
def test_a_secret_is_refused_deep_in_parameters(
    workflows: Path, value: str, at: str, file: str, old: str
) -> None:
    token = TOKENS["a password in a URL"]
    given = f"database: {value.replace('%s', token)}"
    new = f"{{{given}, execution_date:" if old[0] == "{" else f"\n    {given}{old}"
    change(workflows / "sales" / file, old, new)
    (problem,) = problems(workflows)
    assert problem.rule == "plain-secret"
    assert text_at(problem).startswith(at or token)


def test_a_secret_is_refused_among_items(workflows: Path) -> None:
    token = TOKENS["a password in a URL"]
    change(workflows / "sales" / WORKFLOW, "[de, fr, it]", f"[de, {token}]")
    (problem,) = problems(workflows)
    assert problem.rule == "plain-secret"
    assert text_at(problem).startswith(token)
    assert "{secret: {name: NAME-OF-A-SECRET, key: KEY}}" in problem.message


@pytest.mark.parametrize("name", NAMES)
def test_a_value_is_refused_by_its_name(workflows: Path, name: str) -> None:
    change(workflows / "sales" / CUSTOMERS, "LOG_LEVEL: info", f"{name}: hunter2")
    (problem,) = problems(workflows)
    assert problem.rule == "plain-secret"
    assert text_at(problem).startswith(name)
    assert f"{name}: {{secret: {{name: NAME-OF-A-SECRET" in problem.message


@pytest.mark.parametrize("variable", NO_SECRETS)
def test_what_says_where_a_secret_is_may_be_plain(workflows: Path, variable: str) -> None:
    change(workflows / "sales" / CUSTOMERS, "env: {LOG_LEVEL: info}", f"env:\n    {variable}")
    assert problems(workflows) == []


@pytest.mark.parametrize(
    "words",
    [
        '"--password=hunter2"',
        '"--password", "hunter2"',
        '"--api-key", "hunter2"',
        '"-token=hunter2"',
        '"--db-password", "hunter2"',
    ],
)
def test_options_with_secrets_are_refused(workflows: Path, words: str) -> None:
    change(workflows / "sales" / CUSTOMERS, '"--table", "customers"', words)
    (problem,) = problems(workflows)
    assert problem.rule == "plain-secret"
    assert "hunter2" in text_at(problem).split(",")[0]
    assert "$(NAME)" in problem.message


@pytest.mark.parametrize(
    "words",
    [
        '"--password=$(DB_PASSWORD)"',
        '"--password", "$(DB_PASSWORD)"',
        '"--password", "--table"',
        '"--password-file=/secrets/a"',
        '"--password-file", "secrets"',
        '"--token={{ params.execution_date }}"',
    ],
)
def test_options_with_references_are_right(workflows: Path, words: str) -> None:
    change(workflows / "sales" / CUSTOMERS, '"--table", "customers"', words)
    assert problems(workflows) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [("LOG_FORMAT: json", "DB_PASSWORD: hunter2"), ("warehouse_schema: sales", "token: x")],
)
def test_what_is_for_all_jobs_holds_no_secrets(workflows: Path, old: str, new: str) -> None:
    change(workflows / "sales" / WORKFLOW, old, new)
    found = [problem for problem in problems(workflows) if problem.rule == "plain-secret"]
    assert [text_at(problem).partition(":")[0] for problem in found] == [new.partition(":")[0]]
