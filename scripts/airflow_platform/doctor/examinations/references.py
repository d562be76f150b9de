"""Secrets and ConfigMaps that pods need."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from airflow_platform.checks.references import Reference, references
from airflow_platform.checks.violations import TASK_LOGS_SIDECAR
from airflow_platform.doctor.facts import WRAPPER, Facts, as_of, listed, name
from airflow_platform.doctor.model import Fault, Finding, Mend, examination
from airflow_platform.manifests import Container, Manifest, Pod
from airflow_platform.secrets.script import has_lines

SECRET_MISSING = Fault("secret-missing", "error", "A Secret that pods need does not exist.")
KEY_MISSING = Fault("secret-key-missing", "error", "A Secret lacks a key that pods need.")
PULL_SECRET_MISSING = Fault(
    "pull-secret-missing", "warning", "A Secret for pulling images does not exist."
)
LOKI_SECRET_MISSING = Fault(
    "loki-secret-missing", "error", "A Secret that the sidecar needs for Loki does not exist."
)
CONFIG_MISSING = Fault(
    "config-map-missing", "error", "A ConfigMap, or a key of it, that pods need does not exist."
)

# How the values of keys are made. Others only their owner knows.
_HEX = "$(openssl rand -hex 32)"
_MADE: Mapping[str, str] = {
    "fernet-key": "$(openssl rand -base64 32 | tr '+/' '-_')",
    "api-secret-key": _HEX,
    "jwt-secret": "$(openssl rand -hex 64)",
    "webserver-secret-key": _HEX,
}
_FERNET = (
    " If Airflow has had a fernet key before, restore that one: with another, nobody can decrypt"
    " the connections and variables in the database."
)
_YOURS = "What openssl makes is random; what stands in <> only you know."
_NO_START = "These do not start: {}."


@dataclass
class _Needed:
    """What is taken from one Secret or ConfigMap, and by whom."""

    keys: set[str] = field(default_factory=set)
    holders: set[str] = field(default_factory=set)
    optional: bool = True
    of_sidecar: bool = False
    to_pull: bool = True


def _needed(facts: Facts, kind: str) -> dict[str, _Needed]:
    found: dict[str, _Needed] = {}
    for reference in references(facts.render):
        if reference.kind != kind:
            continue
        needed = found.setdefault(reference.name, _Needed())
        needed.keys |= {reference.key} if reference.key and not reference.optional else set()
        needed.holders.add(_holder(reference))
        needed.optional &= reference.optional
        needed.of_sidecar |= _is_sidecar(reference)
        needed.to_pull &= reference.name in _pull_secrets(reference)
    return found


def _holder(reference: Reference) -> str:
    holder = reference.holder
    pod = holder.pod if isinstance(holder, Container) else holder
    if isinstance(pod, Manifest):
        return f"{pod.kind} {pod.name}"
    return "task pods" if pod.key else f"{pod.owner.kind} {pod.owner.name}"


def _is_sidecar(reference: Reference) -> bool:
    holder = reference.holder
    return isinstance(holder, Container) and holder.name == TASK_LOGS_SIDECAR


def _pull_secrets(reference: Reference) -> Collection[str]:
    spec = reference.holder.spec if isinstance(reference.holder, Pod) else {}
    return {each["name"] for each in spec.get("imagePullSecrets") or ()}


@examination(SECRET_MISSING, KEY_MISSING, PULL_SECRET_MISSING, LOKI_SECRET_MISSING)
def secrets(facts: Facts) -> Iterator[Finding]:
    """Whether the Secrets that the release refers to exist, with their keys (not their content)."""
    there = {name(each): each for each in facts.all("Secret")}
    for secret, needed in sorted(_needed(facts, "Secret").items()):
        subject = f"Secret {secret}"
        holders = _NO_START.format(listed(needed.holders, most=6))
        if secret not in there:
            if needed.to_pull:
                yield _pull_secret(facts, secret)
            elif needed.optional and needed.of_sidecar:
                yield Finding(
                    LOKI_SECRET_MISSING,
                    subject,
                    "It does not exist. It has credentials or certificates for Loki.",
                    "Tasks run, but Loki refuses their logs.",
                    _make(facts, secret, needed.keys or _optional_keys(facts, secret)),
                )
            elif not needed.optional:
                yield Finding(
                    SECRET_MISSING,
                    subject,
                    "It does not exist.",
                    holders,
                    _make(facts, secret, needed.keys),
                )
            continue
        keys = (there[secret].get("data") or {}).keys()
        wanted = needed.keys or (_optional_keys(facts, secret) if needed.of_sidecar else set())
        if missing := sorted(wanted - keys):
            yield Finding(
                KEY_MISSING,
                subject,
                f"It has no key {' and no key '.join(missing)}; its keys:"
                f" {', '.join(sorted(keys)) or 'none'}.",
                holders if needed.keys else "Tasks run, but Loki refuses their logs.",
                _add(facts, secret, missing),
            )


def _optional_keys(facts: Facts, secret: str) -> set[str]:
    return {
        reference.key
        for reference in references(facts.render)
        if reference.kind == "Secret" and reference.name == secret and reference.key
    }


def _make(facts: Facts, secret: str, keys: Collection[str]) -> Mend:
    if external := _external_secret(facts, secret):
        return Mend(
            f"The ExternalSecret {external} makes it: see what it says.",
            (f"{facts.kubectl} describe externalsecret {external}",),
        )
    hint = _FERNET if "fernet-key" in keys else ""
    if keys and facts.known_record().chart == WRAPPER:
        return Mend(
            "Let a script create all Secrets that are missing: at random what nobody has to know;"
            " it asks for the rest. It creates them in the cluster of kubectl's current context."
            f" prod stands for the environment of your release.{hint}",
            (
                f"airflow-platform secrets prod -f <your values> --release {facts.name}"
                f" --namespace {facts.namespace} --format script > secrets.sh",
                "sh secrets.sh",
            ),
        )
    return Mend(
        f"Create it, without keys first. {_YOURS}{hint}",
        (
            f"{facts.kubectl} create secret generic {secret}",
            *_patches(facts, secret, keys or ["<key>"]),
        ),
    )


def _add(facts: Facts, secret: str, keys: Collection[str]) -> Mend:
    hint = _FERNET if "fernet-key" in keys else ""
    return Mend(f"Add it. {_YOURS}{hint}", tuple(_patches(facts, secret, keys)))


def _patches(facts: Facts, secret: str, keys: Collection[str]) -> Iterator[str]:
    """Yield commands that add keys: those made at random, those of one line, those of files."""
    random = [f"{key}={_MADE[key]}" for key in sorted(keys) if key in _MADE]
    of_files = [key for key in sorted(keys) if has_lines(key)]
    typed = [f"{key}=<value>" for key in sorted({*keys} - {*_MADE, *of_files})]
    # In the latter the shell replaces nothing, whatever a password consists of.
    for lines, end in ((random, "END"), (typed, "'END'")):
        if lines:
            given = "\n".join((*lines, "END"))
            yield _patch(facts, secret, "--from-env-file=/dev/stdin", f" <<{end}", f"\n{given}")
    if of_files:
        yield _patch(facts, secret, " ".join(f"--from-file={key}=<file>" for key in of_files))


def _patch(facts: Facts, secret: str, source: str, here: str = "", given: str = "") -> str:
    return (
        f"{facts.kubectl} create secret generic {secret} --dry-run=client -o yaml {source}{here} |"
        f" {facts.kubectl} patch secret {secret} --patch-file=/dev/stdin{given}"
    )


def _external_secret(facts: Facts, secret: str) -> str | None:
    for each in facts.render.all("ExternalSecret"):
        if each.at("spec", "target", "name", default=each.name) == secret:
            return each.name
    return None


def _pull_secret(facts: Facts, secret: str) -> Finding:
    return Finding(
        PULL_SECRET_MISSING,
        f"Secret {secret}",
        "It does not exist. Images are pulled without it, which a private registry refuses.",
        "New pods may not start on nodes that do not have their images yet.",
        Mend(
            "Log in with `docker login <registry>` and make it of that, or take it out of"
            " global.imagePullSecrets.",
            (
                f"{facts.kubectl} create secret docker-registry {secret}"
                " --from-file=.dockerconfigjson=$HOME/.docker/config.json",
            ),
        ),
    )


@examination(CONFIG_MISSING)
def config_maps(facts: Facts) -> Iterator[Finding]:
    """Whether the ConfigMaps that the release refers to exist, with their keys."""
    there = {name(each): each for each in facts.all("ConfigMap")}
    made = {each.name for each in facts.render.all("ConfigMap")}
    for config, needed in sorted(_needed(facts, "ConfigMap").items()):
        if needed.optional or (config in made and config not in there):
            continue  # of the latter the examination of objects tells
        keys = {
            *((there.get(config) or {}).get("data") or {}),
            *((there.get(config) or {}).get("binaryData") or {}),
        }
        missing = sorted(needed.keys - keys)
        if config in there and not missing:
            continue
        wrong = f"It has no key {', '.join(missing)}." if config in there else "It does not exist."
        files = (
            " ".join(f"--from-file={key}" for key in sorted(needed.keys)) or "--from-file=<file>"
        )
        replace = f" --dry-run=client -o yaml | {facts.kubectl} patch configmap {config}"
        yield Finding(
            CONFIG_MISSING,
            f"ConfigMap {config}",
            wrong,
            _NO_START.format(listed(needed.holders, most=6)),
            Mend(
                f"Make it of {as_of(len(needed.keys) or 1, 'file')} of yours.",
                (
                    f"{facts.kubectl} create configmap {config} {files}"
                    + (f"{replace} --patch-file=/dev/stdin" if config in there else ""),
                ),
            ),
        )
