"""Secrets as logs show them, and texts that look like secrets and are none.

No secret stands here: each is made of random characters. docs/task-logs.md has the figures.
"""

from __future__ import annotations

import json
import random
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

_RANDOM = random.Random("redaction")
_HEX = "0123456789abcdef"
_BASE64 = string.ascii_letters + string.digits + "+/"
_URL = string.ascii_letters + string.digits + "-_"
_ALPHANUMERIC = string.ascii_letters + string.digits
_UPPER = string.ascii_uppercase + string.digits


def _of(characters: str, length: int) -> str:
    return "".join(_RANDOM.choice(characters) for _ in range(length))


def word(length: int = 14) -> str:
    """A password: letters of both cases and digits."""
    return f"q{_of(_ALPHANUMERIC, length - 3)}7Z"


def hexadecimal(length: int) -> str:
    """Hexadecimal digits, letters among them."""
    return "a" + _of(_HEX, length - 2) + "4"


def base64(length: int) -> str:
    """Base64 without its padding."""
    return "z" + _of(_BASE64, length - 3) + "5B"


def token(length: int) -> str:
    """Base64 for URLs."""
    return "T" + _of(_URL, length - 3) + "9q"


def upper(length: int) -> str:
    """Upper-case letters and digits."""
    return _of(_UPPER, length - 1) + "Q"


@dataclass(frozen=True)
class Secret:
    """A text, the secrets in it, and keys that only a record of Airflow 3 can have."""

    name: str
    text: str
    hidden: tuple[str, ...]
    keys: Mapping[str, Any] = field(default_factory=dict)


def _secret(name: str, text: str, *hidden: str, **keys: Any) -> Secret:
    return Secret(name, text, hidden, keys)


def _around(name: str, secret: str, text: str) -> Secret:
    return _secret(name, text.replace("@@", secret), secret)


