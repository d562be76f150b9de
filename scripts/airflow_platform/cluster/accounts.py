"""ServiceAccounts that act from outside of the cluster."""

import json

from airflow_platform.cluster.cluster import Cluster


def account_kubeconfig(cluster: Cluster, account: str, namespace: str) -> str:
    """Return a kubeconfig, as text, with which a program is the ServiceAccount ``account``."""
    view = cluster.kubectl("config", "view", "--minify", "--flatten", "--raw", "--output=json")
    config = json.loads(view)
    token = cluster.kubectl("create", "token", account, f"--namespace={namespace}").strip()
    for user in config["users"]:
        user["user"] = {"token": token}
    return json.dumps(config)
