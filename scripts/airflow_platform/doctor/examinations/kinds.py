"""Kinds of objects that other programs add to Kubernetes."""

from collections.abc import Iterator, Mapping

from airflow_platform.doctor.facts import Facts, listed
from airflow_platform.doctor.model import (
    DoesNotApplyError,
    Fault,
    Finding,
    Mend,
    NotSeenError,
    examination,
)
from airflow_platform.doctor.phrases import KUBE_PROMETHEUS_STACK

NOT_SERVED = Fault(
    "kind-not-served", "error", "The API server does not know a kind that the release uses."
)

# The program, how it is installed, what follows without it, and the values that do without it.
PROGRAMS: Mapping[str, tuple[str, str, str]] = {
    "monitoring.coreos.com": (
        "prometheus-operator",
        "Metrics are not scraped and no alert fires.",
        KUBE_PROMETHEUS_STACK,
    ),
    "external-secrets.io": (
        "External Secrets",
        "The Secrets are not made, and pods that need them do not start.",
        "helm upgrade --install external-secrets external-secrets -n external-secrets"
        " --create-namespace --repo https://charts.external-secrets.io",
    ),
    "postgresql.cnpg.io": (
        "CloudNativePG",
        "There is no database, and all pods of Airflow wait for it.",
        "helm upgrade --install cloudnative-pg cloudnative-pg -n cnpg-system --create-namespace"
        " --repo https://cloudnative-pg.github.io/charts",
    ),
    "barmancloud.cnpg.io": (
        "the Barman Cloud plugin of CloudNativePG",
        "The database does not archive: there are no backups.",
        "helm upgrade --install plugin-barman-cloud plugin-barman-cloud -n cnpg-system"
        " --repo https://cloudnative-pg.github.io/charts",
    ),
    "keda.sh": (
        "KEDA",
        "Nothing adds or removes Celery workers.",
        "helm upgrade --install keda keda -n keda --create-namespace"
        " --repo https://kedacore.github.io/charts",
    ),
    "grafana.integreatly.org": (
        "grafana-operator",
        "The dashboards are not in Grafana.",
        "helm upgrade --install grafana-operator -n grafana --create-namespace"
        " oci://ghcr.io/grafana/helm-charts/grafana-operator",
    ),
}


@examination(NOT_SERVED)
def custom_kinds(facts: Facts) -> Iterator[Finding]:
    """Whether the API server knows each kind of the release's objects (CRDs)."""
    made = {(each.api_version, each.kind) for each in facts.render.manifests}
    if not any(one in facts.served for one in made):
        raise DoesNotApplyError("the release has no objects of custom kinds")
    unknown = sorted(
        {version for version, kind in made if facts.served.get((version, kind), 0) is None}
    )
    for version in sorted({version for version, _ in made}):
        kinds = [
            kind for one, kind in made if one == version and facts.served.get((one, kind)) is False
        ]
        if not kinds:
            continue
        group = version.partition("/")[0]
        program, means, command = PROGRAMS.get(group, (group, "These objects are without use.", ""))
        yield Finding(
            NOT_SERVED,
            version,
            f"The API server does not know {listed(kinds)}: {program} is not installed, or was"
            " removed with its CustomResourceDefinitions.",
            means,
            Mend(
                f"Install {program} and upgrade the release, or switch off the values that make"
                " these objects.",
                (*([command] if command else []), facts.upgrade),
            ),
        )
    if unknown:
        raise NotSeenError(f"what the API server knows of {listed(unknown)}")
