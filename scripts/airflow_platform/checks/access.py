"""Who may do what: rights in the Kubernetes API, and Ingresses."""

from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

from airflow_platform.checks.violations import CHECKS, Fault, is_ours
from airflow_platform.manifests import Render
from airflow_platform.support import strict_yaml

# The rights that Roles of ours give, by component, each with its reason.
RIGHTS: Mapping[str, list[Mapping[str, Any]]] = strict_yaml.load_file(
    Path(__file__).with_name("rights.yaml")
)
_ROLES = ("Role", "ClusterRole")
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")
_READING = {"get", "list", "watch"}
# How somebody gets rights that they do not have
# (https://kubernetes.io/docs/concepts/security/rbac-good-practices/#privilege-escalation-risks).
_ESCALATING = {"bind", "escalate", "impersonate"}

_Right = tuple[str, str, str]  # group, resource, verb


@CHECKS.add
def roles_are_not_too_wide(render: Render) -> Iterator[Fault]:
    """Look at all Roles: with these rights, whoever has the token of a pod can take the rest.

    A Secret may be read only by its name.
    """
    for role in (each for kind in _ROLES for each in render.all(kind)):
        for rule in role.at("rules", default=()) or ():
            for group, resource, verb in _rights(rule):
                by_name = verb == "get" and rule.get("resourceNames")
                right = f"{verb} {resource}{group and f'.{group}'}"
                if "*" in (group, resource, verb):
                    yield role, f"rules: {right} is a wildcard; name what is needed"
                elif verb in _ESCALATING:
                    yield role, f"rules: {right} gives rights that it does not name"
                elif (group, resource) == ("", "secrets") and verb in _READING and not by_name:
                    yield role, f"rules: {right} reads all Secrets; get one by resourceNames"


@CHECKS.add
def roles_give_what_is_needed(render: Render) -> Iterator[Fault]:
    """Compare the Roles of ours with the rights that are needed, which rights.yaml has."""
    for role in (each for kind in _ROLES for each in render.all(kind) if is_ours(each)):
        component = role.labels.get("app.kubernetes.io/component", "")
        needed = {right for entry in RIGHTS.get(component, ()) for right in _needed(entry)}
        given = {right for rule in role.at("rules", default=()) or () for right in _rights(rule)}
        for group, resource, verb in sorted(given - needed):
            what = f"{verb} {resource}{group and f'.{group}'}"
            yield role, f"rules: {what} is not among the rights of {component} in rights.yaml"


@CHECKS.add
def bindings_of_ours_bind_roles_of_ours(render: Render) -> Iterator[Fault]:
    """Give nobody the rights of a role whose rules are not in this render."""
    ours = {
        (role.kind, role.namespace, role.name)
        for kind in _ROLES
        for role in render.all(kind)
        if is_ours(role)
    }
    for binding in (each for kind in _BINDINGS for each in render.all(kind) if is_ours(each)):
        role = binding.at("roleRef")
        namespace = binding.namespace if role["kind"] == "Role" else None
        if (role["kind"], namespace, role["name"]) not in ours:
            yield binding, f"roleRef: {role['kind']} {role['name']} is not one of ours"


@CHECKS.add
def certificates_are_for_the_hosts_of_an_ingress(render: Render) -> Iterator[Fault]:
    """Compare an Ingress's hosts: without a certificate of its own, one is served another's."""
    for ingress in render.all("Ingress"):
        hosts = {rule.get("host") for rule in ingress.at("spec", "rules", default=()) or ()}
        for entry in ingress.at("spec", "tls", default=()) or ():
            for host in entry.get("hosts") or ():
                if host not in hosts:
                    yield ingress, f"spec.tls: no rule is for the host {host}"


def _rights(rule: Mapping[str, Any]) -> Iterator[_Right]:
    yield from product(
        rule.get("apiGroups") or ("",), rule.get("resources") or (), rule.get("verbs") or ()
    )


def _needed(entry: Mapping[str, Any]) -> Iterator[_Right]:
    yield from product((entry["group"],), (entry["resource"],), entry["verbs"])
