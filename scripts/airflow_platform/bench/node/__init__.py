"""Measures the sidecar for task logs on a real node, and what people use in its place."""