_JWT = f"eyJ{token(20)}.eyJ{token(30)}.{token(43)}"
_TOKENS: Mapping[str, str] = {
    "github personal": f"ghp_{_of(_ALPHANUMERIC, 36)}",
    "github app": f"ghs_{_of(_ALPHANUMERIC, 36)}",
    "github oauth": f"gho_{_of(_ALPHANUMERIC, 36)}",
    "github fine-grained": f"github_pat_{_of(_ALPHANUMERIC, 22)}_{_of(_ALPHANUMERIC, 59)}",
    "gitlab personal": f"glpat-{token(20)}",
    "gitlab deploy": f"gldt-{token(20)}",
    "gitlab runner": f"GR1348941{token(20)}",
    "slack bot": f"xoxb-{_of(string.digits, 12)}-{_of(string.digits, 12)}-{_of(_ALPHANUMERIC, 24)}",
    "slack app": f"xapp-1-{upper(11)}-{_of(string.digits, 13)}-{hexadecimal(64)}",
    "telegram": f"{_of('123456789', 10)}:AA{token(33)}",
    "discord": f"M{_of(_ALPHANUMERIC, 25)}.{_of(_ALPHANUMERIC, 6)}.{token(38)}",
    "openai": f"sk-proj-{token(74)}T3BlbkFJ{token(74)}",
    "openai, the older form": f"sk-{_of(_ALPHANUMERIC, 20)}T3BlbkFJ{_of(_ALPHANUMERIC, 20)}",
    "anthropic": f"sk-ant-api03-{token(93)}AA",
    "hugging face": f"hf_{_of(string.ascii_letters, 34)}",
    "groq": f"gsk_{_of(_ALPHANUMERIC, 52)}",
    "replicate": f"r8_{_of(_ALPHANUMERIC, 37)}",
    "stripe": f"sk_live_{_of(_ALPHANUMERIC, 24)}",
    "stripe restricted": f"rk_test_{_of(_ALPHANUMERIC, 24)}",
    "stripe webhook": f"whsec_{_of(_ALPHANUMERIC, 32)}",
    "square": f"sq0atp-{token(22)}",
    "shopify": f"shpat_{hexadecimal(32)}",
    "npm": f"npm_{_of(_ALPHANUMERIC, 36)}",
    "pypi": f"pypi-AgEIcHlwaS5vcmc{token(90)}",
    "rubygems": f"rubygems_{hexadecimal(48)}",
    "docker hub": f"dckr_pat_{token(27)}",
    "artifactory": f"AKCp{_of(_ALPHANUMERIC, 69)}",
    "vault": f"hvs.{token(90)}",
    "vault batch": f"hvb.{token(120)}",
    "terraform cloud": f"{_of(_ALPHANUMERIC, 14)}.atlasv1.{token(64)}",
    "databricks": f"dapi{hexadecimal(32)}",
    "digitalocean": f"dop_v1_{hexadecimal(64)}",
    "pulumi": f"pul-{hexadecimal(40)}",
    "doppler": f"dp.pt.{_of(_ALPHANUMERIC, 43)}",
    "planetscale": f"pscale_tkn_{token(43)}",
    "tailscale": f"tskey-auth-{_of(_ALPHANUMERIC, 12)}-{_of(_ALPHANUMERIC, 32)}",
    "prefect": f"pnu_{_of(_ALPHANUMERIC, 36)}",
    "dynatrace": f"dt0c01.{upper(24)}.{upper(64)}",
    "sendgrid": f"SG.{token(22)}.{token(43)}",
    "twilio": f"SK{hexadecimal(32)}",
    "mailgun": f"key-{hexadecimal(32)}",
    "mailchimp": f"{hexadecimal(32)}-us12",
    "brevo": f"xkeysib-{hexadecimal(64)}-{_of(_ALPHANUMERIC, 16)}",
    "linear": f"lin_api_{_of(_ALPHANUMERIC, 40)}",
    "grafana cloud": f"glc_{_of(_ALPHANUMERIC, 60)}=",
    "grafana service account": f"glsa_{_of(_ALPHANUMERIC, 32)}_{hexadecimal(8)}",
    "new relic": f"NRAK-{upper(27)}",
    "atlassian": f"ATATT3{token(186)}",
    "postman": f"PMAK-{hexadecimal(24)}-{hexadecimal(34)}",
    "notion": f"ntn_{_of(_ALPHANUMERIC, 46)}",
    "figma": f"figd_{token(40)}",
    "airtable": f"pat{_of(_ALPHANUMERIC, 14)}.{hexadecimal(64)}",
    "sentry": f"sntryu_{hexadecimal(64)}",
    "google api": f"AIza{token(35)}",
    "google access": f"ya29.{token(120)}",
    "google client": f"GOCSPX-{token(28)}",
    "azure client": f"{_of(_ALPHANUMERIC, 3)}8Q~{token(34)}",
    "aws key id": f"AKIA{upper(16)}",
    "aws temporary key id": f"ASIA{upper(16)}",
    "json web token": _JWT,
    "age": f"AGE-SECRET-KEY-1{upper(58)}",
    "json web encryption": f"eyJ{token(40)}.{token(90)}.{token(20)}.{token(120)}.{token(22)}",
    "google authorization code": f"4/0A{token(60)}",
    "firebase messaging": f"AAAA{token(7)}:APA91b{token(134)}",
    "facebook": f"EAAM{_of(_ALPHANUMERIC, 120)}",
    "easypost": f"EZAK{_of(_ALPHANUMERIC, 54)}",
    "duffel": f"duffel_live_{token(43)}",
    "nvidia": f"nvapi-{token(64)}",
    "pinecone": f"pcsk_{_of(_ALPHANUMERIC, 5)}_{_of(_ALPHANUMERIC, 63)}",
    "cerebras": f"csk-{_of(_ALPHANUMERIC, 48)}",
    "elevenlabs": f"sk_{hexadecimal(48)}",
    "langfuse": f"sk-lf-{hexadecimal(8)}-{hexadecimal(4)}-4{hexadecimal(3)}-{hexadecimal(12)}",
    "tavily": f"tvly-dev-{_of(_ALPHANUMERIC, 32)}",
    "artifactory reference": f"cmVmd{_of(_ALPHANUMERIC, 59)}",
    "crates.io": f"cio{_of(_ALPHANUMERIC, 32)}",
    "openshift": f"sha256~{token(43)}",
    "cloudflare": f"v1.0-{hexadecimal(24)}-{hexadecimal(146)}",
    "confluent": f"cflt{_of(_ALPHANUMERIC, 60)}",
    "clickhouse": f"4b1d{_of(_ALPHANUMERIC, 38)}",
    "mongodb atlas": f"mdb_sa_sk_{token(40)}",
    "supabase": f"sbp_{hexadecimal(40)}",
    "1password": f"ops_eyJ{base64(260)}",
    "yandex": f"t1.{token(30)}.{token(86)}",
    "dbt cloud": f"dbtc_{token(40)}",
    "sourcegraph": f"sgp_{hexadecimal(16)}_{hexadecimal(40)}",
    "posthog": f"phx_{_of(_ALPHANUMERIC, 43)}",
    "hubspot": f"pat-na1-{hexadecimal(8)}-{hexadecimal(4)}-4{hexadecimal(3)}-{hexadecimal(12)}",
    "dropbox": f"sl.{token(135)}",
    "circleci": f"CCIPAT_{_of(_ALPHANUMERIC, 22)}_{hexadecimal(40)}",
    "buildkite": f"bkua_{hexadecimal(40)}",
    "octopus": f"API-{upper(26)}",
    "adobe": f"p8e-{hexadecimal(32)}",
    "maxmind": f"{_of(_ALPHANUMERIC, 6)}_{_of(_ALPHANUMERIC, 29)}_mmk",
}
# A token as it is met without a name that gives it away.
_PLACES = (
    "logged in with @@",
    "request to https://api.example.com/v1/@@/rows failed",
    "args: ['run', '@@']",
    '{"id": 7, "value_of_header": "@@"}',
)
_NAMED: Mapping[str, str] = {
    "key=value": "host=db user=etl password=@@ dbname=x",
    "key = value": "password = @@",
    "call": "connect(host='db', user='etl', password='@@')",
    "call, double quotes": 'connect(host="db", passwd="@@", timeout=5)',
    "dictionary": "{'host': 'db', 'passwd': '@@', 'user': 'etl'}",
    "json": '{"host": "db", "password": "@@", "port": 5432}',
    "json in json": '{"extra": "{\\"private_key_passphrase\\": \\"@@\\", \\"a\\": 1}"}',
    "yaml": "outputs:\n  dev:\n    user: etl\n    password: @@\n    threads: 4",
    "yaml, quoted": 'db:\n  secret: "@@"\n',
    "toml": 'api_key = "@@"',
    "xml": "<user>etl</user><password>@@</password>",
    "hadoop xml": "<name>fs.azure.account.key</name><value>@@</value>",
    "environment": "PGPASSWORD=@@ psql -h db",
    "environment, underscores": "export DB_PASSWORD=@@",
    "environment, quoted": "MYSQL_PWD='@@' mysql -h db",
    "dump of the environment": "environ({'HOME': '/home/airflow', 'API_KEY': '@@'})",
    "secret key": "AIRFLOW__WEBSERVER__SECRET_KEY=@@",
    "access token in a query": "GET https://graph.example.com/me?access_token=@@&x=1",
    "token in a query": "GET https://api.example.com/v1/rows?limit=5&token=@@",
    "password in a jdbc query": "jdbc:postgresql://db:5432/x?user=etl&password=@@&ssl=true",
    "jdbc with semicolons": "jdbc:sqlserver://db:1433;user=sa;password=@@;encrypt=true",
    "odbc": "DRIVER={ODBC Driver 18};SERVER=db;UID=sa;PWD=@@;Encrypt=yes",
    "odbc, percent-encoded": "mssql+pyodbc:///?odbc_connect=UID%3Detl%3BPWD%3D@@%3B",
    "header": "headers={'X-API-Key': '@@', 'Accept': '*/*'}",
    "header of gitlab": "PRIVATE-TOKEN: @@",
    "client secret": '{"client_id": "abc", "client_secret": "@@"}',
    "camel case": '{"clientSecret": "@@", "accessKey": "id"}',
    "spark": "spark-submit --conf spark.hadoop.fs.s3a.secret.key=@@ job.py",
    "pair": "headers: [('Content-Type', 'x'), ('X-Auth-Token', '@@')]",
    "env list, repr": "[{'name': 'DB_PASSWORD', 'value': '@@', 'value_from': None}]",
    "env list, json": '[{"name": "SNOWFLAKE_TOKEN", "value": "@@"}]',
    "env list, yaml": "env:\n  - name: REDIS_PASSWORD\n    value: @@\n  - name: X",
    "datadog": "DD_API_KEY=@@",
    "log of a config": "[smtp] smtp_password = @@",
    "sentence": "retrying with token: @@",
    "passphrase": "private_key_passphrase: '@@'",
    "arrow": "conn.password -> @@",
    "pydantic": "password=SecretStr('@@')",
    "next key": "{'name': 'DB_PASSWORD', 'value_from': None, 'value': '@@'}",
    "reversed env list": "[{'value': '@@', 'name': 'DB_PASSWORD'}, {'value': 'x', 'name': 'Y'}]",
    "reversed env list, json": '[{"value": "@@", "name": "SNOWFLAKE_TOKEN"}]',
    "reversed env list, yaml": "- value: @@\n  name: REDIS_PASSWORD\n",
    "reversed connection": "[{'value': 'pg://u/@@', 'name': 'AIRFLOW_CONN_X'}]",
    "credentials": "credentials={'user': 'etl', 'key': '@@'}",
    "client assertion": "POST client_assertion=@@&grant_type=x",
    "_auth": "//npm.example.com/:_auth=@@",
    "flower": "AIRFLOW__CELERY__FLOWER_BASIC_AUTH=etl:@@",
    "pre-shared key": 'psk="@@"',
    "bind password": "bindpw: @@",
    "docker config in a secret": "data:\n  .dockerconfigjson: @@\n",
    "yaml, next line": "db:\n  password:\n    @@\n  host: h",
    "yaml, next line in quotes": "db:\n  password:\n    '@@ x'\n  host: h",
    "yaml, block": "db:\n  password: |\n    @@\n    @@\n  host: h",
    "yaml, folded block": "db:\n  password: >-\n    one @@\n    two\n  host: h",
    "yaml, tag": "password: !!str @@",
    "yaml, words": "db:\n  password: correct horse @@ staple\n  host: h",
    "yaml, quote in quotes": "password: 'it''s @@'",
    "doubled quotes": 'Server=db;PWD=""@@"";',
    "row of a table": "| id | 7 |\n| password | @@ |",
    "row of a wide table": "+----+\n| api_key  | @@      | yes |",
    "row of a box": "│ password │ @@ │",
    "row without lines": "login       etl\npassword    @@\nport        5432",
    "row with tabs": "password\t@@",
    "tuple": "kwargs: [('password', '@@')]",
    "word before it": "telegram bot_token @@",
    "setting of redis": "masterauth @@",
    "comma and more": "password=@@,and;more1 host=x",
    "sentence with is": "your new password is: @@",
    "password of a user": "Password for user 'admin': @@",
    "pydantic's message": "1 error for X\npassword\n  Value error [type=x, input_value='@@']",
    "short name": '--extra-vars \'{"pw": "@@"}\'',
    "unseal key": "Unseal Key 1: @@",
    "key of functions": "x-functions-key: @@",
    "key of an account": "fs.azure.account.oauth2.client.secret.demo.dfs.core.windows.net=@@",
    "content of a key": "'private_key_content': '@@'",
    "dump of the environment, lines": "HOME=/x\nDB_PASSWORD=a;@@,b&c=d\nB=1",
    "odbc, braces": "UID=sa;PWD={two @@; words};Encrypt=yes",
    "shell, quote in quotes": "export DB_PASSWORD='it'\"'\"'s @@'",
    "list": "<QueryDict: {'user': ['etl'], 'password': ['@@']}>",
    "several in a list": "password=['@@1', 'it\\'s @@2', \"it's @@3\"], user='etl'",
    "several in a list, json": '{"secret": ["@@1", "@@2"], "user": "etl"}',
    "several in a list, json in json": '{"extra": "{\\"api_key\\": [\\"@@1\\", \\"@@2\\"]}"}',
    "several in a list, yaml": "db:\n  password: [@@1, @@2]\n  host: h",
    "several in a list, indented": '{\n  "password": [\n    "@@1",\n    "@@2"\n  ]\n}',
    "several in a list that is cut off": "password=['@@1', '@@2",
    "words first in a list": "X-Api-Key: ['a', 'b', '@@']",
    "tuple without quotes": "password=(@@1, @@2)",
    "tuple of several": "password=('@@1', '@@2')",
    "plural": "passwords=@@",
    "plural, keys": "OPENAI_API_KEYS=@@1,@@2",
    "plural, secrets": "secrets=['@@1', '@@2']",
    "JSON in a URL": "https://x.example.com/?q=%7B%22password%22%3A%22@@%22%7D",
}
_COMMANDS: Mapping[str, str] = {
    "option": "sqoop import --username etl --password @@ --table x",
    "option=": "sqoop import --username etl --password=@@ --table x",
    "option, list": "Running command: ['sqoop', '--username', 'etl', '--password', '@@']",
    "token option": "dbt-cloud --token @@ run",
    "api key option": "tool --api-key '@@' sync",
    "curl": "curl -s -u etl:@@ https://api.example.com",
    "curl --user": "curl --user etl:@@ https://api.example.com",
    "curl, list": "['curl', '-u', 'etl:@@', 'https://api.example.com']",
    "mysql": "mysql -h db -u etl -p@@ -e 'select 1'",
    "sshpass": "sshpass -p @@ ssh etl@host",
    "docker login": "docker login -u etl -p @@ registry.example.com",
    "sqlcmd": "sqlcmd -S db -U sa -P @@ -Q x",
    "redis": "redis-cli -h redis -a @@ ping",
    "openssl": "openssl rsa -in key.pem -passin pass:@@",
    "netrc": "machine api.example.com login etl password @@",
    "netrc, lines": "machine api.example.com\n  login etl\n  password @@\n",
    "vault login": "vault login @@",
    "aws configure": "aws configure set aws_secret_access_key @@",
    "dockerfile": "ENV DB_PASSWORD @@",
    "passwd": "ftp> user etl passwd @@",
    "echo": "echo @@ | docker login -u etl --password-stdin",
    "sql": "CREATE USER etl IDENTIFIED BY 'it''s @@'",
    "sql of mysql": "ALTER USER 'x'@'%' IDENTIFIED WITH mysql_native_password BY '@@'",
    "sql for a login": "SET PASSWORD FOR 'etl' = '@@'",
    "variable of terraform": 'terraform apply -var "db_password=@@"',
    "sqlldr": "sqlldr userid=scott/@@@db control=x.ctl",
    "cqlsh": "cqlsh -u etl -p @@ db",
    "lftp": "lftp -u etl,@@ sftp://host",
    "smbclient": "smbclient //host/share -U etl%@@ -c ls",
    "unzip": "unzip -P @@ x.zip",
    "7z": "7z x -p@@ a.7z",
    "mc": "mc alias set x http://host:9000 ID @@",
    "curl, spaces": "curl -u 'etl:two @@ words' https://api.example.com",
    "spaces in an option": "tool --password 'two @@ words' x",
}
_URLS: Mapping[str, str] = {
    "postgresql": "postgresql+psycopg2://airflow:@@@pg:5432/airflow",
    "redis without a login": "redis://:@@@redis:6379/0",
    "mongodb": "mongodb+srv://etl:@@@cluster0.example.net/db?retryWrites=true",
    "amqp": "broker_url amqp://user:@@@mq:5672//",
    "login with @": "postgresql://etl@demo:@@@demo.postgres.database.azure.com:5432/x",
    "proxy": "HTTPS_PROXY=http://proxy:@@@10.0.0.1:3128",
    "git": "git clone https://oauth2:@@@gitlab.example.com/o/r.git",
    "snowflake": "snowflake://etl:@@@account/db/schema?warehouse=x",
    "oracle": "jdbc:oracle:thin:scott/@@@//db:1521/orcl",
}


