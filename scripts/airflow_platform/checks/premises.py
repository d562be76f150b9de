"""What Airflow's own settings must be, so that task logs and metrics arrive.

The chart refuses values that break a premise. This check looks at what Airflow really gets, so also
at the manifests of an Airflow that something else has rendered.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from airflow_platform.checks.facts import MISSING, at
from airflow_platform.checks.violations import CHECKS, Fault, containers, is_ours
from airflow_platform.checks.violations import TASK_LOGS_SIDECAR as SIDECAR
from airflow_platform.manifests import Container, EmbeddedDocument, Render
from airflow_platform.metrics.catalogue import prefix_of
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON

FILE = ADDON / "files" / "premises.yaml"

# Pods that neither run tasks nor send metrics of Airflow may have settings of their own.
_WITHOUT_PREMISES = ("flower", "pgbouncer", "redis", "statsd", "postgresql")
_VARIABLE = re.compile(r"AIRFLOW__([A-Z0-9_]+?)__([A-Z0-9_]+?)(_CMD|_SECRET)?")
_OF_LEGACY_NAMES = "airflow_dag_task_duration_seconds"  # made of them, where tags are on
_TRUE, _FALSE = ("t", "true", "1"), ("f", "false", "0")  # the spellings that Airflow reads


@dataclass(frozen=True)
class Setting:
    """An option of Airflow, where it is set, and its value; None where nobody can see it."""

    option: str
    where: EmbeddedDocument | Container
    name: str
    value: str | None

    @property
    def in_a_file(self) -> bool:
        """Whether it is in an airflow.cfg."""
        return isinstance(self.where, EmbeddedDocument)


@CHECKS.add
def premises_hold(render: Render) -> Iterator[Fault]:
    """Find settings of Airflow with which logs or metrics would not arrive."""
    facts = _facts(render)
    settings = [*_configured(render), *_variables(render)]
    version = _airflow_version(render)
    for premise in _premises():
        if facts.get(premise["part"]) != "True" or not _holds(premise, facts, version):
            continue
        option, value = premise["option"], _filled(premise["value"], facts)
        if value is None:
            continue
        formerly = premise.get("formerly") if version < (3, 0, 0) else None
        of_files = {s.where for s in settings if s.option == option}
        found = [
            s
            for s in settings
            if s.option == option
            or (s.option == formerly and not (s.in_a_file and s.where in of_files))
        ]
        why = _filled(premise["why"], facts)
        for setting in found:
            if premise.get("unknown"):
                continue
            if setting.value is None and _most_fit(premise):
                continue
            if setting.value is None:
                yield setting.where, f"{setting.name} cannot be seen. {why}"
            elif not _fits(premise, setting.value, value, facts):
                yield setting.where, f"{setting.name} is {setting.value!r}. {why}"
        default_differs = premise.get("required") or premise.get("default", value) != value
        if default_differs and not found and option.startswith("metrics."):
            for file in render.embedded("AirflowConfig"):
                yield file, f"{option} is not set, and must be {value}. {why}"


@cache
def _premises() -> tuple[Mapping[str, Any], ...]:
    return tuple(strict_yaml.load_file(FILE))


def _facts(render: Render) -> dict[str, str]:
    """Return what is known of the facts that the file names in angle brackets, as text."""
    variables = {name for container in containers(render) for name, _ in _environment(container)}
    configured = {s.option for s in _configured(render)}
    bases = [each for each in containers(render) if each.name == "base"]
    mounts = [at(each.document, "volumeMounts logs mountPath") for each in bases]
    sidecars = any(each.name == SIDECAR for each in containers(render))
    facts = {
        "logs": next((str(path) for path in mounts if path is not MISSING), "/opt/airflow/logs"),
        "namespace": render.namespace,
        "multi-namespace-mode": "False",
        "taskLogs": str(sidecars),
        "record-format": str(
            any(
                "record-format.vrl" in each.at("data", default={})
                for each in render.all("ConfigMap")
            )
        ),
    }
    for remote in ("elasticsearch", "opensearch"):
        there = f"AIRFLOW__{remote.upper()}__HOST" in variables or f"{remote}.host" in configured
        facts[remote] = str(there)
    for mapping in render.embedded("StatsdMapping"):
        prefix = prefix_of(mapping.document)
        dropped = {
            rule["match"] for rule in mapping.document["mappings"] if rule.get("action") == "drop"
        }
        facts |= {"metrics": "True", "prefix": prefix}
        tags = f"{prefix}.ti.start" not in dropped
        facts["tags"] = str(tags)
        mapped = {
            rule["name"] for rule in mapping.document["mappings"] if rule.get("action") != "drop"
        }
        facts["legacy-names"] = str(not tags or _OF_LEGACY_NAMES in mapped)
    for service in filter(is_ours, render.all("Service")):
        for port in service.at("spec", "ports", default=()):
            if port.get("protocol") == "UDP":
                facts |= {"host": service.name, "port": str(port["port"])}
    return facts


def _configured(render: Render) -> Iterator[Setting]:
    for file in render.embedded("AirflowConfig"):
        for section, options in file.document.items():
            for name, value in options.items():
                option = f"{section}.{name}".lower()
                yield Setting(option, file, option, str(value))


def _variables(render: Render) -> Iterator[Setting]:
    for container in containers(render):
        owner = container.pod.owner
        component = str(container.pod.labels.get("component"))
        if owner.kind in {"Job", "CronJob"} or component in _WITHOUT_PREMISES:
            continue
        for name, value in _environment(container):
            if found := _VARIABLE.fullmatch(name):
                option = f"{found[1]}.{found[2]}".lower()
                yield Setting(option, container, name, None if found[3] else value)


def _environment(container: Container) -> Iterator[tuple[str, str | None]]:
    for variable in container.document.get("env") or ():
        hidden = "valueFrom" in variable
        yield variable["name"], None if hidden else str(variable.get("value", ""))


def _airflow_version(render: Render) -> tuple[int, ...]:
    """Return the version in the tag of an image of Airflow; the newest where none has one."""
    for container in containers(render):
        found = re.search(
            r"airflow[^:@]*:(\d+)\.(\d+)\.(\d+)", str(container.document.get("image"))
        )
        if found:
            return tuple(map(int, found.groups()))
    return (99, 0, 0)


def _holds(premise: Mapping[str, Any], facts: Mapping[str, str], version: tuple[int, ...]) -> bool:
    """Tell whether the entry is about this version of Airflow and these facts."""
    for comparison, *numbers in re.findall(
        r"(<|>=)(\d+)\.(\d+)\.(\d+)", premise.get("versions", "")
    ):
        bound = tuple(map(int, numbers))
        if (version < bound) != (comparison == "<"):
            return False
    condition: str = premise.get("when", "")
    if not condition:
        return True
    fact = facts.get(condition.removeprefix("not ").strip("<>"))
    return (fact == "True") != condition.startswith("not ")


def _filled(text: str, facts: Mapping[str, str], quoted: bool = False) -> str | None:
    """Return ``text`` with the facts put in; None where one of them is not known."""
    for name, fact in facts.items():
        text = text.replace(f"<{name}>", re.escape(fact) if quoted else fact)
    return None if re.search(r"<[a-z-]+>", text) else text


def _most_fit(premise: Mapping[str, Any]) -> bool:
    """Return whether only some values do not fit, so that one that cannot be seen is taken."""
    return premise.get("accepted") == ".*" and "items" not in premise


def _fits(premise: Mapping[str, Any], found: str, value: str, facts: Mapping[str, str]) -> bool:
    text = found.replace("%%", "%").strip()  # airflow.cfg doubles the percent sign
    if value in {"True", "False"}:
        text = _boolean(text)
    accepted = _filled(premise.get("accepted", ""), facts, quoted=True) or re.escape(value)
    if not re.fullmatch(accepted, text, re.DOTALL):
        return False
    if not set(premise.get("items", ())) <= set(re.split(" *, *", text)):
        return False
    return not ("refused" in premise and re.search(premise["refused"], text))


def _boolean(text: str) -> str:
    spelled = text.partition("#")[0].strip().lower()
    return "True" if spelled in _TRUE else "False" if spelled in _FALSE else text
