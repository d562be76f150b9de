"""What a stored pod must have of the sidecar that is in the rendered pod template."""

import re
from collections.abc import Iterator
from typing import Any

_SIDECAR = "vector"


def faults(pod: dict[str, Any], template: dict[str, Any]) -> list[str]:
    """Return in what the sidecar of a pod is not the template's."""
    return list(_faults(pod["spec"], template["spec"]))


def _faults(spec: dict[str, Any], template: dict[str, Any]) -> Iterator[str]:
    started = [container["name"] for container in spec["initContainers"]]
    if started.count(_SIDECAR) != 1:
        yield f"the init containers are {started}"
        return
    wanted, found = _named(template["initContainers"]), _named(spec["initContainers"])
    native = {**wanted[_SIDECAR], "restartPolicy": "Always"}
    yield from _differences(_SIDECAR, native, found[_SIDECAR])
    if started[: len(wanted)] != list(wanted):
        yield f"{started} does not begin with the template's {list(wanted)}"
    volumes = _named(spec["volumes"])
    for name, volume in _named(template["volumes"]).items():
        yield from _differences(f"volume {name}", volume, volumes.get(name))
    task = _named(spec["containers"])["base"]
    for mount in _named(template["containers"])["base"]["volumeMounts"]:
        if mount not in task["volumeMounts"]:
            yield f"base does not mount {mount}"


def _named(items: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in items}


def _differences(place: str, wanted: Any, found: Any) -> Iterator[str]:
    """Yield where ``found`` lacks something of ``wanted``; the API server adds its defaults."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            yield from _differences(f"{place}.{key}", value, found.get(key))
    elif isinstance(wanted, list) and isinstance(found, list) and len(found) >= len(wanted):
        for index, value in enumerate(wanted):
            yield from _differences(f"{place}[{index}]", value, found[index])
    elif wanted not in (found, {}, []):
        yield f"{place} is {found!r}, not {wanted!r}"


def environment(pod: dict[str, Any]) -> dict[str, str]:
    """Return the sidecar's variables that a kubelet takes from the pod."""
    sidecar = _named(pod["spec"]["initContainers"])[_SIDECAR]
    return {
        variable["name"]: _field(pod, variable["valueFrom"]["fieldRef"]["fieldPath"])
        for variable in sidecar["env"]
        if "fieldRef" in variable.get("valueFrom", {})
    }


def drain_seconds(pod: dict[str, Any]) -> float:
    """Return how long the sidecar may work after the task."""
    sidecar = _named(pod["spec"]["initContainers"])[_SIDECAR]
    return float(_named(sidecar["env"])["DRAIN_TIMEOUT_SECONDS"]["value"])


def _field(pod: dict[str, Any], path: str) -> str:
    """Return a field as a kubelet does: a missing annotation or label is an empty string.

    https://kubernetes.io/docs/concepts/workloads/pods/downward-api/
    """
    if match := re.fullmatch(r"metadata\.(annotations|labels)\['(.+)'\]", path):
        return str(pod["metadata"].get(match[1], {}).get(match[2], ""))
    value: Any = pod
    for key in path.split("."):
        value = value[key]
    return str(value)
