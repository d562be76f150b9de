"""What the templates carry over from files, whose content has tests of its own, or from values.

Each function yields the part of a manifest, what the file says it must be, and the part's path.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from airflow_platform.manifests import Manifest, Render
from airflow_platform.metrics.labels import labels_by_metric
from airflow_platform.support import strict_yaml
from airflow_platform.support.frozen import freeze, thaw
from airflow_platform.support.project import ADDON, ROOT

from .effects import CHART
from .leaf import Path

Part = tuple[Manifest, str | None, Path, Any, Any]  # ..., what is there, what must be there
Values = Mapping[str, Any]

FILES = ADDON / "files"


def _file(path: str) -> Any:
    return strict_yaml.load_file(FILES / path)


def dashboards(render: Render, values: Values) -> Iterator[Part]:
    """The committed dashboards, with the address of this Airflow."""
    url = values["dashboards"].get("airflowUrl", "http://localhost:8080")
    fields = values["global"].get("taskLogs", {}).get("labelFields", ("dag_id", "task_id"))
    for found in render.embedded("Dashboard"):
        text = (FILES / "dashboards" / found.key).read_text(encoding="utf-8")
        if "task_id" not in fields:  # then it is behind the braces, also in links
            text = text.replace(
                r"dag_id!=\"\",task_id=~\"$task_id\"}", r"dag_id!=\"\"} | task_id=~\"$task_id\""
            ).replace(
                "%2Ctask_id%3D~%60${task_id:pipe}%60}", "}%20%7C%20task_id%3D~%60${task_id:pipe}%60"
            )
        wanted = json.loads(text.replace("http://localhost:8080", url))
        yield found.owner, found.key, (), found.document, wanted


def relabelings(render: Render, _: Values) -> Iterator[Part]:
    """Our relabelings, before the user's."""
    ours = _file("metrics/metric-relabelings.yaml")
    for monitor in render.all("ServiceMonitor"):
        for number, wanted in enumerate(ours):
            path = ("spec", "endpoints", 0, "metricRelabelings", number)
            yield monitor, None, path, monitor.at(*path), wanted


def rules(render: Render, values: Values) -> Iterator[Part]:
    """Our rules, about this release and with the user's changes."""
    settings = values["prometheusRule"]
    files = (strict_yaml.load_file(file) for file in (FILES / "alerts").glob("*.rules.yaml"))
    of_files = {
        (group["name"], rule.get("alert") or rule["record"]): rule
        for file in files
        for group in file["groups"]
        for rule in group["rules"]
    }
    for manifest in render.all("PrometheusRule"):
        for g, group in enumerate(manifest.at("spec", "groups")):
            if group["name"] in {name for name, _ in of_files}:
                path = ("spec", "groups", g, "name")
                yield manifest, None, path, group["name"], _group_of(of_files, group["rules"])
            for r, rule in enumerate(group["rules"]):
                source = of_files.get((group["name"], rule.get("alert") or rule.get("record")))
                if source is not None:
                    wanted = _of_release(source, rule, settings)
                    yield manifest, None, ("spec", "groups", g, "rules", r), rule, wanted


def _group_of(of_files: Mapping[tuple[str, str], Any], rules_: Any) -> str:
    """The group of the files that has the first of these rules."""
    name = rules_[0].get("alert") or rules_[0].get("record")
    return next(group for group, rule in of_files if rule == name)


def _of_release(source: dict[str, Any], rule: Mapping[str, Any], settings: Values) -> Any:
    job = "statsd-exporter"  # of the label that everything-on.yaml takes the job from
    selector = f'job="{job}",namespace="lakehouse-platform"'
    expression = source["expr"].replace('job="airflow-statsd-exporter"', selector)
    expression = expression.replace("HEARTBEAT_SECONDS", "5")
    if "record" in source:
        return {**source, "expr": expression}
    change = settings.get("alerts", {}).get(source["alert"], {})
    # Some follow the values of Airflow: see tests/alerts/test_airflow.py.
    follows = source["alert"] in _file("alerts/expected.yaml")
    threshold = (rule if follows else source)["annotations"].get("threshold")
    threshold = str(change.get("threshold", threshold))
    runbook = f"{settings.get('runbookUrl', 'docs/runbooks')}/{source['alert']}.md"
    return {
        **source,
        **({"for": change["for"]} if "for" in change else {}),
        "expr": expression.replace("THRESHOLD", threshold),
        "labels": {
            **source["labels"],
            "job": job,
            "namespace": "lakehouse-platform",
            **settings.get("alertLabels", {}),
            **({"severity": change["severity"]} if "severity" in change else {}),
        },
        "annotations": {
            **source["annotations"],
            "threshold": threshold,
            "runbook_url": runbook,
            **settings.get("alertAnnotations", {}),
        },
    }


def _of_release_prefix(rule: Mapping[str, Any], prefix: str) -> str:
    """What the rule matches where Airflow's metrics have the prefix."""
    written = prefix.replace(".", r"\.") if rule.get("match_type") == "regex" else prefix
    return str(rule["match"].replace("airflow", written, 1))


_HIDDEN = {"dag": ("task_id",), "none": ("task_id", "dag_id")}


