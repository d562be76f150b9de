"""What the checks must report of rights and Ingresses."""

from typing import Any

from .conftest import Edits

ROLE = "Role/airflow-jobs-launcher.lakehouse-platform"
BINDING = "RoleBinding/airflow-jobs-launcher.lakehouse-platform"
INGRESS: Any = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "airflow-ingress"},
    "spec": {
        "rules": [{"host": "airflow.example.com", "http": {"paths": []}}],
        "tls": [{"hosts": ["airflow.example.com", "flow.example.com"], "secretName": "tls"}],
    },
}


def rule(resource: str, *verbs: str, group: str = "", **more: Any) -> Any:
    """One more rule of the role."""
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs), **more}


BROKEN: dict[str, list[tuple[Edits, str]]] = {
    "roles_are_not_too_wide": [
        ({f"{ROLE} rules +": rule("*", "get")}, "get * is a wildcard"),
        ({f"{ROLE} rules +": rule("jobs", "*", group="batch")}, "* jobs.batch is a wildcard"),
        ({f"{ROLE} rules +": rule("pods", "get", group="*")}, "get pods.* is a wildcard"),
        ({f"{ROLE} rules +": rule("secrets", "list")}, "list secrets reads all Secrets"),
        ({f"{ROLE} rules +": rule("secrets", "get")}, "get secrets reads all Secrets"),
        (
            {f"{ROLE} rules +": rule("secrets", "get", "watch", resourceNames=["a"])},
            "watch secrets reads all Secrets",
        ),
        (
            {f"{ROLE} rules +": rule("roles", "bind", group="rbac.authorization.k8s.io")},
            "bind roles.rbac.authorization.k8s.io gives rights that it does not name",
        ),
    ],
    "roles_give_what_is_needed": [
        (
            {f"{ROLE} rules +": rule("pods/exec", "create")},
            "create pods/exec is not among the rights of jobs-launcher",
        ),
        (
            {f"{ROLE} rules +": rule("pods", "deletecollection")},
            "deletecollection pods is not among the rights of jobs-launcher",
        ),
        (
            {f"{ROLE} metadata labels app.kubernetes.io/component": "alerts"},
            "create pods is not among the rights of alerts",
        ),
    ],
    "bindings_of_ours_bind_roles_of_ours": [
        (
            {f"{BINDING} roleRef kind": "ClusterRole", f"{BINDING} roleRef name": "edit"},
            "roleRef: ClusterRole edit is not one of ours",
        ),
        ({f"{BINDING} roleRef name": "elsewhere"}, "roleRef: Role elsewhere is not one of ours"),
    ],
    "certificates_are_for_the_hosts_of_an_ingress": [
        ({"Ingress/airflow-ingress": INGRESS}, "spec.tls: no rule is for the host flow.example.com")
    ],
}
ALLOWED: dict[str, list[Edits]] = {
    "roles_are_not_too_wide": [
        {f"{ROLE} rules +": rule("secrets", "get", resourceNames=["airflow-jobs"])}
    ],
}
