"""How people reach Airflow from outside of the cluster."""

from collections.abc import Iterator

from airflow_platform.doctor.facts import Facts, Object, name
from airflow_platform.doctor.model import DoesNotApplyError, Fault, Finding, Mend, examination

NO_ADDRESS = Fault("ingress-without-address", "warning", "No controller serves an Ingress.")
NO_CERTIFICATE = Fault(
    "ingress-certificate-missing", "error", "The Secret with an Ingress' certificate is missing."
)


@examination(NO_ADDRESS, NO_CERTIFICATE)
def ingresses(facts: Facts) -> Iterator[Finding]:
    """Whether the Ingresses of the release have an address, and their certificates."""
    made = {each.name for each in facts.render.all("Ingress")}
    if not made:
        raise DoesNotApplyError("the release has no Ingress")
    there = [each for each in facts.all("Ingress") if name(each) in made]
    for ingress in there:
        spec = ingress["spec"]
        balancer = (ingress.get("status") or {}).get("loadBalancer") or {}
        if not balancer.get("ingress"):
            named = spec.get("ingressClassName")
            yield Finding(
                NO_ADDRESS,
                f"Ingress {name(ingress)}",
                f"It has no address; its class is {named}."
                if named
                else "It has no address, and names no class.",
                "Nobody reaches Airflow by this name from outside of the cluster.",
                Mend(
                    "Set a class whose controller runs in the cluster. Until then there is a way"
                    " by port-forward.",
                    (
                        f"{facts.kubectl} get ingressclass",
                        f"{facts.kubectl} port-forward svc/{_service(ingress)}",
                        facts.upgrade,
                    ),
                    facts.values(
                        "airflow",
                        {"ingress": {"apiServer": {"ingressClassName": "<class>"}}},
                    ),
                ),
            )
    secrets = facts.names("Secret")
    for ingress in there:
        for entry in ingress["spec"].get("tls") or ():
            secret = entry.get("secretName")
            if secret and secret not in secrets:
                hosts = ", ".join(entry.get("hosts") or ())
                yield Finding(
                    NO_CERTIFICATE,
                    f"Ingress {name(ingress)}",
                    f"The Secret {secret}, with the certificate for {hosts}, does not exist.",
                    "Browsers warn of another certificate, or do not connect.",
                    Mend(
                        "Create it; with cert-manager, see why its Certificate is not ready.",
                        (
                            f"{facts.kubectl} create secret tls {secret} --cert=<file>"
                            " --key=<file>",
                            f"{facts.kubectl} describe certificate,certificaterequest",
                        ),
                    ),
                )


def _service(ingress: Object) -> str:
    """Return a Service behind the Ingress with its port."""
    for rule in ingress["spec"].get("rules") or ():
        for path in (rule.get("http") or {}).get("paths") or ():
            service = path["backend"].get("service") or {}
            port = service.get("port") or {}
            return f"{service.get('name')} {port.get('number') or port.get('name')}"
    return "<service> <port>"
