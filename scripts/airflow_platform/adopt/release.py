"""What is installed: the release as Helm describes it, and what the official chart makes of it."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from airflow_platform.adopt import paths
from airflow_platform.adopt.paths import MISSING, Path
from airflow_platform.manifests import Manifest, Render
from airflow_platform.rendering.helm import MAJORS, RefusedError
from airflow_platform.rendering.render import render
from airflow_platform.rendering.staging import stage_upstream
from airflow_platform.rendering.upstream import NAME, UpstreamChart
from airflow_platform.rendering.values import merged, unknown_keys
from airflow_platform.support import strict_yaml
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import NAMESPACE, RELEASE

HOOK = "helm.sh/hook"
POLICY = "helm.sh/resource-policy"

_HEADER = re.compile(r"\A\s*(?:USER-SUPPLIED|COMPUTED) VALUES:[ \t]*$", re.MULTILINE)
_RELEASED_IMAGE = re.compile(r":([0-9]+\.[0-9]+\.[0-9]+)$")
# Of these the output of `helm get values --all` has all, and what people write hardly any.
_SHARE_OF_ALL_VALUES = 0.8


@dataclass(frozen=True)
class Release:
    """A release of the official chart.

    ``values`` are the user's own. ``managed`` are the objects that an upgrade would change or
    delete; those that Helm has made as hooks, ``hooks``, stay as they are. ``generated`` are the
    Secrets, by name, whose content is another one with each render. ``unknown_keys`` are values
    that the official chart does not have, and what is wrong with them. ``airflow`` are the values
    of the Airflow that runs, where it is another one than that of the official chart's defaults.
    """

    name: str
    namespace: str
    values: Mapping[str, Any]
    defaults: Mapping[str, Any]
    managed: Render
    hooks: tuple[Manifest, ...] = ()
    generated: Mapping[str, Manifest] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    unknown_keys: tuple[tuple[str, str], ...] = ()
    airflow: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def effective(self) -> Mapping[str, Any]:
        """The values that the official chart was rendered with."""
        return merged(self.defaults, self.values)

    def setting(self, path: Path) -> Any:
        """Return the value at ``path``, None where it is null, MISSING where there is no such."""
        found = paths.get(self.effective, path)
        return None if found is MISSING and paths.get(self.defaults, path) is None else found


def read_values(text: str, source: str, upstream: UpstreamChart) -> dict[str, Any]:
    """Return the user's own values from what `helm get values` prints, also with --all.

    PlatformError when it is something else.
    """
    loaded = strict_yaml.load(_HEADER.sub("", text), source)
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise PlatformError(
            f"{source} holds no values. Give what `helm get values -o yaml` prints."
        )
    if {"apiVersion", "kind"} <= loaded.keys():
        raise PlatformError(
            f"{source} is a manifest, not values. Give what `helm get values -o yaml` prints; the"
            " manifest belongs to --manifest."
        )
    if isinstance(loaded.get("airflow"), dict):
        raise PlatformError(
            f"{source} has the key airflow, below which this chart has the values of the official"
            " chart: they are values of this chart already. Check them with airflow-platform check."
        )
    defaults = default_values(upstream)
    if len(loaded.keys() & defaults.keys()) > _SHARE_OF_ALL_VALUES * len(defaults):
        return _differing(loaded, defaults)
    return loaded


def default_values(upstream: UpstreamChart) -> dict[str, Any]:
    """Return the default values of the official chart and of the charts in it."""
    values = dict(strict_yaml.load(upstream.read("values.yaml"), f"{upstream.path}: values.yaml"))
    for path in sorted((stage_upstream(upstream) / "charts").glob("*")):
        chart = UpstreamChart(path, str(path), upstream.is_stand_in, version="")
        name = strict_yaml.load(chart.read("Chart.yaml"), str(path))["name"]
        defaults = strict_yaml.load(chart.read("values.yaml"), str(path)) or {}
        values[name] = merged(defaults, values.get(name) or {})
    return values


def _differing(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of ``values`` is not the same in ``defaults``."""
    result: dict[str, Any] = {}
    for key, value in values.items():
        default = defaults.get(key)
        if isinstance(value, Mapping) and isinstance(default, Mapping):
            if below := _differing(value, default):
                result[key] = below
        elif key not in defaults or value != default:
            result[key] = value
    return result


