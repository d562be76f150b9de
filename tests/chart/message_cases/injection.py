"""What is refused about the policy that adds the sidecar to pods."""

from collections.abc import Mapping
from typing import Any

from .case import Case, wrapper

ON: Mapping[str, Any] = {"injection": {"enabled": True}}
REFUSED = "injection.enabled is true, but Kubernetes v{} does not offer MutatingAdmissionPolicy"

CASES = {
    "injection, Kubernetes is too old": Case(
        REFUSED.format("1.33.0"), ON, {"chart": "add-on", "kube_version": "1.33.0"}
    ),
    "injection, the cluster does not offer it": Case(
        REFUSED.format("1.35.0"),
        ON,
        {"chart": "add-on", "kube_version": "1.35.0", "api_versions": ("apps/v1/Deployment",)},
    ),
    "injection, in the wrapper": wrapper(
        REFUSED.format("1.33.0"), {"observability": ON}, kube_version="1.33.0"
    ),
}
