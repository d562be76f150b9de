"""What must be true of the policy that adds the task logs sidecar to pods."""

from collections.abc import Iterator

from airflow_platform.checks.violations import CHECKS, Fault, is_ours
from airflow_platform.manifests import Manifest, Render

_TASK_PODS = (
    {"key": "dag_id", "operator": "Exists"},
    {"key": "task_id", "operator": "Exists"},
    {"key": "task-logs/inject", "operator": "NotIn", "values": ("false",)},
)
_RULE = {
    "apiGroups": ("",),
    "apiVersions": ("v1",),
    "operations": ("CREATE",),
    "resources": ("pods",),
}
_NAMESPACE = "kubernetes.io/metadata.name"


def policies(render: Render) -> list[Manifest]:
    """Return our policies of injection."""
    return [each for each in render.all("MutatingAdmissionPolicy") if is_ours(each)]


def namespaces_with_injection(render: Render) -> set[str]:
    """Return the namespaces in which pods get the sidecar."""
    return {
        namespace
        for policy in policies(render)
        for expression in policy.at(
            "spec", "matchConstraints", "namespaceSelector", "matchExpressions", default=()
        )
        if (expression["key"], expression["operator"]) == (_NAMESPACE, "In")
        for namespace in expression["values"]
    }


@CHECKS.add
def injection_leaves_tasks_alone(render: Render) -> Iterator[Fault]:
    """Let no failure of the policy stop a task, and no pod get it that was not meant."""
    for policy in policies(render):
        if policy.at("spec", "failurePolicy", default=None) != "Ignore":
            yield policy, "failurePolicy must be Ignore, or no pod starts where the policy fails"
        if policy.at("spec", "reinvocationPolicy", default=None) != "IfNeeded":
            yield policy, "reinvocationPolicy must be IfNeeded: a webhook may add what was missing"
        constraints = policy.at("spec", "matchConstraints")
        expressions = (constraints.get("objectSelector") or {}).get("matchExpressions") or ()
        for wanted in _TASK_PODS:
            if wanted not in expressions:
                yield policy, f"matchExpressions of the objectSelector must have {wanted}"
        if not namespaces_with_injection(render):
            yield policy, f"the namespaceSelector must name namespaces by {_NAMESPACE}"
        if constraints["resourceRules"] != (_RULE,):
            yield policy, "resourceRules must be about the creation of pods and nothing else"


@CHECKS.add
def injection_has_its_configuration(render: Render) -> Iterator[Fault]:
    """Have the sidecar's ConfigMap in each namespace whose pods mount it."""
    found = {(each.namespace or render.namespace, each.name) for each in render.all("ConfigMap")}
    for pod in render.embedded("Pod"):
        if pod.owner not in policies(render):
            continue
        for volume in pod.document["spec"]["volumes"]:
            name = (volume.get("configMap") or {}).get("name")
            for namespace in sorted(namespaces_with_injection(render)) if name else ():
                if (namespace, name) not in found:
                    yield pod, f"ConfigMap/{name} is not in the namespace {namespace}"


@CHECKS.add
def injection_is_bound(render: Render) -> Iterator[Fault]:
    """Have a binding for each policy, without which it does nothing."""
    bindings = render.all("MutatingAdmissionPolicyBinding")
    bound = {each.at("spec", "policyName", default=None) for each in bindings}
    for policy in policies(render):
        if policy.name not in bound:
            yield policy, "no MutatingAdmissionPolicyBinding has its name as policyName"
