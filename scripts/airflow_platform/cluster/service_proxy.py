"""HTTP to a Service by way of the API server, which needs nothing but `get services/proxy`."""

import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from airflow_platform.cluster.cluster import ApiError, Cluster, NoAnswerError
from airflow_platform.support.errors import PlatformError

_SERVICE = re.compile(r"(?P<name>[a-z0-9-]+)(\.(?P<namespace>[a-z0-9-]+)(\.svc(\..+)?)?)?")
_SECONDS = 8.0
_NO_WAY = "error trying to reach service"
_DEFAULT_PORTS = {"http": 80, "https": 443}


class BlockedError(PlatformError):
    """The API server does not lead to the Service. That says nothing about the Service."""


class ServiceProxy:
    """A Service of the cluster. The API server takes credentials away from requests."""

    def __init__(self, cluster: Cluster, url: str, namespace: str) -> None:
        """Lead to the Service that ``url`` names, in ``namespace`` where it names none.

        PlatformError when the host of ``url`` is no name of a Service.
        """
        parts = urlsplit(url)
        found = _SERVICE.fullmatch(parts.hostname or "")
        if not found or parts.scheme not in _DEFAULT_PORTS:
            raise PlatformError(f"{url} does not name a Service of the cluster.")
        self.url = url
        self.name, self.namespace = found["name"], found["namespace"] or namespace
        self.port = parts.port or _DEFAULT_PORTS[parts.scheme]
        self._cluster = replace(cluster, timeout=_SECONDS)
        scheme = "https:" if parts.scheme == "https" else ""
        self._path = (
            f"/api/v1/namespaces/{self.namespace}/services/{scheme}{self.name}:{self.port}/proxy"
            f"{parts.path.rstrip('/')}"
        )

    def get(self, path: str, /, **query: object) -> Any:
        """Return the parsed JSON that GET ``path`` answers.

        ApiError when it refuses or nobody is there, BlockedError when nobody knows.
        """
        asked = f"{self._path}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            content = self._cluster.kubectl("get", f"--raw={asked}")
        except NoAnswerError:
            seconds = f"{self._cluster.timeout:.0f} s"
            raise BlockedError(
                f"the API server got no answer from {self.url} in {seconds}"
            ) from None
        except ApiError as error:
            if error.reason == "Forbidden" and "services/proxy" in error.said:
                raise BlockedError(f"you may not reach {self.url} (get services/proxy)") from None
            if _NO_WAY in error.said and "refused" not in error.said:
                raise BlockedError(f"the API server has no way to {self.url}") from None
            raise
        try:
            return json.loads(content)
        except ValueError:
            raise PlatformError(f"{self.url} answers with something other than JSON.") from None
