"""The values of this wrapper with which a release of the official chart stays what it is."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_platform.adopt import paths
from airflow_platform.adopt.paths import MISSING, Path
from airflow_platform.adopt.release import Release
from airflow_platform.manifests import Manifest
from airflow_platform.rendering.upstream import NAME
from airflow_platform.rendering.values import load_file
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON, ROOT, values_file

_JOBS = ("migrateDatabaseJob", "createUserJob")

# A value in the wrapper's values.yaml that includes a template of ours is a seam: without it, the
# two charts do not meet. The other settings here are those of what replaces the official chart's.
_SEAMS = (
    '{{ include "observability.',
    '{{ include "airflow-platform.',
    "{{ .Values.global.",
)
_REPLACED: Mapping[Path, str] = {
    ("statsd", "enabled"): "the statsd-exporter of the add-on takes the place of the official one",
    **{(job, "useHelmHooks"): "the wrapper's Jobs are no Helm hooks" for job in _JOBS},
}

# Options of Airflow that follow a key of ours.
_FOLLOWING: Mapping[Path, Path] = {
    ("config", "metrics", "statsd_prefix"): ("global", "metrics", "prefix"),
    ("config", "metrics", "statsd_influxdb_enabled"): ("global", "metrics", "tags"),
}

# Which setting names a Secret that the official chart would otherwise generate: by the key in it
# and the label `component`, where that tells Secrets with the same key apart.
_SECRET_SETTINGS: Mapping[tuple[str, str | None], Path] = {
    ("fernet-key", None): ("fernetKeySecretName",),
    ("api-secret-key", None): ("apiSecretKeySecretName",),
    ("jwt-secret", None): ("jwtSecretName",),
    ("webserver-secret-key", None): ("webserverSecretKeySecretName",),
    ("password", "redis"): ("redis", "passwordSecretName"),
    ("connection", "redis"): ("data", "brokerUrlSecretName"),
}


@dataclass(frozen=True)
class LeftOut:
    """A setting of the user's that is not among the new values.

    ``way_out`` says what to do about it; without one, nothing is lost.
    """

    key: str
    reason: str
    way_out: str = ""


@dataclass
class Adoption:
    """The wrapper's values, why some of them are set, and what was left out."""

    values: dict[str, Any] = field(default_factory=dict)
    comments: dict[Path, str] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)

    def set(self, path: Path, value: Any, why: str) -> None:
        """Set a value that the user has not set there, and say why."""
        paths.put(self.values, path, value)
        self.comments[path] = why

    def has(self, path: Path) -> bool:
        """Say whether something is set there."""
        return paths.get(self.values, path) is not MISSING

    def take(self, *path: str) -> Any:
        """Remove a setting of the official chart; return it, or MISSING."""
        return paths.take(self.values, (NAME, *path))


def adopt_values(release: Release, environment: str | None = None) -> Adoption:
    """Return the wrapper's values for ``release``, on top of those of ``environment``, if any.

    The user's own values are below `airflow:`, in their order. Where the wrapper or the environment
    has another default than the official chart, the official one is set.
    """
    adoption = Adoption(
        {"global": {}, "observability": {}, NAME: copy.deepcopy(dict(release.values))}
    )
    ours = load_file(ROOT / "values.yaml")
    of_environment = load_file(values_file(environment)) if environment else {}
    _move_global(adoption)
    _move_jobs(adoption, ours)
    _leave_out_unknown_keys(adoption, release)
    _move_dead_keys(adoption)
    _follow(adoption)
    _leave_out_what_is_ours(adoption, ours[NAME])
    _name_generated_secrets(adoption, release)
    _pull_secrets(adoption, release)
    version = _airflow_version(adoption, release)
    _map_metrics(adoption, version)
    _keep_defaults(adoption, release, ours[NAME], "this chart sets")
    _keep_defaults(adoption, release, of_environment.get(NAME, {}), f"{environment} sets")
    if of_environment.get("secrets", {}).get("refuseInValues"):
        why = "The release may have passwords in its values. Name Secrets (docs/secrets.md) first."
        adoption.set(("secrets", "refuseInValues"), False, why)
        _leave_the_administrator(adoption)
    for key in ("global", "observability", NAME):
        if not adoption.values.get(key):
            adoption.values.pop(key, None)
    return adoption


def _leave_the_administrator(adoption: Adoption) -> None:
    """Make no administrator with a password that anybody can guess: the release has one already."""
    user = (NAME, "createUserJob", "defaultUser")
    password = paths.get(adoption.values, (*user, "password"))
    name = paths.get(adoption.values, (*user, "username"))
    known = {"", "admin", "airflow", "changeme", "password", str(name).lower()}
    if password is MISSING or str(password).lower() in known:
        why = "The release has its administrator, whose password anybody could guess: change it."
        adoption.set(("createUserJob", "enabled"), False, why)


