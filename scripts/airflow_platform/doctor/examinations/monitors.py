"""Whether prometheus-operator takes up what the release has made for it."""

from collections.abc import Iterator, Mapping
from typing import Any

from airflow_platform.checks.violations import selects
from airflow_platform.doctor.facts import Facts, Object, labels_of, listed, name
from airflow_platform.doctor.model import (
    DoesNotApplyError,
    Fault,
    Finding,
    Mend,
    NotSeenError,
    examination,
)
from airflow_platform.doctor.phrases import KUBE_PROMETHEUS_STACK

NO_PROMETHEUS = Fault("no-prometheus", "warning", "The cluster has no object of kind Prometheus.")
MONITOR = Fault("monitor-not-selected", "error", "No Prometheus selects the ServiceMonitor.")
RULE = Fault("rule-not-selected", "error", "No Prometheus selects the PrometheusRule.")

PROMETHEUS = ("monitoring.coreos.com/v1", "Prometheus")
_NAME = "kubernetes.io/metadata.name"
# The fields of a Prometheus that select each kind, and the key of our values with its labels.
_FIELDS: Mapping[str, tuple[str, str, Fault, str]] = {
    "ServiceMonitor": ("serviceMonitor", "serviceMonitor", MONITOR, "Metrics are not scraped."),
    "PrometheusRule": (
        "rule",
        "prometheusRule",
        RULE,
        "No alert of this release fires, unless a ThanosRuler has it.",
    ),
}


@examination(NO_PROMETHEUS, MONITOR, RULE)
def monitors(facts: Facts) -> Iterator[Finding]:
    """Whether a Prometheus of prometheus-operator selects the ServiceMonitor and PrometheusRule."""
    made = [each for kind in _FIELDS for each in facts.render.all(kind)]
    if not made:
        raise DoesNotApplyError("the release has neither ServiceMonitor nor PrometheusRule")
    if facts.served.get(PROMETHEUS) is None:
        raise NotSeenError("whether the API server knows the kind Prometheus")
    if not facts.served[PROMETHEUS]:
        raise DoesNotApplyError("the API server does not know the kind Prometheus")
    servers = facts.all("Prometheus")
    if not servers:
        yield Finding(
            NO_PROMETHEUS,
            "Prometheus",
            "prometheus-operator is installed, but runs no Prometheus.",
            "Metrics are not scraped and no alert fires, unless another program does it.",
            Mend(
                "Install one, for example with kube-prometheus-stack.",
                (KUBE_PROMETHEUS_STACK,),
            ),
        )
        return
    for manifest in made:
        namespace = manifest.namespace or facts.namespace
        live = [
            each
            for each in (facts.all(manifest.kind) if namespace == facts.namespace else ())
            if name(each) == manifest.name
        ]
        labels = labels_of(live[0]) if live else manifest.labels
        field, _, fault, means = _FIELDS[manifest.kind]
        by_label = [one for one in servers if _selected(one, f"{field}Selector", labels)]
        in_namespace = [one for one in servers if _looks_into(facts, one, field, namespace)]
        if any(one in in_namespace for one in by_label):
            continue
        subject = f"{manifest.kind} {manifest.name}"
        where = listed(f"{one['metadata']['namespace']}/{name(one)}" for one in servers)
        if by_label:
            yield Finding(
                fault,
                subject,
                f"The {field}NamespaceSelector of Prometheus ({where}) leaves {namespace} out.",
                means,
                _open_namespace(facts, by_label[0], field, namespace),
            )
        else:
            yield Finding(
                fault,
                subject,
                f"The {field}Selector of Prometheus ({where}) wants other labels than it has.",
                means,
                _give_labels(
                    facts, (in_namespace or list(servers))[0], manifest.kind, manifest.name
                ),
            )


def _selected(server: Object, field: str, labels: Mapping[str, str]) -> bool:
    """Say whether a selector takes ``labels``; one that is not there takes nothing."""
    selector = server["spec"].get(field)
    return selector is not None and selects(selector, labels)


def _looks_into(facts: Facts, server: Object, field: str, namespace: str) -> bool:
    """Say whether a Prometheus looks into a namespace; without a selector into its own only."""
    selector: Mapping[str, Any] | None = server["spec"].get(f"{field}NamespaceSelector")
    if selector is None:
        return bool(server["metadata"]["namespace"] == namespace)
    labels: Mapping[str, str] = {_NAME: namespace}
    if selector and namespace == facts.namespace:
        found = facts.all("Namespace")
        labels = labels_of(found[0]) if found else labels
    return selects(selector, labels)


def _give_labels(facts: Facts, server: Object, kind: str, called: str) -> Mend:
    field, key, _, _ = _FIELDS[kind]
    selector = server["spec"].get(f"{field}Selector")
    if selector is None:
        return Mend(
            f"The {field}Selector of {name(server)} is not set and selects nothing: let it"
            " select everything.",
            (_patch(facts, server, f"{field}Selector", "{}"),),
        )
    labels = dict(selector.get("matchLabels") or {})
    if not labels:
        return Mend(f"Set labels that this fits: {dict(selector)}.", (facts.upgrade,))
    pairs = " ".join(f"{one}={value}" for one, value in labels.items())
    return Mend(
        "Give it the labels that Prometheus wants. In the values they stay:",
        (f"{facts.kubectl} label --overwrite {kind.lower()} {called} {pairs}", facts.upgrade),
        facts.values("observability", {key: {"labels": labels}}),
    )


def _open_namespace(facts: Facts, server: Object, field: str, namespace: str) -> Mend:
    selector = server["spec"].get(f"{field}NamespaceSelector")
    labels = dict((selector or {}).get("matchLabels") or {})
    if selector is None or not labels or _NAME in labels:
        return Mend(
            "Let Prometheus look into all namespaces.",
            (_patch(facts, server, f"{field}NamespaceSelector", "{}"),),
        )
    pairs = " ".join(f"{one}={value}" for one, value in labels.items())
    return Mend(
        "Give the namespace the labels that Prometheus wants.",
        (f"{facts.kubectl} label --overwrite namespace {namespace} {pairs}",),
    )


def _patch(facts: Facts, server: Object, field: str, content: str) -> str:
    program = facts.kubectl.removesuffix(f"-n {facts.namespace}")
    return (
        f"{program}-n {server['metadata']['namespace']} patch prometheus {name(server)}"
        f""" --type=merge -p '{{"spec":{{"{field}":{content}}}}}'"""
    )
