"""Where Airflow's database is, and what CloudNativePG is told to make."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_platform.checks.judge import Violation
from airflow_platform.manifests import Render
from airflow_platform.manifests.images import images
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.render import render
from airflow_platform.support import strict_yaml
from airflow_platform.support.errors import PlatformError

from .cluster import Cluster, cluster_with, owned
from .conftest import of_airflow
from .test_messages import blocks

Values = Mapping[str, Any]

WITHOUT_OFFICIAL: Values = {"airflow": {"postgresql": {"enabled": False}}}
BUCKET = {"destinationPath": "s3://backups/airflow", "s3Credentials": {"inheritFromIAMRole": True}}


def cloud_native_pg(**settings: Any) -> Values:
    return {**WITHOUT_OFFICIAL, "database": {"cloudNativePG": {"enabled": True, **settings}}}


def connections(rendered: Render) -> Iterator[tuple[str, str, str]]:
    """Yield each container with a connection, and the Secret and key that it is from."""
    for pod in rendered.pods():
        for container in pod.containers().values():
            for variable in container.document.get("env") or ():
                if variable["name"] == "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN":
                    reference = variable["valueFrom"]["secretKeyRef"]
                    yield container.name, reference["name"], reference["key"]


@pytest.mark.parametrize("environment", ["staging", "prod"])
@pytest.mark.parametrize("helm", MAJORS)
def test_one_key_makes_a_database_of_the_size_of_the_environment(
    environment: str, helm: int, check: Callable[[str, Render], list[Violation]]
) -> None:
    rendered = render(environment, values=[cloud_native_pg()], helm=helm)
    cluster = rendered.get("Cluster", "airflow-database")
    expected = {"staging": (2, "20Gi"), "prod": (3, "100Gi")}[environment]
    assert (cluster.at("spec", "instances"), cluster.at("spec", "storage", "size")) == expected
    owner = {"database": "airflow", "owner": "airflow", "secret": {"name": "airflow-database"}}
    assert cluster.at("spec", "bootstrap") == {"initdb": owner}
    assert not [each for each in rendered.manifests if each.name.startswith("airflow-postgresql")]
    assert check("objects_fit_their_schema", rendered) == []


def test_no_database_of_cloud_native_pg_is_made_unless_it_is_asked_for() -> None:
    for environment in ("dev", "staging", "prod"):
        assert not render(environment).all("Cluster")


@pytest.mark.official_chart
@pytest.mark.parametrize("version", ["2.11.0", "3.1.7"])
@pytest.mark.parametrize("helm", MAJORS)
def test_tasks_reach_the_database_of_the_scheduler_or_none(version: str, helm: int) -> None:
    """Tasks of Airflow 3 talk to the API server, so their pods have no password of the database."""
    rendered = render("prod", values=[cloud_native_pg()], sets=of_airflow(version), helm=helm)
    found = list(connections(rendered))
    assert {(secret, key) for _, secret, key in found} == {("airflow-database", "connection")}
    names = {name for name, _, _ in found}
    assert {"scheduler", "triggerer", "run-airflow-migrations"} < names
    assert ("base" in names) == (version == "2.11.0")
    tasks = [pod.containers()["base"] for pod in rendered.pods() if "base" in pod.containers()]
    assert tasks
    for task in tasks:
        variables = {each["name"] for each in task.document["env"]}
        assert ("AIRFLOW_CONN_AIRFLOW_DB" in variables) == (version == "2.11.0")


@pytest.mark.official_chart
def test_a_connection_that_the_user_gives_to_tasks_of_airflow_3_stays() -> None:
    reference = {"secretKeyRef": {"name": "airflow-database", "key": "connection"}}
    variable = {"name": "AIRFLOW_CONN_AIRFLOW_DB", "valueFrom": reference}
    rendered = render("prod", values=[{"airflow": {"workers": {"env": [variable]}}}])
    (task,) = (pod.containers()["base"] for pod in rendered.pods() if "base" in pod.containers())
    assert [each for each in task.document["env"] if each["name"] == variable["name"]] == [variable]


@pytest.mark.parametrize("helm", MAJORS)
def test_migrations_go_past_the_pool_and_all_others_through_it(helm: int) -> None:
    rendered = render("prod", values=[cloud_native_pg(pooler={"enabled": True})], helm=helm)
    pooler = rendered.get("Pooler", "airflow-database-pooler")
    assert pooler.at("spec", "cluster", "name") == "airflow-database"
    assert pooler.at("spec", "pgbouncer", "poolMode") == "transaction"
    # asyncpg, with which Airflow 3 connects as well, prepares its statements.
    assert int(pooler.at("spec", "pgbouncer", "parameters")["max_prepared_statements"]) > 0
    keys = {(name, key) for name, _, key in connections(rendered)}
    assert ("run-airflow-migrations", "directConnection") in keys
    assert {key for name, key in keys if name != "run-airflow-migrations"} == {"connection"}


def test_a_job_of_migrations_is_another_one_once_there_is_a_pool() -> None:
    """The name has a hash of the spec, which Kubernetes lets nobody change."""
    names = {
        job.name
        for pooler in (True, False)
        for job in render("prod", values=[cloud_native_pg(pooler={"enabled": pooler})]).all("Job")
        if "migrations" in job.name
    }
    assert len(names) == 2


def test_backups_are_kept_in_the_object_store_that_the_values_name() -> None:
    backup = {"enabled": True, "objectStore": BUCKET, "retentionPolicy": "4w"}
    rendered = render("prod", values=[cloud_native_pg(backup=backup)])
    store = rendered.get("ObjectStore", "airflow-database-backup")
    assert store.at("spec", "configuration") == BUCKET
    assert store.at("spec", "retentionPolicy") == "4w"
    (plugin,) = rendered.get("Cluster", "airflow-database").at("spec", "plugins")
    assert plugin["parameters"] == {
        "barmanObjectName": "airflow-database-backup",
        "serverName": "airflow-database",
    }
    assert rendered.get("ScheduledBackup", "airflow-database-backup")


def test_a_database_is_recovered_from_the_backups_of_the_lost_one() -> None:
    values = cloud_native_pg(
        backup={"enabled": True, "objectStore": BUCKET, "serverName": "airflow-database-2"},
        recovery={"enabled": True, "targetTime": "2026-01-31T12:00:00Z"},
    )
    rendered = render("prod", values=[values])
    cluster = rendered.get("Cluster", "airflow-database")
    (source,) = cluster.at("spec", "externalClusters")
    assert source["plugin"]["parameters"] == {
        "barmanObjectName": "airflow-database-recovery",
        "serverName": "airflow-database",
    }
    recovery = cluster.at("spec", "bootstrap", "recovery")
    assert recovery["source"] == source["name"]
    assert recovery["recoveryTarget"] == {"targetTime": "2026-01-31T12:00:00Z"}
    store = rendered.get("ObjectStore", "airflow-database-recovery")
    assert store.at("spec", "configuration") == BUCKET


def test_images_come_from_the_mirror_and_are_listed() -> None:
    values = {**cloud_native_pg(pooler={"enabled": True}), "global": {"imageRegistry": "mirror"}}
    listed = images(render("prod", values=[values]))
    postgresql, pgbouncer = (
        [each for each in listed if name in each] for name in ("/postgresql:", "/pgbouncer:")
    )
    assert [each.partition("/")[0] for each in (*postgresql, *pgbouncer)] == ["mirror", "mirror"]


def test_a_digest_is_beside_the_tag_in_which_cloud_native_pg_reads_the_version() -> None:
    digest = f"sha256:{'0' * 64}"
    rendered = render("prod", values=[cloud_native_pg(image={"digest": digest})])
    name = rendered.get("Cluster", "airflow-database").at("spec", "imageName")
    assert name.endswith(f":17.6-standard-trixie@{digest}")


@pytest.mark.parametrize("helm", MAJORS)
def test_two_releases_in_one_namespace_have_databases_of_their_own(helm: int) -> None:
    values = cloud_native_pg(
        pooler={"enabled": True},
        podMonitor={"enabled": True},
        backup={"enabled": True, "objectStore": BUCKET},
    )
    names = [
        {
            (each.kind, each.name)
            for each in render("prod", values=[values], release=release, helm=helm).manifests
            if "/templates/database/" in each.template
        }
        for release in ("one", "two", "a" * 41)
    ]
    assert len(set.union(*names)) == sum(map(len, names)) == 3 * 6


# --- Databases that a release leaves behind


def left_behind(cluster: Cluster, kind: str) -> None:
    labels = {"metadata": {"labels": {"app.kubernetes.io/instance": "airflow"}}}
    if kind == "StatefulSet":
        cluster.api.stateful_sets = {"airflow-postgresql": labels}
    elif kind == "PersistentVolumeClaim":
        cluster.api.claims = {"data-airflow-postgresql-0": labels}
    else:
        cluster.api.clusters = {"airflow-database": owned()}


@pytest.mark.parametrize(
    ("kind", "helm"),
    [("StatefulSet", 3), ("StatefulSet", 4), ("PersistentVolumeClaim", 4), ("Cluster", 4)],
)
def test_a_database_is_not_left_behind_unless_its_data_have_been_moved(
    kind: str, helm: int, tmp_path: Path
) -> None:
    name = "airflow-database" if kind == "Cluster" else "airflow-postgresql"
    with cluster_with({}, tmp_path) as cluster:
        says = partial(cluster.says, major=helm, kinds=["postgresql.cnpg.io/v1/Cluster"])
        left_behind(cluster, kind)
        message = says(WITHOUT_OFFICIAL)
        assert f"The data of this release are in the database {name}, and with these" in message
        ways_out = [each for each in blocks(message) if not each.startswith("kubectl ")]
        assert len(ways_out) == 2
        for way_out in ways_out:
            pasted = strict_yaml.load(way_out, "the message")
            merged = strict_yaml.load(yaml.safe_dump({**WITHOUT_OFFICIAL, **pasted}), "both")
            assert says(merged) == ""
        assert says({**WITHOUT_OFFICIAL, "database": {"movedFrom": "other"}})


def test_a_database_of_another_release_is_none_of_ours(tmp_path: Path) -> None:
    with cluster_with({}, tmp_path) as cluster:
        for kind in ("StatefulSet", "PersistentVolumeClaim", "Cluster"):
            left_behind(cluster, kind)
        cluster.api.clusters = {"airflow-database": owned("another")}
        other = {"metadata": {"labels": {"app.kubernetes.io/instance": "another"}}}
        cluster.api.stateful_sets = {"airflow-postgresql": other}
        cluster.api.claims = {"data-airflow-postgresql-0": other}
        assert cluster.says(WITHOUT_OFFICIAL) == ""


def test_a_cluster_without_the_operator_is_refused_with_what_to_install() -> None:
    monitoring = ("PodMonitor", "PrometheusRule", "ServiceMonitor")
    known = ("apps/v1/Deployment", *(f"monitoring.coreos.com/v1/{each}" for each in monitoring))
    with pytest.raises(PlatformError, match="does not know postgresql"):
        render("prod", values=[cloud_native_pg()], api_versions=known)
    later = {**cloud_native_pg(), "observability": {"crdCheck": False}}
    assert render("prod", values=[later], api_versions=known).all("Cluster")
