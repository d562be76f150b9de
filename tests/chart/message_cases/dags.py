"""What is refused about the ways by which DAGs come to Airflow."""

from typing import Any

from .case import Case, wrapper

FOLDER = {"dags": {"folder": "examples/dags"}}
SSH = "git@git.example.com:data/dags.git"
NO_LOGS = {"taskLogs": {"enabled": False}}
GIT = "airflow.providers.git.bundles.git.GitDagBundle"
LOCAL = "airflow.dag_processing.bundles.local.LocalDagBundle"
POD_TEMPLATE = """{{- $pod := include "observability.taskLogs.podTemplate" . | fromYaml }}
{{- range $pod.spec.containers }}
{{- $_ := set . "volumeMounts" list }}
{{- end }}
{{- toYaml $pod }}
"""


def folder(message: str, **values: Any) -> Case:
    """``dags.folder`` in dev, without the example DAG of dev."""
    return wrapper(
        message, {**FOLDER, "exampleDag": {"enabled": False}, **values}, environment="dev"
    )


def dags(message: str, **values: Any) -> Case:
    """Values below ``airflow.dags`` of prod, which has git-sync."""
    return wrapper(message, {"airflow": {"dags": values}})


def bundles(message: str, *entries: Any, git_sync: bool = False, **values: Any) -> Case:
    """DAG bundles in prod."""
    return wrapper(
        message,
        {
            "airflow": {
                "dagProcessor": {"dagBundleConfigList": list(entries)},
                "dags": {"gitSync": {"enabled": git_sync}},
                **values,
            }
        },
    )


def git(name: str = "dags", **kwargs: Any) -> dict[str, Any]:
    kwargs = {"tracking_ref": "main", "git_conn_id": "git_dags", **kwargs}
    return {"name": name, "classpath": GIT, "kwargs": kwargs}


