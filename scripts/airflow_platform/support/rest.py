"""HTTP requests to one server, whose errors say what the user can do about them."""

import base64
import json
import ssl
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

from airflow_platform.support.errors import PlatformError

_TIMEOUT_SECONDS = 60
_SHOWN_CHARACTERS = 300


class Server:
    """A base URL, the headers of every request, and hints for the errors that users meet.

    ``unreachable`` and ``refused`` (for 401 and 403) complete the messages of a PlatformError.
    ``timeout`` is how many seconds the server may keep silent.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        ca_file: Path | None,
        unreachable: str,
        refused: str,
        timeout: float = _TIMEOUT_SECONDS,
    ) -> None:
        if "@" in url:
            raise PlatformError(
                "Write no user and no password into a URL: messages show it."
                + (f" {refused}" if refused else "")
            )
        try:
            scheme = urlsplit(url).scheme
        except ValueError:
            scheme = ""
        if scheme not in ("http", "https"):
            raise PlatformError(f"{url} is not a URL. Write, for example, http://localhost:3100.")
        self.url = url.rstrip("/")
        self.headers = dict(headers)
        self.date = ""
        self._timeout = timeout
        self._unreachable = unreachable
        self._refused = refused
        try:
            https = scheme == "https"
            self._tls = ssl.create_default_context(cafile=ca_file) if https else None
        except OSError as error:
            raise PlatformError(f"{ca_file} is no file with certificates: {error}") from None

    def get(self, path: str, /, **query: object) -> Any:
        """Return the parsed JSON that GET ``path`` answers; PlatformError unless that succeeds."""
        return self._json(self.request("GET", path, query, accept="application/json"))

    def post(self, path: str, body: object) -> Any:
        """Send ``body`` as JSON; return the parsed answer. PlatformError unless that succeeds."""
        return self._json(self.request("POST", path, {}, accept="application/json", body=body))

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, object],
        *,
        accept: str,
        body: object = None,
    ) -> bytes:
        """Return the body of the answer; keep its time in ``date``, as the server writes it.

        AnswerError when the server refuses, PlatformError when it cannot be reached.
        """
        url = self.url + path + (f"?{urlencode(query)}" if query else "")
        request = Request(url, method=method, headers={"Accept": accept})
        for name, value in self.headers.items():
            request.add_unredirected_header(name, value)  # credentials go to this server only
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        try:
            with urlopen(request, timeout=self._timeout, context=self._tls) as answer:
                self.date = answer.headers.get("Date") or ""
                content: bytes = answer.read()
                return content
        except HTTPError as error:
            with error:
                raise self._failure(error, path) from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            message = f"{self.url} cannot be reached: {reason}. {self._unreachable}"
            raise PlatformError(message) from None

    def _failure(self, error: HTTPError, path: str) -> "AnswerError":
        said = error.read().decode(errors="replace").strip()[:_SHOWN_CHARACTERS]
        message = f"{self.url}{path} answers {error.code} {error.reason}: {said}"
        if error.code == 404:
            return NotFoundError(message, error.code)
        refused = f"\n{self._refused}" if error.code in (401, 403) else ""
        return AnswerError(f"{message}{refused}", error.code)

    def _json(self, content: bytes) -> Any:
        try:
            return json.loads(content)
        except ValueError:
            shown = content.decode(errors="replace")[:_SHOWN_CHARACTERS]
            message = f"{self.url} answers with something other than JSON: {shown}"
            raise PlatformError(message) from None


class AnswerError(PlatformError):
    """The server answers with an error; ``status`` is that of HTTP."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class NotFoundError(AnswerError):
    """The server has no such thing (404)."""


def basic_auth(username: str, password: str) -> dict[str, str]:
    """Return the header of HTTP basic authentication."""
    credentials = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {credentials}"}


def bearer_auth(token: str) -> dict[str, str]:
    """Return the header of authentication by a token."""
    return {"Authorization": f"Bearer {token}"}
