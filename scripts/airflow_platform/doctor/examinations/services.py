"""Services without anybody behind them."""

from collections.abc import Iterator

from airflow_platform.doctor.facts import Facts, component, labels_of, listed, name
from airflow_platform.doctor.model import Fault, Finding, Mend, examination
from airflow_platform.doctor.phrases import means

NO_ENDPOINTS = Fault("service-without-endpoints", "error", "No pod is ready behind a Service.")


@examination(NO_ENDPOINTS)
def endpoints(facts: Facts) -> Iterator[Finding]:
    """Whether there is a ready pod behind each Service of the release."""
    ready: dict[str, int] = {}
    for endpoint_slice in facts.all("EndpointSlice"):
        served = labels_of(endpoint_slice).get("kubernetes.io/service-name", "")
        for endpoint in endpoint_slice.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready", True):
                ready[served] = ready.get(served, 0) + len(endpoint.get("addresses") or ())
    names = {facts.name, facts.beside.name if facts.beside else facts.name}
    for service in facts.all("Service"):
        selector = service["spec"].get("selector")
        if not selector or facts.name_of_release(service) not in names or ready.get(name(service)):
            continue
        selected = [pod for pod in facts.all("Pod") if selector.items() <= labels_of(pod).items()]
        wanted = ",".join(f"{key}={value}" for key, value in selector.items())
        headless = service["spec"].get("clusterIP") == "None"
        if headless and not selected and component(service) in ("worker", "triggerer"):
            continue  # the name of a StatefulSet's pods, of which there may be none
        yield Finding(
            NO_ENDPOINTS,
            f"Service {name(service)}",
            f"Of its pods none is ready: {listed(map(name, selected))}."
            if selected
            else f"No pod has its labels ({wanted}).",
            means(service),
            Mend(
                "See why its pods are not ready; other findings may say it."
                if selected
                else "See whether its workload has pods: it may be scaled to zero, or its pods are"
                " refused or have other labels.",
                (
                    f"{facts.kubectl} get pods -l {wanted}",
                    f"{facts.kubectl} get deployments,statefulsets,replicasets",
                ),
            ),
        )
