"""What a rendered container of Airflow has, for a program of this machine."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from airflow_platform.cluster.cluster import Object
from airflow_platform.manifests.objects import Container
from airflow_platform.support.errors import PlatformError

_AIRFLOW_HOME = "/opt/airflow"


@dataclass(frozen=True)
class Host:
    """A folder that is AIRFLOW_HOME, and the ConfigMaps and Secrets that containers refer to."""

    home: Path
    objects: tuple[Object, ...]

    def write_files(self, container: Container) -> None:
        """Write what the container mounts of ConfigMaps below its AIRFLOW_HOME."""
        volumes = container.pod.volumes()
        for mount in container.document.get("volumeMounts", ()):
            source = volumes[mount["name"]].get("configMap")
            if not source:
                continue
            at = self.home / PurePosixPath(mount["mountPath"]).relative_to(_AIRFLOW_HOME)
            for name, text in self._files(source).items():
                if mount.get("subPath", name) == name:
                    file = at if "subPath" in mount else at / name
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(text, encoding="utf-8")

    def environment(self, container: Container) -> dict[str, str]:
        """Return the environment variables of the container.

        PlatformError for one of a Secret that is not there.
        """
        return dict(self._variables(container.document.get("env", ())))

    def _files(self, source: Mapping[str, Any]) -> Mapping[str, str]:
        data = self._object("ConfigMap", source["name"]).get("data") or {}
        if "items" in source:
            return {item["path"]: data[item["key"]] for item in source["items"]}
        return dict(data)

    def _variables(self, variables: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
        for variable in variables:
            if "value" in variable:
                yield variable["name"], variable["value"]
            elif at := variable["valueFrom"].get("secretKeyRef"):
                yield variable["name"], self._secret(at["name"], at["key"])

    def _secret(self, name: str, key: str) -> str:
        secret = self._object("Secret", name)
        if key in (plain := secret.get("stringData") or {}):
            return str(plain[key])
        return base64.b64decode(secret["data"][key]).decode()

    def _object(self, kind: str, name: str) -> Object:
        for each in self.objects:
            if each["kind"] == kind and each["metadata"]["name"] == name:
                return each
        raise PlatformError(f"The release refers to a {kind} {name}, which is not there.")
