"""The examples install the version of this chart, from where the releases are."""

import re

from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ROOT

from .files import EXAMPLES, FLUX, objects_in
from .test_argocd import APPLICATIONS, chart_of
from .test_terraform import release

VERSION = strict_yaml.load_file(ROOT / "Chart.yaml")["version"]
NAME = strict_yaml.load_file(ROOT / "Chart.yaml")["name"]
REGISTRY = "ghcr.io/example/charts"


def test_flux_installs_this_version() -> None:
    (package,) = objects_in(FLUX / "base" / "source.yaml")
    assert package["spec"]["ref"] == {"tag": VERSION}
    assert package["spec"]["url"] == f"oci://{REGISTRY}/{NAME}"
    (repository,) = objects_in(FLUX / "git-source" / "source.yaml")
    assert repository["spec"]["ref"] == {"tag": f"v{VERSION}"}


def test_argo_cd_installs_this_version() -> None:
    for application in APPLICATIONS:
        chart = chart_of(application)
        found = (chart["repoURL"], chart["chart"], chart["targetRevision"])
        assert found == (REGISTRY, NAME, VERSION)


def test_terraform_installs_this_version() -> None:
    found = [release()[key] for key in ("repository", "chart", "version")]
    assert found == [f"oci://{REGISTRY}", NAME, VERSION]


def test_every_link_leads_to_this_version() -> None:
    texts = [path.read_text(encoding="utf-8") for path in EXAMPLES.rglob("*.yaml")]
    links = [version for text in texts for version in re.findall(r"/blob/v([^/]+)/", text)]
    assert links
    assert set(links) == {VERSION}
