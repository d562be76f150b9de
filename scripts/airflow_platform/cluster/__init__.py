"""A Kubernetes API: a local control plane without containers, or any cluster with a kubeconfig."""
