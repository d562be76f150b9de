"""Logs people in by the app that an Airflow makes of its webserver_config.py.

Runs in the environment of that Airflow. Takes the name of the provider and those of accounts, and
prints for each account, in a line of JSON each, who is logged in after that, and their roles.
"""

import json
import logging
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import airflow

PUBLIC = "airflow.example.com"  # behind an ingress, which says so by these headers
HEADERS = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": PUBLIC, "X-Forwarded-Port": "443"}


class _Log(logging.Handler):
    """What FAB and the program have said since it was taken last."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        for name in ("flask_appbuilder.security.views", "airflow.oidc"):
            logging.getLogger(name).addHandler(self)
            logging.getLogger(name).disabled = False

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def take(self) -> str:
        lines, self.lines = self.lines, []
        return "\n".join(lines)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def app() -> tuple[Any, str]:
    """Return Airflow's own Flask app with FAB, and the path below which it is served."""
    if airflow.__version__.startswith("2."):
        from airflow.www.app import create_app

        return create_app(), ""
    from airflow.providers.fab.www.app import create_app as create_fab_app

    return create_fab_app(enable_plugins=False), "/auth"


def location(url: str) -> str:
    """Return where a URL of the provider sends a browser to."""
    try:
        urllib.request.build_opener(_NoRedirect).open(url)
    except urllib.error.HTTPError as error:
        return str(error.headers["Location"])
    raise AssertionError(f"no redirect: {url}")


def log_in(flask_app: Any, prefix: str, provider: str, account: str, log: _Log) -> dict[str, Any]:
    """Log in as a browser does, and say what has come of it."""
    where = {"base_url": f"http://10.0.0.1:8080{prefix}", "headers": HEADERS}
    with flask_app.test_client() as browser:
        start = browser.get(f"/login/{provider}", **where)
        chosen = urllib.parse.urlencode({"account": account})
        back = location(f"{start.headers['Location']}&{chosen}")
        end = browser.get(f"/oauth-authorized/{provider}?{back.partition('?')[2]}", **where)
        with browser.session_transaction(**where) as session:
            user_id = session.get("_user_id")
            kept = sorted(str(value) for value in session.values())
        cookies = max((len(value) for value in end.headers.getlist("Set-Cookie")), default=0)
        with flask_app.app_context():
            manager = flask_app.appbuilder.sm
            user = manager.get_user_by_id(int(user_id)) if user_id else None
            return {
                "account": account,
                "status": end.status_code,
                "user": user and user.username,
                "name": user and [user.first_name, user.last_name, user.email],
                "roles": sorted(role.name for role in user.roles) if user else [],
                "session": kept,
                "cookie": cookies,
                "log": log.take(),
            }


def main() -> None:
    """Log in all accounts, one after another."""
    provider, *accounts = sys.argv[1:]
    flask_app, prefix = app()
    log = _Log()
    for account in accounts:
        print(json.dumps(log_in(flask_app, prefix, provider, account, log)))


if __name__ == "__main__":
    main()
