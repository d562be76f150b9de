"""Measures on a real node what the sidecar for task logs costs, and what people use in its place."""
