"""A real node beside the local control plane: kubelet, containerd and runc, without a registry."""
