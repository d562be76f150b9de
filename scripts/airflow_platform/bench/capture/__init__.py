"""Measures what the sidecar for task logs delivers, and what it costs."""
