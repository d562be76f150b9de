"""What must be true of the policy that adds the task logs sidecar to pods."""

from collections.abc import Iterator

from airflow_platform.checks.violations import CHECKS, Fault, is_ours
from airflow_platform.manifests import Manifest, Render

OPT_OUT = {"key": "task-logs/inject", "operator": "NotIn", "values": ("false",)}
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
        constraints = policy.at("spec", "matchConstraints")
        selector = constraints.get("objectSelector") or {}
        if OPT_OUT not in (selector.get("matchExpressions") or ()):
            yield policy, "the objectSelector must leave out pods with task-logs/inject: false"
        if not namespaces_with_injection(render):
            yield policy, f"the namespaceSelector must name namespaces by {_NAMESPACE}"
        rules = constraints["resourceRules"]
        if any(
            rule["operations"] != ("CREATE",) or rule["resources"] != ("pods",) for rule in rules
        ):
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