def _awkward() -> list[Secret]:
    slash, quoted, spaced = f"p@ss/{word(8)}#x!", f"it's {word(8)}", f"two {word(8)} words"
    password, other = f"x}}{word()}", word()
    nested = {"conn_type": "http", "extra": {"a": {"b": 1}}, "password": password}
    private = "\n".join(base64(64) for _ in range(6))
    block = f"-----BEGIN {{0}}-----\n{private}\n-----END {{0}}-----"
    lines = private.split("\n")
    return [
        _secret("slash, hash and at in a URL", f"postgresql://airflow:{slash}@pg:5432/x", slash),
        _secret("quote in a quoted value", f'connect(password="{quoted}")', quoted),
        _secret("spaces in a quoted value", f"{{'password': '{spaced}'}}", spaced),
        *(
            _around(f"{first} before it", f"{first}{word()}", text)
            for first in "([{<!#$%^*"
            for text in ("sent password=@@ to x", "{'password': '@@'}")
        ),
        _secret("spaces in JSON", json.dumps({"password": spaced}), spaced),
        _secret("JSON that is cut off", f'AIRFLOW_CONN_X={{"password": "{spaced}', spaced),
        _secret("key that is cut off", f'{{"a": 1, "password": "{spaced}', spaced),
        _secret(
            "connection in JSON", "AIRFLOW_CONN_X=" + json.dumps(nested), password
        ),
        _secret(
            "connection in a repr",
            str({"AIRFLOW_CONN_X": json.dumps(nested)}),
            password,
        ),
        _around("connection", word(), "export AIRFLOW_CONN_X=mysql://u:@@/d?x=y"),
        _around("connection in a key", word(), "AIRFLOW_CONN_AWS='aws://?extra__secret=@@,x'"),
        _around(
            "connection in an env list",
            word(),
            "- name: AIRFLOW_CONN_X\n  value: 'a://b/@@ c'\n- name: Y",
        ),
        _around("variable", word(), "AIRFLOW_VAR_API=@@"),
        _around("variable of words", word(), "AIRFLOW_VAR_API=one two, @@ three"),
        _around("variable in a repr", word(), "{'AIRFLOW_VAR_A': 'x, y: @@', 'B': 1}"),
        _secret("RSA key", block.format("RSA PRIVATE KEY"), *lines),
        _secret("key", f"key='{block.format('PRIVATE KEY')}'", *lines),
        _secret("OpenSSH key", block.format("OPENSSH PRIVATE KEY"), *lines),
        _secret("PGP key", block.format("PGP PRIVATE KEY BLOCK"), *lines),
        _secret("indented key", block.format("PRIVATE KEY").replace("\n", "\n    "), *lines),
        _secret("escaped key", repr({"k": block.format("PRIVATE KEY")}), *lines),
        _secret("key on one line", block.format("PRIVATE KEY").replace("\n", " "), *lines),
        _secret("encrypted key", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
                f"DEK-Info: AES-256-CBC,{upper(32)}\n\n{private}", *lines),
        _secret("key without its end", f"-----BEGIN EC PRIVATE KEY-----\n{private}", *lines),
        _secret("line of a key", lines[0], lines[0]),
        _secret("line of an OpenSSH key", *[base64(70)] * 2),
        _around("Basic", base64(22), "Authorization: Basic @@=="),
        _around("Bearer", token(40), "{'Authorization': 'Bearer @@'}"),
        _around("token scheme", token(20), "authorization=token @@ next"),
        _around("unknown scheme", token(30), "Authorization: Splunk @@"),
        _around("no scheme", token(40), "> authorization: @@"),
        _around("digest", hexadecimal(32), 'Authorization: Digest username="u", response="@@"'),
        _around("bearer alone", token(32), "sent bearer @@"),
        _around("auth", word(), "requests.get(url, auth=('etl', '@@'))"),
        _around("cookie", token(32), "Set-Cookie: session=@@; Path=/"),
        _around("cookies in a list", token(32), "{'Set-Cookie': ['a=@@1; Path=/', 'b=@@2'], 1: 2}"),
        _around("cookies", token(32), "cookies={'session': '@@'}"),
        _around("cookie of a session", token(32), "resumed with sessionid=@@"),
        _around("login to a mail server", base64(24), "send: 'AUTH PLAIN @@\\r\\n'"),
        _around("letters alone", _of(string.ascii_letters, 20), "login: admin  password: @@"),
        _around("signature of AWS", hexadecimal(64),
                "{'Authorization': b'AWS4-HMAC-SHA256 Credential=A/b, Signature=@@'}"),
        _around("login of docker", base64(31), '{"auths": {"registry": {"auth": "@@="}}}'),
        _around("token for a login", token(40), "git clone https://@@@git.example.com/o/r.git"),
        _around("zapier webhook", token(7) + "/" + token(7),
                "https://hooks.zapier.com/hooks/catch/1234567/@@"),
        _around("slack webhook", f"T{upper(8)}/B{upper(10)}/{_of(_ALPHANUMERIC, 24)}",
                "POST https://hooks.slack.com/services/@@"),
        _around("discord webhook", token(68),
                f"https://discord.com/api/webhooks/{_of('123456789', 18)}/@@"),
        _around("SAS", quote(base64(43) + "=", safe=""),
                "https://a.blob.core.windows.net/c/b?sv=2022-11-02&se=2026-01-01&sig=@@"),
        _around("presigned", hexadecimal(64), "https://b.s3.amazonaws.com/k?X-Amz-Signature=@@"),
        _around("key in a query", token(39), "https://maps.example.com/json?address=x&key=@@"),
        _around("AWS secret key", base64(40), "aws_secret_access_key = @@"),
        _around("AWS credentials", base64(40), "{'Credentials': {'SecretAccessKey': '@@'}}"),
        _around("AWS session token", base64(300), '{"SessionToken": "@@=="}'),
        _around("Azure account key", base64(86), "AccountName=demo;AccountKey=@@==;X=y"),
        _around("Service Bus", base64(43), "SharedAccessKeyName=Root;SharedAccessKey=@@="),
        _around("fernet key", token(43), "AIRFLOW__CORE__FERNET_KEY=@@="),
        _secret("in the logger", "x", lines[1][:20], logger=f"etl.pg://u:{lines[1][:20]}@h"),
        _secret("by the key of a record", "connected", spaced, password=spaced),
        _secret("by a nested key", "connected", quoted, config={"db": [{"api_key": quoted}]}),
        _secret("a number", "connected", "83019275", pin={"password": 83019275}),
        _secret("connection as a key", "env", spaced, env={"AIRFLOW_CONN_X": f"a://u:{spaced}@h"}),
        _secret("pair in a record", "env", spaced, env=[{"name": "DB_PASSWORD", "value": spaced}]),
        _secret("list", "form", spaced, form={"user": ["etl"], "password": [spaced]}),
        _secret("option in a list", "run", spaced, command=["tool", "--password", spaced, "-v"]),
        _secret("header in a list", "send", spaced, headers={"Authorization": [f"Basic {spaced}"]}),
        *(
            _secret(f"list of {key}", "form", *several, form={"user": ["etl", "x"], key: several})
            for key in ("password", "secret", "api_key", "X-Api-Key", "passwords")
            for several in [[word(), spaced, quoted]]
        ),
        _secret("list that begins with words", "", other, form={"password": ["a", "b", other]}),
        _secret("list with other values", "", other, f={"password": [None, "", other], "n": 1}),
        _secret("list of numbers", "connected", "83019275", pin={"password": [12, 83019275]}),
        _secret("list and a dictionary", "", spaced, other, e={"secret": [other, spaced, {}]}),
        _secret("pair with a list", "", spaced, other,
                e={"name": "DB_PASSWORD", "value": [other, spaced]}),
        _secret("old and new", "changed", spaced, other, password={"old": spaced, "new": other}),
        _secret("new and its type", "", other, x={"password": {"new": other, "type": "string"}}),
        _secret("auth", "send", spaced, auth=["etl", spaced]),
        _secret("cookies in a list", "", other, spaced,
                headers={"Set-Cookie": [f"a={other}; Path=/", f"b={spaced}"]}),
        *(
            _secret(f"arguments of {arguments[0]}", "run", other, command=arguments)
            for arguments in (
                ["mysql", "-h", "db", f"-p{other}"],
                ["/usr/bin/curl", "-s", "-u", f"etl:{other}", "https://api.example.com"],
                ["sshpass", "-p", other, "ssh", "etl@host"],
                ["docker", "login", "-u", "etl", "-p", other],
                ["redis-cli", "-h", "redis", "-a", other, "ping"],
                ["sqlcmd", "-S", "db", "-P", other],
                ["ldapsearch", "-x", "-w", other],
            )
        ),
        _secret("reversed pair", "env", spaced, env=[{"value": spaced, "name": "DB_PASSWORD"}]),
        _secret("reversed connection", "", spaced, e=[{"value": spaced, "name": "AIRFLOW_CONN_X"}]),
    ]  # fmt: skip


