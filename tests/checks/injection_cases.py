"""What the checks must report of the policy that adds the sidecar to pods, in a whole release."""

from .conftest import Edits

POLICY = "MutatingAdmissionPolicy/airflow-task-logs.lakehouse-platform"
BINDING = "MutatingAdmissionPolicyBinding/airflow-task-logs.lakehouse-platform"
CONSTRAINTS = f"{POLICY} spec matchConstraints"
NAMESPACES = f"{CONSTRAINTS} namespaceSelector matchExpressions"
SIDECAR = f"{POLICY} spec variables sidecar expression"
TEAM_B = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["team-b"]}

BROKEN: dict[str, list[tuple[Edits, str]]] = {
    "injection_leaves_tasks_alone": [
        ({f"{POLICY} spec failurePolicy": "Fail"}, "failurePolicy must be Ignore"),
        ({f"{POLICY} spec failurePolicy": None}, "failurePolicy must be Ignore"),
        ({f"{POLICY} spec reinvocationPolicy": "Never"}, "reinvocationPolicy must be IfNeeded"),
        ({f"{CONSTRAINTS} objectSelector": None}, "task-logs/inject"),
        ({NAMESPACES: []}, "must name namespaces"),
        (
            {
                f"{CONSTRAINTS} resourceRules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": ["pods"],
                    }
                ]
            },
            "the creation of pods and nothing else",
        ),
    ],
    "injection_has_its_configuration": [
        ({f"{NAMESPACES} +": TEAM_B}, "ConfigMap/airflow-task-logs is not in the namespace team-b"),
    ],
    "injection_is_bound": [
        ({BINDING: None}, "no MutatingAdmissionPolicyBinding"),
        ({f"{BINDING} spec policyName": "another"}, "no MutatingAdmissionPolicyBinding"),
    ],
    "pods_are_restricted": [
        (
            {SIDECAR: '{"name": dyn("vector"), "image": dyn("vector:1")}'},
            'container "vector" of injected pod',
        ),
    ],
    "objects_fit_their_schema": [
        ({f"{POLICY} spec failurePolicies": "Ignore"}, "'failurePolicies' not allowed"),
        ({SIDECAR: '{"name": dyn("vector"), "imagee": dyn("a:1")}'}, "'imagee' not allowed"),
    ],
}

ALLOWED: dict[str, list[Edits]] = {
    "namespaces_are_consistent": [
        {
            f"{NAMESPACES} +": TEAM_B,
            "ConfigMap/airflow-task-logs metadata namespace": "team-b",
        },
    ],
}
