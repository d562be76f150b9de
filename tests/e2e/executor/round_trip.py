"""Prints the pod of its standard input, JSON, as a Kubernetes client sends it to the API server.

It runs with the client to be looked at; Airflow's PodGenerator reads pod templates in this way.
"""

import json
import sys

from kubernetes.client import ApiClient
from kubernetes.client.models import V1Pod

client = ApiClient()
pod = client._ApiClient__deserialize_model(json.load(sys.stdin), V1Pod)
print(json.dumps(client.sanitize_for_serialization(pod)))