def mapping(render: Render, values: Values) -> Iterator[Part]:
    """Our rules for an Airflow 3 with tags, without the labels that the cardinality hides."""
    cardinality = values["statsdExporter"].get("mapping", {}).get("cardinality")
    if cardinality not in _HIDDEN:  # the default changes single rules: tests/metrics
        return
    hidden = _HIDDEN[cardinality]
    file = _file("metrics/statsd-mapping.yaml")
    labels_of = labels_by_metric()
    of_file = {
        match: {**rule, "match": match}
        for rule in file["mappings"]
        for match in [_of_release_prefix(rule, values["global"]["metrics"]["prefix"])]
    }
    for found in render.embedded("StatsdMapping"):
        defaults = found.document["defaults"]
        if not values["serviceMonitor"].get("nativeHistograms"):
            file["defaults"]["histogram_options"]["native_histogram_bucket_factor"] = 1
        yield found.owner, found.key, ("defaults",), defaults, file["defaults"]
        for number, rule in enumerate(found.document["mappings"]):
            source = of_file.get(rule["match"])
            if source is not None and rule["name"] == source["name"]:  # else one of the user's
                hides = [each for each in hidden if each in labels_of.get(source["name"], ())]
                wanted = dict(source)
                if hides and "ttl" in source:
                    wanted["action"] = "drop"
                elif hides:
                    wanted["labels"] = {**source.get("labels", {}), **dict.fromkeys(hides, "")}
                if source["name"] != "dropped":
                    of_rest = "counter" if source["name"].endswith("_total") else "observer"
                    wanted["match_metric_type"] = "gauge" if "ttl" in source else of_rest
                wanted.setdefault("ttl", "876000h")
                yield found.owner, found.key, ("mappings", number), rule, wanted


def pod_template(render: Render, values: Values) -> Iterator[Part]:
    """The add-on's own pod template: what it has besides the sidecar."""
    text = (FILES / "task-logs" / "pod-template.yaml").read_text(encoding="utf-8")
    version = values["podTemplate"]["airflowVersion"]
    begin, end = text.index("{{"), text.index("}}") + 2
    wanted = strict_yaml.load(text[:begin] + version + text[end:], "pod-template.yaml")
    for found in render.embedded("Pod"):
        if found.owner.name == "airflow-pod-template":
            there = thaw(found.document)
            for field in ("apiVersion", "kind", "metadata"):
                yield found.owner, found.key, (field,), there[field], wanted[field]
            spec = wanted["spec"]
            for field in spec.keys() - {"containers", "volumes"}:
                yield found.owner, found.key, ("spec", field), there["spec"][field], spec[field]
            for number, volume in enumerate(spec["volumes"]):
                path: Path = ("spec", "volumes", number)
                yield found.owner, found.key, path, there["spec"]["volumes"][number], volume
            (base,), (own,) = there["spec"]["containers"], spec["containers"]
            for field in own.keys() - {"volumeMounts"}:
                path = ("spec", "containers", 0, field)
                yield found.owner, found.key, path, base[field], own[field]
            for number, mount in enumerate(own["volumeMounts"]):
                path = ("spec", "containers", 0, "volumeMounts", number)
                yield found.owner, found.key, path, base["volumeMounts"][number], mount


def package_of_jobs(render: Render, _: Values) -> Iterator[Part]:
    """The package airflow_jobs, file by file."""
    for adapter in _of_jobs(render, "ConfigMap"):
        for file in (ROOT / "contracts" / "airflow_jobs").glob("*.*"):
            path = ("data", file.name)
            yield adapter, None, path, adapter.at(*path), file.read_text(encoding="utf-8")


def values_of_jobs(render: Render, values: Values) -> Iterator[Part]:
    """What the user's values say of jobs, and the labels that all objects have."""
    jobs = strict_yaml.load_file(CHART / "everything-on.yaml")["jobs"]
    wanted: Mapping[str, Mapping[Path, Any]] = {
        "ConfigMap": {
            ("metadata", "annotations", f"airflow-platform/{name}"): ",".join(names)
            for name, names in (("secrets", jobs["secrets"]), ("config-maps", jobs["configMaps"]))
        },
        "NetworkPolicy": {("spec", "egress"): jobs["networkPolicy"]["egress"]},
        "Role": {},
        "RoleBinding": {},
        "ServiceAccount": {("metadata", "annotations"): jobs["serviceAccount"]["annotations"]},
    }
    for kind, parts in wanted.items():
        for manifest in _of_jobs(render, kind):
            for path, value in parts.items():
                yield manifest, None, path, manifest.at(*path), value
            for label, value in values["commonLabels"].items():
                path = ("metadata", "labels", label)
                yield manifest, None, path, manifest.at(*path), value


def programs_of_airflow(render: Render, values: Values) -> Iterator[Part]:
    """What Airflow is given to run: a file, and the labels that all objects have."""
    files = {
        "grafana-link": ROOT / "files" / "airflow-plugins" / "grafana_task_logs.py",
        "remote-logging": ROOT / "files" / "airflow-config" / "remote_task_logs.py",
    }
    for manifest in render.all("ConfigMap"):
        if file := files.get(PurePosixPath(manifest.template).parent.name):
            path: Path = ("data", file.name)
            yield manifest, None, path, manifest.at(*path), file.read_text(encoding="utf-8")
            for label, value in values["commonLabels"].items():
                path = ("metadata", "labels", label)
                yield manifest, None, path, manifest.at(*path), value


def _of_jobs(render: Render, kind: str) -> list[Manifest]:
    """The objects of a kind that templates/workflows makes."""
    return [each for each in render.all(kind) if "/templates/workflows/" in each.template]


CARRIED: tuple[Callable[[Render, Values], Iterator[Part]], ...] = (
    dashboards,
    relabelings,
    rules,
    mapping,
    pod_template,
    package_of_jobs,
    values_of_jobs,
    programs_of_airflow,
)


def equal(one: Any, two: Any) -> bool:
    return bool(freeze(one) == freeze(two))
