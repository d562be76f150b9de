"""What the templates carry over from files, whose content has tests of its own, or from values.

Each function yields the part of a manifest, what the file says it must be, and the part's path.
"""

import json
import pathlib
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
FOLDER = pathlib.Path(__file__).parent


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
    everything = strict_yaml.load_file(CHART / "everything-on.yaml")
    jobs = everything["jobs"]
    # Jobs may refer to the Secrets of connections and variables as well.
    entries = (*everything["connections"].values(), *everything["variables"].values())
    more = {entry["secret"]["name"] for entry in entries if "secret" in entry}
    secrets = [*jobs["secrets"], *sorted(more - {*jobs["secrets"]})]
    wanted: Mapping[str, Mapping[Path, Any]] = {
        "ConfigMap": {
            ("metadata", "annotations", f"airflow-platform/{name}"): ",".join(names)
            for name, names in (("secrets", secrets), ("config-maps", jobs["configMaps"]))
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


def login(render: Render, values: Values) -> Iterator[Part]:
    """The program for the login, and its settings, which are the user's values."""
    oidc = strict_yaml.load_file(CHART / "everything-on.yaml")["oidc"]
    realm = f"{oidc['keycloak']['url']}/realms/{oidc['keycloak']['realm']}"
    settings = {
        "name": oidc["provider"],
        "metadataUrl": f"{realm}/.well-known/openid-configuration",
        "groupsClaims": oidc["groups"]["claims"],
        "groupsFrom": oidc["groups"]["from"],
        **{key: oidc[key] for key in ("clientId", "scopes", "usernameClaim")},
        **{key: oidc[key] for key in ("roleMapping", "defaultRole")},
    }
    program = ROOT / "files" / "access" / "webserver_config.py"
    for each in render.all("ConfigMap"):
        if each.template.endswith("/templates/access/oidc.yaml"):
            data = each.at("data")
            path: Path = ("data", "webserver_config.py")
            yield each, None, path, data[path[-1]], program.read_text(encoding="utf-8")
            path = ("data", "oidc.json")
            yield each, None, path, json.loads(data[path[-1]]), settings
            for label, value in values["commonLabels"].items():
                path = ("metadata", "labels", label)
                yield each, None, path, each.at(*path), value


def external_secrets(render: Render, values: Values) -> Iterator[Part]:
    """What the user's values say of External Secrets, and external-secrets.yaml of each Secret."""
    settings = strict_yaml.load_file(CHART / "everything-on.yaml")["secrets"]["externalSecrets"]
    listed = strict_yaml.load_file(FOLDER / "external-secrets.yaml")
    externals = {external.name: external for external in render.all("ExternalSecret")}
    assert externals.keys() == listed.keys()
    for name, external in externals.items():
        secret = listed[name]
        template: dict[str, Any] = {"engineVersion": "v2", "mergePolicy": "Merge"}
        template |= {"type": secret["type"]} if "type" in secret else {}
        template |= {"metadata": {"labels": secret["labels"]}} if "labels" in secret else {}
        template |= {"data": secret["template"]} if "template" in secret else {}
        spec = {
            "refreshInterval": settings["refreshInterval"],
            "secretStoreRef": settings["store"],
            "target": {
                "name": name,
                "creationPolicy": settings["creationPolicy"],
                "deletionPolicy": settings["deletionPolicy"],
                "template": template,
            },
            "data": [
                {"secretKey": key, "remoteRef": _remote(secret["item"], secret["data"][key])}
                for key in sorted(secret["data"])
            ],
        }
        yield external, None, ("spec",), external.at("spec"), spec
        for label, value in values["commonLabels"].items():
            path = ("metadata", "labels", label)
            yield external, None, path, external.at(*path), value


def _remote(item: str, source: Any) -> dict[str, str]:
    """Where a key is in the store, with what the API server would fill in."""
    found = {"item": item, "property": source} if isinstance(source, str) else source
    return {
        "key": found["item"],
        "property": found["property"],
        "conversionStrategy": "Default",
        "decodingStrategy": "None",
        "metadataPolicy": "None",
    }


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


def values_of_database(render: Render, values: Values) -> Iterator[Part]:
    """What the user's values say of the database, and the labels that all objects have."""
    on = strict_yaml.load_file(CHART / "everything-on.yaml")
    own = on["database"]["cloudNativePG"]
    backup, recovery, pooler, monitor = (
        own[part] for part in ("backup", "recovery", "pooler", "podMonitor")
    )
    registry = on["global"]["imageRegistry"]
    secrets = [{"name": name} for name in on["global"]["imagePullSecrets"]]
    image, of_pooler = own["image"], pooler["image"]
    spec = ("spec",)
    pod: Path = ("spec", "template", "spec")
    wanted: Mapping[str, Mapping[Path, Any]] = {
        "airflow-database": {
            (*spec, "description"): "Metadata database of Airflow",
            (
                *spec,
                "imageName",
            ): f"{registry}/{image['repository']}:{image['tag']}@{image['digest']}",
            (*spec, "imagePullSecrets"): secrets,
            (*spec, "postgresql", "parameters"): own["parameters"],
            (*spec, "serviceAccountTemplate", "metadata"): own["serviceAccount"],
            (*spec, "bootstrap", "recovery", "recoveryTarget"): {
                "targetTime": recovery["targetTime"]
            },
            (*spec, "plugins", 0, "parameters", "serverName"): backup["serverName"],
            (*spec, "externalClusters", 0, "plugin", "parameters", "serverName"): recovery[
                "serverName"
            ],
            **{
                (*spec, key): own[key]
                for key in (
                    "affinity",
                    "inheritedMetadata",
                    "instances",
                    "priorityClassName",
                    "resources",
                    "storage",
                    "walStorage",
                )
            },
            (*spec, "podMetricsEndpoints", 0, "interval"): monitor["interval"],
            ("metadata", "labels", "release"): monitor["labels"]["release"],
        },
        "airflow-database-backup": {
            (*spec, "configuration"): backup["objectStore"],
            (*spec, "retentionPolicy"): backup["retentionPolicy"],
            (*spec, "instanceSidecarConfiguration", "resources"): backup["resources"],
            (*spec, "schedule"): backup["schedule"],
        },
        "airflow-database-recovery": {
            (*spec, "configuration"): recovery["objectStore"],
            (*spec, "instanceSidecarConfiguration", "resources"): backup["resources"],
        },
        "airflow-database-pooler": {
            (*spec, "instances"): pooler["instances"],
            (*spec, "pgbouncer"): {key: pooler[key] for key in ("poolMode", "parameters")},
            (*pod, "containers", 0, "image"): (
                f"{registry}/{of_pooler['repository']}@{of_pooler['digest']}"
            ),
            (*pod, "containers", 0, "resources"): pooler["resources"],
            (*pod, "priorityClassName"): own["priorityClassName"],
            (*pod, "imagePullSecrets"): secrets,
            (*spec, "podMetricsEndpoints", 0, "interval"): monitor["interval"],
            ("metadata", "labels", "release"): monitor["labels"]["release"],
        },
    }
    for manifest in render.manifests:
        if "/templates/database/" in manifest.template:
            labels: dict[Path, Any] = {
                ("metadata", "labels", key): of for key, of in values["commonLabels"].items()
            }
            for path, value in {**wanted[manifest.name], **labels}.items():
                there = manifest.at(*path, default=None)
                if there is not None:
                    yield manifest, None, path, there, value


CARRIED: tuple[Callable[[Render, Values], Iterator[Part]], ...] = (
    dashboards,
    relabelings,
    rules,
    mapping,
    pod_template,
    package_of_jobs,
    values_of_jobs,
    values_of_database,
    login,
    external_secrets,
    programs_of_airflow,
)


def equal(one: Any, two: Any) -> bool:
    return bool(freeze(one) == freeze(two))