def read_release(
    values: Mapping[str, Any],
    upstream: UpstreamChart,
    *,
    manifest: str | None = None,
    name: str | None = None,
    namespace: str | None = None,
) -> Release:
    """Return the release with these ``values`` of the user.

    ``manifest`` is what `helm get manifest` prints; None: the official chart is rendered instead.
    ``name`` and ``namespace`` are looked for in the manifest where they are None. PlatformError
    when the manifest is of another release, or when there is none and the official chart refuses
    the values.
    """
    installed = Render.from_text(manifest, name="the manifest") if manifest is not None else None
    if installed:
        if not installed.manifests:
            raise PlatformError(
                "The manifest is empty. Give what `helm get manifest` prints for the release."
            )
        name = _agreed("--release", name, _release_of(installed))
        namespace = _agreed("--namespace", namespace, _namespace_of(installed))
    circumstances = {"release": name or RELEASE, "namespace": namespace or NAMESPACE}
    airflow = _running_airflow(installed, values, upstream) if installed else {}
    remarks: list[str] = []
    hooks: tuple[Manifest, ...] = ()
    generated: dict[str, Manifest] = {}
    try:
        one, other = (
            render(
                chart="official",
                values=[values, airflow],
                upstream=upstream,
                helm=major,
                **circumstances,
            )
            for major in MAJORS
        )
        hooks = tuple(each for each in one.manifests if HOOK in each.annotations)
        generated = _generated(one, other)
        installed = installed or one.replace(
            manifests=[each for each in one.manifests if HOOK not in each.annotations]
        )
    except RefusedError as refused:
        if installed is None:
            raise PlatformError(
                f"The official chart {upstream.version} refuses these values. If the release is of"
                " another version of it, give --manifest as well: what `helm get manifest`"
                f" prints.\n\n{refused}"
            ) from None
        remarks.append(
            f"The official chart {upstream.version} does not render these values, so nobody can"
            " tell which Secrets the release has that are not in its manifest, such as the fernet"
            f" key. It says: {refused}"
        )
    return Release(
        name=circumstances["release"],
        namespace=circumstances["namespace"],
        values=values,
        defaults=default_values(upstream),
        managed=installed,
        hooks=hooks,
        generated=generated,
        remarks=tuple(remarks),
        airflow=airflow,
        unknown_keys=tuple(
            (key.removeprefix(f"{NAME}."), wrong)
            for key, wrong in unknown_keys({NAME: values}, upstream)
        ),
    )


def _agreed(option: str, given: str | None, found: str | None) -> str | None:
    if given and found and given != found:
        raise PlatformError(f"{option} is {given}, but the manifest is of {found}.")
    return given or found


def _release_of(installed: Render) -> str | None:
    keys = ("release", "app.kubernetes.io/instance")
    named = Counter(
        each.labels[key] for each in installed.manifests for key in keys if key in each.labels
    )
    return named.most_common(1)[0][0] if named else None


def _namespace_of(installed: Render) -> str | None:
    """Return the namespace in which KubernetesExecutor creates pods, as airflow.cfg has it."""
    for config in installed.embedded("AirflowConfig"):
        for section in ("kubernetes_executor", "kubernetes"):
            if found := (config.document.get(section) or {}).get("namespace"):
                return str(found)
    return None


def _running_airflow(
    installed: Render, values: Mapping[str, Any], upstream: UpstreamChart
) -> dict[str, str]:
    """Return the version of the scheduler's image as values; {} where the values name one."""
    versions = {
        image[1]
        for manifest in installed.manifests
        if manifest.labels.get("component") == "scheduler"
        for container in manifest.at("spec", "template", "spec", "containers", default=())
        if container["name"] == "scheduler"
        for image in [_RELEASED_IMAGE.search(container.get("image") or "")]
        if image
    }
    named = values.keys() & {"airflowVersion", "defaultAirflowTag"}
    own_image = "airflow" in (values.get("images") or {})
    if len(versions) != 1 or named or own_image:
        return {}
    (running,) = versions
    if running == default_values(upstream).get("airflowVersion"):
        return {}
    return {"airflowVersion": running, "defaultAirflowTag": running}


def _generated(one: Render, other: Render) -> dict[str, Manifest]:
    again = {each.name: each for each in other.all("Secret")}
    return {
        each.name: each
        for each in one.all("Secret")
        if each.name in again and each.document.get("data") != again[each.name].document.get("data")
    }
