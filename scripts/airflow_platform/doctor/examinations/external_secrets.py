"""Secrets that External Secrets makes."""

from collections.abc import Iterator

from airflow_platform.doctor.facts import Facts, condition, name, said
from airflow_platform.doctor.model import DoesNotApplyError, Fault, Finding, Mend, examination

NOT_SYNCED = Fault("external-secret-not-synced", "error", "A Secret could not be fetched.")


@examination(NOT_SYNCED)
def external_secrets(facts: Facts) -> Iterator[Finding]:
    """Whether External Secrets has fetched the Secrets of the namespace."""
    facts.known_record()
    if "ExternalSecret" not in facts.objects:
        raise DoesNotApplyError("the release has no ExternalSecret")
    for each in facts.all("ExternalSecret"):
        ready = condition(each, "Ready")
        if ready.get("status") != "False":
            continue
        spec = each["spec"]
        store = spec.get("secretStoreRef") or {}
        target = (spec.get("target") or {}).get("name", name(each))
        kind = store.get("kind", "SecretStore")
        yield Finding(
            NOT_SYNCED,
            f"ExternalSecret {name(each)}",
            said(ready),
            f"The Secret {target} is missing or old, and containers that need it do not start.",
            Mend(
                f"Look whether the {kind} {store.get('name', '')} is ready and has these keys,"
                " then let External Secrets fetch them again.",
                (
                    f"{facts.kubectl} describe {kind.lower()} {store.get('name', '')}",
                    f"{facts.kubectl} annotate --overwrite externalsecret {name(each)}"
                    ' force-sync="$(date +%s)"',
                ),
            ),
        )
