"""Prometheus: whether it scrapes the exporter, knows the rules, and has alerts."""

from collections.abc import Iterator
from typing import Any

from airflow_platform.cluster.service_proxy import BlockedError
from airflow_platform.doctor.facts import WRAPPER, Facts, Service, listed
from airflow_platform.doctor.model import (
    DoesNotApplyError,
    Fault,
    Finding,
    Mend,
    NotSeenError,
    examination,
)
from airflow_platform.support.errors import UNEXPECTED_ANSWERS, PlatformError

UNREACHABLE = Fault("prometheus-unreachable", "error", "Prometheus cannot be reached.")
NO_TARGET = Fault("target-missing", "error", "Prometheus does not scrape the statsd-exporter.")
DOWN = Fault("target-down", "error", "Prometheus cannot scrape the statsd-exporter.")
NO_METRICS = Fault("no-metrics", "error", "Prometheus has no metrics of Airflow.")
NO_RULES = Fault("rules-not-loaded", "error", "Prometheus does not know the alerts.")
FIRING = Fault("alert-firing", "warning", "An alert of this release fires.")


@examination(UNREACHABLE, NO_TARGET, DOWN, NO_METRICS, NO_RULES, FIRING)
def prometheus(facts: Facts) -> Iterator[Finding]:
    """Whether Prometheus scrapes the exporter and has Airflow's metrics, rules and no alert."""
    if not facts.render.all("ServiceMonitor"):
        raise DoesNotApplyError("the release has no ServiceMonitor")
    if isinstance(facts.prometheus, NotSeenError):
        raise facts.prometheus
    service = facts.prometheus
    try:
        yield from _metrics(facts, service)
        yield from _rules(facts, service)
    except BlockedError as error:
        raise NotSeenError(f"{error}; give --prometheus URL") from None
    except PlatformError as error:
        yield _unreachable(facts, service, error)
    except UNEXPECTED_ANSWERS as error:
        raise NotSeenError(f"{service.url} answers in an unknown form: {error!r}") from None


def _unreachable(facts: Facts, service: Service, error: PlatformError) -> Finding:
    return Finding(
        UNREACHABLE,
        f"Prometheus {service.url}",
        str(error).splitlines()[0],
        "If it does not run, no metric is kept and no alert fires.",
        Mend(
            "See whether it runs, and give doctor its URL.",
            (
                f"{facts.kubectl} get pods -A -l app.kubernetes.io/name=prometheus",
                f"airflow-platform doctor -n {facts.namespace} --prometheus <url>",
            ),
        ),
    )


def _query(service: Service, query: str) -> list[Any]:
    return list(service.get("/api/v1/query", query=query)["data"]["result"])


def _metrics(facts: Facts, service: Service) -> Iterator[Finding]:
    exporters = {each.name for each in facts.render.all("Service")} & {
        each.name
        for each in facts.render.all("Service")
        if each.labels.get("app.kubernetes.io/component") == "statsd-exporter"
    }
    for exporter in sorted(exporters):
        where = f'namespace="{facts.namespace}",service="{exporter}"'
        up = _query(service, f"up{{{where}}}")
        subject = f"Service {exporter}"
        if not up:
            yield Finding(
                NO_TARGET,
                subject,
                f"up{{{where}}} has no result.",
                "No metric of Airflow is kept and no alert fires.",
                Mend(
                    "If another finding names the ServiceMonitor, that is why. Else look at the"
                    " page Targets of Prometheus, and whether it may list Services and"
                    " EndpointSlices here.",
                    (f"{facts.kubectl} get servicemonitors,services,endpointslices",),
                ),
            )
        elif all(float(each["value"][1]) == 0 for each in up):
            yield Finding(
                DOWN,
                subject,
                f"up{{{where}}} is 0.",
                "No metric of Airflow is kept and no alert fires.",
                Mend(
                    "See whether the exporter runs, and whether NetworkPolicies let Prometheus"
                    f" reach its port 9102 ({_who_scrapes(facts)}).",
                    (
                        f"{facts.kubectl} get pods -l app.kubernetes.io/name=statsd-exporter",
                        f"{facts.kubectl} get networkpolicies",
                    ),
                ),
            )
        elif not _query(
            service, f'count({{__name__=~"airflow_.+",namespace="{facts.namespace}"}})'
        ):
            yield Finding(
                NO_METRICS,
                subject,
                "It is scraped, and has no metric whose name begins with airflow_.",
                "Dashboards are empty and no alert fires.",
                Mend(
                    "Airflow does not send them, or not there: see what its configuration says, and"
                    " what the exporter gets (statsd_exporter_packets_total). Pods that run since"
                    " before a change of it have to be restarted.",
                    (
                        f"{facts.kubectl} exec {facts.workload('scheduler')} --"
                        " airflow config list --section metrics",
                        f"{facts.kubectl} rollout restart {facts.workload('scheduler')}",
                    ),
                ),
            )


def _who_scrapes(facts: Facts) -> str:
    """Return the key of the values from which the NetworkPolicy of the exporter is made."""
    record = facts.known_record()
    if (record.values.get("networkPolicies") or {}).get("enabled"):
        return "networkPolicies.prometheus.from"
    above = "observability." if record.chart == WRAPPER else ""
    return f"{above}statsdExporter.networkPolicy.scrapeFrom"


def _rules(facts: Facts, service: Service) -> Iterator[Finding]:
    wanted = {
        rule["alert"]
        for each in facts.render.all("PrometheusRule")
        for group in each.at("spec", "groups")
        for rule in group["rules"]
        if "alert" in rule
    }
    if not wanted:
        return
    groups = service.get("/api/v1/rules", type="alert")["data"]["groups"]
    known = {rule["name"] for group in groups for rule in group["rules"]}
    if missing := wanted - known:
        yield Finding(
            NO_RULES,
            f"PrometheusRule {facts.render.all('PrometheusRule')[0].name}",
            f"Of its {len(wanted)} alerts Prometheus lacks {len(missing)}: {listed(missing)}.",
            "These alerts never fire.",
            Mend(
                "If another finding says that no Prometheus selects it, that is why. Else the"
                " operator has refused it: its events and log say why.",
                (
                    f"{facts.kubectl} describe prometheusrules",
                    f"{facts.kubectl} get prometheusrules -o yaml",
                ),
            ),
        )
    firing: dict[str, dict[str, Any]] = {}
    for alert in service.get("/api/v1/alerts")["data"]["alerts"]:
        labels = alert["labels"]
        ours = labels.get("alertname") in wanted
        if ours and alert["state"] == "firing" and labels.get("namespace") == facts.namespace:
            firing.setdefault(labels["alertname"], alert)
    for called, alert in sorted(firing.items()):
        annotations = alert.get("annotations") or {}
        yield Finding(
            FIRING,
            f"Alert {called}",
            annotations.get("summary") or annotations.get("description") or "It fires.",
            annotations.get("description") or "Its runbook says what follows.",
            Mend(f"Do what its runbook says: {annotations.get('runbook_url', '')}".strip()),
        )
