"""Prints the arguments that classes of DAG bundles take and need, as JSON."""

import inspect
import json

from airflow.dag_processing.bundles.base import BaseDagBundle
from airflow.dag_processing.bundles.local import LocalDagBundle
from airflow.providers.git.bundles.git import GitDagBundle

# Given by Airflow itself.
OWN = {"self", "name", "version"}
found = {}
for bundle in (GitDagBundle, LocalDagBundle):
    parameters = [
        parameter
        for owner in (bundle, BaseDagBundle)
        for name, parameter in inspect.signature(owner.__init__).parameters.items()
        if name not in OWN and parameter.kind is parameter.KEYWORD_ONLY
    ]
    found[bundle.__name__] = {
        "takes": sorted(each.name for each in parameters),
        "needs": sorted(each.name for each in parameters if each.default is each.empty),
    }
print(json.dumps(found))