def _move_global(adoption: Adoption) -> None:
    """Leave global what is global in the official chart."""
    if (shared := adoption.take("global")) is not MISSING and shared:
        adoption.values["global"] = shared


def _move_jobs(adoption: Adoption, ours: Mapping[str, Any]) -> None:
    user = adoption.take("webserver", "defaultUser")
    if isinstance(user, dict):
        if "enabled" in user:
            enabled = user.pop("enabled")
            if not adoption.has((NAME, "createUserJob", "enabled")):
                paths.put(adoption.values, (NAME, "createUserJob", "enabled"), enabled)
        why = "The official chart calls this webserver.defaultUser as well."
        adoption.set((NAME, "createUserJob", "defaultUser"), user, why)
    for job in _JOBS:
        if job in ours and adoption.take(job, "enabled") is False:
            why = "The wrapper makes this Job, so its switch is here."
            adoption.set((job, "enabled"), False, why)


def _move_dead_keys(adoption: Adoption) -> None:
    """Give what the add-on makes dead, the settings of the official exporter, to the add-on's."""
    for entry in strict_yaml.load_file(ROOT / "files" / "dead-keys.yaml"):
        value = adoption.take(*entry["key"].split("."))
        if value is MISSING or _is_default(value, entry["default"]):
            continue
        if "instead" in entry:
            adoption.set(tuple(entry["instead"].split(".")), value, f"This was {entry['key']}.")
            continue
        reason = "the add-on's statsd-exporter takes the place of the official chart's"
        way_out = f"{entry['see']} does something alike." if "see" in entry else ""
        adoption.left_out.append(LeftOut(entry["key"], reason, way_out))


def _is_default(value: Any, default: Any) -> bool:
    if isinstance(value, Mapping) and isinstance(default, Mapping):
        return value.items() <= default.items()
    return bool(value == default)


def _leave_out_unknown_keys(adoption: Adoption, release: Release) -> None:
    """Leave out what the official chart ignores, and this one refuses."""
    for key, wrong in release.unknown_keys:
        adoption.take(*key.split("."))
        adoption.left_out.append(LeftOut(key, wrong))


def _follow(adoption: Adoption) -> None:
    """Set the keys of ours that options of Airflow follow."""
    known = load_file(ADDON / "values.yaml")
    for option, key in _FOLLOWING.items():
        default = paths.get(known, key)
        if default is MISSING or (theirs := adoption.take(*option)) is MISSING:
            continue
        value = str(theirs).lower() == "true" if isinstance(default, bool) else str(theirs)
        if value != default:
            adoption.set(key, value, f"This was {paths.written(option)}, which follows this key.")


def _leave_out_what_is_ours(adoption: Adoption, ours: Mapping[str, Any]) -> None:
    for path, value in paths.leaves(ours):
        if isinstance(value, list) and _is_seam(value):
            _join(adoption, path, value)
            continue
        if not _is_seam(value) and path not in _REPLACED:
            continue
        theirs = adoption.take(*path)
        if theirs is MISSING or theirs is None or theirs == value:
            continue
        reason = _REPLACED.get(path, "this chart sets it, so that Airflow finds the exporter")
        if path == ("podTemplate",):
            adoption.left_out.append(_own_pod_template())
        elif path == ("config", "metrics", "statsd_host"):
            adoption.left_out.append(_own_statsd_host(theirs))
        elif path not in _REPLACED or theirs is not True:
            adoption.left_out.append(LeftOut(paths.written(path), reason))


def _join(adoption: Adoption, path: Path, ours: list[Any]) -> None:
    """Put the entries of ours in front of the user's: Helm would replace ours by the user's."""
    theirs = paths.get(adoption.values, (NAME, *path))
    if isinstance(theirs, list):
        more = [each for each in theirs if each not in ours]
        why = "The first entries are those of the sidecar for task logs."
        adoption.set((NAME, *path), [*copy.deepcopy(ours), *more], why)


def _is_seam(value: object) -> bool:
    if isinstance(value, str):
        return any(seam in value for seam in _SEAMS)
    if isinstance(value, Mapping):
        return any(map(_is_seam, value.values()))
    return isinstance(value, list) and any(map(_is_seam, value))


def _own_pod_template() -> LeftOut:
    return LeftOut(
        "podTemplate",
        "the wrapper makes the pod template from the official chart's own, with the sidecar",
        "Set what your template changes by values: workers.extraInitContainers, .extraContainers,"
        " .extraVolumes, .extraVolumeMounts, .env, .resources, .podAnnotations, .nodeSelector and"
        " .tolerations reach task pods.",
    )


