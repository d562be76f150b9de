"""What the wrapper refuses about the user ids of pods."""

from .case import Case, airflow, wrapper

REFUSED = "The cluster is to assign the user ids of pods"
ALL_PODS = {
    "executor": "CeleryExecutor",
    "redis": {"enabled": True, "passwordSecretName": "airflow-redis"},
    "data": {"brokerUrlSecretName": "airflow-broker-url"},
    "pgbouncer": {"enabled": True, "configSecretName": "airflow-pgbouncer-config"},
}

CASES: dict[str, Case] = {
    "no user id": airflow(REFUSED, uid=None, securityContexts={"pod": {"runAsNonRoot": True}}),
    "no user id, all pods": airflow(REFUSED, uid=None, **ALL_PODS),
    "OpenShift": wrapper(REFUSED, {}, api_versions=("security.openshift.io/v1",)),
    "as on OpenShift": wrapper(
        REFUSED, {"global": {"compatibility": {"openshift": {"adaptSecurityContext": "force"}}}}
    ),
}
