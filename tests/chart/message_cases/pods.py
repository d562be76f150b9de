"""What the add-on refuses about its pods, and about how they are reached and named."""

from typing import Any

from .case import Case, add_on, wrapper


def service(message: str, **values: Any) -> Case:
    return add_on(message, statsdExporter={"service": values})


KEY = {"name": "scrape", "key": "key"}
TWO_CREDENTIALS = {
    "authorization": {"credentials": KEY},
    "basicAuth": {"username": KEY, "password": KEY},
}
LONG = "n" * 44

CASES = {
    "long fullnameOverride": add_on(
        f"The names of the add-on's objects would begin with {LONG}.",
        **{"global": {"observability": {"fullnameOverride": LONG}}},
    ),
    "long nameOverride, in the wrapper": wrapper(
        f"The names of the add-on's objects would begin with airflow-{LONG}.",
        {"global": {"observability": {"nameOverride": LONG}}},
    ),
    "policy without traffic from outside": service(
        "statsdExporter.service.externalTrafficPolicy does not go with a Service of the type",
        externalTrafficPolicy="Local",
    ),
    "port of nodes without a Service for it": service(
        "statsdExporter.service.nodePort does not go with a Service of the type ClusterIP.",
        nodePort=31234,
    ),
    "load balancer without one": service(
        "statsdExporter.service.loadBalancerSourceRanges does not go with a Service of the type",
        type="NodePort",
        loadBalancerSourceRanges=["10.0.0.0/8"],
    ),
    "headless Service": service(
        "With statsdExporter.service.clusterIP None, Airflow would send to the address of a pod",
        clusterIP="None",
    ),
    "two families in a single stack": service(
        "statsdExporter.service.ipFamilyPolicy SingleStack allows one",
        ipFamilyPolicy="SingleStack",
        ipFamilies=["IPv4", "IPv6"],
    ),
    "label of a selector": add_on(
        "commonLabels has the label app.kubernetes.io/name, by which selectors find",
        commonLabels={"app.kubernetes.io/name": "airflow"},
    ),
    "label of a selector on a Service, in the wrapper": wrapper(
        "statsdExporter.service.labels has the label app.kubernetes.io/instance",
        {
            "observability": {
                "statsdExporter": {"service": {"labels": {"app.kubernetes.io/instance": "x"}}}
            }
        },
    ),
    "two credentials for a scrape": add_on(
        "serviceMonitor has authorization and basicAuth", serviceMonitor=TWO_CREDENTIALS
    ),
    "two credentials for a scrape, in the wrapper": wrapper(
        "podMonitor has authorization and basicAuth",
        {"observability": {"podMonitor": TWO_CREDENTIALS}},
    ),
}
