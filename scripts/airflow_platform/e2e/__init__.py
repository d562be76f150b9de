"""Proves an installation: a release of its own, from the first object to its logs and metrics."""