SECRETS: tuple[Secret, ...] = (
    *(
        _around(name, secret, _PLACES[number % len(_PLACES)])
        for number, (name, secret) in enumerate(_TOKENS.items())
    ),
    *(
        _around(f"{name} of {kind}", word(), text)
        for kind, texts in (
            ("a named secret", _NAMED),
            ("a command", _COMMANDS),
            ("a URL", _URLS),
        )
        for name, text in texts.items()
    ),
    *_awkward(),
)

_SHA256, _MD5 = hexadecimal(64), hexadecimal(32)
_UUID = f"{hexadecimal(8)}-{hexadecimal(4)}-4{hexadecimal(3)}-a{hexadecimal(3)}-{hexadecimal(12)}"
# Texts that stay as they are.
HARMLESS: tuple[str, ...] = (
    _SHA256, _SHA256.upper(), f"sha256:{_SHA256}", f"sha256={_SHA256}", f"checksum: {_MD5}",
    f"md5={_MD5}", f"etag: {_MD5}", f"commit {hexadecimal(40)}", f"git_sha={hexadecimal(40)}",
    f"image registry.example.com/airflow@sha256:{_SHA256}",
    f"docker://registry.example.com:5000/team/app@sha256:{_SHA256}",
    f"uuid {_UUID}", f"task_instance_id={_UUID}", f"trace_id: {hexadecimal(32)}",
    f"etag of the part: {base64(22)}==", f"digest base64 {base64(86)}==",
    "s3://bucket/data/year=2026/month=11/part-00000-4e1f.snappy.parquet",
    f"gs://bucket/key/{_UUID}/file_0001.csv", "abfss://container@account.dfs.core.windows.net/path",
    "wasbs://data@demo.blob.core.windows.net/x:y", "s3a://bucket/a@b:c",
    "/opt/airflow/logs/dag_id=secrets/run_id=manual__2026/task_id=token/attempt=1.log",
    "/var/run/secrets/kubernetes.io/serviceaccount/token", "token file: /var/run/secrets/token",
    "password_file=/run/secrets/db", "--password-file /run/secrets/db", "--password-stdin",
    "password_reset=True", "password=None", "password: null", "'password': None", '"token": null',
    "password=***", "token=***", "'password': '***'", '"password": "***"', 'password=""',
    "password=", "password: ''", "token is missing", "Authorization: token is missing",
    "Authorization: missing", "authorization failed", "authorization header is required",
    "Invalid token: expected a string", "unexpected token: ','", "mismatched token: 'SELECT'",
    "Refreshing token: done", "Password: must be changed", "secret: not found", "secrets backend",
    "Bearer authentication is required", "Basic authentication failed for the user",
    "the bearer of this", "basic infrastructure_as_code_setup",
    "max_tokens=4096", "token_count: 12", "tokens: 5120", "total_tokens=812, prompt_tokens=99",
    "token=12", "next_token=None", "NextToken: AAAA1234bbbb", "page_token=CAUQAA12",
    "continuation_token: 1!48!Mjky", "eos_token='</s>'", "pad_token: 50256",
    "secret_name=db-credentials", "secretName: airflow-webserver", "secretKeyRef: {name: x}",
    "imagePullSecrets: [{name: registry-1}]", "token_url=https://login.example.com/oauth2",
    "token_type=bearer", "credentials_file=/etc/gcp.json", "credentials: /etc/gcp.json",
    "GOOGLE_APPLICATION_CREDENTIALS=/etc/gcp/key.json", "PWD=/opt/airflow", "OLDPWD=/home/airflow",
    "partition_key=2026-11-21", "primary_key=id", "sort_key: created_at", "foreign_key=orders.id",
    "key=value", "https://api.example.com/x?key=value&limit=10", "author=jane.doe42",
    "cache_key=a1b2c3d4",
    "task_id=load_secrets", "dag_id=rotate_tokens", "run_id=scheduled__2026-11-21T00:00:00+00:00",
    "SELECT id, token, created_at FROM sessions WHERE token IS NOT NULL",
    "UPDATE users SET password = %s WHERE id = %s", "WHERE t.token = s.token", "SET token = NULL",
    "SELECT token::text FROM t", "CREATE TABLE t (token varchar(64), secret text)",
    "columns: ['id', 'token', 'created_at']", "password=self.password",
    "token=os.environ['X_TOKEN']",
    "password = get_password(conn)", "def connect(host: str, password: str = None)",
    "token: Optional[str] = None", "password=password", "PASSWORD=$DB_PASSWORD",
    "password: ${DB_PASSWORD}", "password={{ conn.db.password }}", "--token $TOKEN",
    "[--password PASSWORD] [--token TOKEN]", "use --password or --token",
    "jdbc:hive2://hs2:10000;principal=hive@EXAMPLE.COM", "hive@EXAMPLE.COM", "principal: a/b@C.D",
    "http://a:8080,mail=x@y.z", "http://host:8080/path?mail=a@b.c", "https://host/a:b@c",
    "http://user@host:80,a@b", "kafka://b1:9092,b2:9092", "http://[::1]:8080/x@y",
    "ssh://git@github.com:22/o/r@v1", "postgresql://etl@db:5432/x", "postgresql://u:***@db/x",
    "redis://user:@host", "postgresql://u:${PASSWORD}@db/x", "mail to a.b@example.com",
    "2026-11-21T08:10:00.057+0000", "at 08:10:00", "from 2026-11-21 to 2026-11-22",
    "v1.29.4-gke.1043002",
    "docker run -u 1000:1000 -p 8080:80 img", "docker run --user airflow:root img", "id -u airflow",
    "ps -u etl", "mkdir -p /tmp/x", "tar -pxf a.tar", "grep -P pattern", "mysql -h db -P 3306",
    "-----BEGIN CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----", "the key sk-learn", "task-sk-1",
    "AIRFLOW_CONN_: is the prefix", "AIRFLOW_CONN_X=",
    "12:30:45 AKIA is a prefix, ASIA a continent",
    "eyJ is how a token begins", "cookies are disabled", "cookie: none", "glpat- is a prefix",
    "pip install sk-video hf_transfer npm_config", "sig=5", "signature: def f(a, b)",
    "password=(None)", "token: <hidden>", "tokens=[1, 2]", "token=(101, 2023)", "password={0}",
    "credentials=<google.oauth2.credentials.Credentials object at 0x7f3e>", "token=[redacted]",
    "password=SecretStr('**********')", "password=$DB_PASSWORD_2", "password={conn.pg1.password}",
    "secret=client.get_secret_value(SecretId=name1)", "self.password=kwargs['password']",
    "| id | token | created_at |", "| token | varchar(64) | NO |", "| password | created_at |",
    "token     character varying(64)", "get_password | base64", "db-secret    Opaque    2    12d",
    "Data\n====\npassword:  16 bytes\ntoken:  1024 bytes", "token: |", "password: ~",
    "DB_PASSWORD:  <set to the key 'password' in secret 'db-2'>  Optional: false",
    "password:\n  host: h1", "secret:\n  name: db1\n  key: k2", "token:\n- a1",
    "password:\n    Password for the user, defaults to None", "Invalid token:\n    SELECT 1 FROM t",
    "Token: expires in 3600 seconds", "  password: field required (type=value_error.missing)",
    "[{'value': 'debug1', 'name': 'LOG_LEVEL'}]", "[{'value': '/x/y1', 'name': 'TOKEN_PATH'}]",
    "session=<sqlalchemy.orm.session.Session object at 0x7f3e>", "session=local-1700000000000",
    "sessionId=5", "auth=basic", "http_auth=kerberos", "auth: oauth2", "psk: enabled",
    "secret default-token-8x2kq not found", "secret airflow-fernet-key-v2 is mounted",
    "token endpoint https://login.example.com/v2.0/token1", "password policy v2 is active",
    "TaskInstance: x.get_token manual__2026-11-21T08:06:43+00:00 [running]",
    "PASS tests/test_a1b2c.py::test_token", "vault login failed", "echo $TOKEN | docker login -",
    "aws configure set region eu-west-1", "ENV AIRFLOW_HOME /opt/airflow", "if token>5: stop",
    "SELECT t1.id_of_the_customer_1234567 FROM t1", "sl.module.function_that_is_long_1",
    "https://docker-registry-with-a-long-name.example.com/v2/@scope/image",
    "napi_get_value_string_utf8 is a function", '<a accesskey="n" href="index.html">',
    "token = Name.Builtin.Pseudo", "self.token: str | None = None", "final_token = token[:-1]",
    "secrets: airflow-db-2", "secrets=['db-creds-1', 'tls-2']", "imagePullSecrets: [regcred-1]",
    "secrets=[Secret(deploy_type='env', deploy_target='SQL_CONN1')]",
    "passwords: 3 changed", "token=[101, 2023, 5]", "token = (0, Generic.Traceback, line)",
    "cookie: none, 2 others", "auth: ['basic']", "passwords=None", "secrets: ['id', 'name']",
    "{'token': ['id', 'name']}", '["--token", "/run/x", "--password", "--verbose"]',
    "password = base64.b64encode(random_bytes[8:])", "holders/<token>, one for each of 12",
    "the --username and --password options", "token: Final = next(_TRANSITION_TOKENS)",
    f"4b1d{_SHA256[4:40]}", "beeline -u jdbc:hive2://h:10000 -n etl",
)  # fmt: skip