CASES: dict[str, Case] = {
    "DAGs of a folder beside an Airflow of another chart": wrapper(
        "dags.folder is for the Airflow that this chart installs",
        {**FOLDER, "airflow": {"enabled": False}},
    ),
    "DAGs of a folder that is not there": wrapper(
        'dags.folder is "no-dags", which has no files in this chart\'s directory',
        {"dags": {"folder": "no-dags"}, "exampleDag": {"enabled": False}},
        environment="dev",
    ),
    "DAGs of a folder and git-sync": wrapper(
        "dags.folder makes a ConfigMap Airflow's DAGs folder, to which nothing can be added, and"
        " DAGs come by airflow.dags.gitSync.enabled as well.",
        FOLDER,
    ),
    "DAGs of a folder and all other ways": wrapper(
        "dags.folder makes a ConfigMap Airflow's DAGs folder, to which nothing can be added, and"
        " DAGs come by exampleDag.enabled, jobs.folder, jobs.workflows as well.",
        {
            **FOLDER,
            "jobs": {
                "enabled": True,
                "folder": "examples/workflows",
                "workflows": {"hello": {"jobs": {"greet": {"image": "registry.example.com/a:1"}}}},
            },
        },
        environment="dev",
    ),
    "DAGs of a folder and a volume": folder(
        "dags.folder makes a ConfigMap Airflow's DAGs folder",
        airflow={"dags": {"persistence": {"enabled": True}}},
    ),
    "a volume with the name of that of DAGs": folder(
        "extraVolumes have a volume dags-folder, which is the name",
        airflow={"triggerer": {"extraVolumes": [{"name": "dags-folder", "emptyDir": {}}]}},
        **{"global": NO_LOGS},
    ),
    "DAGs of a folder without a mount in task pods": folder(
        "Task pods of your airflow.podTemplate would not find the DAGs of dags.folder",
        airflow={"podTemplate": POD_TEMPLATE},
        **{"global": NO_LOGS},
    ),
    "git-sync and a volume with DAGs": dags(
        "With airflow.dags.persistence.enabled the git-syncs of several pods would write",
        persistence={"enabled": True},
    ),
    "a volume with DAGs that nobody writes": dags(
        "Nobody could write DAGs into their volume: airflow.dags.persistence.accessMode is",
        gitSync={"enabled": False},
        persistence={"enabled": True, "accessMode": "ReadOnlyMany"},
    ),
    **{
        f"{repo} without a key": dags(
            f"airflow.dags.gitSync.repo is {repo}, for which git-sync needs an SSH key",
            gitSync={"repo": repo, "credentialsSecret": None},
        )
        for repo in (SSH, "ssh://git@git.example.com:2222/data/dags.git")
    },
    "an SSH key for a repository by https": dags(
        "airflow.dags.gitSync.sshKeySecret is for repositories by SSH",
        gitSync={"sshKeySecret": "airflow-git-ssh", "knownHosts": "git.example.com ssh-rsa AAAA"},
    ),
    "a repository of any server": dags(
        "Without airflow.dags.gitSync.knownHosts git-sync would take DAGs from any server",
        gitSync={"repo": SSH, "sshKeySecret": "airflow-git-ssh"},
    ),
    "bundles that are no JSON": wrapper(
        "[dag_processor] dag_bundle_config_list is no list in JSON: [{'name':",
        {"airflow": {"config": {"dag_processor": {"dag_bundle_config_list": "[{'name': 'a'}]"}}}},
    ),
    "one bundle that is no list": wrapper(
        '[dag_processor] dag_bundle_config_list is no list in JSON: {"name":',
        {"airflow": {"config": {"dag_processor": {"dag_bundle_config_list": '{"name": "a"}'}}}},
    ),
    **{
        f"a bundle {name}": wrapper(
            "In [dag_processor] dag_bundle_config_list the item 0 has no name, no classpath or no",
            {"airflow": {"config": {"dag_processor": {"dag_bundle_config_list": text}}}},
        )
        for name, text in {
            "without a name": '[{"classpath": "a.B", "kwargs": {}}]',
            "without a class": '[{"name": "a", "kwargs": {}}]',
            "without arguments": '[{"name": "a", "classpath": "a.B"}]',
        }.items()
    },
    "bundles of one name": bundles("Two DAG bundles are called dags,", git(), git()),
    "a bundle with an argument that there is not": bundles(
        "The DAG bundle dags has branch among its kwargs, which GitDagBundle does not take",
        git(branch="main"),
    ),
    "a folder as a bundle with an argument that there is not": bundles(
        "The DAG bundle mine has subdir among its kwargs, which LocalDagBundle does not take",
        {"name": "mine", "classpath": LOCAL, "kwargs": {"subdir": "dags"}},
    ),
    "a bundle without a branch": bundles(
        "The DAG bundle dags has no tracking_ref among its kwargs", git(tracking_ref=None)
    ),
    "a bundle with a password": bundles(
        "The DAG bundle dags has a password in its repo_url",
        git(repo_url="https://user:" + "hunter2@git.example.com/data/dags.git"),
    ),
    "bundles and Airflow 2": bundles(
        "DAG bundles are of Airflow 3, and airflow.airflowVersion is 2.11.0",
        git(),
        airflowVersion="2.11.0",
        defaultAirflowTag="2.11.0",
    ),
    "a bundle and git-sync": bundles(
        "DAGs come into the DAGs folder by airflow.dags.gitSync.enabled, and no DAG bundle reads",
        git(),
        git_sync=True,
    ),
    "a bundle of another folder and git-sync": bundles(
        "DAGs come into the DAGs folder by airflow.dags.gitSync.enabled, and no DAG bundle reads",
        {"name": "mine", "classpath": LOCAL, "kwargs": {"path": "/opt/airflow/mine"}},
        git_sync=True,
    ),
    "a bundle and all that fills the DAGs folder": wrapper(
        "DAGs come into the DAGs folder by exampleDag.enabled, jobs, and no DAG bundle reads",
        {
            "airflow": {"dagProcessor": {"dagBundleConfigList": [git()]}},
            "jobs": {"enabled": True, "folder": "examples/workflows"},
        },
        environment="dev",
    ),
    "a bundle and DAGs of a folder": folder(
        "DAGs come into the DAGs folder by dags.folder, and no DAG bundle reads",
        airflow={"dagProcessor": {"dagBundleConfigList": [git()]}},
    ),
}
