"""The renders with everything on leave nothing out: no value, and no template."""

from collections.abc import Iterator, Mapping
from typing import Any

from airflow_platform.rendering.render import render
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON, ROOT

from .conftest import EVERYTHING_ELSE_ON, EVERYTHING_ON

# Values that neither everything-on.yaml nor everything-else-on.yaml changes, and why.
LEFT_AS_THEY_ARE = {
    "createUserJob.enabled": "off, there is no Job to set up: see test_jobs.py",
    **{
        f"database.{key}": "it is for a database elsewhere: see test_database.py"
        for key in (
            "external.host",
            "external.name",
            "external.port",
            "external.sslmode",
            "external.user",
            "movedFrom",
        )
    },
    "dags.folder": "as exampleDag.enabled: see examples/dag-delivery",
    "exampleDag.enabled": "it is for releases without git-sync: see dev",
    "jobs.folder": "as exampleDag.enabled: see examples/workflows",
    "jobs.workflows": "as exampleDag.enabled: see test_workflows.py",
    "migrateDatabaseJob.enabled": "as createUserJob.enabled",
    "secrets.refuseInValues": "it makes nothing: see test_planted_secrets.py",
    "global.observability.fullnameOverride": "it renames every object: see test_names.py",
    "global.observability.nameOverride": "as the one above",
    **{
        f"{pod}.{key}": "the Pod Security Standard restricted wants it so"
        for pod in (
            "observability.statsdExporter.securityContext",
            "observability.imagePrePuller.securityContext",
            "global.taskLogs.securityContext",
        )
        for key in (
            "allowPrivilegeEscalation",
            "capabilities.drop",
            "readOnlyRootFilesystem",
            "runAsNonRoot",
        )
    },
    **{
        f"observability.{pod}.podSecurityContext.runAsNonRoot": "restricted wants it so"
        for pod in ("statsdExporter", "imagePrePuller")
    },
    **{
        f"observability.statsdExporter.{probe}.httpGet.{key}": "the exporter has no other"
        for probe in ("livenessProbe", "readinessProbe")
        for key in ("path", "port")
    },
    "global.metrics.enabled": "off, there are no metrics to set up: see the render prod-nothing",
    "global.taskLogs.enabled": "off, there is no sidecar to set up: see the render prod-nothing",
}

KeyPath = tuple[str, ...]


def documented_values() -> dict[str, Any]:
    """The defaults of all values that are ours, in the places that they have in the wrapper."""
    wrapper = strict_yaml.load_file(ROOT / "values.yaml")
    addon = strict_yaml.load_file(ADDON / "values.yaml")
    return {
        **{key: value for key, value in wrapper.items() if key != "airflow"},
        "global": addon["global"],
        "observability": {key: value for key, value in addon.items() if key != "global"},
    }


def leaves(values: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Every value that holds no other, empty maps and lists included, with its path."""
    if isinstance(values, Mapping) and values:
        for key, value in values.items():
            yield from leaves(value, (*path, key))
    else:
        yield path, values


def changes(values: Any, path: KeyPath, default: Any) -> bool:
    """Whether ``values`` set what is at ``path`` to something other than its default."""
    for key in path:
        if not isinstance(values, Mapping) or key not in values:
            return False
        values = values[key]
    return bool(values != default)


def test_every_value_is_changed_in_a_render_that_all_checks_look_at() -> None:
    unchanged = {
        ".".join(path)
        for path, default in leaves(documented_values())
        if not any(changes(v, path, default) for v in (EVERYTHING_ON, EVERYTHING_ELSE_ON))
    }
    assert unchanged == set(LEFT_AS_THEY_ARE), (
        "set these in tests/chart/everything-on.yaml, or list them with a reason"
    )


def test_with_everything_on_every_template_makes_an_object() -> None:
    """Some objects of the add-on are made by the wrapper, which knows the values of Airflow."""
    made = {
        manifest.template.partition("/templates/")[2]
        for rendered in (
            render("prod", values=[EVERYTHING_ON]),
            render("prod", values=[EVERYTHING_ELSE_ON]),
            render("dev", values=[ROOT / "examples" / "workflows" / "values.yaml"]),
            render("dev", values=[ROOT / "examples" / "dag-delivery" / "folder.yaml"]),
        )
        for manifest in rendered.manifests
        if "/charts/airflow/" not in manifest.template
    }
    for chart in (ROOT, ADDON):
        templates = chart / "templates"
        for template in templates.rglob("*.yaml"):
            name = template.relative_to(templates).as_posix()
            # Those make nothing.
            if not name.startswith("validations/") and "/before/" not in name:
                assert name in made
