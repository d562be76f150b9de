"""Tries the sidecar for task logs on a real node: shapes of tasks, and faults around them."""