_OWN_STATSD_HOST = """
  global:
    metrics:
      enabled: false
  airflow:
    config:
      metrics:
        statsd_on: 'True'
        statsd_host: {host}
"""


def _own_statsd_host(host: object) -> LeftOut:
    return LeftOut(
        "config.metrics.statsd_host",
        f"Airflow sends its metrics to the add-on's statsd-exporter, no longer to {host}",
        "If they must go on to arrive there, turn the add-on's exporter off, and set in the new"
        f" values:\n{_OWN_STATSD_HOST.format(host=host)}",
    )


def _name_generated_secrets(adoption: Adoption, release: Release) -> None:
    """Name the Secrets that the release has; otherwise each render would have new keys in them."""
    has_celery = "Celery" in str(release.effective.get("executor"))
    found = {secret_setting(secret): secret for secret in release.generated.values()}
    for setting in _SECRET_SETTINGS.values():
        secret = found.get(setting)
        if not secret or (secret.labels.get("component") == "redis" and not has_celery):
            continue
        why = "The Secret that the release has. Without this, each render has a new one."
        adoption.set((NAME, *setting), secret.name, why)


def secret_setting(secret: Manifest) -> Path | None:
    """Return the setting of the official chart that names this Secret, if it is one of its keys."""
    component = secret.labels.get("component")
    for key in secret.at("data", default={}):
        for known in ((key, None), (key, component)):
            if known in _SECRET_SETTINGS:
                return _SECRET_SETTINGS[known]
    return None


def _pull_secrets(adoption: Adoption, release: Release) -> None:
    """Let the add-on's pods use the registry's credentials, too."""
    values = release.effective
    given = values.get("imagePullSecrets") or []
    registry = values.get("registry") or {}
    names = [each if isinstance(each, str) else each.get("name") for each in given]
    if not names and registry.get("secretName"):
        names = [registry["secretName"]]
    if not names and registry.get("connection"):
        names = [
            each.name
            for each in release.managed.all("Secret")
            if each.document.get("type") == "kubernetes.io/dockerconfigjson"
        ]
    path = ("global", "imagePullSecrets")
    if names and not adoption.has(path):
        why = "The add-on's pods pull images with these as well."
        adoption.set(path, [{"name": name} for name in names], why)


def _airflow_version(adoption: Adoption, release: Release) -> str | None:
    """Keep the Airflow that runs, where the release is of a chart with another default."""
    for key, running in release.airflow.items():
        why = "The Airflow that runs; the official chart of this release has another default."
        adoption.set((NAME, key), running, why)
    version: str | None = {**release.effective, **release.airflow}.get("airflowVersion")
    return version


def _map_metrics(adoption: Adoption, version: str | None) -> None:
    path = ("metrics", "airflowVersion")
    if version and version != paths.get(load_file(ADDON / "values.yaml")["global"], path):
        why = "Metrics are mapped as this version of Airflow sends them."
        adoption.set(("global", *path), version, why)


def _keep_defaults(adoption: Adoption, release: Release, ours: Mapping[str, Any], who: str) -> None:
    """Set the official default where ``ours`` have another one, unless the user has set a value.

    What the official chart leaves open, such as requests of resources, stays ours.
    """
    for path, value in _settings(ours):
        official = release.setting(path)
        if official is MISSING or official == value or adoption.has((NAME, *path)):
            continue
        if isinstance(official, str) and "{{" in official:
            continue  # follows other values, as ours does
        if isinstance(official, Mapping) and isinstance(value, Mapping):
            continue
        if not _matters(path, release):
            continue
        why = f"As the release has it; {who} {_shown(value)}."
        adoption.set((NAME, *path), copy.deepcopy(official), why)


def _matters(path: Path, release: Release) -> bool:
    """Say whether the release has the database, or the queue, that the setting is about."""
    if path[0] == "redis":
        return "Celery" in str(release.effective["executor"])
    if path[0] == "postgresql" and path[1] != "enabled":
        return bool(paths.get(release.effective, ("postgresql", "enabled")))
    return True


def _shown(value: Any) -> str:
    text = strict_yaml.dump(value).removesuffix("\n...\n").strip()
    return "something else" if "\n" in text else text


def _settings(ours: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    for path, value in paths.leaves(ours):
        is_job = len(path) == 2 and path[0] in _JOBS and path[1] == "enabled"
        if not _is_seam(value) and not is_job and path not in _REPLACED:
            yield path, value
