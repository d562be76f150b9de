"""The Terraform example parses, and has the values that `render` has. It is not applied."""

import re
from pathlib import Path
from typing import Any

import hcl2
import pytest

from airflow_platform.support.project import NAMESPACE, RELEASE, environments, values_file

from .files import SITE, TERRAFORM

# The arguments of helm_release in version 3 of the provider (hashicorp/helm).
ARGUMENTS = {
    *("atomic", "chart", "cleanup_on_fail", "create_namespace", "dependency_update", "description"),
    *("devel", "disable_crd_hooks", "disable_openapi_validation", "disable_webhooks"),
    *("force_update", "keyring", "lint", "max_history", "name", "namespace", "pass_credentials"),
    *("postrender", "recreate_pods", "render_subchart_notes", "replace", "repository"),
    *("repository_ca_file", "repository_cert_file", "repository_key_file", "repository_password"),
    *("repository_username", "reset_values", "reuse_values", "set", "set_list", "set_sensitive"),
    *("set_wo", "set_wo_revision", "skip_crds", "take_ownership", "timeout", "upgrade_install"),
    *("values", "verify", "version", "wait", "wait_for_jobs"),
}


def parsed(name: str) -> dict[str, Any]:
    with (TERRAFORM / name).open(encoding="utf-8") as file:
        return plain(hcl2.load(file))


def plain(node: Any) -> Any:
    """The document without the quotes around texts and the marks of blocks."""
    if isinstance(node, dict):
        return {
            plain(k): plain(v) for k, v in node.items() if k not in ("__is_block__", "__comments__")
        }
    if isinstance(node, list):
        return [plain(item) for item in node]
    return node.removeprefix('"').removesuffix('"') if isinstance(node, str) else node


def release() -> dict[str, Any]:
    (found,) = (
        each["helm_release"] for each in parsed("main.tf")["resource"] if "helm_release" in each
    )
    (arguments,) = found.values()
    return arguments


@pytest.mark.parametrize("path", sorted(TERRAFORM.glob("*.tf")), ids=lambda path: path.name)
def test_every_file_parses(path: Path) -> None:
    assert parsed(path.name)


def test_every_argument_of_the_release_is_one_of_the_provider() -> None:
    assert release().keys() <= ARGUMENTS


def test_every_variable_is_declared_and_used() -> None:
    declared = {name for each in parsed("variables.tf")["variable"] for name in each}
    text = "".join(path.read_text(encoding="utf-8") for path in TERRAFORM.glob("*.tf"))
    assert set(re.findall(r"\bvar\.(\w+)", text)) == declared


@pytest.mark.parametrize("environment", environments())
def test_terraform_installs_what_render_shows(environment: str) -> None:
    arguments = release()
    assert (arguments["name"], arguments["namespace"]) == (RELEASE, NAMESPACE)
    files = [
        TERRAFORM / path.replace("${var.environment}", environment)
        for value in arguments["values"]
        for path in re.findall(r'^\$\{file\("\$\{path\.module\}/(.+)"\)\}$', value)
    ]
    assert [path.resolve() for path in files] == [
        values_file(environment),
        SITE / f"{environment}.yaml",
    ]


def test_the_environments_are_those_of_the_chart() -> None:
    (variable,) = (
        each["environment"] for each in parsed("variables.tf")["variable"] if "environment" in each
    )
    (validation,) = variable["validation"]
    assert set(re.findall(r'"(\w+)"', validation["condition"])) == set(environments())


def test_terraform_waits_for_the_migration_and_never_uninstalls() -> None:
    arguments = release()
    assert arguments["wait"] is True
    assert arguments["wait_for_jobs"] is True
    assert arguments["timeout"] >= 1200
    assert arguments["atomic"] is False


def test_a_broken_file_is_found(tmp_path: Path) -> None:
    broken = (
        (TERRAFORM / "main.tf").read_text(encoding="utf-8").replace("values = [", "values = ", 1)
    )
    (tmp_path / "main.tf").write_text(broken, encoding="utf-8")
    with pytest.raises(Exception, match="Unexpected"), (tmp_path / "main.tf").open() as file:
        hcl2.load(file)
